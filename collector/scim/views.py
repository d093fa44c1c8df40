"""SCIM's addresses. Off unless WOOLGATHER_SCIM_TOKEN is set; its bearer is the directory, no person."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from collector.actions import directory
from collector.actions.people import deactivate_person
from collector.api_auth import StrictJSONParser
from collector.errors import Conflict, Refused
from collector.models import Person, Role
from collector.scim import about, resources
from collector.scim.resources import BadRequest

if TYPE_CHECKING:
    from rest_framework.request import Request

MOST_A_PAGE, A_PAGE = 200, 100


class ScimParser(StrictJSONParser):
    """SCIM's own media type."""

    media_type = "application/scim+json"


class ScimRenderer(JSONRenderer):
    """SCIM's own media type."""

    media_type = "application/scim+json"


class DirectoryAuthentication(BaseAuthentication):
    """``Authorization: Bearer <WOOLGATHER_SCIM_TOKEN>``."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, str] | None:
        """Return the directory, or None where the request carries no bearer token."""
        kind, _space, raw = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        if not hmac.compare_digest(raw.strip().encode(), settings.WOOLGATHER_SCIM_TOKEN.encode()):
            raise exceptions.AuthenticationFailed(_("This is not the token of WOOLGATHER_SCIM_TOKEN."))
        return AnonymousUser(), "directory"

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme, so that a missing token is 401 and not 403."""
        return 'Bearer realm="scim"'


class IsDirectory(BasePermission):
    """The directory and nobody else: a person's session or token opens nothing here."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Check who asks."""
        return request.auth == "directory"


class ScimView(APIView):
    """What all have in common: the token, the media type, errors in SCIM's form."""

    schema = None  # not part of the API that people's tokens use
    authentication_classes = (DirectoryAuthentication,)
    permission_classes = (IsDirectory,)
    parser_classes = (ScimParser, StrictJSONParser)
    renderer_classes = (ScimRenderer, JSONRenderer)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Be absent where SCIM is off."""
        if not settings.WOOLGATHER_SCIM_TOKEN:
            raise Http404
        super().initial(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer every refusal as SCIM has it."""
        error, scim_type = _as_api_exception(exc)
        response = super().handle_exception(error)
        response.data = {"schemas": [f"{resources.API}:Error"], "status": str(response.status_code)}
        response.data["detail"] = str(getattr(error, "detail", None) or exc)
        if scim_type:
            response.data["scimType"] = scim_type
        return response

    @property
    def base(self) -> str:
        """Return the address that locations begin with."""
        return str(self.request.build_absolute_uri("/scim/v2"))

    def body(self) -> dict[str, Any]:
        """Return the request's object."""
        if not isinstance(self.request.data, dict):
            raise BadRequest("invalidSyntax", _("The body is not a JSON object."))
        return dict(self.request.data)

    def page_of(self, found: list[Any]) -> tuple[int, list[Any]]:
        """Return the start and the part of a list that the client asks for."""
        start, count = self.start_and_count()
        return start, found[start - 1 : start - 1 + count]

    def start_and_count(self) -> tuple[int, int]:
        """Return SCIM's paging, which counts from 1."""
        numbers = []
        for name, default in (("startIndex", 1), ("count", A_PAGE)):
            text = self.request.query_params.get(name, str(default))
            digits = text.removeprefix("-")
            if not digits.isdecimal() or len(digits) > resources.MOST_DIGITS // 2:
                raise BadRequest("invalidValue", _("startIndex and count are whole numbers."))
            numbers.append(int(text))
        return max(numbers[0], 1), min(max(numbers[1], 0), MOST_A_PAGE)


def _as_api_exception(error: Exception) -> tuple[Exception, str]:
    if isinstance(error, BadRequest):
        return _answer(error.status, error.detail), error.scim_type
    if isinstance(error, directory.NotUnique):
        return _answer(409, str(error)), "uniqueness"
    if isinstance(error, Refused):
        return _answer(409 if isinstance(error, Conflict) else 403, str(error)), ""
    if isinstance(error, ValidationError):
        return _answer(400, " ".join(error.messages)), "invalidValue"
    if isinstance(error, exceptions.ParseError):
        return error, "invalidSyntax"
    return error, ""


def _answer(status: int, detail: str) -> exceptions.APIException:
    answer = exceptions.APIException(detail)
    answer.status_code = status
    return answer


def _person(pk: str) -> Person:
    person = resources.find_person(pk)
    if person is None:
        raise _answer(404, _("There is no user with the id %(id)s.") % {"id": pk})
    return person


class Users(ScimView):
    """Everybody, and who is new."""

    def get(self, request: Request) -> Response:
        """Return a page of people, or those of a filter."""
        text = request.query_params.get("filter", "")
        found = resources.filtered(text) if text else resources.people()
        start, count = self.start_and_count()
        page = found[start - 1 : start - 1 + count]
        shown = [resources.user(person, self.base) for person in page]
        return Response(resources.listing(shown, found.count(), start))

    def post(self, request: Request) -> Response:
        """Make an account."""
        person = directory.create_account(entry=resources.entry_of(self.body()), now=timezone.now())
        shown = resources.user(_person(str(person.pk)), self.base)
        return Response(shown, status=201, headers={"Location": shown["meta"]["location"]})


class User(ScimView):
    """One person."""

    def get(self, request: Request, pk: str) -> Response:
        """Return them."""
        return Response(resources.user(_person(pk), self.base))

    def put(self, request: Request, pk: str) -> Response:
        """Take what the directory says; what it leaves out stays."""
        directory.change_account(person=_person(pk), entry=resources.entry_of(self.body()), now=timezone.now())
        return self.get(request, pk)

    def patch(self, request: Request, pk: str) -> Response:
        """Change a part, most often ``active``."""
        person = _person(pk)
        directory.change_account(person=person, entry=resources.patched(person, self.body()), now=timezone.now())
        return self.get(request, pk)

    def delete(self, request: Request, pk: str) -> Response:
        """End the access; what they wrote stays, so nobody is removed."""
        person = _person(pk)
        if person.is_active:
            deactivate_person(person=person, by=None, now=timezone.now())
        return Response(status=204)


def _role(pk: str) -> Role:
    if pk not in Role.values:
        raise _answer(404, _("There is no group with the id %(id)s.") % {"id": pk})
    return Role(pk)


def _members(role: Role) -> list[Person]:
    return list(Person.objects.filter(is_source=False, groups__name=role.value).order_by("pk"))


class Groups(ScimView):
    """The roles, as groups that are there already."""

    def get(self, request: Request) -> Response:
        """Return them all, or the one of a filter."""
        roles = list(Role)
        if request.query_params.get("filter"):
            name, value = resources.parse_filter(request.query_params["filter"])
            if name != "displayname":
                raise BadRequest("invalidFilter", _("Filter groups by displayName, with eq."))
            roles = [role for role in roles if role.value == value.lower()]
        without = "members" in request.query_params.get("excludedAttributes", "")
        start, page = self.page_of(roles)
        shown = [resources.group(role, self.base, None if without else _members(role)) for role in page]
        return Response(resources.listing(shown, len(roles), start))


class Group(ScimView):
    """One role and who has it."""

    def get(self, request: Request, pk: str) -> Response:
        """Return it."""
        role = _role(pk)
        without = "members" in request.query_params.get("excludedAttributes", "")
        return Response(resources.group(role, self.base, None if without else _members(role)))

    def put(self, request: Request, pk: str) -> Response:
        """Let exactly these have the role."""
        role = _role(pk)
        wanted = resources.member_ids(self.body().get("members", []))
        directory.set_members(role=role, people=[_person(one) for one in sorted(wanted)], now=timezone.now())
        return self.get(request, pk)

    def patch(self, request: Request, pk: str) -> Response:
        """Add members or take some out, all or nothing."""
        role = _role(pk)
        changes: list[tuple[str, set[str] | None]] = []
        for operation in resources.operations(self.body()):
            path, value = str(operation.get("path") or ""), operation.get("value")
            one = resources.ONE_MEMBER.match(path)
            if not path and isinstance(value, dict):
                if "members" not in value:
                    continue  # Entra sends the name that the group has
                path, value = "members", value["members"]
            if one:
                changes.append((operation["op"], {one[1]}))
            elif path.lower() == "members":
                changes.append((operation["op"], resources.member_ids(value) if value is not None else None))
            elif path.lower() not in {"displayname", "externalid"}:
                raise BadRequest("invalidPath", _("Only the members of a group can be changed."))
        directory.change_members(
            role=role,
            changes=[(verb, None if ids is None else [_person(one) for one in sorted(ids)]) for verb, ids in changes],
            now=timezone.now(),
        )
        return Response(status=204)


class About(ScimView):
    """What this service can do: /ServiceProviderConfig, /ResourceTypes, /Schemas."""

    def get(self, request: Request, what: str) -> Response:
        """Return one of the three documents."""
        return Response(about.document(what, self.base))

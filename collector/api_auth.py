"""How the API signs people in, limits tokens to their scope, reads JSON and says what is wrong."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.mixins import ListModelMixin
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated

from collector.actions.campaigns import TermsNotAccepted
from collector.actions.tokens import find_token, note_use
from collector.errors import Conflict, NotAllowed, Refused
from collector.models import ApiToken, Person
from collector.text import escaped, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.views import APIView

PAGE_PARAMETERS = frozenset({"cursor", "page_size"})
SCOPE_ORDER = [ApiToken.Scope.READ, ApiToken.Scope.WRITE, ApiToken.Scope.REVIEW, ApiToken.Scope.ADMIN]


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer <token>`` with a personal token."""

    def authenticate(self, request: Request) -> tuple[Person, ApiToken] | None:
        """Return the token's person, or None where the request carries no bearer token."""
        kind, _space, raw = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        now = timezone.now()
        token = find_token(raw=raw.strip(), now=now)
        if token is None:
            raise exceptions.AuthenticationFailed(_("This token is unknown, expired or revoked."))
        note_use(token=token, now=now)
        return token.person, token

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme, so that a missing sign-in is 401 and not 403."""
        return 'Bearer realm="woolgather"'


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular has no types
    """Tells the OpenAPI document about the bearer token."""

    target_class = "collector.api_auth.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the security scheme object."""
        return {"type": "http", "scheme": "bearer"}


class ScopedPermission(IsAuthenticated):
    """Signed in, and where by token, one whose scope reaches the view's ``required_scopes`` for the method.

    A view without an entry for the method needs ``read`` for safe methods and ``write`` for the others.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Check the sign-in, then the token's scope."""
        if not super().has_permission(request, view):
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        method = request.method or ""
        default = "read" if method in SAFE_METHODS else "write"
        wanted: Mapping[str, str] = getattr(view, "required_scopes", {})
        needed = ApiToken.Scope(wanted.get(method, default))
        if SCOPE_ORDER.index(ApiToken.Scope(request.auth.scope)) < SCOPE_ORDER.index(needed):
            raise exceptions.PermissionDenied(
                _("This needs a token with the scope “%(scope)s”.") % {"scope": needed.value}
            )
        return True


class KnownParameters(BasePermission):
    """Refuses a query parameter that the address doesn't know, rather than answer another question.

    A view names in ``parameters`` what may be asked when reading; lists know those of their pages, too.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raise ValidationError, by name, where there is another one."""
        known: set[str] = set()
        if request.method in SAFE_METHODS:
            known.update(getattr(view, "parameters", ()), PAGE_PARAMETERS if isinstance(view, ListModelMixin) else ())
        if unknown := sorted(set(request.query_params) - known):
            raise exceptions.ValidationError({printable(name): [_("There is no such parameter.")] for name in unknown})
        return True


class StrictJSONParser(JSONParser):
    """JSON as RFC 8259 has it: UTF-8, no NaN or Infinity, no key twice, no depth that exhausts the stack."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the parsed body or raise ParseError saying what is wrong."""
        try:
            return json.loads(
                stream.read().decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
            )
        except UnicodeDecodeError as error:
            raise exceptions.ParseError(
                _("The body is not valid UTF-8 (byte %(position)d).") % {"position": error.start}
            ) from error
        except RecursionError as error:
            raise exceptions.ParseError(_("The JSON is nested too deeply.")) from error
        except ValueError as error:
            raise exceptions.ParseError(_("The JSON can't be read: %(reason)s") % {"reason": error}) from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _value in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add() returns None on purpose
        raise ValueError(f"the key {twice!r} stands there twice")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


class CursorPages(CursorPagination):
    """Pages by cursor: deep pages cost what the first one costs; a cursor that was tampered with does not exist."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: tuple[str, ...] = ("-pk",)
    # Rows of one import share their time: a page inside such a run is found by its offset.
    offset_cutoff = 1_000_000

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """Return one page, or raise NotFound where the cursor is not one that was handed out."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, TypeError, OverflowError, DjangoValidationError, DataError) as error:
            raise exceptions.NotFound(_("This cursor can't be read. Follow “next” from the first page.")) from error

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page, with addresses of ours as examples."""
        described: dict[str, Any] = super().get_paginated_response_schema(schema)
        for name, cursor in (("next", "cD00ODY%3D"), ("previous", "cj0xJnA9NDg3")):
            described["properties"][name]["example"] = (
                f"https://woolgather.example.org/api/v1/submissions/?cursor={cursor}"
            )
        return described


def problem_details(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer every refusal as problem details (RFC 9457) with messages per field where there are any."""
    # Not at the top: rest_framework.views reads the settings, which name this module, while it is imported itself.
    from rest_framework.views import exception_handler

    translated = _translate(error)
    response = exception_handler(translated, dict(context))
    if response is None:
        return None
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
    }
    if isinstance(error, Refused):
        body |= {"detail": escaped(str(error)), "code": error.code}
        if isinstance(error, TermsNotAccepted) and error.campaign is not None:
            terms = reverse("api-campaign-terms", args=[error.campaign.slug])
            way = _("Read them with GET %(address)s, and accept them there with POST.") % {"address": terms}
            body |= {"detail": f"{body['detail']} {way}", "terms": terms}
    elif isinstance(translated, exceptions.ValidationError):
        body |= {
            "detail": _("Some fields are not right; see “errors”."),
            "errors": _printed(_field_errors(translated.detail)),
        }
    elif isinstance(response.data, dict):
        body["detail"] = escaped(str(response.data.get("detail", "")))
    response.data = body
    response.content_type = "application/problem+json"
    return response


def _translate(error: Exception) -> Exception:
    if isinstance(error, DjangoValidationError):
        detail = error.message_dict if hasattr(error, "error_dict") else {"non_field_errors": error.messages}
        return exceptions.ValidationError(detail)
    if isinstance(error, NotAllowed):
        return exceptions.PermissionDenied(str(error))
    if isinstance(error, Conflict):
        conflict = exceptions.APIException(str(error))
        conflict.status_code = status.HTTP_409_CONFLICT
        return conflict
    if isinstance(error, Refused):
        return exceptions.ParseError(str(error))
    if isinstance(error, (Http404, PermissionDenied)):
        return error
    return error


def _field_errors(detail: Any) -> dict[str, Any]:
    return detail if isinstance(detail, dict) else {"non_field_errors": detail}


def _printed(detail: Any) -> Any:
    """Return keys and messages as they can be sent: both may quote what came, which may be no text at all."""
    if isinstance(detail, dict):
        return {printable(str(key)): _printed(said) for key, said in detail.items()}
    if isinstance(detail, (list, tuple)):
        return [_printed(said) for said in detail]
    return escaped(str(detail))

"""How people and roles look in SCIM, and what a SCIM body says of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import gettext as _

from collector.actions.directory import Entry
from collector.models import Person, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet

CORE = "urn:ietf:params:scim:schemas:core:2.0"
API = "urn:ietf:params:scim:api:messages:2.0"
USER, GROUP = f"{CORE}:User", f"{CORE}:Group"
FILTER = re.compile(r'\A\s*([A-Za-z.]+(?:\[[^\]]*\])?(?:\.[a-z]+)?)\s+eq\s+"((?:[^"\\]|\\.)*)"\s*\Z', re.IGNORECASE)
ONE_MEMBER = re.compile(r'\Amembers\[value\s+eq\s+"(\d+)"\]\Z', re.IGNORECASE)
MOST_DIGITS = 18


class BadRequest(Exception):
    """A request that SCIM has a word for."""

    def __init__(self, scim_type: str, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.scim_type, self.detail, self.status = scim_type, detail, status


def people() -> QuerySet[Person]:
    """Return everybody whom a directory can know, with what their resource shows; who was erased is nobody."""
    found = Person.objects.filter(is_source=False, erased_at=None).select_related("directory_account")
    return found.prefetch_related("groups").order_by("pk")


def find_person(id: str) -> Person | None:
    """Return the person of a resource's id."""
    return people().filter(pk=int(id)).first() if id.isdecimal() and len(id) <= MOST_DIGITS else None


def filtered(text: str) -> QuerySet[Person]:
    """Return the people of a filter ``attribute eq "value"``; Okta and Entra ask no other."""
    name, value = parse_filter(text)
    if name == "username":
        own = Q(directory_account__user_name__iexact=value)
        return people().filter(own | Q(directory_account=None, email__iexact=value))
    if name == "externalid":
        return people().filter(directory_account__external_id=value)
    if name.startswith("emails"):
        return people().filter(email__iexact=value)
    if name == "id":
        return people().filter(pk=int(value)) if value.isdecimal() and len(value) <= MOST_DIGITS else people().none()
    raise BadRequest("invalidFilter", _("Filter by userName, externalId, emails.value or id, with eq."))


def parse_filter(text: str) -> tuple[str, str]:
    """Return a filter's attribute, in lower case, and value."""
    match = FILTER.match(text)
    if match is None or not match[2].isprintable():
        raise BadRequest("invalidFilter", _("Filter by userName, externalId, emails.value or id, with eq."))
    return match[1].lower(), re.sub(r"\\(.)", r"\1", match[2])


def user(person: Person, base: str) -> dict[str, Any]:
    """Return a person as a SCIM user."""
    account = getattr(person, "directory_account", None)
    given, _space, family = person.display_name.partition(" ")
    resource: dict[str, Any] = {
        "schemas": [USER],
        "id": str(person.pk),
        "userName": account.user_name if account else person.email,
        "displayName": person.display_name,
        "name": {"formatted": person.display_name, "givenName": given, "familyName": family},
        "emails": [{"value": person.email, "type": "work", "primary": True}],
        "active": person.is_active,
        "timezone": person.time_zone,
        "groups": [{"value": name, "display": name} for name in sorted(group.name for group in person.groups.all())],
        "meta": {
            "resourceType": "User",
            "created": person.joined_at.isoformat(),
            "location": f"{base}/Users/{person.pk}",
        },
    }
    if account and account.external_id:
        resource["externalId"] = account.external_id
    return resource


def group(role: Role, base: str, members: Iterable[Person] | None) -> dict[str, Any]:
    """Return a role as a SCIM group; ``members`` is None where the client didn't want them."""
    resource: dict[str, Any] = {
        "schemas": [GROUP],
        "id": role.value,
        "displayName": role.value,
        "meta": {"resourceType": "Group", "location": f"{base}/Groups/{role.value}"},
    }
    if members is not None:
        resource["members"] = [
            {"value": str(person.pk), "display": person.display_name, "$ref": f"{base}/Users/{person.pk}"}
            for person in members
        ]
    return resource


def listing(resources: list[dict[str, Any]], total: int, start: int) -> dict[str, Any]:
    """Return a page of resources."""
    return {
        "schemas": [f"{API}:ListResponse"],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


# -- What a body says -------------------------------------------------------------------------------------


def entry_of(body: Mapping[str, Any]) -> Entry:
    """Return what a user resource says; attributes that mean nothing here are passed over."""
    name = body.get("name")
    return Entry(
        user_name=_text(body, "userName"),
        external_id=_text(body, "externalId"),
        email=_email(body.get("emails")),
        name=_text(body, "displayName") or _full_name(name if isinstance(name, dict) else {}),
        time_zone=_text(body, "timezone"),
        active=truth(body["active"]) if body.get("active") is not None else None,
    )


def patched(person: Person, body: Mapping[str, Any]) -> Entry:
    """Return what a PATCH of a user says; both Okta's and Entra's ways of writing one."""
    said: dict[str, Any] = {}
    name: dict[str, Any] = {}
    for operation in operations(body):
        path = str(operation.get("path") or "")
        value = operation.get("value")
        given = {path: None if operation["op"] == "remove" else value} if path else value
        if not isinstance(given, dict):
            raise BadRequest("invalidValue", _("An operation without a path has an object as its value."))
        for key, one in given.items():
            _put(said, name, key.removeprefix(f"{USER}:"), one)
    if name and "displayName" not in said:
        first, _space, last = person.display_name.partition(" ")
        said["name"] = {"givenName": first, "familyName": last} | name
    return entry_of(said)


def _put(said: dict[str, Any], name: dict[str, Any], key: str, value: Any) -> None:
    lower = key.lower()
    known = {"username": "userName", "externalid": "externalId", "displayname": "displayName", "timezone": "timezone"}
    if lower == "active":
        said["active"] = truth(value)
    elif lower in known:
        said[known[lower]] = value
    elif lower == "name" and isinstance(value, dict):
        name |= value
    elif lower.startswith("name."):
        name[key[5:]] = value
    elif lower == "emails" and isinstance(value, list):
        said["emails"] = value
    elif lower.startswith("emails") and lower.endswith(".value"):
        said["emails"] = [{"value": value, "primary": True}]


def operations(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the operations of a PATCH, their verb in lower case (Entra writes ``Replace``)."""
    found = body.get("Operations")
    if not isinstance(found, list) or not found:
        raise BadRequest("invalidSyntax", _("A PATCH has a list “Operations”."))
    checked = []
    for operation in found:
        verb = str(operation.get("op", "")).lower() if isinstance(operation, dict) else ""
        if verb not in {"add", "replace", "remove"}:
            raise BadRequest("invalidSyntax", _("An operation is add, replace or remove."))
        checked.append({**operation, "op": verb})
    return checked


def truth(value: Any) -> bool:
    """Return a boolean, which Entra sends as a word."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise BadRequest("invalidValue", _("“active” is true or false."))


def member_ids(value: Any) -> set[str]:
    """Return the ids of a list of members."""
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) and isinstance(item.get("value"), str) for item in items):
        raise BadRequest("invalidValue", _("Members are a list of objects with the id of a user as their value."))
    return {item["value"] for item in items}


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadRequest("invalidValue", _("“%(name)s” is a text.") % {"name": name})
    return value


def _email(value: Any) -> str | None:
    items = [item for item in value if isinstance(item, dict) and item.get("value")] if isinstance(value, list) else []
    items.sort(key=lambda item: (not item.get("primary"), item.get("type") != "work"))
    return str(items[0]["value"]) if items else None


def _full_name(name: Mapping[str, Any]) -> str | None:
    parts = [str(name[part]) for part in ("givenName", "familyName") if name.get(part)]
    return str(name["formatted"]) if name.get("formatted") else " ".join(parts) or None

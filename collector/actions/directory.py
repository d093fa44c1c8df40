"""What the company's directory says of people, by SCIM or by a list: who is here, who left, as what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from collector.actions.people import add_person, deactivate_person, main_role, reactivate_person, set_role
from collector.actions.provisioning import RANK, clean_name, clean_time_zone, record
from collector.errors import Conflict
from collector.models import DirectoryAccount, Person, Role

if TYPE_CHECKING:
    from datetime import datetime

SOURCE = "scim"
MOST_CHARACTERS = 254


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the directory says of one person; None: it says nothing of it."""

    user_name: str | None = None
    external_id: str | None = None
    email: str | None = None
    name: str | None = None
    time_zone: str | None = None
    active: bool | None = None


class NotUnique(Conflict):
    """Somebody else has this user name or address."""

    code = "not_unique"


def _address(text: str) -> str:
    email = text.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise ValidationError({"emails": [_("“%(text)s” is not an e-mail address.") % {"text": text}]}) from error
    return email


def _user_name(text: str, person: Person | None) -> str:
    name = text.strip()
    if not name or not name.isprintable() or len(name) > MOST_CHARACTERS:
        raise ValidationError({"userName": [_("A user name has 1 to 254 printable characters.")]})
    others = DirectoryAccount.objects.filter(user_name__iexact=name)
    if (others.exclude(person=person) if person else others).exists():
        raise NotUnique(_("Somebody here has the user name %(name)s already.") % {"name": name})
    return name


def _external_id(text: str) -> str:
    if not text.isprintable() or len(text) > MOST_CHARACTERS:
        raise ValidationError({"externalId": [_("An external id has up to 254 printable characters.")]})
    return text


@transaction.atomic
def create_account(*, entry: Entry, now: datetime) -> Person:
    """Make the account of somebody whom the directory names for the first time.

    Raises:
        NotUnique: the user name or the address is somebody's.
        ValidationError: with messages per field.
    """
    user_name = _user_name(entry.user_name or "", None)
    email = _address(entry.email or user_name)
    if Person.objects.filter(email__iexact=email).exists():
        raise NotUnique(_("Somebody here has the address %(email)s already.") % {"email": email})
    person = add_person(
        email=email,
        role=Role.CONTRIBUTOR,
        by=None,
        now=now,
        display_name=clean_name(entry.name),
        time_zone=clean_time_zone(entry.time_zone),
    )
    DirectoryAccount.objects.create(
        person=person, user_name=user_name, external_id=_external_id(entry.external_id or "")
    )
    record(verb="person.provisioned", person=person, detail={"source": SOURCE}, by=None, now=now)
    if entry.active is False:
        deactivate_person(person=person, by=None, now=now)
    return person


@transaction.atomic
def change_account(*, person: Person, entry: Entry, now: datetime) -> Person:
    """Change what the directory says; what it doesn't mention stays.

    Raises:
        NotUnique: the user name or the address is somebody else's.
        LastAdmin: the only admin would be deactivated.
        ValidationError: with messages per field.
    """
    if entry.user_name is not None or entry.external_id is not None:
        account = DirectoryAccount.objects.filter(person=person).first()
        account = account or DirectoryAccount(person=person, user_name=person.email)
        if entry.user_name is not None:
            account.user_name = _user_name(entry.user_name, person)
        if entry.external_id is not None:
            account.external_id = _external_id(entry.external_id)
        account.save()
    changed = []
    if entry.email is not None and _address(entry.email) != person.email.lower():
        person.email = _address(entry.email)
        if Person.objects.filter(email__iexact=person.email).exclude(pk=person.pk).exists():
            raise NotUnique(_("Somebody here has the address %(email)s already.") % {"email": person.email})
        # Else the old address would still sign in.
        EmailAddress.objects.filter(user=person).delete()
        changed.append("email")
    if entry.name is not None and clean_name(entry.name) not in {"", person.display_name}:
        person.display_name = clean_name(entry.name)
        changed.append("display_name")
    if changed:
        person.save(update_fields=changed)
        record(verb="person.changed", person=person, detail={"source": SOURCE, "fields": changed}, by=None, now=now)
    if entry.active is not None:
        set_active(person=person, active=entry.active, by=None, now=now)
    return person


@transaction.atomic
def set_active(*, person: Person, active: bool, by: Person | None, now: datetime) -> None:
    """End a person's access or give it back, with the role they had; what is so already stays."""
    if active and not person.is_active:
        reactivate_person(person=person, by=by, now=now)
    elif not active and person.is_active:
        deactivate_person(person=person, by=by, now=now)


@transaction.atomic
def set_member(*, person: Person, role: Role, member: bool, now: datetime) -> None:
    """Put a person into the group of a role or take them out: the highest role counts, below all is the contributor.

    Raises:
        LastAdmin: the only admin would stop being one.
    """
    held = main_role(person)
    if member and RANK[role] > RANK[held]:
        set_role(person=person, role=role, by=None, now=now)
    elif not member and role == held and role != Role.CONTRIBUTOR:
        set_role(person=person, role=Role.CONTRIBUTOR, by=None, now=now)


@transaction.atomic
def set_members(*, role: Role, people: list[Person], now: datetime) -> None:
    """Let exactly these people have a role, all or nothing."""
    wanted = {person.pk for person in people}
    for person in people:
        set_member(person=person, role=role, member=True, now=now)
    for person in Person.objects.filter(is_source=False, groups__name=role.value).exclude(pk__in=wanted):
        set_member(person=person, role=role, member=False, now=now)


@transaction.atomic
def change_members(*, role: Role, changes: list[tuple[str, list[Person] | None]], now: datetime) -> None:
    """Add people to a role's group or take them out, in this order, all or nothing.

    Args:
        changes: add, remove or replace, and whom; None for a removal means everybody.
    """
    for verb, people in changes:
        if verb == "replace" or people is None:
            set_members(role=role, people=people or [], now=now)
            continue
        for person in people:
            set_member(person=person, role=role, member=verb == "add", now=now)

"""People that the company's sign-in or its directory brings: made, connected, given the roles of their groups."""

from __future__ import annotations

import logging
import zoneinfo
from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from django.db import transaction

from collector.actions.people import LastAdmin, add_person, main_role, set_role, welcome
from collector.models import AuditEntry, Person, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

logger = logging.getLogger(__name__)
RANK = {Role.CONTRIBUTOR: 0, Role.REVIEWER: 1, Role.LEAD: 2, Role.ADMIN: 3}
NAME_LENGTH = 80


def clean_name(name: object) -> str:
    """Return a name from elsewhere as it can be kept: printable, on one line, of our length."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(name or ""))
    return " ".join(text.split())[:NAME_LENGTH].strip()


def clean_time_zone(name: object) -> str:
    """Return a time zone from elsewhere, or UTC where it is none."""
    zone = str(name or "")
    return zone if zone in zoneinfo.available_timezones() else "UTC"


@transaction.atomic
def provision_person(*, email: str, name: str, time_zone: str, source: str, now: datetime) -> Person:
    """Make the account of somebody who signs in for the first time; an invitation gives its role and team.

    Args:
        source: the provider's name, for the audit.
    """
    person = add_person(
        email=email,
        role=Role.CONTRIBUTOR,
        by=None,
        now=now,
        display_name=clean_name(name),
        time_zone=clean_time_zone(time_zone),
    )
    welcome(person=person, now=now)
    record(verb="person.provisioned", person=person, detail={"source": source}, by=None, now=now)
    return person


@transaction.atomic
def record(*, verb: str, person: Person, detail: dict[str, object], by: Person | None, now: datetime) -> None:
    """Record what happened to a person's ways in."""
    AuditEntry.objects.create(by=by, verb=verb, target=person.handle, detail=detail, at=now)


@transaction.atomic
def reset_second_factor(*, person: Person, by: Person | None, now: datetime) -> int:
    """Take the passkeys, app and recovery codes of somebody who lost them; returns how many there were."""
    gone: int = Authenticator.objects.filter(user=person).delete()[0]
    if gone:
        record(verb="person.second_factor_reset", person=person, detail={"removed": gone}, by=by, now=now)
    return gone


@transaction.atomic
def roles_from_groups(
    *, person: Person, groups: Iterable[str], mapping: Mapping[str, str], source: str, now: datetime
) -> Role:
    """Give a person the highest role that their groups give, and take a managed one that they no longer give.

    A role that no group gives by this mapping is nobody's business here: an admin made by hand stays one. The last
    admin stays too, whatever the groups say, so that nobody locks the installation.
    """
    held = main_role(person)
    if not mapping or not person.is_active:
        return held
    granted = [Role(mapping[group]) for group in set(groups) if group in mapping]
    if held not in {Role(role) for role in mapping.values()}:
        granted.append(held)
    wanted = max(granted, key=RANK.__getitem__, default=Role.CONTRIBUTOR)
    if wanted == held:
        return held
    try:
        with transaction.atomic():
            set_role(person=person, role=wanted, by=None, now=now)
    except LastAdmin:
        logger.warning("%s stays the only admin, though the groups of %s no longer say so", person.handle, source)
        return held
    detail = {"source": source, "before": held.value, "after": wanted.value}
    record(verb="person.role_by_groups", person=person, detail=dict(detail), by=None, now=now)
    return wanted

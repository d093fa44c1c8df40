"""A list of everybody, as a company's directory exports it: who is here, as what, and who left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from collector.actions.directory import set_active
from collector.actions.people import LastAdmin, add_person, main_role, set_role
from collector.actions.provisioning import RANK, clean_name, record
from collector.actions.teams import find_or_make_team
from collector.errors import Refused
from collector.models import Person, Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

COLUMNS = ("email", "active", "role", "team", "name")
YES, NO = frozenset({"true", "yes", "y", "1", "active"}), frozenset({"false", "no", "n", "0", "inactive"})
MOST_SHOWN = 20


class ListRefused(Refused):
    """A list that can't be followed; nothing was changed."""

    code = "list_refused"


@dataclass(kw_only=True)
class Line:
    """What one line of the list asks for; None leaves it as it is."""

    number: int
    email: str
    active: bool | None
    role: Role | None
    team: str
    name: str
    person: Person | None = None


@dataclass
class Plan:
    """What following a list would do, in words and in people."""

    lines: list[Line] = field(default_factory=list)
    missing: list[Person] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def read_list(*, rows: Sequence[Sequence[str]], deactivate_missing: bool) -> Plan:
    """Say what following the list would do; writes nothing.

    Args:
        rows: the cells of each line, the headings first.
        deactivate_missing: whether who isn't in the list loses their access.

    Raises:
        ListRefused: naming every line that is wrong.
    """
    headings = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "email" not in headings or set(headings) - set(COLUMNS) or len(set(headings)) != len(headings):
        raise ListRefused(
            _("The first line names the columns, each once: email, and any of active, role, team, name. Not: %(it)s")
            % {"it": ", ".join(headings) or "—"}
        )
    problems: list[str] = []
    plan = Plan()
    seen: dict[str, int] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        said = dict(zip(headings, (cell.strip() for cell in cells), strict=False))
        problem = _problem(said, len(cells) > len(headings), seen)
        if problem:
            problems.append(_("Line %(number)d: %(problem)s") % {"number": number, "problem": problem})
            continue
        seen[said["email"].lower()] = number
        plan.lines.append(
            Line(
                number=number,
                email=said["email"].lower(),
                active=None if not said.get("active") else said["active"].lower() in YES,
                role=Role(said["role"].lower()) if said.get("role") else None,
                team=said.get("team", ""),
                name=clean_name(said.get("name", "")),
            )
        )
    if problems:
        more = len(problems) - MOST_SHOWN
        shown = [*problems[:MOST_SHOWN], *([_("and %(count)d more") % {"count": more}] if more > 0 else [])]
        raise ListRefused(_("Nothing was changed. Mend the list first.") + " " + " ".join(shown))
    if not plan.lines:
        raise ListRefused(_("The list names nobody; nothing was changed."))
    _compare(plan, deactivate_missing=deactivate_missing)
    return plan


def _problem(said: dict[str, str], is_long: bool, seen: dict[str, int]) -> str:
    email = said.get("email", "").lower()
    try:
        validate_email(email)
    except ValidationError:
        return _("“%(email)s” is not an e-mail address.") % {"email": email}
    if is_long:
        return _("there are more cells than headings.")
    if email in seen:
        return _("%(email)s stands in line %(number)d already.") % {"email": email, "number": seen[email]}
    if said.get("active", "").lower() not in YES | NO | {""}:
        return _("“active” is yes or no, not “%(it)s”.") % {"it": said["active"]}
    if said.get("role", "").lower() not in {*Role.values, ""}:
        return _("the role is one of: %(roles)s.") % {"roles": ", ".join(Role.values)}
    return ""


def _compare(plan: Plan, *, deactivate_missing: bool) -> None:
    """Find each line's person and put into words what would change."""
    everybody = {person.email.lower(): person for person in _people()}
    for line in plan.lines:
        line.person = everybody.get(line.email)
        plan.said += [f"{line.email}: {what}" for what in _differences(line)]
    if deactivate_missing:
        named = {line.email for line in plan.lines}
        plan.missing = [one for email, one in everybody.items() if email not in named and one.is_active]
        plan.said += [f"{person.email}: would be deactivated, as the list doesn't name them" for person in plan.missing]


def _people() -> list[Person]:
    return list(Person.objects.filter(is_source=False).select_related("team").prefetch_related("groups").order_by("pk"))


def _held(person: Person) -> Role:
    names = {group.name for group in person.groups.all()}
    return max((role for role in Role if role.value in names), key=RANK.__getitem__, default=Role.CONTRIBUTOR)


def _differences(line: Line) -> list[str]:
    person = line.person
    if person is None:
        if line.active is False:
            return []
        return [f"would be added as {line.role or Role.CONTRIBUTOR}" + (f" of {line.team}" if line.team else "")]
    found = []
    if line.active is not None and line.active != person.is_active:
        found.append("would be reactivated" if line.active else "would be deactivated")
    if line.role is not None and line.role != _held(person):
        found.append(f"{_held(person)} → {line.role}")
    if line.team and line.team != (person.team.name if person.team else ""):
        found.append(f"team → {line.team}")
    if line.name and line.name != person.display_name:
        found.append(f"name → {line.name}")
    return found


@transaction.atomic
def follow_list(*, plan: Plan, by: Person | None, now: datetime) -> int:
    """Do what the plan says, all or nothing; returns how many people changed.

    Raises:
        ListRefused: it would leave no admin.
    """
    # Who gains comes first, so that one admin can follow another.
    order = sorted(plan.lines, key=lambda line: (line.active is False, -RANK[line.role or Role.CONTRIBUTOR]))
    try:
        changed = sum(_follow(line, by, now) for line in order)
        for person in plan.missing:
            set_active(person=person, active=False, by=by, now=now)
    except LastAdmin as error:
        raise ListRefused(_("Nothing was changed: %(why)s") % {"why": error}) from error
    return changed + len(plan.missing)


def _follow(line: Line, by: Person | None, now: datetime) -> bool:
    if not _differences(line):
        return False
    person = line.person
    team = find_or_make_team(name=line.team) if line.team else None
    if person is None:
        add_person(
            email=line.email, role=line.role or Role.CONTRIBUTOR, by=by, now=now, display_name=line.name, team=team
        )
        return True
    fields = []
    if team is not None and team.pk != person.team_id:
        person.team = team
        fields.append("team")
    if line.name and line.name != person.display_name:
        person.display_name = line.name
        fields.append("display_name")
    if fields:
        person.save(update_fields=fields)
        record(verb="person.changed", person=person, detail={"source": "list", "fields": fields}, by=by, now=now)
    if line.active:
        set_active(person=person, active=True, by=by, now=now)
    if line.role is not None and line.role != main_role(person):
        set_role(person=person, role=line.role, by=by, now=now)
    if line.active is False:
        set_active(person=person, active=False, by=by, now=now)
    return True

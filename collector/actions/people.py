"""People, their roles, invitations and one-time sign-in links."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from collector.actions.teams import find_or_make_team
from collector.errors import Refused
from collector.models import AuditEntry, Invitation, Person, ReviewLease, Role, Team
from collector.text import first_free, token_hash, validate_text

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

SIGN_IN_SALT = "woolgather.sign-in-link"
SIGN_IN_LINK_AGE = timedelta(days=3)
INVITATION_AGE = timedelta(days=14)
HANDLE_LENGTH = 40


class LinkSpent(Refused):
    """A sign-in link that was used, is too old or was never ours."""

    code = "link_spent"


class UnknownPerson(Refused):
    """Nobody here has this e-mail address."""

    code = "unknown_person"


class LastAdmin(Refused):
    """Without this admin nobody could look after the installation."""

    code = "last_admin"


ROLES_DOWNWARDS = (Role.ADMIN, Role.LEAD, Role.REVIEWER, Role.CONTRIBUTOR)


def main_role(person: Person) -> Role:
    """Return the highest of a person's roles."""
    return next((role for role in ROLES_DOWNWARDS if role in person.role_names), Role.CONTRIBUTOR)


_ACCESS = ("is_active", "is_staff", "is_superuser", "erased_at")


def _hold(person: Person) -> None:
    """Lock the person and the admins, in one order, and read anew whether the person still has access.

    A directory sends "out of the group" and "left" at the same moment: the one that was read before must not undo the
    other. Two who take the admin's role from each other wait in line.
    """
    people = Person.objects.filter(Q(pk=person.pk) | Q(pk__in=_admins().values("pk")))
    locked = people.order_by("pk").select_for_update(of=("self",), no_key=True).only("pk", *_ACCESS)
    now = next(one for one in locked if one.pk == person.pk)
    for name in _ACCESS:
        setattr(person, name, getattr(now, name))


def _admins() -> QuerySet[Person]:
    return Person.objects.filter(is_active=True, groups__name=Role.ADMIN.value)


def _keep_an_admin(person: Person) -> None:
    """Refuse what would leave no active admin; after ``_hold``."""
    admins = _admins()
    if admins.filter(pk=person.pk).exists() and not admins.exclude(pk=person.pk).exists():
        raise LastAdmin(_("%(name)s is the only admin. Make somebody else an admin first.") % {"name": person})


def get_person(*, email: str) -> Person:
    """Find an active person by e-mail address, whatever its case, or raise UnknownPerson."""
    person = Person.objects.filter(email__iexact=email.strip(), is_active=True).first()
    if person is None:
        raise UnknownPerson(
            _(
                "Nobody here has the address %(email)s. "
                "Add them first: manage.py add_person %(email)s --role contributor"
            )
            % {"email": email}
        )
    return person


def new_handle(name: str) -> str:
    """Return a free handle made of a name: ASCII letters, digits and single hyphens."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[: HANDLE_LENGTH - 5].strip("-") or "person"
    taken = set(Person.objects.filter(handle__startswith=stem).values_list("handle", flat=True))
    return first_free(stem, taken)


@transaction.atomic
def add_person(
    *,
    email: str,
    role: Role | str,
    by: Person | None,
    now: datetime,
    display_name: str = "",
    team: Team | str | None = None,
    time_zone: str = "",
    password: str | None = None,
) -> Person:
    """Add a person, or change the role of the one who has this address, and what else is given of them.

    Args:
        team: a team, or the name or slug of one; a new name makes a new team.
        time_zone: "" is UTC, or what the person has.

    Raises:
        ValidationError: the address, name, team, zone or password is not right.
    """
    email = email.strip().lower()
    validate_email(email)
    validate_text(display_name)
    if isinstance(team, str):
        team = find_or_make_team(name=team) if team.strip() else None
    person = Person.objects.filter(email__iexact=email).first()
    if person is None:
        name = display_name or email.partition("@")[0].replace(".", " ").replace("_", " ").title()
        person = Person(email=email, display_name=name, handle=new_handle(name), team=team)
        person.time_zone = time_zone or "UTC"
        person.set_unusable_password()
        person.full_clean(exclude=["password"])
        person.save()
        AuditEntry.objects.create(by=by, verb="person.added", target=person.handle, detail={"role": str(role)}, at=now)
    elif display_name or team or time_zone:
        update_profile(
            person=person,
            display_name=display_name or person.display_name,
            handle=person.handle,
            team=team or person.team,
            time_zone=time_zone or person.time_zone,
            by=by,
            now=now,
        )
    if password is not None:
        person.set_password(password)
        person.save(update_fields=["password"])
        AuditEntry.objects.create(by=by, verb="person.password", target=person.handle, at=now)
    set_role(person=person, role=role, by=by, now=now, reactivates=True)
    return person


@transaction.atomic
def set_role(*, person: Person, role: Role | str, by: Person | None, now: datetime, reactivates: bool = False) -> None:
    """Give a person one role; everybody is a contributor, and leads and admins may open Django's admin.

    Args:
        reactivates: lets somebody who was deactivated in again; else they stay outside, and the role waits.

    Raises:
        LastAdmin: the only admin would stop being one.
    """
    role = Role(role)
    if person.is_source:
        raise Refused(_("A source of imports can't have a role."))
    _hold(person)
    if role != Role.ADMIN:
        _keep_an_admin(person)
    if person.erased_at is not None:
        raise Refused(_("This account was erased for good. Invite the person anew."))
    before = sorted(person.groups.values_list("name", flat=True))
    wanted = sorted({Role.CONTRIBUTOR.value, role.value})
    person.groups.set([Group.objects.get_or_create(name=name)[0] for name in wanted])
    person.is_active = person.is_active or reactivates
    person.is_staff = person.is_active and role in {Role.LEAD, Role.ADMIN}
    person.is_superuser = person.is_active and role == Role.ADMIN
    person.save(update_fields=["is_staff", "is_superuser", "is_active"])
    person.__dict__.pop("_role_names", None)
    if before != wanted:
        detail = {"before": before, "after": wanted}
        AuditEntry.objects.create(by=by, verb="person.role", target=person.handle, detail=detail, at=now)


@transaction.atomic
def deactivate_person(*, person: Person, by: Person | None, now: datetime) -> None:
    """End a person's access at once: sessions, tokens and leases. What they wrote stays.

    Raises:
        LastAdmin: nobody else could look after the installation.
    """
    _hold(person)
    _keep_an_admin(person)
    person.is_active = False
    person.is_staff = person.is_superuser = False
    person.save(update_fields=["is_active", "is_staff", "is_superuser"])
    person.tokens.filter(revoked_at=None).update(revoked_at=now)
    ReviewLease.objects.filter(reviewer=person).delete()
    for session in Session.objects.filter(expire_date__gt=now).iterator():
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()
    AuditEntry.objects.create(by=by, verb="person.deactivated", target=person.handle, at=now)


@transaction.atomic
def reactivate_person(*, person: Person, by: Person | None, now: datetime) -> None:
    """Let a person sign in again, with the role they had; sessions and tokens stay ended."""
    set_role(person=person, role=main_role(person), by=by, now=now, reactivates=True)
    AuditEntry.objects.create(by=by, verb="person.reactivated", target=person.handle, at=now)


def update_profile(
    *,
    person: Person,
    display_name: str,
    handle: str,
    team: Team | None,
    time_zone: str,
    by: Person | None,
    now: datetime,
    wants_digest: bool | None = None,
    wants_announcements: bool | None = None,
    wants_reminders: bool | None = None,
    on_boards: str = "",
    weekends_count: bool | None = None,
    wants_celebrations: bool | None = None,
) -> Person:
    """Change what others see of a person, the zone their times are shown in, and what they want to get and see.

    Args:
        wants_digest, wants_announcements, wants_reminders, weekends_count, wants_celebrations: None leaves it as it is.
        on_boards: one of ``Person.OnBoards``; "" leaves it as it is.
    """
    validate_text(display_name)
    person.display_name, person.handle, person.team, person.time_zone = display_name, handle, team, time_zone
    wanted = {
        "wants_digest": wants_digest,
        "wants_announcements": wants_announcements,
        "wants_reminders": wants_reminders,
        "weekends_count": weekends_count,
        "wants_celebrations": wants_celebrations,
    }
    for name, value in wanted.items():
        if value is not None:
            setattr(person, name, value)
    if on_boards:
        person.on_boards = on_boards
    person.full_clean(exclude=["password"])
    with transaction.atomic():
        person.save(update_fields=["display_name", "handle", "team", "time_zone", "on_boards", *wanted])
        AuditEntry.objects.create(by=by, verb="person.profile", target=person.handle, at=now)
    return person


# -- One-time sign-in links -------------------------------------------------------------------------------


def sign_in_link(*, person: Person, base: str) -> str:
    """Return the address of a one-time sign-in; signing in, a new password or three days end it."""
    token = signing.dumps([person.pk, _link_state(person)], salt=SIGN_IN_SALT, compress=True)
    return f"{base.rstrip('/')}/sign-in/{token}/"


def _link_state(person: Person) -> str:
    last = person.last_login.isoformat() if person.last_login else "never"
    return hashlib.sha256(f"{person.password}:{last}".encode()).hexdigest()[:16]


@transaction.atomic
def use_sign_in_link(*, token: str, now: datetime) -> Person:
    """Return the link's person and spend it.

    Raises:
        LinkSpent: used, too old or not ours.
    """
    spent = LinkSpent(_("This sign-in link was used or is too old. Ask an admin for a new one."))
    try:
        pk, state = signing.loads(token, salt=SIGN_IN_SALT, max_age=SIGN_IN_LINK_AGE)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise spent from error
    person = Person.objects.select_for_update().filter(pk=pk, is_active=True).first()
    if person is None or _link_state(person) != state:
        raise spent
    person.last_login = now
    person.save(update_fields=["last_login"])
    return person


# -- Sign-up and invitations ------------------------------------------------------------------------------


def signup_is_open() -> bool:
    """Say whether people of some domain may sign up by themselves."""
    return bool(settings.WOOLGATHER_SIGNUP_DOMAINS)


def signup_allowed(email: str, *, now: datetime) -> bool:
    """Say whether this address may sign up: its domain is the company's, or it was invited."""
    domain = email.rpartition("@")[2].lower()
    return domain in settings.WOOLGATHER_SIGNUP_DOMAINS or _open_invitations(now).filter(email__iexact=email).exists()


def _open_invitations(now: datetime) -> QuerySet[Invitation]:
    return Invitation.objects.filter(accepted_at=None, expires_at__gt=now)


@transaction.atomic
def invite(
    *, email: str, by: Person | None, now: datetime, role: Role | str = Role.CONTRIBUTOR, team: Team | None = None
) -> tuple[Invitation, str]:
    """Invite an address; returns the invitation and its link's token, which is kept nowhere."""
    validate_email(email)
    if Person.objects.filter(email__iexact=email).exists():
        raise ValidationError({"email": [_("This address already has an account.")]})
    raw = secrets.token_urlsafe(24)
    invitation = Invitation.objects.create(
        email=email.lower(),
        token_hash=token_hash(raw),
        role=Role(role),
        team=team,
        invited_by=by,
        created_at=now,
        expires_at=now + INVITATION_AGE,
    )
    AuditEntry.objects.create(by=by, verb="person.invited", target=invitation.email, detail={"role": str(role)}, at=now)
    return invitation, raw


def find_invitation(*, token: str, now: datetime) -> Invitation | None:
    """Return the open invitation of a link's token."""
    return _open_invitations(now).filter(token_hash=token_hash(token)).first()


@transaction.atomic
def welcome(*, person: Person, now: datetime) -> None:
    """After sign-up: give the role and team of the invitation, else the contributor's role."""
    invitation = _open_invitations(now).filter(email__iexact=person.email).first()
    role = Role(invitation.role) if invitation else Role.CONTRIBUTOR
    set_role(person=person, role=role, by=invitation.invited_by if invitation else None, now=now)
    if invitation is not None:
        if person.team_id is None and invitation.team_id is not None:
            person.team_id = invitation.team_id
            person.save(update_fields=["team"])
        invitation.accepted_at, invitation.accepted_by = now, person
        invitation.save(update_fields=["accepted_at", "accepted_by"])

"""Erasing an account: the person goes, their pseudonym and what their campaigns' terms keep stays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from collector.actions import standings
from collector.actions.blanking import REMOVED, blank_texts
from collector.actions.people import deactivate_person
from collector.actions.submissions import withdraw
from collector.errors import Conflict, NotAllowed, Refused
from collector.holdings import held_by_others, held_in_apps
from collector.models import (
    ApiToken,
    AuditEntry,
    Campaign,
    Comment,
    Delivery,
    Digest,
    DirectoryAccount,
    Draft,
    Invitation,
    Notice,
    PassageSkip,
    Person,
    ReviewLease,
    ReviewSkip,
    Role,
    SheetImport,
    Submission,
)

if TYPE_CHECKING:
    from datetime import datetime

# Apps whose rows about a person are ways to sign in.
SIGN_IN_APPS = frozenset({"account", "socialaccount", "mfa", "usersessions", "admin"})
ADDRESS = "{pseudonym}@erased.invalid"


class LastAdmin(Refused):
    """Without this admin nobody could look after the installation."""

    code = "last_admin"


class AlreadyErased(Conflict):
    """The account was erased before."""

    code = "already_erased"


@dataclass(frozen=True)
class Erased:
    """What an erasure did with what the person wrote."""

    drafts: int
    kept: int
    withdrawn: int


@transaction.atomic
def erase_person(*, person: Person, by: Person | None, now: datetime) -> Erased:
    """Erase an account for good: name, address, ways to sign in, drafts and notices go at once.

    The row stays under the pseudonym, so that points, reviews and released records still add up. What they submitted
    stays or, where its campaign says so and no dataset version holds it, is withdrawn and blanked.

    Args:
        by: the person or an admin; None for a command.

    Raises:
        NotAllowed: it is somebody else's account, and ``by`` is no admin.
        LastAdmin: nobody would be left to look after the installation.
        AlreadyErased: as it says.
    """
    _check(person, by)  # before all the records of a source of imports are locked, and again on what is locked
    standings.hold_all(submissions=Submission.objects.filter(author=person).values_list("pk", flat=True), by=person)
    person = Person.objects.get(pk=person.pk)
    _check(person, by)
    names = (person.handle, person.email, f"person {person.pk}")
    done = _handle_records(person, now)
    deactivate_person(person=person, by=by, now=now)
    _forget_rows(person)
    pseudonym = person.pseudonym
    Invitation.objects.filter(Q(email__iexact=person.email) | Q(accepted_by=person)).delete()
    person.display_name = person.handle = pseudonym
    person.email = ADDRESS.format(pseudonym=pseudonym)
    person.set_unusable_password()
    person.team, person.time_zone, person.last_login = None, "UTC", None
    person.wants_digest = person.wants_announcements = person.wants_reminders = False
    person.on_boards, person.erased_at = Person.OnBoards.AWAY, now
    person.save()
    person.groups.clear()
    person.user_permissions.clear()
    person.__dict__.pop("_role_names", None)
    # Their own acts keep who did them, by the pseudonym; entries about them lose the names.
    AuditEntry.objects.filter(target__in=names).redact(target=pseudonym, now=now)
    AuditEntry.objects.filter(by=person).forget_addresses()
    actor = None if by is None or by.pk == person.pk else by
    AuditEntry.objects.create(
        by=actor or person, verb="person.erased", target=pseudonym, detail=asdict(done), ip=None, at=now
    )
    return done


def _check(person: Person, by: Person | None) -> None:
    if by is not None and by.pk != person.pk and not by.has_role(Role.ADMIN):
        raise NotAllowed(_("Only an admin erases somebody else's account."))
    if person.erased_at is not None:
        raise AlreadyErased(_("This account was erased before."))
    if person.is_source:
        raise Refused(_("A source of imports is no account; take its records out instead."))
    others = Person.objects.filter(is_active=True).exclude(pk=person.pk)
    is_admin = person.has_role(Role.ADMIN)
    if is_admin and not others.filter(Q(is_superuser=True) | Q(groups__name=Role.ADMIN)).exists():
        raise LastAdmin(_("This is the last admin. Make somebody else an admin first."))


def _handle_records(person: Person, now: datetime) -> Erased:
    """Do with each record what its campaign's terms say; drafts were never anybody else's."""
    drafts = Submission.objects.filter(author=person, status=Submission.Status.DRAFT)
    count = drafts.count()
    drafts.delete()
    Draft.objects.filter(submission__author=person).delete()
    Comment.objects.filter(by=person).update(text=REMOVED)
    mine = list(Submission.objects.filter(author=person).exclude(revision_number=0).select_related("campaign"))
    released = held_by_others(Submission, [one.pk for one in mine])
    withdrawn = 0
    for submission in mine:
        if submission.campaign.on_erasure == Campaign.OnErasure.WITHDRAW and submission.pk not in released:
            gone = withdraw(submission=submission, by=person, now=now)
            blank_texts(submission=gone, by=None, now=now)
            withdrawn += 1
    return Erased(drafts=count, kept=len(mine) - withdrawn, withdrawn=withdrawn)


def _forget_rows(person: Person) -> None:
    """Delete what served the person alone: ways to sign in, notices, leases, uploads."""
    for rows in (ApiToken, Notice, Digest, Delivery, PassageSkip):
        rows.objects.filter(person=person).delete()
    ReviewLease.objects.filter(reviewer=person).delete()
    ReviewSkip.objects.filter(reviewer=person).delete()
    SheetImport.objects.filter(by=person).delete()
    # Its user name is an address. A directory that still names the person gets 404, as for whom it never named.
    DirectoryAccount.objects.filter(person=person).delete()
    for holding in held_in_apps(person, SIGN_IN_APPS):
        holding.rows.delete()

"""Announcements and reminders: written, tried, scheduled and sent, to each person at most once an occasion."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from collector import mailing_queries
from collector.actions.campaign_life import require_lead
from collector.errors import Conflict
from collector.models import AuditEntry, Campaign, Delivery, Mailing, MailKind, Occasion
from collector.text import normalize_newlines

if TYPE_CHECKING:
    from datetime import date, time

    from collector.models import Person, Team

Status = Mailing.Status
Passed = Occasion.Passed
TOO_LATE = timedelta(hours=6)
"""A reminder to write today is of no use long after its time; an announcement is sent however late."""
LONGEST = timedelta(days=366)
MOST_FAILURES = 3
BATCH = 1_000


class StaleMailing(Conflict):
    """Another lead changed the mailing since the person opened it."""

    code = "stale_mailing"


class NotThere(Conflict):
    """The mailing isn't in a state from which this step leads on."""

    code = "illegal_step"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """All that a lead settles about a mailing.

    Attributes:
        day, at: the first time it goes out, in the campaign's time zone.
        weekdays: the days of the week, 0 for Monday, on which it goes out from then on; none: once.
        last_day: the last day that it may go out again; None: as long as the campaign is open.
    """

    kind: str
    subject: str
    body: str
    audience: str
    team: Team | None
    day: date
    at: time
    weekdays: list[int]
    last_day: date | None


@transaction.atomic
def write_mailing(*, campaign: Campaign, wanted: Wanted, by: Person, now: datetime) -> Mailing:
    """Write a mailing, as a draft.

    Raises:
        NotALead: as it says.
        ValidationError: with messages per field.
    """
    require_lead(by)
    mailing = Mailing(campaign=campaign, by=by, created_at=now)
    _settle(mailing, wanted)
    AuditEntry.objects.create(by=by, verb="mailing.written", target=_target(mailing), at=now)
    return mailing


@transaction.atomic
def edit_mailing(*, mailing: Mailing, wanted: Wanted, version: int, by: Person, now: datetime) -> Mailing:
    """Change a mailing, which is a draft again until it is scheduled.

    Args:
        version: the mailing's that the person saw.

    Raises:
        NotALead: as it says.
        StaleMailing: somebody changed it since.
        NotThere: it went out, or was cancelled.
        ValidationError: with messages per field.
    """
    mailing = _locked(mailing, by)
    if mailing.version != version:
        raise StaleMailing(_("Somebody changed this mailing since you opened it. Compare, then save again."))
    _require(mailing, Status.DRAFT, Status.SCHEDULED)
    mailing.status, mailing.next_at, mailing.version = Status.DRAFT, None, mailing.version + 1
    _settle(mailing, wanted)
    AuditEntry.objects.create(by=by, verb="mailing.edited", target=_target(mailing), at=now)
    return mailing


def _settle(mailing: Mailing, wanted: Wanted) -> None:
    for field in fields(Wanted):
        setattr(mailing, field.name, getattr(wanted, field.name))
    mailing.subject = " ".join(wanted.subject.split())  # a line end in a header is somebody else's header
    mailing.body = normalize_newlines(wanted.body)
    mailing.weekdays = sorted(wanted.weekdays)
    errors = {}
    if mailing.last_day is not None and not mailing.repeats:
        errors["last_day"] = [_("Choose days of the week, or leave this empty.")]
    elif mailing.last_day is not None and not mailing.day <= mailing.last_day <= mailing.day + LONGEST:
        errors["last_day"] = [_("Choose a day after the first, within a year.")]
    if mailing.repeats and mailing.kind != MailKind.REMINDER:
        errors["weekdays"] = [_("Only reminders are sent again and again.")]
    if not mailing.body.strip():
        errors["body"] = [_("Write what it is to say.")]
    if errors:
        raise ValidationError(errors)
    mailing.full_clean(exclude=["by"])
    mailing.save()


def _target(mailing: Mailing) -> str:
    return f"{mailing.campaign.slug} #{mailing.pk}"


def _locked(mailing: Mailing, by: Person) -> Mailing:
    require_lead(by)
    rows = Mailing.objects.select_for_update(of=("self",), no_key=True).select_related("campaign")
    return rows.get(pk=mailing.pk)


def _require(mailing: Mailing, *states: str) -> None:
    if mailing.status not in states:
        raise NotThere(
            _("This mailing is %(status)s. Load the page again to see its state.")
            % {"status": mailing.get_status_display().lower()}
        )


def next_time(mailing: Mailing, *, after: datetime) -> datetime | None:
    """Return the first moment after another at which the mailing goes out, or None where there is none.

    The hour is that of the campaign's time zone on that day. Where clocks are put forward and there is no such time,
    it is as much later; where they are put back and it comes twice, the first.
    """
    zone = ZoneInfo(mailing.campaign.time_zone)
    first = mailing.day
    if not mailing.repeats:
        days = [first]
    else:
        begin = max(first, after.astimezone(zone).date())
        days = [begin + timedelta(days=number) for number in range(8)]
        days = [day for day in days if day.weekday() in mailing.weekdays]
    for day in days:
        moment = datetime.combine(day, mailing.at, tzinfo=zone)
        if moment > after and (mailing.last_day is None or day <= mailing.last_day):
            return moment
    return None


@transaction.atomic
def schedule(*, mailing: Mailing, version: int, by: Person, now: datetime, at_once: bool = False) -> Mailing:
    """Let a draft go out at its time, or at once.

    Args:
        version: the mailing's that the person saw: nobody sends words that they have not read.

    Raises:
        NotALead: as it says.
        StaleMailing: somebody changed it since.
        NotThere: it is no draft.
        ValidationError: its time is over, or its campaign can have no such mail.
    """
    mailing = _locked(mailing, by)
    if mailing.version != version:
        raise StaleMailing(_("Somebody changed this mailing since you opened it. Read it again, then send it."))
    _require(mailing, Status.DRAFT)
    if mailing.campaign.status == Campaign.Status.DRAFT:
        raise ValidationError(_("The campaign is a draft, which only leads see. Open it first."))
    if mailing.campaign.status == Campaign.Status.CLOSED and mailing.kind == MailKind.REMINDER:
        raise ValidationError(_("The campaign is closed, so nobody can be reminded to contribute to it."))
    mailing.next_at = now if at_once else next_time(mailing, after=now)
    if mailing.next_at is None:
        raise ValidationError(_("Its time is over. Choose a later one, or send it now."))
    mailing.status = Status.SCHEDULED
    mailing.save(update_fields=["status", "next_at"])
    verb = "mailing.sent_now" if at_once else "mailing.scheduled"
    AuditEntry.objects.create(by=by, verb=verb, target=_target(mailing), at=now)
    return mailing


@transaction.atomic
def cancel(*, mailing: Mailing, by: Person, now: datetime) -> Mailing:
    """Send nothing more of a mailing, nor what still waits of it; what went out can't be called back."""
    mailing = _locked(mailing, by)
    is_going = Delivery.objects.filter(occasion__mailing=mailing, status=Delivery.Status.WAITING)
    if mailing.status == Status.CANCELLED:
        return mailing
    if mailing.status != Status.SCHEDULED and not is_going.exists():
        raise NotThere(_("There is nothing left to cancel."))
    spared = is_going.update(status=Delivery.Status.SPARED, done_at=now)
    Mailing.objects.filter(pk=mailing.pk).update(status=Status.CANCELLED, next_at=None)
    detail = {"spared": spared}
    AuditEntry.objects.create(by=by, verb="mailing.cancelled", target=_target(mailing), detail=detail, at=now)
    mailing.refresh_from_db()
    return mailing


@transaction.atomic
def remove(*, mailing: Mailing, by: Person, now: datetime) -> None:
    """Throw a draft away."""
    mailing = _locked(mailing, by)
    _require(mailing, Status.DRAFT)
    if mailing.occasions.exists():
        raise NotThere(_("It went out before, so it stays. Cancel it instead."))
    AuditEntry.objects.create(by=by, verb="mailing.removed", target=_target(mailing), at=now)
    mailing.delete()


@transaction.atomic
def begin_occasion(*, mailing: Mailing, now: datetime) -> Occasion | None:
    """Fix who gets a mailing that is due, and when it is due next; None where another worker did.

    The addresses are those of this moment. Nothing is sent here: each mail is claimed and sent on its own.
    """
    locked = (
        Mailing.objects.select_for_update(of=("self",), no_key=True)
        .select_related("campaign")
        .filter(pk=mailing.pk, next_at__lte=now)
        .first()
    )
    if locked is None or locked.next_at is None:
        return None
    mailing, due_at = locked, locked.next_at
    passed = _passed_over(mailing, now)
    reach = mailing_queries.reach(mailing, now)
    occasion = Occasion.objects.create(
        mailing=mailing,
        due_at=due_at,
        began_at=now,
        passed=passed,
        unwanted=reach.unwanted,
        active=reach.active,
    )
    if not passed:
        people = mailing_queries.recipients(mailing, now).order_by("pk").values_list("pk", flat=True)
        Delivery.objects.bulk_create(
            [Delivery(occasion=occasion, person_id=pk) for pk in people.iterator(chunk_size=BATCH)], batch_size=BATCH
        )
    following = next_time(mailing, after=now) if mailing.repeats else None
    if mailing.campaign.status == Campaign.Status.CLOSED:
        following = None
    status = Status.SCHEDULED if following else Status.DONE
    Mailing.objects.filter(pk=mailing.pk).update(next_at=following, status=status)
    return occasion


def _passed_over(mailing: Mailing, now: datetime) -> str:
    """Return why this occasion is passed over, "" where it is not."""
    if mailing.kind != MailKind.REMINDER:
        return Passed.NOT_OPEN if mailing.campaign.status == Campaign.Status.DRAFT else ""
    if mailing.campaign.status != Campaign.Status.OPEN:
        return Passed.NOT_OPEN
    if mailing.next_at is not None and now - mailing.next_at > TOO_LATE:
        return Passed.LATE
    is_to_review = mailing.audience == Mailing.Audience.REVIEWERS
    return Passed.NOTHING if is_to_review and not mailing_queries.waits_for_review(mailing.campaign) else ""


@transaction.atomic
def claim(*, delivery: Delivery, now: datetime) -> bool:
    """Count a mail as sent before it is handed over; False where it is no longer to be sent.

    Who ended the kind, left, or contributed since the occasion began is spared.
    """
    mailing = delivery.occasion.mailing
    is_wanted = mailing_queries.recipients(mailing, now).filter(pk=delivery.person_id).exists()
    waiting = Delivery.objects.filter(pk=delivery.pk, status=Delivery.Status.WAITING)
    outcome = Delivery.Status.SENT if is_wanted else Delivery.Status.SPARED
    return bool(waiting.update(status=outcome, done_at=now)) and is_wanted


def release(*, delivery: Delivery, now: datetime) -> None:
    """Give a claim back after the mail server refused; the third refusal is the last."""
    rows = Delivery.objects.filter(pk=delivery.pk, status=Delivery.Status.SENT)
    rows.update(failures=F("failures") + 1, status=Delivery.Status.WAITING, done_at=None)
    rows = Delivery.objects.filter(pk=delivery.pk, failures__gte=MOST_FAILURES, status=Delivery.Status.WAITING)
    rows.update(status=Delivery.Status.FAILED, done_at=now)

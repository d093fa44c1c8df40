"""What the core does in the background, queued by the sweeper where there is need: digests, checks of imports."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from collector import insight_queries, mailing_queries, notice_queries
from collector.actions import flags, invitations, mailings, notices, retention
from collector.actions.subscriptions import unsubscribe_token
from collector.mails import digest_mail, invitation_mail, mailing_mail
from collector.models import MailKind
from jobs.registry import JobContext, periodically, register

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from collector.models import Person

logger = logging.getLogger(__name__)

KIND = "collector.digests"
# Time zones differ by quarters of an hour.
EVERY = timedelta(minutes=15)
# A mail server that refuses so many in a row is down: the next run tries again.
MOST_FAILURES = 3


@dataclass(frozen=True)
class Sent:
    """What a run did."""

    sent: int
    failed: int


def send_due(
    *, now: datetime, clock: Callable[[], datetime] = timezone.now, watch: Callable[[int, int], None] | None = None
) -> Sent:
    """Send each digest that is due; two runs at once, or one after the other, send nobody two.

    Args:
        watch: is told how many people are done, of how many.
    """
    people = list(notice_queries.wanting_digest(now))
    sent = failed = in_a_row = 0
    for number, person in enumerate(people):
        if watch is not None:
            watch(number, len(people))
        outcome = _send(person, clock())
        sent += outcome is True
        failed += outcome is False
        in_a_row = in_a_row + 1 if outcome is False else 0
        if in_a_row == MOST_FAILURES:
            logger.error("the mail server refused %d digests in a row; the next run tries again", in_a_row)
            break
    return Sent(sent, failed)


def _send(person: Person, now: datetime) -> bool | None:
    """Send one person's digest; None where none is due, False where the mail server refused it."""
    claimed = notices.claim_digest(person=person, now=now)
    if claimed is None:
        return None
    path = reverse("unsubscribe", args=[unsubscribe_token(person=person, kind=MailKind.DIGEST)])
    try:
        digest_mail(person=person, notices=claimed.notices, unsubscribe=path).send()
    except OSError as error:  # smtplib's errors are among these
        logger.warning("the digest of %s was not sent: %s", person.handle, error)
        notices.release_digest(claimed=claimed)
        return False
    return True


def is_due(now: datetime) -> bool:
    """Say whether anybody's digest can be sent now."""
    return any(notices.wants_digest_now(person=person, now=now) for person in notice_queries.wanting_digest(now))


@register(KIND)
def send_digests(context: JobContext) -> dict[str, Any]:
    """Send the digests that are due."""
    done = send_due(now=timezone.now(), watch=context.progress)
    return {"sent": done.sent, "failed": done.failed}


periodically(KIND, every=EVERY, is_due=is_due)


# -- Invitations ------------------------------------------------------------------------------------------

INVITATIONS = "collector.invitations"
EVERY_LIST = timedelta(seconds=20)


@register(INVITATIONS)
def mail_invitations(context: JobContext) -> dict[str, Any]:
    """Mail the invitations that wait for it; one that is refused is tried again by a later run."""
    waiting = list(invitations.to_mail(timezone.now()).select_related("invited_by"))
    sent = failed = 0
    for number, invitation in enumerate(waiting):
        context.progress(number, len(waiting))
        token = invitations.claim_mail(invitation=invitation, now=timezone.now())
        if token is None:
            continue
        try:
            invitation_mail(invitation=invitation, token=token).send()
        except OSError as error:  # smtplib's errors are among these
            logger.warning("an invitation was not sent: %s", error)
            invitations.release_mail(invitation=invitation)
            failed += 1
        else:
            sent += 1
        if failed == MOST_FAILURES:
            break
    return {"sent": sent, "failed": failed}


def has_invitations(now: datetime) -> bool:
    """Say whether an invitation waits for its mail."""
    return invitations.to_mail(now).exists()


periodically(INVITATIONS, every=EVERY_LIST, is_due=has_invitations)


# -- Announcements and reminders ------------------------------------------------------------------------------

MAILINGS = "collector.mailings"
EVERY_MAILING = timedelta(minutes=1)


def send_mailings(
    *, clock: Callable[[], datetime] = timezone.now, watch: Callable[[int, int], None] | None = None
) -> Sent:
    """Begin the occasions that are due, then send what waits; two runs at once send nobody two.

    Args:
        watch: is told how many mails are done, of how many.
    """
    for mailing in mailing_queries.due(clock()):
        mailings.begin_occasion(mailing=mailing, now=clock())
    keys = list(mailing_queries.waiting().values_list("pk", flat=True))
    sent = failed = in_a_row = 0
    progress: dict[int, tuple[int, int]] = {}
    for number, delivery in enumerate(mailing_queries.deliveries(keys)):
        if watch is not None:
            watch(number, len(keys))
        mailing = delivery.occasion.mailing
        if mailing.campaign_id not in progress:
            progress |= insight_queries.shares([mailing.campaign])
        if not mailings.claim(delivery=delivery, now=clock()):
            continue
        try:
            mailing_mail(mailing=mailing, person=delivery.person, progress=progress[mailing.campaign_id]).send()
        except OSError as error:  # smtplib's errors are among these
            logger.warning("a mail to %s was not sent: %s", delivery.person.handle, error)
            mailings.release(delivery=delivery, now=clock())
            failed, in_a_row = failed + 1, in_a_row + 1
        else:
            sent, in_a_row = sent + 1, 0
        if in_a_row == MOST_FAILURES:
            logger.error("the mail server refused %d mails in a row; the next run tries again", in_a_row)
            break
    return Sent(sent, failed)


@register(MAILINGS)
def mail_mailings(context: JobContext) -> dict[str, Any]:
    """Send the announcements and reminders that are due."""
    done = send_mailings(watch=context.progress)
    return {"sent": done.sent, "failed": done.failed}


def has_mailings(now: datetime) -> bool:
    """Say whether an announcement or a reminder is due, or its mails wait."""
    return mailing_queries.due(now).exists() or mailing_queries.waiting().exists()


periodically(MAILINGS, every=EVERY_MAILING, is_due=has_mailings)


# -- Findings in what was imported ------------------------------------------------------------------------

CHECKS = "collector.checks"


@register(CHECKS)
def check_imports(context: JobContext) -> dict[str, Any]:
    """Check the current revisions that were not checked yet."""
    total = flags.unchecked().count()
    done = 0

    def tell(number: int) -> None:
        nonlocal done
        done += number
        context.progress(done, total)

    outcome = flags.check_revisions(on_progress=tell)
    return {"revisions": outcome.revisions, "flagged": outcome.flagged}


def has_unchecked(now: datetime) -> bool:  # noqa: ARG001 - as the sweeper asks
    """Say whether a current revision was not checked yet."""
    return flags.unchecked().exists()


periodically(CHECKS, every=EVERY, is_due=has_unchecked)


# -- Forgetting -------------------------------------------------------------------------------------------

RETENTION = "collector.retention"


@register(RETENTION)
def forget_expired(context: JobContext) -> dict[str, Any]:  # noqa: ARG001 - as handlers are called
    """Forget what is older than the settings say."""
    return dict(retention.apply_retention(now=timezone.now()))


periodically(RETENTION, every=timedelta(days=1), is_due=retention.is_anything_expired)

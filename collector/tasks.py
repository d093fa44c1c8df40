"""What the core does in the background, queued by the sweeper where there is need: digests, checks of imports."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from collector import notice_queries
from collector.actions import flags, notices
from collector.mails import digest_mail
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
    path = reverse("digest-unsubscribe", args=[notices.unsubscribe_token(person)])
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

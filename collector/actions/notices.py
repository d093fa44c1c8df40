"""Telling people what happened to their work, and the daily digest's one claim on a day.

The functions that tell are called in the transaction in which the thing happens: nobody hears of what was rolled back.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Q

from collector.models import Digest, Notice, Person, Role, Submission
from collector.notice_queries import news_for_digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from collector.models import Review

Kind = Notice.Kind
VERDICTS: dict[str, Kind] = {
    Submission.Status.APPROVED: Kind.APPROVED,
    Submission.Status.REJECTED: Kind.REJECTED,
    Submission.Status.CHANGES_REQUESTED: Kind.CHANGES_REQUESTED,
}
DIGEST_HOUR = 8


def notify(
    *,
    people: Iterable[Person],
    kind: Kind,
    now: datetime,
    submission: Submission | None = None,
    text: str = "",
    by: Person | None = None,
) -> list[Notice]:
    """Tell people something, each once; never the one who did it, nor anybody who can't sign in.

    Args:
        text: somebody's own words, shown as they are; never a name that the reader may not know.
    """
    told = {person.pk: person for person in people if person.is_active and person != by}
    return Notice.objects.bulk_create(
        [Notice(person=person, kind=kind, submission=submission, text=text, created_at=now) for person in told.values()]
    )


def tell_verdict(*, submission: Submission, review: Review, now: datetime) -> None:
    """Tell the author the verdict that this review brought about, or the leads that reviewers disagree.

    Nothing is told while independent reviews are incomplete: one decision among several must not be seen before the
    others. Call it once the submission has its new state.
    """
    kind = VERDICTS.get(submission.status)
    if kind is not None:
        notify(
            people=[submission.author],
            kind=kind,
            submission=submission,
            text=review.comment,
            by=review.reviewer,
            now=now,
        )
    elif submission.disputed_at == now:
        leads = Person.objects.filter(
            Q(groups__name__in=[Role.LEAD, Role.ADMIN]) | Q(is_superuser=True), is_active=True
        ).exclude(pk=submission.author_id)
        notify(people=leads, kind=Kind.DISPUTED, submission=submission, by=review.reviewer, now=now)


def take_back(*, review: Review) -> None:
    """Remove what was told of a decision that is undone."""
    Notice.objects.filter(
        submission=review.submission_id, kind__in=[*VERDICTS.values(), Kind.DISPUTED], created_at=review.created_at
    ).delete()


def tell_revoked(*, submission: Submission, reason: str, by: Person, now: datetime) -> None:
    """Tell the author that an approval was revoked, and why."""
    notify(people=[submission.author], kind=Kind.REVOKED, submission=submission, text=reason, by=by, now=now)


def tell_edited(*, submission: Submission, by: Person, now: datetime) -> None:
    """Tell the author that a reviewer changed the text."""
    notify(people=[submission.author], kind=Kind.EDITED, submission=submission, by=by, now=now)


# -- Reading ----------------------------------------------------------------------------------------------


def mark_read(*, notice: Notice, by: Person, now: datetime) -> None:
    """Note that the person has seen one of their notices."""
    Notice.objects.filter(pk=notice.pk, person=by, read_at=None).update(read_at=now)


def mark_all_read(*, by: Person, now: datetime, until: datetime) -> int:
    """Note that the person has seen their notices up to a moment: one that came since the page was made stays new."""
    return Notice.objects.filter(person=by, read_at=None, created_at__lte=until).update(read_at=now)


# -- The daily digest -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClaimedDigest:
    """A person's digest of a day, which nobody else will send, and what it tells, newest first."""

    digest: Digest
    person: Person
    notices: list[Notice]


def wants_digest_now(*, person: Person, now: datetime) -> bool:
    """Say whether the person wants digests, it is 8:00 or later where they are, and today's was not sent."""
    local = now.astimezone(zoneinfo.ZoneInfo(person.time_zone))
    if not (person.wants_digest and person.is_active) or local.hour < DIGEST_HOUR:
        return False
    return not Digest.objects.filter(person=person, day=local.date()).exists()


def claim_digest(*, person: Person, now: datetime) -> ClaimedDigest | None:
    """Claim the person's digest of their local day; None where it is not wanted, not yet 8:00, sent, or has no news.

    The row that says "sent" is committed before the mail goes out: of two workers at once only one gets it, and a
    crash in between costs that day's mail, whose news still stand in the app, rather than sending it twice.
    """
    if not wants_digest_now(person=person, now=now):
        return None
    notices = list(news_for_digest(now).filter(person=person).select_related("submission__category", "person"))
    if not notices:
        return None
    day = now.astimezone(zoneinfo.ZoneInfo(person.time_zone)).date()
    try:
        with transaction.atomic():
            digest = Digest.objects.create(person=person, day=day, sent_at=now)
            Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(mailed_at=now)
    except IntegrityError:
        return None
    return ClaimedDigest(digest, person, notices)


@transaction.atomic
def release_digest(*, claimed: ClaimedDigest) -> None:
    """Give a claim back after the mail server refused, so that the next run tries again."""
    Notice.objects.filter(pk__in=[notice.pk for notice in claimed.notices]).update(mailed_at=None)
    claimed.digest.delete()

"""Who is looking at which item: the leases beneath the queue and the decisions; for actions only.

Every transaction locks in one order, so that none waits for another that waits for it: records, then people, then
leases. Where people are locked before a record, the record is passed over if another has it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from collector.models import Campaign, Person, ReviewLease, Submission

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

LONGEST_LOOK = 3600


def held_by_another(*, submission: Submission, by: Person, now: datetime) -> bool:
    """Say whether the queue keeps the item for somebody else now."""
    return ReviewLease.objects.filter(submission=submission, expires_at__gt=now).exclude(reviewer=by).exists()


def held_by(*, by: Person, now: datetime) -> UUID | None:
    """Return the submission of the lease that the reviewer holds now; one row by its index, however long the queue."""
    leases = ReviewLease.objects.filter(reviewer=by, expires_at__gt=now)
    return leases.values_list("submission_id", flat=True).first()


def serialize(*, by: Person) -> None:
    """Let one reviewer's tabs take items one after the other; locks their row until the transaction ends.

    An item that is to be waited for is locked before: whoever decides one locks it first and people afterwards.
    """
    # Not FOR UPDATE: a decision by the same person refers to this row and must not wait, or both would dead-lock.
    Person.objects.select_for_update(no_key=True).values_list("pk").get(pk=by.pk)


def hand_out(*, submission: Submission, by: Person, now: datetime, since: datetime | None = None) -> Submission:
    """Keep the item, whose row the caller has locked, for the reviewer alone, for the campaign's lease from now.

    Args:
        since: when they got it; by default the time of a lease that they still hold, or now.
    """
    for lease in _locked(ReviewLease.objects.filter(Q(reviewer=by) | Q(submission=submission))):
        if lease.submission_id != submission.pk:
            lease.delete()
        elif since is None and lease.reviewer_id == by.pk and lease.expires_at > now:
            since = lease.taken_at
    since = since or now
    ReviewLease.objects.bulk_create(
        [
            ReviewLease(
                submission=submission,
                reviewer=by,
                taken_at=since,
                expires_at=now + timedelta(minutes=submission.campaign.lease_minutes),
            )
        ],
        update_conflicts=True,
        unique_fields=["submission"],
        update_fields=["reviewer", "taken_at", "expires_at"],
    )
    return submission


def taken_at(*, submission: Submission, by: Person) -> datetime | None:
    """Return when the queue gave the reviewer the item; None where it didn't."""
    return ReviewLease.objects.filter(submission=submission, reviewer=by).values_list("taken_at", flat=True).first()


def seconds_held(*, submission: Submission, by: Person, now: datetime) -> int | None:
    """Return the whole seconds from the handing out to ``now``.

    None where nothing was handed out, and for more than an hour: the page was left open meanwhile.
    """
    since = taken_at(submission=submission, by=by)
    if since is None:
        return None
    seconds = int((now - since).total_seconds())
    return seconds if 0 <= seconds <= LONGEST_LOOK else None


def end(*, submission: Submission) -> None:
    """Give the item back."""
    ReviewLease.objects.filter(submission=submission).delete()


def end_all(*, campaign: Campaign) -> None:
    """Give all items of a campaign back."""
    _locked(ReviewLease.objects.filter(submission__campaign=campaign))
    ReviewLease.objects.filter(submission__campaign=campaign).delete()


def _locked(leases: QuerySet[ReviewLease]) -> list[ReviewLease]:
    # Two reviewers may be about to take what the other held: in one order, one waits and neither for the other.
    return list(leases.order_by("pk").select_for_update(of=("self",)))

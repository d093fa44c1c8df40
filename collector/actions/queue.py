"""The reviewer's queue: which item comes next, for whom it is kept, and passing one by.

An item is kept for one reviewer at a time, also where several decide it independently: one after the other, none
seeing what the others decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from collector import queue_queries
from collector.actions import gold, leases
from collector.actions.reviews import locked_for_review, require_reviewer, require_waiting
from collector.models import Campaign, Person, ReviewLease, ReviewSkip, Role, Submission

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from collector.models.submissions import SubmissionQuerySet


@transaction.atomic
def lease_next(*, by: Person, now: datetime, campaign: Campaign | None = None) -> Submission | None:
    """Give the reviewer the item they hold, or the next one, and keep it for them.

    Leads get what reviewers disagree on first. Then comes the campaign of the item that waits longest, in that
    campaign's own order; in its place, at the campaign's rate, a gold item. Items they skipped come last. Returns
    None where nothing is left for them to decide.
    """
    require_reviewer(by)
    leases.serialize(by=by)
    waiting = Submission.objects.reviewable_by(by, now).select_related("campaign")
    if campaign is not None:
        waiting = waiting.filter(campaign=campaign)
    holds = leases.held_by(by=by, now=now)
    if holds is not None:
        held = waiting.filter(pk=holds).first() or gold.held(by=by, now=now)
        if held is not None and campaign in (None, held.campaign):
            return leases.hand_out(submission=held, by=by, now=now)
    passed: list[UUID] = []
    while (item := _pick(waiting.exclude(pk__in=passed), by=by)) is not None:
        # The row was chosen by what was true before it was locked: another may have taken the item in between.
        if not leases.held_by_another(submission=item, by=by, now=now):
            break
        passed.append(item.pk)
    if item is None:
        return None
    if item.disputed_at is None:
        item = gold.due(by=by, campaign=item.campaign, now=now) or item
    return leases.hand_out(submission=item, by=by, now=now)


def _pick(waiting: SubmissionQuerySet, *, by: Person) -> Submission | None:
    """Choose the next item and lock its row; rows that others are taking at this moment are passed over."""
    skipped = ReviewSkip.objects.filter(reviewer=by)
    fresh = waiting.exclude(pk__in=skipped.values("submission"))
    disputed = _first(fresh.filter(disputed_at__isnull=False), "disputed_at") if by.has_role(Role.LEAD) else None
    return (
        disputed
        or _by_campaign(fresh.filter(disputed_at=None))
        or _first(waiting.filter(skips__reviewer=by), "skips__at")
    )


def _by_campaign(fresh: SubmissionQuerySet) -> Submission | None:
    # Locked where it is found: in a queue by age it is the next one, in any other it says whose turn it is.
    oldest = _first(fresh, "submitted_at")
    if oldest is not None and oldest.campaign.queue_order != Campaign.QueueOrder.OLDEST:
        for narrowed in queue_queries.in_order(fresh.filter(campaign=oldest.campaign), oldest.campaign):
            item = _first(narrowed, "submitted_at")
            if item is not None:
                return item
    return oldest


def _first(waiting: SubmissionQuerySet, order: str) -> Submission | None:
    # Keys alone: where all that waits is sorted, the whole rows of a long queue would be sorted on the disk.
    keys = waiting.order_by(order, "id").select_for_update(of=("self",), no_key=True, skip_locked=True)
    key = keys.values_list("pk", flat=True).first()
    return None if key is None else Submission.objects.select_related("campaign").get(pk=key)


@transaction.atomic
def renew_lease(*, submission: Submission, by: Person, now: datetime) -> Submission:
    """Keep the item for the reviewer for the campaign's whole lease from now.

    Raises:
        NotAReviewer, OwnWork, NeedsLead, Locked, LeasedToAnother, AlreadyDecided: the item can't be theirs.
    """
    require_reviewer(by)
    submission = locked_for_review(submission.pk)
    leases.serialize(by=by)
    if gold.gold_for(submission=submission, by=by) is None:
        require_waiting(submission=submission, by=by, now=now)
    return leases.hand_out(submission=submission, by=by, now=now)


@transaction.atomic
def skip(*, submission: Submission, by: Person, now: datetime) -> None:
    """Pass an item by: it goes back to the queue for the others and comes last for this reviewer."""
    require_reviewer(by)
    ReviewLease.objects.filter(submission=submission, reviewer=by).delete()
    ReviewSkip.objects.update_or_create(submission=submission, reviewer=by, defaults={"at": now})

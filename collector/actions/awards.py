"""The ledger's only writers; called inside the transaction of what they reward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from collector.actions import standings
from collector.models import Award, Review, Submission

if TYPE_CHECKING:
    from datetime import datetime

REVIEW_POINTS = 2


def award_approval(*, submission: Submission, review: Review, now: datetime) -> Award:
    """Give the author the category's points for the approval that ``review`` completed."""
    return _given(
        person_id=submission.author_id,
        points=submission.category.points,
        reason=Award.Reason.APPROVED,
        submission=submission,
        review=review,
        now=now,
    )


def award_review(*, submission: Submission, review: Review, now: datetime) -> Award:
    """Give the reviewer the points for a decision, whichever way it went."""
    return _given(
        person_id=review.reviewer_id,
        points=REVIEW_POINTS,
        reason=Award.Reason.REVIEWED,
        submission=submission,
        review=review,
        now=now,
    )


def _given(
    *, person_id: int, points: int, reason: Award.Reason, submission: Submission, review: Review, now: datetime
) -> Award:
    # The approval that may follow is the author's: both are held at once, in the same order as everywhere.
    standings.hold([submission.author_id, review.reviewer_id])
    award = Award.objects.create(
        person_id=person_id,
        points=points,
        reason=reason,
        campaign_id=submission.campaign_id,
        category_id=submission.category_id,
        submission=submission,
        review=review,
        created_at=now,
    )
    standings.post([award])
    return award


def _taken_back(award: Award, now: datetime) -> Award:
    """Write the negative row; the database refuses a second one."""
    return Award.objects.create(
        person_id=award.person_id,
        points=-award.points,
        reason=award.reason,
        rule_version=award.rule_version,
        campaign_id=award.campaign_id,
        category_id=award.category_id,
        submission_id=award.submission_id,
        review_id=award.review_id,
        revokes=award,
        created_at=now,
    )


def revoke_standing_awards(*, submission: Submission, now: datetime, void_reviews: bool = False) -> list[Award]:
    """Take back what the submission's approval earned its author.

    Args:
        void_reviews: take back, too, what reviewers earned for decisions that have been voided.
    """
    given = Award.objects.filter(submission=submission, revokes=None, revoked_by=None).order_by("person_id", "pk")
    ground = Q(reason=Award.Reason.APPROVED)
    if void_reviews:
        ground |= Q(reason=Award.Reason.REVIEWED, review__voided_at__isnull=False)
    awards = list(given.filter(ground))
    standings.hold([submission.author_id, *(award.person_id for award in awards)])
    taken = [_taken_back(award, now) for award in awards]
    standings.post(taken)
    return taken

"""The ledger's only writers; called inside the transaction of what they reward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from collector.models import Award, Review, Submission

if TYPE_CHECKING:
    from datetime import datetime

REVIEW_POINTS = 2


def award_approval(*, submission: Submission, review: Review, now: datetime) -> Award:
    """Give the author the category's points for the approval that ``review`` completed."""
    return Award.objects.create(
        person_id=submission.author_id,
        points=submission.category.points,
        reason=Award.Reason.APPROVED,
        campaign_id=submission.campaign_id,
        category_id=submission.category_id,
        submission=submission,
        review=review,
        created_at=now,
    )


def award_review(*, submission: Submission, review: Review, now: datetime) -> Award:
    """Give the reviewer the points for a decision, whichever way it went."""
    return Award.objects.create(
        person_id=review.reviewer_id,
        points=REVIEW_POINTS,
        reason=Award.Reason.REVIEWED,
        campaign_id=submission.campaign_id,
        category_id=submission.category_id,
        submission=submission,
        review=review,
        created_at=now,
    )


def revoke_award(*, award: Award, now: datetime) -> Award:
    """Take one standing award back by a negative row; the database refuses a second one."""
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
    standing = Award.objects.filter(submission=submission, revokes=None, revoked_by=None)
    ground = Q(reason=Award.Reason.APPROVED)
    if void_reviews:
        ground |= Q(reason=Award.Reason.REVIEWED, review__voided_at__isnull=False)
    return [revoke_award(award=award, now=now) for award in standing.filter(ground)]

"""The ledger's only writers; called inside the transaction of what they reward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F, Q

from collector.actions import standings
from collector.models import Award, Review, Submission
from collector.periods import day_of, zone_of
from collector.point_queries import (
    given_for_pairs,
    given_for_reviews,
    own_near_duplicate,
    rules_in_force,
    rules_of,
)
from collector.points import Worth, stars_of, within, worth_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from collector.points import Detail

Reason = Award.Reason


def award_approval(*, submission: Submission, review: Review, now: datetime) -> Award:
    """Give the author the pair's points for the approval that ``review`` completed.

    By the rules under which it was begun, times the rating of those who approved it; nothing where another approved
    pair of the author's asks nearly the same, and no more than the limit of the day on which it was sent.
    """
    standings.hold([submission.author_id, review.reviewer_id])
    rules = rules_of(submission.rule_version)
    approving = Review.objects.standing().filter(revision=review.revision_id, decision=Review.Decision.APPROVE)
    worth = worth_of(
        rules=rules,
        category=submission.category,
        lacking=submission.lacking_percent,
        stars=stars_of(approving.values_list("rating", flat=True)),
    )
    points, detail = worth.points, worth.detail
    near = own_near_duplicate(submission)
    if near is not None:
        points, detail = 0, {**detail, "near": str(near)}
    elif rules.day_limit is not None and submission.submitted_at is not None:
        zone = zone_of(submission.campaign.time_zone)
        given = given_for_pairs(submission.author, day_of(submission.submitted_at, zone), zone)
        points, detail = _limited(worth, given=given, limit=rules.day_limit)
    return _given(
        person_id=submission.author_id,
        points=points,
        reason=Reason.APPROVED,
        submission=submission,
        review=review,
        rule_version=rules.number,
        detail=detail,
        now=now,
    )


def award_review(*, submission: Submission, review: Review, now: datetime) -> Award:
    """Give the reviewer the points for a decision, whichever way it went, up to the limit of a day."""
    others = submission.reviews.values_list("reviewer_id", flat=True) if review.is_last_word else []
    # The approval that may follow is the author's, and a last word may overturn others' decisions: all are held at
    # once, in the same order as everywhere.
    standings.hold([submission.author_id, review.reviewer_id, *others])
    rules = rules_in_force()
    full = rules.review_points
    given = (
        given_for_reviews(review.reviewer_id, now, zone_of(submission.campaign.time_zone))
        if rules.review_day_limit is not None
        else 0
    )
    points, detail = _limited(Worth(points=full, detail={"full": full}), given=given, limit=rules.review_day_limit)
    return _given(
        person_id=review.reviewer_id,
        points=points,
        reason=Reason.REVIEWED,
        submission=submission,
        review=review,
        rule_version=rules.number,
        detail=detail,
        now=now,
    )


def _limited(worth: Worth, *, given: int, limit: int | None) -> tuple[int, Detail]:
    points = within(worth.points, given=given, limit=limit)
    if limit is None or points == worth.points:
        return points, worth.detail
    return points, {**worth.detail, "limit": limit}


def overturn(*, submission: Submission, reviews: Iterable[Review], by: Review | None, now: datetime) -> list[Award]:
    """Let decisions that turned out otherwise lose what they earned and, as their rules say, more.

    Args:
        reviews: the decisions that were overturned.
        by: the last word that did it, whose undoing takes the loss back; None where an admin revoked the approval,
            which takes what was earned back by itself.
    """
    earned = {
        award.review_id: award
        for award in Award.objects.filter(review__in=list(reviews), reason=Reason.REVIEWED, revokes=None)
    }
    losses = []
    for review in sorted(reviews, key=lambda one: one.reviewer_id):
        award = earned.get(review.pk)
        if award is None:
            continue
        penalty = rules_of(award.rule_version).overturned_points
        had = award.points if by is not None else 0
        if had or penalty:
            losses.append(
                _given(
                    person_id=review.reviewer_id,
                    points=-(had + penalty),
                    reason=Reason.OVERTURNED,
                    submission=submission,
                    review=by or review,
                    rule_version=award.rule_version,
                    detail={"earned": had, "penalty": penalty},
                    now=now,
                )
            )
    return losses


def _given(
    *,
    person_id: int,
    points: int,
    reason: Award.Reason,
    submission: Submission,
    review: Review,
    rule_version: int,
    detail: Detail,
    now: datetime,
) -> Award:
    award = Award.objects.create(
        person_id=person_id,
        points=points,
        reason=reason,
        rule_version=rule_version,
        campaign=submission.campaign,
        category_id=submission.category_id,
        submission=submission,
        review=review,
        detail=detail,
        created_at=now,
    )
    standings.post([award])
    return award


def _taken_back(award: Award, now: datetime) -> Award:
    """Write the row of the other sign; the database refuses a second one."""
    return Award.objects.create(
        person_id=award.person_id,
        points=-award.points,
        reason=award.reason,
        rule_version=award.rule_version,
        campaign=award.campaign,
        category_id=award.category_id,
        submission_id=award.submission_id,
        review_id=award.review_id,
        revokes=award,
        created_at=now,
    )


def revoke_standing_awards(*, submission: Submission, now: datetime, void_reviews: bool = False) -> list[Award]:
    """Take back what the submission's approval earned its author.

    Args:
        void_reviews: take back, too, what reviewers earned for decisions that have been voided, and what others lost
            by them.
    """
    given = Award.objects.filter(submission=submission, revokes=None, revoked_by=None).order_by("person_id", "pk")
    ground = Q(reason=Reason.APPROVED)
    if void_reviews:
        ground |= Q(reason=Reason.REVIEWED, review__voided_at__isnull=False)
        # One's own decision is the ground of a loss by an admin's word, which stays.
        ground |= Q(reason=Reason.OVERTURNED, review__voided_at__isnull=False) & ~Q(review__reviewer=F("person"))
    awards = list(given.filter(ground).select_related("campaign"))
    standings.hold([submission.author_id, *(award.person_id for award in awards)])
    taken = [_taken_back(award, now) for award in awards]
    standings.post(taken)
    return taken

"""What reviewers' decisions amount to: one decision in itself, and the verdict that several make together."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from collector.actions import badges
from collector.actions.awards import award_approval, overturn
from collector.actions.notices import tell_verdict
from collector.actions.submissions import record
from collector.actions.telling import tell_decided
from collector.models import Event, Review, ReviewReason, Submission
from collector.text import is_blank, normalize_newlines, validate_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

Status = Submission.Status
Decision = Review.Decision
RATINGS = range(1, 6)
STATUS_AFTER = {
    Decision.APPROVE: Status.APPROVED,
    Decision.REJECT: Status.REJECTED,
    Decision.REQUEST_CHANGES: Status.CHANGES_REQUESTED,
}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One decision with its reasons, ratings and words, checked."""

    decision: str
    reasons: list[str]
    rating: int | None
    rating_instruction: int | None
    rating_response: int | None
    comment: str

    def is_said_by(self, review: Review) -> bool:
        """Say whether a review says just this."""
        return all(getattr(review, field.name) == getattr(self, field.name) for field in fields(self))


def checked_judgement(
    *,
    decision: str,
    reasons: Sequence[str] = (),
    rating: int | None = None,
    rating_instruction: int | None = None,
    rating_response: int | None = None,
    comment: str = "",
) -> Judgement:
    """Check what a reviewer sent.

    The overall rating is the one given, else the mean of the two parts, halves rounded up, where both are given.

    Raises:
        ValidationError: with one message list per field.
    """
    errors: dict[str, list[str]] = {}
    if decision not in Decision.values:
        errors["decision"] = [_("Choose approve, reject or request changes.")]
    unknown = sorted(set(reasons) - set(ReviewReason.values))
    if unknown:
        errors["reasons"] = [_("Unknown reason: %(codes)s.") % {"codes": ", ".join(unknown)}]
    ratings = {"rating": rating, "rating_instruction": rating_instruction, "rating_response": rating_response}
    for name, given in ratings.items():
        if given is not None and given not in RATINGS:
            errors[name] = [_("A rating goes from 1 to 5.")]
    comment = normalize_newlines(comment)
    try:
        validate_text(comment)
    except ValidationError as error:
        errors["comment"] = error.messages
    if not errors and decision != Decision.APPROVE and not reasons and is_blank(comment):
        errors["comment"] = [_("Tell the author why: choose a reason or write a comment.")]
    if errors:
        raise ValidationError(errors)
    if rating is None and rating_instruction is not None and rating_response is not None:
        rating = (rating_instruction + rating_response + 1) // 2
    return Judgement(
        decision=decision,
        reasons=list(dict.fromkeys(reasons)),
        rating=rating,
        rating_instruction=rating_instruction,
        rating_response=rating_response,
        comment=comment,
    )


def verdict_of(*, submission: Submission, review: Review) -> str | None:
    """Return the decision that the submission's status follows from now; None while it waits for more.

    * A lead's last word is the verdict.
    * Where reviewers decide independently, it takes the campaign's number of standing decisions, all equal.
    * Else enough approvals approve, and any other decision decides at once.
    """
    if review.is_last_word:
        return review.decision
    standing = Review.objects.standing().filter(revision=review.revision)
    if submission.campaign.is_independent:
        decisions = list(standing.values_list("decision", flat=True))
        is_complete = len(decisions) >= submission.campaign.reviews_wanted
        return decisions[0] if is_complete and len(set(decisions)) == 1 else None
    if review.decision != Decision.APPROVE:
        return review.decision
    approvals = standing.filter(decision=Decision.APPROVE).count()
    return review.decision if approvals >= submission.campaign.approvals_required else None


def is_split(*, submission: Submission, review: Review) -> bool:
    """Say whether all independent reviewers have decided the revision, and not all the same."""
    if review.is_last_word or not submission.campaign.is_independent:
        return False
    decisions = list(Review.objects.standing().filter(revision=review.revision).values_list("decision", flat=True))
    return len(decisions) >= submission.campaign.reviews_wanted and len(set(decisions)) > 1


def apply_decision(*, submission: Submission, review: Review, now: datetime) -> None:
    """Give the locked submission the state that its decisions amount to, with its history and the author's points."""
    before = submission.status
    verdict = verdict_of(submission=submission, review=review)
    split = is_split(submission=submission, review=review)
    if verdict is not None:
        submission.status = STATUS_AFTER[Decision(verdict)]
        submission.approved_at = now if verdict == Decision.APPROVE else None
        submission.disputed_at = None
    elif split:
        submission.disputed_at = now
    if verdict is not None or split:
        submission.updated_at = now
        submission.save(update_fields=["status", "approved_at", "disputed_at", "updated_at"])
    if verdict == Decision.APPROVE:
        award_approval(submission=submission, review=review, now=now)
        badges.after_approval(submission=submission, now=now)
    elif verdict is not None:
        badges.after_rejection(submission=submission, now=now)
    if review.is_last_word:
        others = Review.objects.standing().filter(revision=review.revision).exclude(decision=review.decision)
        overturn(submission=submission, reviews=others, by=review, now=now)
    record(submission=submission, kind=Event.Kind.REVIEWED, before=before, by=review.reviewer, now=now, review=review)
    if split:
        # Nobody's name: the last of the reviewers did not make the dispute alone.
        record(submission=submission, kind=Event.Kind.DISPUTED, before=submission.status, by=None, now=now)
    tell_verdict(submission=submission, review=review, now=now)
    if verdict is not None:
        tell_decided(submission=submission, now=now)

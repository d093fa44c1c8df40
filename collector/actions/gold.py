"""Gold items: decided submissions whose right decision is known, mixed into a queue to measure its reviewers.

An answer changes nothing about the submission. It earns no points either: the ledger pays for reviews, and an
answer is none.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from collector.actions import leases
from collector.actions.badges import after_gold
from collector.actions.days import mark_day
from collector.actions.reviews import (
    AlreadyDecided,
    locked_for_review,
    locked_for_review_if_free,
    require_not_own,
    require_reviewer,
)
from collector.actions.verdicts import checked_judgement
from collector.errors import Conflict, NotAllowed, Refused
from collector.models import AuditEntry, GoldAnswer, GoldItem, Person, Review, ReviewLease, ReviewSkip, Role, Submission
from collector.text import is_blank, normalize_newlines, validate_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from collector.models import Campaign

Status = Submission.Status
DECIDED = (Status.APPROVED, Status.REJECTED, Status.CHANGES_REQUESTED)


class AnsweredBefore(Conflict):
    """Reviewers were measured by another right answer, which would change under them."""

    code = "answered_before"


def _open_to(by: Person) -> QuerySet[GoldItem]:
    """Those that can still measure the person: not their own, never decided, answered or passed by by them."""
    return (
        GoldItem.objects.filter(
            retired_at=None,
            submission__status__in=DECIDED,
            revision__number=F("submission__revision_number"),
        )
        .exclude(created_by=by)
        .exclude(submission__author=by)
        .exclude(submission__import_batch__by=by)
        .exclude(revision__created_by=by)
        .exclude(pk__in=GoldAnswer.objects.filter(reviewer=by).values("gold"))
        .exclude(submission__in=Review.objects.filter(reviewer=by).values("submission"))
        .exclude(submission__in=ReviewSkip.objects.filter(reviewer=by).values("submission"))
    )


def gold_for(*, submission: Submission, by: Person) -> GoldItem | None:
    """Return the gold item as which the queue gave this submission to the reviewer, or None for an ordinary one."""
    if submission.status not in DECIDED:
        return None
    mine = _open_to(by).filter(submission=submission, submission__lease__reviewer=by)
    return mine.select_related("submission", "revision").first()


def held(*, by: Person, now: datetime) -> Submission | None:
    """Return the submission of the gold item that the reviewer, who is locked, holds now, its row locked if free."""
    item = _open_to(by).filter(submission__lease__reviewer=by, submission__lease__expires_at__gt=now).first()
    return None if item is None else locked_for_review_if_free(item.submission_id)


def due(*, by: Person, campaign: Campaign, now: datetime) -> Submission | None:
    """Return the gold item that takes the place of the reviewer's next ordinary one, or None where none does.

    Drawn from the reviewer and the number of items that they have dealt with so far, so that asking again gives
    the same answer, while nobody can tell which of their next items it will be.
    """
    if not campaign.gold_percent:
        return None
    turn = (
        Review.objects.filter(reviewer=by).count()
        + GoldAnswer.objects.filter(reviewer=by).count()
        + ReviewSkip.objects.filter(reviewer=by).count()
    )
    if _draw(by, turn, "whether") % 100 >= campaign.gold_percent:
        return None
    others = Q(submission__lease__expires_at__gt=now) & ~Q(submission__lease__reviewer=by)
    possible = _open_to(by).filter(submission__campaign=campaign).exclude(others).order_by("pk")
    choices = list(possible.values_list("submission", flat=True))
    if not choices:
        return None
    submission = locked_for_review_if_free(choices[_draw(by, turn, "which") % len(choices)])
    if submission is None or leases.held_by_another(submission=submission, by=by, now=now):
        return None
    return submission


def _draw(by: Person, turn: int, what: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{what} {by.pk} {turn}".encode()).digest()[:8])


@transaction.atomic
def answer(
    *,
    gold: GoldItem,
    decision: str,
    by: Person,
    now: datetime,
    reasons: Sequence[str] = (),
    rating_instruction: int | None = None,
    rating_response: int | None = None,
    comment: str = "",
) -> GoldAnswer:
    """Record what a reviewer decides on a gold item; the submission stays as it is.

    Raises:
        ValidationError, NotAReviewer, OwnWork: as ``reviews.decide``.
        AlreadyDecided: answered before, or retired, edited or withdrawn meanwhile.
    """
    require_reviewer(by)
    judgement = checked_judgement(
        decision=decision,
        reasons=reasons,
        rating_instruction=rating_instruction,
        rating_response=rating_response,
        comment=comment,
    )
    submission = locked_for_review(gold.submission_id)
    require_not_own(submission=submission, by=by)
    if not _open_to(by).filter(pk=gold.pk).exists():
        raise AlreadyDecided(_("This one is no longer waiting for your decision. Take the next."))
    try:
        with transaction.atomic():
            given = GoldAnswer.objects.create(
                gold=gold,
                reviewer=by,
                decision=judgement.decision,
                reasons=judgement.reasons,
                rating_instruction=judgement.rating_instruction,
                rating_response=judgement.rating_response,
                comment=judgement.comment,
                seconds=leases.seconds_held(submission=submission, by=by, now=now),
                created_at=now,
            )
    except IntegrityError as error:
        raise AlreadyDecided(_("You have already decided this one. It is for others now.")) from error
    after_gold(reviewer=by, now=now)
    ReviewLease.objects.filter(submission=submission, reviewer=by).delete()
    mark_day(person=by, now=now)
    return given


@transaction.atomic
def make_gold(*, submission: Submission, decision: str, why: str, by: Person, now: datetime) -> GoldItem:
    """Fix the right decision on a decided submission, so that the queue can measure reviewers with it.

    A retired gold item comes back into use, with this decision.

    Args:
        why: what a reviewer reads after deciding.

    Raises:
        ValidationError: an unknown decision, or no word on why.
        NotAllowed, OwnWork: for leads and admins, not on their own work.
        Refused: it is not decided yet, or is gold already.
        AnsweredBefore: the retired item measured people by another decision or text.
    """
    _require_lead(by)
    why = normalize_newlines(why)
    if decision not in Review.Decision.values:
        raise ValidationError({"decision": [_("Choose approve, reject or request changes.")]})
    if is_blank(why):
        raise ValidationError({"why": [_("Say why this is right; reviewers read it after deciding.")]})
    validate_text(why)
    submission = locked_for_review(submission.pk)
    require_not_own(submission=submission, by=by)
    if submission.status not in DECIDED:
        raise Refused(_("Only a decided submission can be a gold item. Wait for its verdict."))
    revision = submission.revisions.get(number=submission.revision_number)
    item = GoldItem.objects.filter(submission=submission).first()
    if item is not None and item.retired_at is None:
        raise Refused(_("This submission is a gold item already. Retire it first to change it."))
    fields = {"revision": revision, "decision": decision, "why": why, "created_by": by, "created_at": now}
    if item is None:
        item = GoldItem.objects.create(submission=submission, **fields)
    elif (item.decision, item.revision_id) != (decision, revision.pk) and item.answers.exists():
        raise AnsweredBefore(
            _("Reviewers were measured on this one with another right decision or text. Choose another submission.")
        )
    else:
        for name, value in {**fields, "retired_at": None}.items():
            setattr(item, name, value)
        item.save()
    _note("gold.made", item, by=by, now=now, detail={"decision": decision})
    return item


@transaction.atomic
def retire_gold(*, gold: GoldItem, by: Person, now: datetime) -> GoldItem:
    """Take a gold item out of the queues; the answers so far stay. Retiring twice is the same as once."""
    _require_lead(by)
    submission = locked_for_review(gold.submission_id)
    gold = GoldItem.objects.get(pk=gold.pk)
    if gold.retired_at is not None:
        return gold
    gold.retired_at = now
    gold.save(update_fields=["retired_at"])
    leases.end(submission=submission)
    _note("gold.retired", gold, by=by, now=now)
    return gold


def _require_lead(by: Person) -> None:
    if not by.has_role(Role.LEAD):
        raise NotAllowed(_("Only a campaign lead can choose gold items."))


def _note(verb: str, item: GoldItem, *, by: Person, now: datetime, detail: dict[str, str] | None = None) -> None:
    target = f"submission {item.submission_id}"
    AuditEntry.objects.create(by=by, verb=verb, target=target, detail=detail or {}, at=now)

"""Decisions on revisions: making one, undoing it, and revoking an approval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from collector.actions import badges, leases, notices, standings
from collector.actions.awards import award_review, overturn, revoke_standing_awards
from collector.actions.campaigns import require_not_closed
from collector.actions.days import mark_day
from collector.actions.submissions import Locked, record
from collector.actions.verdicts import Judgement, apply_decision, checked_judgement
from collector.errors import Conflict, NotAllowed, Refused
from collector.models import Campaign, Event, Person, Review, Revision, Role, Submission
from collector.text import is_blank, normalize_newlines, validate_text

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from collector.models.submissions import SubmissionQuerySet

Status = Submission.Status
UNDO_SECONDS = 10
UNDO_BATCH_SECONDS = 600


class NotAReviewer(NotAllowed):
    """The person is neither a reviewer nor a campaign lead."""

    code = "not_a_reviewer"


class OwnWork(NotAllowed):
    """Nobody reviews their own submission, whatever their role."""

    code = "own_work"


class NotYourDecision(NotAllowed):
    """Only who made a decision can undo it."""

    code = "not_your_decision"


class AlreadyDecided(Conflict):
    """The submission no longer waits for this decision."""

    code = "already_decided"


class NeedsLead(AlreadyDecided):
    """All independent reviewers have decided, and a campaign lead has the last word."""

    code = "needs_lead"


class RevisionChanged(Conflict):
    """The author changed the text after the reviewer opened it."""

    code = "revision_changed"


class LeasedToAnother(Conflict):
    """The queue gave the item to another reviewer, who is looking at it now."""

    code = "leased_to_another"


class TooLate(Conflict):
    """The time for an undo is over, or the submission has gone on since."""

    code = "too_late"


@dataclass(frozen=True)
class BatchUndone:
    """What the undo of a batch did: how many decisions were taken back, and which submissions had gone on since."""

    undone: int
    kept: tuple[uuid.UUID, ...]


def require_reviewer(person: Person) -> None:
    """Raise NotAReviewer unless the person reviews: reviewers, campaign leads and admins."""
    if not (person.has_role(Role.REVIEWER) or person.has_role(Role.LEAD)):
        raise NotAReviewer(_("Reviewing needs the reviewer role. A campaign lead or an admin can give it to you."))


def require_not_own(*, submission: Submission, by: Person) -> None:
    """Raise OwnWork where the person wrote or imported the submission."""
    batch = submission.import_batch
    if submission.author_id == by.pk or (batch is not None and batch.by_id == by.pk):
        raise OwnWork(_("You can't review your own submission. Another reviewer will."))


def require_decidable(*, submission: Submission) -> None:
    """Raise Locked or Refused where the record is locked or its campaign isn't open."""
    if submission.locked_at is not None:
        raise Locked(_("This record is locked, so nothing about it can be decided now. A campaign lead can unlock it."))
    if submission.campaign.status != Campaign.Status.OPEN:
        raise Refused(
            _("“%(campaign)s” is not open, so nothing in it can be decided now.")
            % {"campaign": submission.campaign.name}
        )


def require_waiting(*, submission: Submission, by: Person, now: datetime) -> None:
    """Raise what keeps this person from deciding the locked submission's current revision now.

    Raises:
        OwnWork, Locked, LeasedToAnother: as they say.
        AlreadyDecided: it doesn't wait (for them) any more.
        NeedsLead: it waits for a campaign lead who hasn't decided it yet.
    """
    require_not_own(submission=submission, by=by)
    if has_decided(submission=submission, by=by):
        raise AlreadyDecided(_("You have already decided this one. It is for others now."))
    if submission.status != Status.SUBMITTED:
        raise AlreadyDecided(_decided_message(submission))
    require_decidable(submission=submission)
    if submission.disputed_at is not None and not by.has_role(Role.LEAD):
        raise NeedsLead(_("All reviewers have decided this one; a campaign lead has the last word. Take the next."))
    if leases.held_by_another(submission=submission, by=by, now=now):
        raise LeasedToAnother(_("Another reviewer is looking at this one now. Take the next."))


def _require_seen(submission: Submission, revision_number: int) -> None:
    if submission.status == Status.SUBMITTED and submission.revision_number != revision_number:
        raise RevisionChanged(_("This text was changed after you opened it. Please look at the new version."))


def has_decided(*, submission: Submission, by: Person) -> bool:
    """Say whether the person's decision on the current revision stands."""
    # By the revision: SQLite would else read all the reviewer's decisions, of which there may be tens of thousands.
    current = submission.revisions.filter(number=submission.revision_number)
    return Review.objects.standing().filter(revision__in=current, reviewer=by).exists()


def _decided_message(submission: Submission) -> str:
    """Say that the item is decided, by whom and how; neither where others have yet to decide independently."""
    if submission.campaign.is_independent:
        return _("This submission is no longer waiting for decisions. Take the next.")
    last = submission.events.select_related("by").order_by("-pk").first()
    known = {
        "status": submission.get_status_display().lower(),
        "time": last.at.strftime("%Y-%m-%d %H:%M") if last else "",
    }
    if last is None or last.by is None or last.kind != Event.Kind.REVIEWED:
        return _("This submission is no longer waiting: it is %(status)s.") % known
    return _("%(person)s was faster: this submission is %(status)s since %(time)s UTC.") % {
        "person": last.by.display_name,
        **known,
    }


def locked_for_review(submission_id: uuid.UUID) -> Submission:
    """Return the submission with its row locked, and what the rules of review read of it; for actions only."""
    return _locked_rows().get(pk=submission_id)


def locked_for_review_if_free(submission_id: uuid.UUID) -> Submission | None:
    """Return the same, or None where another has the row: for actions that have locked a person already."""
    return _locked_rows(skip_locked=True).filter(pk=submission_id).first()


def _locked_rows(*, skip_locked: bool = False) -> SubmissionQuerySet:
    rows = Submission.objects.select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)
    return rows.select_related("campaign", "category", "import_batch")


@transaction.atomic
def decide(
    *,
    submission: Submission,
    revision_number: int,
    decision: str,
    by: Person,
    now: datetime,
    reasons: Sequence[str] = (),
    rating: int | None = None,
    rating_instruction: int | None = None,
    rating_response: int | None = None,
    comment: str = "",
    batch: uuid.UUID | None = None,
) -> Review:
    """Record a reviewer's decision on the revision they saw, and what follows from it (see ``verdicts``).

    Where the submission is disputed, this is a lead's last word. A resend gives the first's answer.

    Args:
        rating: overall, 1 to 5; by default the rounded mean of the two parts, where both are given.
        batch: shared by decisions that were made, and are undone, together.

    Raises:
        ValidationError: a field is not right.
        NotAReviewer, OwnWork, NeedsLead: the person may not decide this.
        RevisionChanged: the author changed the text since; look again.
        Locked, LeasedToAnother: as they say.
        AlreadyDecided: someone was faster, or this reviewer has already decided this revision otherwise.
    """
    require_reviewer(by)
    judgement = checked_judgement(
        decision=decision,
        reasons=reasons,
        rating=rating,
        rating_instruction=rating_instruction,
        rating_response=rating_response,
        comment=comment,
    )
    submission = locked_for_review(submission.pk)
    require_not_own(submission=submission, by=by)
    try:
        _require_seen(submission, revision_number)
        require_waiting(submission=submission, by=by, now=now)
    except (AlreadyDecided, RevisionChanged):
        # Looked for only now: hardly any decision is sent twice. A batch tells of each item what it did itself.
        before = None if batch else _said_before(submission, revision_number, judgement, by)
        if before is None:
            raise
        return before
    review = _save_review(submission, revision_number, judgement, by, now, batch)
    award_review(submission=submission, review=review, now=now)
    apply_decision(submission=submission, review=review, now=now)
    mark_day(person=by, now=now)
    leases.end(submission=submission)
    return review


def _said_before(submission: Submission, revision_number: int, judgement: Judgement, by: Person) -> Review | None:
    """Return the person's decision that this one repeats, word for word, as where its answer was lost."""
    if submission.status == Status.SUBMITTED and submission.disputed_at is not None and by.has_role(Role.LEAD):
        return None  # it may be meant as the last word, which it can't be any more
    revision = submission.revisions.filter(number=revision_number)
    said = Review.objects.standing().filter(revision__in=revision, reviewer=by).select_related("revision", "reviewer")
    return next((review for review in said if judgement.is_said_by(review)), None)


def _save_review(
    submission: Submission,
    revision_number: int,
    judgement: Judgement,
    by: Person,
    now: datetime,
    batch: uuid.UUID | None,
) -> Review:
    revision = Revision.objects.get(submission=submission, number=revision_number)
    try:
        with transaction.atomic():
            return Review.objects.create(
                submission=submission,
                revision=revision,
                reviewer=by,
                author_id=submission.author_id,
                decision=judgement.decision,
                reasons=judgement.reasons,
                rating=judgement.rating,
                rating_instruction=judgement.rating_instruction,
                rating_response=judgement.rating_response,
                seconds=None if batch else leases.seconds_held(submission=submission, by=by, now=now),
                batch=batch,
                is_last_word=submission.disputed_at is not None,
                comment=judgement.comment,
                created_at=now,
            )
    except IntegrityError as error:
        raise AlreadyDecided(_("You have already decided this one. It is for others now.")) from error


@transaction.atomic
def undo(*, review: Review, by: Person, now: datetime) -> Submission:
    """Take one's own decision back within ``UNDO_SECONDS``: state and points are as before, and the item is theirs.

    A text that was edited with the decision stays; it waits for review. Undoing twice is the same as once.

    Raises:
        NotYourDecision: another reviewer's.
        TooLate: the seconds are over, or something happened to the submission since.
    """
    if review.reviewer_id != by.pk:
        raise NotYourDecision(_("Only the reviewer who made a decision can undo it."))
    submission = locked_for_review(review.submission_id)
    require_not_closed(submission.campaign)
    standings.hold_all(submissions=[submission.pk], by=by)
    review = Review.objects.select_related("event").get(pk=review.pk)
    if review.voided_at is not None and review.voided_by_id == by.pk:
        return submission
    if now - review.created_at > timedelta(seconds=UNDO_SECONDS):
        raise TooLate(
            _("The ten seconds are over and the decision stands. Write to the author, or ask an admin to revoke it.")
        )
    if not _is_last(submission, review):
        raise TooLate(_("This submission has gone on since your decision, so it can't be undone any more."))
    _take_back(submission=submission, review=review, by=by, now=now)
    if review.batch is None and not leases.held_by_another(submission=submission, by=by, now=now):
        since = now if review.seconds is None else review.created_at - timedelta(seconds=review.seconds)
        leases.hand_out(submission=submission, by=by, now=now, since=since)
    return submission


@transaction.atomic
def undo_batch(*, batch: uuid.UUID, by: Person, now: datetime) -> BatchUndone:
    """Take back the decisions that one act made together, within ``UNDO_BATCH_SECONDS`` of it.

    Submissions that have gone on since keep their decision and are named in the answer.

    Raises:
        NotYourDecision: the person made no such batch.
        TooLate: the minutes are over.
    """
    reviews = list(Review.objects.filter(batch=batch, reviewer=by).select_related("event").order_by("submission_id"))
    if not reviews:
        raise NotYourDecision(_("Only who made these decisions can undo them."))
    if now - max(review.created_at for review in reviews) > timedelta(seconds=UNDO_BATCH_SECONDS):
        raise TooLate(_("The ten minutes are over and these decisions stand. An admin can revoke single approvals."))
    standings.hold_all(submissions=[review.submission_id for review in reviews], by=by)
    undone, kept = 0, []
    for review in reviews:
        submission = locked_for_review(review.submission_id)
        require_not_closed(submission.campaign)
        review.refresh_from_db(fields=["voided_at", "voided_by"])
        if review.voided_at is None and _is_last(submission, review):
            _take_back(submission=submission, review=review, by=by, now=now)
            undone += 1
        elif review.voided_by_id != by.pk:
            kept.append(submission.pk)
    return BatchUndone(undone=undone, kept=tuple(kept))


def _is_last(submission: Submission, review: Review) -> bool:
    """Say whether nothing happened after the decision, but for the dispute that it brought about itself."""
    later = submission.events.filter(pk__gt=review.event.pk)
    return review.voided_at is None and not later.exclude(kind=Event.Kind.DISPUTED, at=review.event.at).exists()


def _take_back(*, submission: Submission, review: Review, by: Person, now: datetime) -> None:
    before = submission.status
    review.voided_at, review.voided_by = now, by
    review.save(update_fields=["voided_at", "voided_by"])
    submission.status = review.event.status_before
    submission.approved_at = submission.disputed_at = None
    if review.is_last_word:
        disputes = submission.events.filter(kind=Event.Kind.DISPUTED, pk__lt=review.event.pk)
        submission.disputed_at = disputes.order_by("-pk").values_list("at", flat=True).first()
    submission.updated_at = now
    submission.save(update_fields=["status", "approved_at", "disputed_at", "updated_at"])
    revoke_standing_awards(submission=submission, now=now, void_reviews=True)
    badges.after_loss(submission=submission, now=now)
    record(submission=submission, kind=Event.Kind.UNDONE, before=before, by=by, now=now)
    notices.take_back(review=review)


@transaction.atomic
def revoke_approval(*, submission: Submission, reason: str, by: Person, now: datetime) -> Submission:
    """Undo an approval: the pair waits for review again, and the points of the author and its reviewers are taken back.

    Raises:
        NotAllowed: the person is not an admin.
        AlreadyDecided: it is not approved (any more).
        Locked: as it says.
        ValidationError: no reason given.
    """
    if not by.has_role(Role.ADMIN):
        raise NotAllowed(_("Only an admin can revoke an approval."))
    if is_blank(reason):
        raise ValidationError({"reason": [_("Say why the approval is revoked; the author will read it.")]})
    validate_text(reason)
    submission = locked_for_review(submission.pk)
    require_not_closed(submission.campaign)
    if submission.status != Status.APPROVED:
        raise AlreadyDecided(_decided_message(submission))
    if submission.locked_at is not None:
        raise Locked(_("This record is locked. Unlock it before you revoke its approval."))
    standing = Review.objects.standing().filter(submission=submission, revision__number=submission.revision_number)
    approving = list(standing.filter(decision=Review.Decision.APPROVE))
    standing.update(voided_at=now, voided_by=by)
    submission.status = Status.SUBMITTED
    submission.approved_at = None
    submission.updated_at = now
    submission.save(update_fields=["status", "approved_at", "updated_at"])
    revoke_standing_awards(submission=submission, now=now, void_reviews=True)
    overturn(submission=submission, reviews=approving, by=None, now=now)
    badges.after_loss(submission=submission, now=now)
    record(
        submission=submission,
        kind=Event.Kind.REVOKED,
        before=Status.APPROVED,
        by=by,
        now=now,
        note=normalize_newlines(reason),
    )
    notices.tell_revoked(submission=submission, reason=normalize_newlines(reason), by=by, now=now)
    return submission

"""A reviewer's edit: a new revision in the reviewer's name of a submission that stays its author's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from collector.actions import leases, standings
from collector.actions.notices import tell_edited
from collector.actions.reviews import (
    AlreadyDecided,
    LeasedToAnother,
    NeedsLead,
    decide,
    has_decided,
    locked_for_review,
    require_decidable,
    require_not_own,
    require_reviewer,
)
from collector.actions.submissions import NotEditable, StaleRevision, new_revision
from collector.errors import Refused
from collector.models import Event, Person, Review, Revision, Role, Submission
from collector.pairs import Pasted

if TYPE_CHECKING:
    from datetime import datetime

    from collector.pairs import Text

Status = Submission.Status


@transaction.atomic
def suggest_edit(*, submission: Submission, base_revision: int, text: Text, by: Person, now: datetime) -> Submission:
    """Replace what a submission says by the reviewer's text, which waits for review; a resend changes nothing.

    The author, their terms and their draft stay. Decisions on the older text no longer count. A lead may edit an
    approved or disputed one, too; the approval, and the author's points for it, end.

    Args:
        base_revision: the number of the revision that the edit began from.

    Raises:
        ValidationError: with messages per field.
        NotAReviewer, OwnWork, NeedsLead, LeasedToAnother, Locked: as they say.
        StaleRevision: the submission has a newer revision.
        NotEditable: it is neither waiting nor approved.
        AlreadyDecided: the reviewer's decision on this text stands; an edit would be a second one.
        Refused: nothing was changed.
    """
    require_reviewer(by)
    submission = locked_for_review(submission.pk)
    require_not_own(submission=submission, by=by)
    text.validate(submission.category)
    current = submission.revisions.filter(number=submission.revision_number).first()
    if current is not None and _is_resend(submission, current, base_revision, text, by):
        return submission
    if current is None or submission.status not in {Status.SUBMITTED, Status.APPROVED}:
        raise NotEditable(
            _("A submission that is %(status)s can't be edited by a reviewer.")
            % {"status": submission.get_status_display().lower()}
        )
    if base_revision != submission.revision_number:
        raise StaleRevision(_("This text was changed after you opened it. Compare before you send your edit."))
    if text.same_as(current):
        raise Refused(_("Nothing was changed yet. Edit the text first."))
    require_decidable(submission=submission)
    _require_turn(submission=submission, by=by, now=now)
    since = leases.taken_at(submission=submission, by=by)
    new_revision(
        submission=submission,
        text=text,
        terms=submission.terms,
        language=current.language,
        # The reviewer's edit starts from this text, and so from what its author pasted into it.
        pasted=Pasted(count=current.pasted_count, characters=current.pasted_characters),
        kind=Event.Kind.EDITED,
        by=by,
        now=now,
    )
    tell_edited(submission=submission, by=by, now=now)
    if since is not None:
        leases.hand_out(submission=submission, by=by, now=now, since=since)
    return submission


def _is_resend(submission: Submission, current: Revision, base_revision: int, text: Text, by: Person) -> bool:
    is_next = base_revision == submission.revision_number - 1
    return is_next and current.created_by_id == by.pk and text.same_as(current)


def _require_turn(*, submission: Submission, by: Person, now: datetime) -> None:
    is_lead = by.has_role(Role.LEAD)
    if not is_lead and submission.status == Status.APPROVED:
        raise NeedsLead(_("This one is approved. Only a campaign lead can edit it now."))
    if not is_lead and submission.disputed_at is not None:
        raise NeedsLead(_("All reviewers have decided this one; a campaign lead has the last word. Take the next."))
    if submission.status == Status.SUBMITTED and has_decided(submission=submission, by=by):
        raise AlreadyDecided(_("You have already decided this one. It is for others now."))
    if leases.held_by_another(submission=submission, by=by, now=now):
        raise LeasedToAnother(_("Another reviewer is looking at this one now. Take the next."))


@transaction.atomic
def edit_and_approve(
    *,
    submission: Submission,
    base_revision: int,
    text: Text,
    by: Person,
    now: datetime,
    rating: int | None = None,
    rating_instruction: int | None = None,
    rating_response: int | None = None,
    comment: str = "",
) -> Review:
    """Edit a waiting submission and approve the edited text, both or neither; a text that is the same is approved.

    Where several reviewers decide, this is the first approval of the new text. A resend gives the first's answer.

    Raises:
        As ``suggest_edit`` and ``reviews.decide``.
    """
    require_reviewer(by)
    submission = locked_for_review(submission.pk)
    standings.hold_all(submissions=[submission.pk], by=by)  # two steps, so everybody before the first
    current = submission.revisions.filter(number=submission.revision_number).first()
    if current is not None and _is_resend(submission, current, base_revision, text, by):
        mine = Review.objects.standing().filter(revision=current, reviewer=by, decision=Review.Decision.APPROVE).first()
        if mine is not None:
            return mine
    if current is None or base_revision != submission.revision_number or not text.same_as(current):
        if submission.status == Status.APPROVED:
            raise AlreadyDecided(_("This one is approved already. Edit it without approving; it will wait for review."))
        submission = suggest_edit(submission=submission, base_revision=base_revision, text=text, by=by, now=now)
    return decide(
        submission=submission,
        revision_number=submission.revision_number,
        decision=Review.Decision.APPROVE,
        by=by,
        now=now,
        rating=rating,
        rating_instruction=rating_instruction,
        rating_response=rating_response,
        comment=comment,
    )

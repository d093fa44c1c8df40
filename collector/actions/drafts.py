"""Keeping what an author types: first drafts, and edits of what was already submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from collector.actions.beginnings import locked, locked_if_any, start
from collector.actions.submissions import (
    NotEditable,
    owned,
    require_unlocked,
    resubmit,
    submit_locked,
    withdraw,
)
from collector.errors import Conflict
from collector.models import Draft, Submission
from collector.pairs import NOTHING_PASTED, Pasted

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from collector.models import Campaign, Category, Passage, Person
    from collector.pairs import Text

Status = Submission.Status


class StaleDraft(Conflict):
    """A newer save exists; ``draft`` holds it, so that both texts can be shown."""

    code = "stale_draft"

    def __init__(self, message: object, draft: Draft) -> None:
        super().__init__(message)
        self.draft = draft


@transaction.atomic
def save_draft(
    *,
    id: uuid.UUID,
    campaign: Campaign,
    category: Category,
    text: Text,
    version: int,
    by: Person,
    now: datetime,
    passage: Passage | None = None,
    pasted: Pasted = NOTHING_PASTED,
) -> Draft:
    """Keep what the author has typed so far; the submission is made at the first save.

    Args:
        version: the draft's version that the page last saw, 0 where it saw none.

    Raises:
        ValidationError: a text can't be stored.
        StaleDraft: a newer save exists (another tab); nothing is overwritten.
        NotEditable: already submitted and no edit was begun, or final.
    """
    text.validate()
    submission = start(id=id, campaign=campaign, category=category, passage=passage, by=by, now=now)
    if not submission.is_editable:
        raise NotEditable(
            _("This submission is %(status)s and can't be edited.")
            % {"status": submission.get_status_display().lower()}
        )
    draft = Draft.objects.filter(submission=submission).first()
    if draft is None:
        if version != 0 or submission.status != Status.DRAFT:
            raise NotEditable(
                _(
                    "This text was already submitted. Open the submission to edit it; "
                    "what you typed is still in front of you."
                )
            )
        return Draft.objects.create(
            submission=submission,
            instruction=text.instruction,
            context=text.context,
            response=text.response,
            language=text.language,
            pasted_count=pasted.count,
            pasted_characters=pasted.characters,
            updated_at=now,
        )
    return _update_draft(
        draft=draft, text=text, version=version, submission=submission, passage=passage, pasted=pasted, now=now
    )


def _update_draft(
    *,
    draft: Draft,
    text: Text,
    version: int,
    submission: Submission,
    passage: Passage | None,
    pasted: Pasted,
    now: datetime,
) -> Draft:
    if draft.version != version:
        if text.same_as(draft):
            return draft  # the answer to an earlier save was lost on its way
        raise StaleDraft(_("This draft was changed in another tab or on another device."), draft)
    # The submission's row is locked, so nobody else counts the version on meanwhile.
    kept = {
        "instruction": text.instruction,
        "context": text.context,
        "response": text.response,
        "language": text.language,
        "pasted_count": pasted.count,
        "pasted_characters": pasted.characters,
        "version": draft.version + 1,
        "updated_at": now,
    }
    for name, value in kept.items():
        setattr(draft, name, value)
    draft.save(update_fields=list(kept))
    submission.updated_at = now
    if passage is not None and submission.status == Status.DRAFT:
        submission.passage = passage
    submission.save(update_fields=["updated_at", "passage"])
    return draft


@transaction.atomic
def begin_edit(*, submission: Submission, by: Person, now: datetime) -> Draft:
    """Open a draft on what the submission says now; the submission keeps its state until it is resubmitted."""
    submission = locked(submission.pk)
    owned(submission=submission, by=by)
    require_unlocked(submission)
    if not submission.is_editable:
        raise NotEditable(
            _("A submission that is %(status)s can't be edited. Write a new one instead.")
            % {"status": submission.get_status_display().lower()}
        )
    draft = Draft.objects.filter(submission=submission).first()
    if draft is None:
        revision = submission.revisions.get(number=submission.revision_number)
        draft = Draft.objects.create(
            submission=submission,
            instruction=revision.instruction,
            context=revision.context,
            response=revision.response,
            language=revision.language,
            # The edit starts from this text, and so from what was pasted into it.
            pasted_count=revision.pasted_count,
            pasted_characters=revision.pasted_characters,
            updated_at=now,
        )
    return draft


@transaction.atomic
def save_edit(
    *,
    submission: Submission,
    base_revision: int,
    text: Text,
    version: int,
    by: Person,
    now: datetime,
    pasted: Pasted = NOTHING_PASTED,
) -> Draft:
    """Keep what the author has typed over a submitted text; the first save begins the edit.

    Args:
        base_revision: the revision that the page showed; a save that arrives after a resubmission is refused.
        version: the draft's version that the page last saw, 0 where it saw none.

    Raises:
        StaleDraft, NotEditable, ValidationError: as ``save_draft``.
    """
    is_first = version == 0 and base_revision == submission.revision_number
    if is_first and not Draft.objects.filter(submission=submission).exists():
        version = begin_edit(submission=submission, by=by, now=now).version
    return save_draft(
        id=submission.pk,
        campaign=submission.campaign,
        category=submission.category,
        text=text,
        version=version,
        by=by,
        now=now,
        pasted=pasted,
    )


def _require_newest(*, id: uuid.UUID, campaign: Campaign, text: Text, version: int, by: Person) -> Submission | None:
    """Return the submission with its row locked, where there is one; refuse where a newer draft would be lost."""
    # The submission's row first, as every save does: two tabs wait for each other instead of dead-locking.
    submission = locked_if_any(id, campaign=campaign)
    if submission is not None and submission.author_id == by.pk:
        draft = Draft.objects.filter(submission=id).first()
        if draft is not None and draft.version != version and not text.same_as(draft):
            raise StaleDraft(_("This draft was changed in another tab or on another device."), draft)
    return submission


@transaction.atomic
def submit_draft(
    *,
    id: uuid.UUID,
    campaign: Campaign,
    category: Category,
    text: Text,
    version: int,
    by: Person,
    now: datetime,
    passage: Passage | None = None,
    source_title: str = "",
    source_url: str = "",
    pasted: Pasted = NOTHING_PASTED,
) -> Submission:
    """Send what the author sees to review, unless a newer text of theirs was saved elsewhere and would be lost.

    Args:
        version: the draft's version that the page last saw, 0 where it saw none.

    Raises:
        StaleDraft: a newer save exists; nothing was sent.
        ValidationError, TermsNotAccepted, CampaignNotOpen, CategoryNotInCampaign, IdTaken: as ``submit``.
    """
    return submit_locked(
        _require_newest(id=id, campaign=campaign, text=text, version=version, by=by),
        id=id,
        campaign=campaign,
        category=category,
        text=text,
        by=by,
        now=now,
        passage=passage,
        source_title=source_title,
        source_url=source_url,
        pasted=pasted,
    )


@transaction.atomic
def resubmit_edit(
    *,
    submission: Submission,
    base_revision: int,
    text: Text,
    version: int,
    by: Person,
    now: datetime,
    pasted: Pasted = NOTHING_PASTED,
) -> Submission:
    """Send an edit to review, unless a newer text of the author's was saved elsewhere and would be lost.

    Raises:
        StaleDraft: a newer save exists; nothing was sent.
        StaleRevision, NotEditable, ValidationError: as ``resubmit``.
    """
    _require_newest(id=submission.pk, campaign=submission.campaign, text=text, version=version, by=by)
    return resubmit(submission=submission, base_revision=base_revision, text=text, by=by, now=now, pasted=pasted)


@transaction.atomic
def discard_draft(*, submission: Submission, by: Person, now: datetime) -> None:
    """Throw an unsent draft away: a first draft is withdrawn, an edit in progress goes back to what was submitted."""
    submission = locked(submission.pk)
    owned(submission=submission, by=by)
    Draft.objects.filter(submission=submission).delete()
    if submission.status == Status.DRAFT:
        withdraw(submission=submission, by=by, now=now)

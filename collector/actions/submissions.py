"""Drafting, submitting, editing and withdrawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from collector.actions import badges, leases, near
from collector.actions.awards import revoke_standing_awards
from collector.actions.beginnings import IdTaken, begun, found, locked, locked_if_any, require_collected
from collector.actions.campaigns import require_language, require_open, require_terms
from collector.actions.days import mark_day
from collector.actions.flags import find_flags
from collector.actions.telling import tell_submitted
from collector.errors import Conflict, NotAllowed, Refused
from collector.models import Campaign, Category, Draft, Event, Passage, Person, Revision, Role, Submission, Terms
from collector.pairs import NOTHING_PASTED, Pasted
from collector.text import fingerprint, instruction_fingerprint, is_blank, normalize_newlines, validate_text

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from collector.pairs import Text

Status = Submission.Status
BY_THE_AUTHOR = (Event.Kind.SUBMITTED, Event.Kind.RESUBMITTED)


class NotEditable(Conflict):
    """The submission's state does not allow a new text."""

    code = "not_editable"


class StaleRevision(Conflict):
    """Somebody changed the submission since the person last saw it."""

    code = "stale_revision"


class Locked(Conflict):
    """A reviewer or lead locked the record."""

    code = "locked"


class NotYours(NotAllowed):
    """Only the author may do this."""

    code = "not_yours"


def owned(*, submission: Submission, by: Person) -> None:
    """Raise NotYours unless the person is the author."""
    if submission.author_id != by.pk:
        raise NotYours(_("Only its author can change a submission."))


def require_unlocked(submission: Submission) -> None:
    """Raise Locked where a reviewer or lead has locked the record."""
    if submission.locked_at is not None:
        raise Locked(_("This record is locked, so it can't be changed now. Your text is kept; ask a campaign lead."))


@transaction.atomic
def submit(
    *,
    id: uuid.UUID,
    campaign: Campaign,
    category: Category,
    text: Text,
    by: Person,
    now: datetime,
    passage: Passage | None = None,
    source_title: str = "",
    source_url: str = "",
    pasted: Pasted = NOTHING_PASTED,
) -> Submission:
    """Send a pair to review. The same id sent twice makes one submission: the second answer is the first's.

    Raises:
        ValidationError: with messages per field; nothing was changed.
        TermsNotAccepted, CampaignNotOpen, CategoryNotInCampaign: as they say.
        IdTaken: the id stands for another text; nothing was overwritten.
    """
    return submit_locked(
        locked_if_any(id, campaign=campaign),
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


def submit_locked(
    submission: Submission | None,
    *,
    id: uuid.UUID,
    campaign: Campaign,
    category: Category,
    text: Text,
    by: Person,
    now: datetime,
    passage: Passage | None,
    source_title: str,
    source_url: str,
    pasted: Pasted,
) -> Submission:
    """Do what ``submit`` does with the submission that ``locked_if_any`` returned; for actions only."""
    text.validate(category)
    for value in (source_title, source_url):
        validate_text(value)
    submission, target = found(submission, by=by), None
    if submission is None:
        target = require_collected(campaign=campaign, category=category, person=by)
        submission = begun(id=id, campaign=campaign, category=category, passage=passage, by=by, now=now, target=target)
    if submission.status != Status.DRAFT:
        first = submission.revisions.filter(number=1).first()
        if first is not None and text.same_as(first):
            return submission
        raise IdTaken(
            _("This pair was already submitted with another text. Open it under “My submissions” to edit it.")
        )
    if target is None or submission.campaign_id != campaign.pk:
        require_collected(campaign=submission.campaign, category=category, person=by)
    require_language(campaign=submission.campaign, language=text.language)
    terms = require_terms(campaign=submission.campaign, person=by)
    submission.category = category
    submission.passage = passage
    submission.source_title = passage.title if passage else source_title
    submission.source_url = passage.url if passage else source_url
    return new_revision(
        submission=submission,
        text=text,
        terms=terms,
        language=text.language or submission.campaign.language,
        pasted=pasted,
        kind=Event.Kind.SUBMITTED,
        by=by,
        now=now,
    )


@transaction.atomic
def resubmit(
    *,
    submission: Submission,
    base_revision: int,
    text: Text,
    by: Person,
    now: datetime,
    pasted: Pasted = NOTHING_PASTED,
) -> Submission:
    """Replace what a submission says by a new revision, which waits for review; an approval, and its points, end.

    Args:
        base_revision: the number of the revision that the edit began from.

    Raises:
        StaleRevision: the submission has a newer revision.
        NotEditable: rejected or withdrawn.
    """
    submission = locked(submission.pk)
    owned(submission=submission, by=by)
    text.validate(submission.category)
    current = submission.revisions.filter(number=submission.revision_number).first()
    if current is not None and base_revision == submission.revision_number - 1 and text.same_as(current):
        return submission  # a resend: the first one got through
    if not submission.is_editable or submission.status == Status.DRAFT or current is None:
        raise NotEditable(
            _("A submission that is %(status)s can't be edited.") % {"status": submission.get_status_display().lower()}
        )
    if base_revision != submission.revision_number:
        raise StaleRevision(
            _("This submission was changed since you opened it. Your text is kept below; compare before you send it.")
        )
    if text.same_as(current):
        raise Refused(_("Nothing was changed yet. Edit the text, then resubmit."))
    require_unlocked(submission)
    require_open(submission.campaign)
    require_language(campaign=submission.campaign, language=text.language)
    terms = require_terms(campaign=submission.campaign, person=by)
    return new_revision(
        submission=submission,
        text=text,
        terms=terms,
        language=text.language or current.language,
        pasted=pasted,
        kind=Event.Kind.RESUBMITTED,
        by=by,
        now=now,
    )


def new_revision(
    *,
    submission: Submission,
    text: Text,
    terms: Terms | None,
    language: str,
    pasted: Pasted,
    kind: Event.Kind,
    by: Person,
    now: datetime,
) -> Submission:
    """Make what the locked submission says from now on, and let it wait for review; for actions only."""
    before = submission.status
    submission.revision_number += 1
    Revision.objects.create(
        submission=submission,
        number=submission.revision_number,
        instruction=text.instruction,
        context=text.context,
        response=text.response,
        language=language,
        fingerprint=fingerprint(instruction=text.instruction, context=text.context, response=text.response),
        instruction_fingerprint=instruction_fingerprint(instruction=text.instruction, context=text.context),
        **text.words(),
        pasted_count=pasted.count,
        pasted_characters=pasted.characters,
        flags=find_flags(submission=submission, text=text),
        created_by=by,
        created_at=now,
    )
    submission.status = Status.SUBMITTED
    submission.terms = terms
    submission.submitted_at = submission.updated_at = now
    submission.approved_at = submission.disputed_at = None
    submission.save()
    if submission.author_id == by.pk:
        # A reviewer's edit leaves what the author is typing at this moment where it is.
        Draft.objects.filter(submission=submission).delete()
    if before == Status.DRAFT:
        # Nobody has read it yet: there is nothing to end, to take back or to replace.
        near.index_new(asked=[(submission.pk, text.instruction, text.context)])
    else:
        near.index(submission=submission, instruction=text.instruction, context=text.context)
        revoke_standing_awards(submission=submission, now=now)
        leases.end(submission=submission)
    if before == Status.APPROVED:
        badges.after_loss(submission=submission, now=now)
    if kind in BY_THE_AUTHOR:
        mark_day(person=by, now=now)
        tell_submitted(submission=submission, now=now)
    record(submission=submission, kind=kind, before=before, by=by, now=now)
    return submission


@transaction.atomic
def withdraw(*, submission: Submission, by: Person, now: datetime) -> Submission:
    """Take a submission back, in any state; later releases leave it out and its points are taken back.

    Withdrawing twice is the same as once.
    """
    submission = locked(submission.pk)
    owned(submission=submission, by=by)
    return _leave(submission, kind=Event.Kind.WITHDRAWN, by=by, now=now)


@transaction.atomic
def take_out(*, submission: Submission, reason: str, by: Person, now: datetime) -> Submission:
    """Take a submission out at the request of a person, its author or somebody it tells of; as if it was withdrawn.

    Later releases leave it out and name it in their CHANGES.md. Files of versions that hold it stay as they are:
    withdraw those versions, too, where they must not be had any longer.

    Raises:
        NotAllowed: the person is not an admin.
        ValidationError: no reason given.
    """
    if not by.has_role(Role.ADMIN):
        raise NotAllowed(_("Only an admin can take a submission out for somebody."))
    if is_blank(reason):
        raise ValidationError({"reason": [_("Say who asked and why; the submission's history keeps it.")]})
    validate_text(reason)
    submission = locked(submission.pk)
    return _leave(submission, kind=Event.Kind.TAKEN_OUT, by=by, now=now, note=normalize_newlines(reason))


def _leave(submission: Submission, *, kind: Event.Kind, by: Person, now: datetime, note: str = "") -> Submission:
    if submission.status == Status.WITHDRAWN:
        return submission
    before = submission.status
    submission.status = Status.WITHDRAWN
    submission.approved_at = submission.disputed_at = None
    submission.updated_at = now
    submission.save(update_fields=["status", "approved_at", "disputed_at", "updated_at"])
    near.forget(submission=submission)
    revoke_standing_awards(submission=submission, now=now)
    leases.end(submission=submission)
    if before == Status.APPROVED:
        badges.after_loss(submission=submission, now=now)
    record(submission=submission, kind=kind, before=before, by=by, now=now, note=note)
    return submission


def record(
    *,
    submission: Submission,
    kind: Event.Kind,
    before: str,
    by: Person | None,
    now: datetime,
    **fields: object,
) -> Event:
    """Write a line of the submission's history; call it in the transaction that changed the submission."""
    return Event.objects.create(
        submission=submission,
        kind=kind,
        by=by,
        at=now,
        revision_number=submission.revision_number,
        status_before=before,
        status_after=submission.status,
        **fields,
    )

"""Locking a record: neither edited nor decided until it is unlocked; its author can still withdraw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from collector.actions import leases
from collector.actions.campaigns import require_not_closed
from collector.actions.reviews import locked_for_review
from collector.actions.submissions import record
from collector.errors import NotAllowed, Refused
from collector.models import Event, Person, Role, Submission

if TYPE_CHECKING:
    from datetime import datetime

Status = Submission.Status


def _require_lead(by: Person) -> None:
    if not by.has_role(Role.LEAD):
        raise NotAllowed(_("Only a campaign lead can lock and unlock records."))


@transaction.atomic
def lock(*, submission: Submission, by: Person, now: datetime) -> Submission:
    """Keep what has been submitted as it is, and take it out of the queue. Locking twice is the same as once.

    Raises:
        NotAllowed: for leads and admins.
        Refused: a draft or a withdrawn one, in which there is nothing to keep.
    """
    _require_lead(by)
    submission = locked_for_review(submission.pk)
    require_not_closed(submission.campaign)
    if submission.locked_at is not None:
        return submission
    if submission.status in {Status.DRAFT, Status.WITHDRAWN}:
        raise Refused(
            _("A submission that is %(status)s can't be locked.") % {"status": submission.get_status_display().lower()}
        )
    submission.locked_at, submission.locked_by, submission.updated_at = now, by, now
    submission.save(update_fields=["locked_at", "locked_by", "updated_at"])
    leases.end(submission=submission)
    record(submission=submission, kind=Event.Kind.LOCKED, before=submission.status, by=by, now=now)
    return submission


@transaction.atomic
def unlock(*, submission: Submission, by: Person, now: datetime) -> Submission:
    """Let a locked record be edited and decided again. Unlocking twice is the same as once.

    Raises:
        NotAllowed: for leads and admins.
    """
    _require_lead(by)
    submission = locked_for_review(submission.pk)
    require_not_closed(submission.campaign)
    if submission.locked_at is None:
        return submission
    submission.locked_at = submission.locked_by = None
    submission.updated_at = now
    submission.save(update_fields=["locked_at", "locked_by", "updated_at"])
    record(submission=submission, kind=Event.Kind.UNLOCKED, before=submission.status, by=by, now=now)
    return submission

"""What other systems of the company are told of submissions: ids and small facts, never texts or people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from webhooks.actions import record
from webhooks.models import Kind

if TYPE_CHECKING:
    from datetime import datetime

    from collector.models import Submission


def tell_submitted(*, submission: Submission, now: datetime) -> None:
    """Record that a revision of the submission waits for review; in the transaction that made it."""
    _tell(Kind.SUBMITTED, submission, now)


def tell_decided(*, submission: Submission, now: datetime) -> None:
    """Record that reviewers decided the submission; in the transaction that decided it."""
    _tell(Kind.DECIDED, submission, now)


def _tell(kind: Kind, submission: Submission, now: datetime) -> None:
    data: dict[str, Any] = {
        "submission": str(submission.pk),
        "revision": submission.revision_number,
        "status": submission.status,
        "campaign": submission.campaign.slug,
        "category": submission.category.slug,
    }
    record(kind=kind, data=data, path=reverse("submission-detail", args=[submission.pk]), now=now)

"""Taking the words out of a record that is gone: its row and history stay, what it said does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from collector.actions import near
from collector.errors import Refused
from collector.holdings import held_by_others
from collector.models import AuditEntry, Draft, Notice, Revision, Submission

if TYPE_CHECKING:
    from datetime import datetime

    from collector.models import Person

REMOVED = "[removed]"


class StillThere(Refused):
    """A record that is not withdrawn keeps its words."""

    code = "still_there"


@transaction.atomic
def blank_texts(*, submission: Submission, by: Person | None, now: datetime) -> int:
    """Blank what a withdrawn record said in all its revisions, messages and reviews' comments.

    Revisions that a dataset version holds keep their words: the version could not be built again without them. Withdraw
    the version, too, where they must not be had any longer. Returns how many revisions were blanked.

    Raises:
        StillThere: the record was not withdrawn or taken out.
    """
    if submission.status != Submission.Status.WITHDRAWN:
        raise StillThere(_("Take the pair out first: only what is withdrawn is blanked."))
    keys = list(submission.revisions.values_list("pk", flat=True))
    free = set(keys) - held_by_others(Revision, keys)
    blanked = Revision.objects.filter(pk__in=free).update(
        instruction="",
        context="",
        response="",
        fingerprint="",
        instruction_fingerprint="",
        instruction_words=0,
        context_words=0,
        response_words=0,
        flags=[],
    )
    Draft.objects.filter(submission=submission).delete()
    Notice.objects.filter(submission=submission).exclude(text="").update(text="")
    submission.comments.update(text=REMOVED)
    submission.reviews.exclude(comment="").update(comment=REMOVED)
    if len(free) == len(keys):
        Submission.objects.filter(pk=submission.pk).update(source_title="", source_url="")
    near.forget(submission=submission)
    detail = {"revisions": blanked, "kept_by_versions": len(keys) - len(free)}
    AuditEntry.objects.create(by=by, verb="submission.blanked", target=str(submission.pk), detail=detail, at=now)
    return blanked

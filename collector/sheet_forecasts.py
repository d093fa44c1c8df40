"""What acts on the sheet will do, and what speaks against them, before anybody presses the button."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, F
from django.utils.translation import gettext as _

from collector.models import Campaign, Review, ReviewLease, Role, Submission

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from collector.models import Person

Status = Submission.Status


class Circumstances:
    """What speaks against deciding or editing some records, as far as reading tells; two queries for all of them.

    The actions have the last word: this is for the sentence before the button, and rows can change in between.
    """

    def __init__(self, person: Person, submissions: Sequence[Submission], now: datetime) -> None:
        self.person = person
        self.is_lead = person.has_role(Role.LEAD)
        ids = [submission.pk for submission in submissions]
        mine = Review.objects.standing().filter(reviewer=person, submission__in=ids)
        mine = mine.filter(revision__number=F("submission__revision_number"))
        self.decided = set(mine.values_list("submission_id", flat=True))
        leases = ReviewLease.objects.filter(submission__in=ids, expires_at__gt=now).exclude(reviewer=person)
        self.leased = set(leases.values_list("submission_id", flat=True))

    def decision_refusal(self, submission: Submission, revision: int) -> str:
        """Say why the person can't decide this revision of the record now; "" where nothing is known against it."""
        if self._is_own(submission):
            return _("your own work")
        if submission.status != Status.SUBMITTED:
            return _("not waiting for review")
        if submission.revision_number != revision:
            return _("changed since you loaded it")
        if submission.pk in self.decided:
            return _("decided by you already")
        return self._refusal(submission)

    def edit_refusal(self, submission: Submission) -> str:
        """Say why the person can't edit the record now; "" where nothing is known against it."""
        if self._is_own(submission):
            return _("your own work")
        if submission.status not in {Status.SUBMITTED, Status.APPROVED}:
            return _("not waiting for review")
        if submission.status == Status.APPROVED and not self.is_lead:
            return _("approved; a campaign lead can edit it")
        if submission.status == Status.SUBMITTED and submission.pk in self.decided:
            return _("decided by you already")
        return self._refusal(submission)

    def _refusal(self, submission: Submission) -> str:
        if submission.locked_at is not None:
            return _("locked")
        if submission.campaign.status != Campaign.Status.OPEN:
            return _("its campaign is not open")
        if submission.disputed_at is not None and not self.is_lead:
            return _("waiting for a campaign lead's last word")
        if submission.pk in self.leased:
            return _("open with another reviewer now")
        return ""

    def _is_own(self, submission: Submission) -> bool:
        batch = submission.import_batch
        return submission.author_id == self.person.pk or (batch is not None and batch.by_id == self.person.pk)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What an act on several records will do: how many it changes, and why it leaves the others."""

    count: int
    possible: int
    reasons: list[tuple[str, int]]

    @property
    def impossible(self) -> int:
        """How many will be left as they are."""
        return self.count - self.possible


def foresee(person: Person, items: Sequence[tuple[uuid.UUID, int]], now: datetime) -> Forecast:
    """Say what deciding these records, each on the revision named, will do; three queries."""
    wanted = dict(items)
    found = list(
        Submission.objects.visible_to(person)
        .filter(pk__in=list(wanted), revision_number__gte=1)
        .select_related("campaign", "import_batch")
    )
    circumstances = Circumstances(person, found, now)
    why = Counter(circumstances.decision_refusal(submission, wanted[submission.pk]) for submission in found)
    possible = why.pop("", 0)
    if len(found) < len(wanted):
        why[_("not there any more")] = len(wanted) - len(found)
    return Forecast(count=len(wanted), possible=possible, reasons=why.most_common())


@dataclass(frozen=True, kw_only=True)
class LastBatch:
    """The person's newest batch of decisions that can still be undone."""

    batch: uuid.UUID
    count: int
    decision: str
    at: datetime


def last_batch(person: Person, now: datetime, seconds: int) -> LastBatch | None:
    """Return the person's newest batch if it was made within ``seconds`` and stands; one query."""
    since = now - timedelta(seconds=seconds)
    found = (
        Review.objects.standing()
        .filter(reviewer=person, batch__isnull=False, created_at__gte=since)
        .order_by()
        .values("batch", "decision", "created_at")
        .annotate(count=Count("pk"))
        .order_by("-created_at")
        .first()
    )
    if found is None or found["batch"] is None:
        return None
    return LastBatch(batch=found["batch"], count=found["count"], decision=found["decision"], at=found["created_at"])

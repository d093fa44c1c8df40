"""How many records a campaign has in each category: exact, or of a large campaign as it was some seconds ago.

Every visit of the start page and every pair that is begun asks for it, and counting grows with the records. So a web
process counts a large campaign once in ``KEPT_SECONDS``.
"""

from __future__ import annotations

from django.core.cache import caches
from django.db.models import Count

from collector.models import Submission

LARGE = 2_000
KEPT_SECONDS = 10
Status = Submission.Status
Counts = dict[tuple[int, str], int]


def counts_of(campaign_id: int) -> Counts:
    """Return the approved and the waiting records by (category id, status); one query, or none where it is kept."""
    key = f"counts:{campaign_id}"
    kept: Counts | None = caches["process"].get(key)
    if kept is not None:
        return kept
    found = {
        (category, status): number
        for category, status, number in Submission.objects.filter(
            campaign=campaign_id, status__in=[Status.APPROVED, Status.SUBMITTED]
        )
        .order_by()
        .values_list("category_id", "status")
        .annotate(Count("pk"))
    }
    if sum(found.values()) >= LARGE:
        caches["process"].set(key, found, KEPT_SECONDS)
    return found


def approved_in(*, campaign_id: int, category_id: int) -> int:
    """Return how many records of a category are approved; one query, or none where it is kept."""
    return counts_of(campaign_id).get((category_id, Status.APPROVED), 0)

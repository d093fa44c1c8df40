"""How many records a campaign has in each category: exact, or of a large campaign as it was some seconds ago.

Every visit of the start page and every pair that is begun asks for it, and counting grows with the records. So a web
process counts a large campaign once in ``KEPT_SECONDS``, and so it does with other things that many pages count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.core.cache import caches
from django.db.models import Count

from collector.models import Submission

if TYPE_CHECKING:
    from collections.abc import Callable

KeyT = TypeVar("KeyT")
LARGE = 2_000
KEPT_SECONDS = 10
Status = Submission.Status
Counts = dict[tuple[int, str], int]


def counts_of(campaign_id: int) -> Counts:
    """Return the approved and the waiting records by (category id, status); one query, or none where it is kept."""
    counted = (
        Submission.objects.filter(campaign=campaign_id, status__in=[Status.APPROVED, Status.SUBMITTED])
        .order_by()
        .values_list("category_id", "status")
        .annotate(Count("pk"))
    )
    return kept_if_large(
        f"counts:{campaign_id}", lambda: {(category, status): number for category, status, number in counted}
    )


def kept_if_large(key: str, count: Callable[[], dict[KeyT, int]]) -> dict[KeyT, int]:
    """Return what ``count`` finds, or found some seconds ago where its numbers come to ``LARGE`` or more."""
    kept: dict[KeyT, int] | None = caches["process"].get(key)
    if kept is not None:
        return kept
    found = count()
    if sum(found.values()) >= LARGE:
        caches["process"].set(key, found, KEPT_SECONDS)
    return found


def approved_in(*, campaign_id: int, category_id: int) -> int:
    """Return how many records of a category are approved; one query, or none where it is kept."""
    return counts_of(campaign_id).get((category_id, Status.APPROVED), 0)

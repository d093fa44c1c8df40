"""The passages and how people took to them, for leads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_safe

from collector import queries
from collector.models import PassageSkip

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.models import Passage
    from collector.views.common import PersonRequest

PAGE_SIZE = 20


@dataclass(frozen=True)
class Row:
    """A passage with its skips: by reason, most frequent first, and those that carry a note."""

    passage: Passage
    reasons: list[tuple[str, int]]
    notes: list[PassageSkip]


@require_safe
def passages(request: PersonRequest) -> HttpResponse:
    """List how often each passage was used and passed by, and why; it does not exist for others than leads."""
    if not request.user.has_role("lead"):
        raise Http404
    page = Paginator(queries.passages_by_skips(), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": [_row(passage) for passage in page.object_list]}
    return render(request, "collector/passages.html", context)


def _row(passage: Passage) -> Row:
    skips = list(passage.skips.all())
    counts = Counter(str(PassageSkip.Reason(skip.reason).label) for skip in skips)
    return Row(passage=passage, reasons=counts.most_common(), notes=[skip for skip in skips if skip.note])

"""A person's own submissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_safe

from collector import queries
from collector.models import Submission

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest

PAGE_SIZE = 20
FIELDS = ("status", "updated_at", "category__name", "draft__instruction")
# What waits for the author comes first.
TABS = ("changes_requested", "draft", "submitted", "approved", "rejected", "withdrawn")


@require_safe
def mine(request: PersonRequest) -> HttpResponse:
    """List the person's submissions, newest change first, with the reviewers' last words."""
    status = request.GET.get("status", "")
    if status and status not in Submission.Status.values:
        raise Http404
    rows = Submission.objects.by(request.user).select_related("category", "draft").only(*FIELDS)
    rows = (rows.filter(status=status) if status else rows).order_by("-updated_at", "id")
    numbers = queries.my_counts(request.user)
    paginator = Paginator(rows, PAGE_SIZE)
    paginator.count = numbers[status or "all"]  # counted once, for the tabs as well
    page = paginator.get_page(request.GET.get("page"))
    items = queries.with_messages(queries.with_text(page.object_list, only=["instruction"]))
    context = {
        "page": page,
        "items": queries.with_last_review(items, request.user),
        "numbers": numbers,
        "tabs": [(value, Submission.Status(value).label, numbers[value]) for value in TABS],
        "status": status,
    }
    return render(request, "collector/mine.html", context)

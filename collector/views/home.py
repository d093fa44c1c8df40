"""The page everybody starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_safe

from collector import queries
from collector.models import Submission
from collector.views.common import current_campaign

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest

SHOWN = 3


@require_safe
def home(request: PersonRequest) -> HttpResponse:
    """Show the categories with what they need, the person's numbers, and what waits for them."""
    campaign = current_campaign(request)
    mine = Submission.objects.by(request.user).select_related("category", "campaign", "draft").order_by("-updated_at")
    attention = mine.filter(status=Submission.Status.CHANGES_REQUESTED)[:SHOWN]
    drafts = mine.filter(status=Submission.Status.DRAFT, draft__isnull=False)[:SHOWN]
    needs = queries.needs(campaign) if campaign else []
    context = {
        "campaign": campaign,
        "needs": needs,
        "wanted": queries.most_needed(needs),
        "approved": sum(need.approved for need in needs),
        "target": sum(need.target for need in needs),
        "numbers": queries.my_numbers(request.user),
        "attention": queries.with_last_review(queries.with_text(attention), request.user),
        "drafts": list(drafts),
    }
    return render(request, "collector/home.html", context)

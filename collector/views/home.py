"""The page everybody starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from collector import queries
from collector.actions import badges
from collector.badge_queries import celebration
from collector.models import Submission
from collector.views.common import current_campaign

if TYPE_CHECKING:
    from collector.views.common import PersonRequest

SHOWN = 3
DRAFT_FIELDS = ("status", "category__slug", "category__name", "campaign__slug", "draft__instruction")
Status = Submission.Status


@require_safe
def home(request: PersonRequest) -> HttpResponse:
    """Show the categories with what they need, the person's numbers, and what waits for them."""
    campaign = current_campaign(request)
    mine = Submission.objects.by(request.user).order_by("-updated_at")
    needs = queries.needs(campaign) if campaign else []
    numbers = queries.my_numbers(request.user)
    attention = drafts = Submission.objects.none()
    if numbers[Status.CHANGES_REQUESTED]:
        attention = mine.filter(status=Status.CHANGES_REQUESTED)[:SHOWN]
    if numbers[Status.DRAFT]:
        begun = mine.filter(status=Status.DRAFT, draft__isnull=False).select_related("category", "campaign", "draft")
        drafts = begun.only(*DRAFT_FIELDS)[:SHOWN]
    context = {
        "celebration": celebration(request.user, numbers["points"], timezone.now()),
        "campaign": campaign,
        "needs": needs,
        "wanted": queries.most_needed(needs),
        "approved": sum(need.approved for need in needs),
        "target": sum(need.target for need in needs),
        "numbers": numbers,
        "attention": queries.with_last_review(queries.with_text(attention, only=["instruction"]), request.user),
        "drafts": list(drafts),
    }
    return render(request, "collector/home.html", context)


@require_POST
def put_away(request: PersonRequest) -> HttpResponse:
    """End the celebration on the start page."""
    badges.put_away(by=request.user, now=timezone.now())
    return HttpResponse() if request.headers.get("HX-Request") == "true" else redirect("home")

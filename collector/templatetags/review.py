"""``{% load review %}``: the rooms of review, and what a lead can do about a submission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from collector.models import GoldItem, Role, Submission
from ui.templatetags.components import tab, tabs

if TYPE_CHECKING:
    from django.template import Context

register = template.Library()

Status = Submission.Status
DECIDED = {Status.APPROVED, Status.REJECTED, Status.CHANGES_REQUESTED}


@register.simple_tag(takes_context=True)
def review_tabs(context: Context, current: str) -> SafeString:
    """Link the rooms of review to each other: the queue, the sheet, agreement, and for leads the passages.

    ``current`` is the name of the address of the room that the page belongs to.
    """
    rooms = [
        ("review-next", _("Queue")),
        ("review-grid", _("Sheet")),
        ("review-agreement", _("Agreement")),
    ]
    if context["request"].user.has_role(Role.LEAD):
        rooms.append(("passages", _("Passages")))
    links = [tab(label, reverse(name), name, current) for name, label in rooms]
    return tabs(SafeString("".join(links)), _("Review"), extra="review-tabs")


@register.inclusion_tag("collector/_lead_tools.html", takes_context=True)
def lead_tools(context: Context, submission: Submission) -> dict[str, Any]:
    """Draw locking, and the right decision of a check; nothing for others, on own work, or where neither fits."""
    person = context["request"].user
    if submission.author_id == person.pk or not person.has_role(Role.LEAD):
        return {"submission": None}
    is_decided = submission.status in DECIDED
    gold = GoldItem.objects.filter(submission=submission, retired_at=None).first() if is_decided else None
    return {
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
        "submission": submission if submission.status not in {Status.DRAFT, Status.WITHDRAWN} else None,
        "is_decided": is_decided,
        "gold": gold,
    }

"""``{% load notices %}``: the bell in the frame around every page."""

from __future__ import annotations

from typing import Any

from django import template

from collector import notice_queries

register = template.Library()


@register.inclusion_tag("collector/notices_bell.html", takes_context=True)
def notices_bell(context: template.Context) -> dict[str, Any]:
    """Link to the notices, with how many are unread, up to nine; one query."""
    request = context["request"]
    unread = notice_queries.unread_of(request.user)
    more = unread > notice_queries.MOST_SHOWN
    return {
        "unread": unread,
        "shown": f"{notice_queries.MOST_SHOWN}+" if more else str(unread),
        "is_here": request.resolver_match is not None and request.resolver_match.view_name == "notices",
    }

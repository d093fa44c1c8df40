"""Badges in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from collector.badge_words import how_to, name_of

if TYPE_CHECKING:
    from collector.models import Badge

register = template.Library()


@register.simple_tag
def badge_name(badge: Badge) -> str:
    """Return a badge's name; its category is read with it."""
    return name_of(badge.kind, badge.category)


@register.simple_tag
def badge_how(badge: Badge) -> str:
    """Tell what the badge is for."""
    return how_to(badge.kind)

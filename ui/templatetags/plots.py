"""Shows plots that ``ui.plots`` drew: ``{% load plots %}`` · ``{% plot chart %}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

if TYPE_CHECKING:
    from ui.plots import Chart

register = template.Library()


@register.inclusion_tag("ui/plot.html")
def plot(chart: Chart, *, level: int = 3) -> dict[str, Any]:
    """Show a chart: its title, its drawing, and folded behind it the same figures as a table, with both as files.

    Args:
        chart: what to show.
        level: of the title's heading, 2 to 4.
    """
    return {"chart": chart, "level": level, "drawings": (("wide", chart.wide), ("narrow", chart.narrow))}

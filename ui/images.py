"""Plots as files: an SVG that stands by itself, with title and legend, and a PNG drawn from it.

A server often has no fonts at all, and then no letter would be drawn. So the house brings Noto Sans (Latin, Greek and
Cyrillic; static/vendor/fonts); other scripts come from the machine's own fonts, where it has some.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from django.template.loader import render_to_string

from ui.plots import CHARACTER, PAINT

if TYPE_CHECKING:
    from ui.plots import Chart

FONTS = Path(__file__).resolve().parent.parent / "static" / "vendor" / "fonts"
FAMILY = "Noto Sans"
MARGIN = 20
TITLE_LINE = 22
TITLE_CHARACTER = 9.0  # a letter's mean width in the title, in SVG units
LEGEND_LINE = 26
SCALE = 2.0  # pixels to an SVG unit: sharp on a slide


def svg(chart: Chart) -> str:
    """Write a chart's wide drawing as a file that needs no page around it."""
    titles = textwrap.wrap(chart.title, int(chart.wide.width / TITLE_CHARACTER)) or [""]
    top = MARGIN + TITLE_LINE * len(titles)
    legend, x = [], float(MARGIN)
    for css, words in chart.legend:
        room = 18 + len(words) * CHARACTER + 18
        if x + room > MARGIN + chart.wide.width and x > MARGIN:
            x, top = float(MARGIN), top + LEGEND_LINE
        places = {"x": x, "y": top + 4, "text_x": x + 18, "text_y": top + 15}
        legend.append({"words": words, "attributes": PAINT.get(css, {}), **places})
        x += room
    top += LEGEND_LINE if legend else 8
    context = {
        "chart": chart,
        "titles": [{"words": line, "y": MARGIN + 15 + TITLE_LINE * number} for number, line in enumerate(titles)],
        "legend": legend,
        "margin": MARGIN,
        "top": top,
        "width": chart.wide.width + 2 * MARGIN,
        "height": top + chart.wide.height + MARGIN,
    }
    return render_to_string("ui/plot_file.svg", context)


def png(chart: Chart, *, uses_system_fonts: bool = True) -> bytes:
    """Draw a chart as a PNG on white."""
    import resvg_py

    picture: bytes = resvg_py.svg_to_bytes(
        svg_string=svg(chart),
        background="#ffffff",
        zoom=SCALE,
        font_files=[str(path) for path in sorted(FONTS.glob("*.ttf"))],
        font_family=FAMILY,
        sans_serif_family=FAMILY,
        skip_system_fonts=not uses_system_fonts,
    )
    return bytes(picture)

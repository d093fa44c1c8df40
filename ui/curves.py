"""Plots over an axis that runs on: columns in two layers, and curves; see ``ui.plots``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ui.plots import AXIS_ROOM, CHARACTER, WIDE, Drawing, Point, Sheet, every_label, frame, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.plots import Axis

TOP_ROOM = 24  # between the sheet's upper edge and the axis' end


@dataclass(frozen=True)
class Curve:
    """A line through places, painted as its class says: plot-line, plot-ahead or plot-even."""

    css: str
    places: Sequence[tuple[float, float]]
    tip: str = ""
    has_line: bool = True
    """False: its places are dots that nothing joins."""


@dataclass(frozen=True)
class Span:
    """A stretch of the lower axis that is tinted, as an interval is."""

    low: float
    high: float
    tip: str = ""


def layered(
    back: Sequence[Point],
    front: Sequence[Point],
    *,
    axis: Axis,
    references: Sequence[tuple[float, str]] = (),
    width: int = WIDE,
) -> Drawing:
    """Draw two figures a place: broad pale columns, and narrow strong ones before them.

    Args:
        back: the pale ones; their labels stand below.
        front: the strong ones, as many.
        axis: of the values.
        references: (height, words) of dashed lines to read against.
        width: in SVG units.
    """
    sheet, left, ground = frame(axis, width)
    each = (width - left) / max(1, len(back))
    every = every_label([point.label for point in back], each)
    for index, (behind, before) in enumerate(zip(back, front, strict=True)):
        x, tip = left + index * each, f"{behind.label} · {behind.shown} · {before.shown}"
        for css, point, share in (("plot-faint", behind, 0.84), ("plot-bar", before, 0.46)):
            tall = axis.at(point.value or 0.0, ground - TOP_ROOM)
            if tall:
                broad = each * share
                sheet.add("rect", css, tip=tip, x=x + (each - broad) / 2, y=ground - tall, width=broad, height=tall)
        if index % every == 0:
            _under(sheet, x + each / 2, ground, behind.label)
    _references(sheet, references, axis, left, ground)
    return sheet.done(ground + AXIS_ROOM - 8)


def curves(
    lines: Sequence[Curve],
    *,
    along: Axis,
    axis: Axis,
    references: Sequence[tuple[float, str]] = (),
    spans: Sequence[Span] = (),
    width: int = WIDE,
) -> Drawing:
    """Draw lines through places.

    Args:
        lines: each from left to right.
        along: the lower axis.
        axis: the upright one.
        references: (height, words) of dashed lines to read against.
        spans: tinted stretches of the lower axis.
        width: in SVG units.
    """
    sheet, left, ground = frame(axis, width)
    room = width - left - 4
    for span in spans:
        begin, end = (left + along.at(place, room) for place in (span.low, span.high))
        sheet.add(
            "rect",
            "plot-span",
            tip=span.tip,
            x=begin,
            y=TOP_ROOM,
            width=max(2.0, end - begin),
            height=ground - TOP_ROOM,
        )
    every = every_label([words for _place, words in along.ticks], room / max(1, len(along.ticks)))
    for index, (place, words) in enumerate(along.ticks):
        if index % every == 0:
            _under(sheet, left + along.at(place, room), ground, words)
    _references(sheet, references, axis, left, ground)
    for line in lines:
        if not line.has_line:
            for x, y in line.places:
                middle = ground - axis.at(y, ground - TOP_ROOM)
                sheet.add("circle", line.css, tip=line.tip, cx=left + along.at(x, room), cy=middle, r=4)
            continue
        places = [
            f"{plain(left + along.at(x, room))},{plain(ground - axis.at(y, ground - TOP_ROOM))}" for x, y in line.places
        ]
        if len(places) > 1:
            sheet.add("polyline", line.css, tip=line.tip, points=" ".join(places))
    return sheet.done(ground + AXIS_ROOM - 8)


def _under(sheet: Sheet, x: float, ground: float, words: str) -> None:
    """Write below the axis, never off the sheet."""
    half = len(words) * CHARACTER / 2
    sheet.words("plot-tick", min(max(x, half), sheet.width - half), ground + 17, words)


def _references(sheet: Sheet, references: Sequence[tuple[float, str]], axis: Axis, left: float, ground: float) -> None:
    for height, words in references:
        y = ground - axis.at(height, ground - TOP_ROOM)
        sheet.add("line", "plot-reference", tip=words, x1=left, x2=sheet.width, y1=y, y2=y)
        sheet.words("plot-note", left + 4, y - 5, words)

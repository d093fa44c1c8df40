"""Plots drawn on the server: pure functions from figures to the shapes of an SVG, which a template writes out.

No style sits in the shapes: they carry classes that plots.css paints for light and dark. Each shape also has plain
presentation attributes, which CSS overrides, so that a downloaded file looks right by itself. Text never shrinks with
the page: every plot is drawn for two widths and the style sheet shows the one that fits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WIDE = 560
NARROW = 340
ROW = 34
TALL_ROW = 50
TEXT_HEIGHT = 13
CHARACTER = 6.9  # a letter's mean width at that height, in SVG units
AXIS_ROOM = 34
PLOT_HEIGHT = 190

INK, SOFT, LINE, ACCENT, MUTED = "#1d1b18", "#5b564e", "#8d887e", "#0b6b62", "#e3e0d9"
FONT = {"font-family": "system-ui, sans-serif", "font-size": str(TEXT_HEIGHT)}
PAINT: dict[str, dict[str, str]] = {
    "plot-label": {"fill": INK, **FONT},
    "plot-value": {"fill": INK, "font-weight": "600", "text-anchor": "end", **FONT},
    "plot-note": {"fill": SOFT, "font-family": "system-ui, sans-serif", "font-size": "12"},
    "plot-tick": {"fill": SOFT, "font-family": "system-ui, sans-serif", "font-size": "12", "text-anchor": "middle"},
    "plot-grid": {"stroke": MUTED, "stroke-width": "1"},
    "plot-reference": {"stroke": LINE, "stroke-width": "1", "stroke-dasharray": "3 4"},
    "plot-interval": {"stroke": ACCENT, "stroke-width": "3", "stroke-linecap": "round", "opacity": "0.45"},
    "plot-dot": {"fill": ACCENT},
    "plot-bar": {"fill": ACCENT},
    "plot-line": {"stroke": ACCENT, "stroke-width": "2", "fill": "none"},
    "plot-good": {"fill": "#1d6b3a"},
    "plot-warn": {"fill": "#c98a3c"},
    "plot-bad": {"fill": "#a12622"},
    "plot-rest": {"fill": LINE},
    "plot-faint": {"fill": "#bfe0da"},
    "plot-faint-line": {"stroke": "#8fc7be", "stroke-width": "1.5", "fill": "none"},
    "plot-ahead": {"stroke": ACCENT, "stroke-width": "2", "stroke-dasharray": "5 4", "fill": "none"},
    "plot-even": {"stroke": LINE, "stroke-width": "1", "stroke-dasharray": "3 4", "fill": "none"},
    "plot-span": {"fill": ACCENT, "opacity": "0.14"},
}


@dataclass(frozen=True)
class Mark:
    """One shape: an SVG element's name, its class, its attributes, its text, and what pointing at it tells."""

    kind: str
    css: str
    attributes: dict[str, str]
    text: str = ""
    tip: str = ""


@dataclass(frozen=True)
class Drawing:
    """Shapes on a sheet of ``width`` by ``height`` SVG units, which are CSS pixels at full size."""

    width: int
    height: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Point:
    """A labelled figure.

    Attributes:
        label: what it is of.
        value: None where there is none; ``note`` then says why.
        low: lower end of its interval, or None.
        high: upper end, or None.
        shown: the figure in words, as people read it.
        note: sample size, or the reason why there is no figure.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    shown: str = ""
    note: str = ""


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``, with ticks as (place, words)."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()

    def at(self, value: float, width: float) -> float:
        """Return how far along ``width`` a value lies; what is off the axis lies at its end."""
        share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share)) * width


@dataclass(frozen=True)
class Cell:
    """A cell of the table behind a plot."""

    text: str
    href: str = ""
    is_number: bool = False


@dataclass(frozen=True)
class Chart:
    """A plot as a page shows it: both drawings, and the same figures as a table.

    Attributes:
        ident: unique on the page; letters, digits and hyphens.
        title: what is shown.
        description: what one sees, for those who don't.
        wide: drawn for WIDE.
        narrow: drawn for NARROW.
        columns: the table's heads.
        rows: the table's rows, the first cell of each being its head.
        data: the same for programs: the heads, then one row each, unrounded, None where there is no figure.
        csv: address of the table as a file, or empty.
        svg: address of the drawing as a file, or empty.
        png: address of it as a picture, or empty.
        is_explained: whether the page shows the description, too; screen readers always get it.
        legend: (class, words) of the colours, where a plot has several.
    """

    ident: str
    title: str
    description: str
    wide: Drawing
    narrow: Drawing
    columns: tuple[Cell, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    data: tuple[tuple[str | float | None, ...], ...] = ()
    csv: str = ""
    svg: str = ""
    png: str = ""
    is_explained: bool = True
    legend: tuple[tuple[str, str], ...] = ()


@dataclass
class Sheet:
    """A drawing that is being made."""

    width: int
    marks: list[Mark] = field(default_factory=list)

    def add(self, kind: str, css: str, *, text: str = "", tip: str = "", **attributes: float | str) -> None:
        """Add a shape; ``_`` in an attribute's name is written as ``-``."""
        placed = {name.replace("_", "-"): plain(value) for name, value in attributes.items()}
        self.marks.append(Mark(kind, css, PAINT.get(css, {}) | placed, text, tip))

    def words(self, css: str, x: float, y: float, text: str, **attributes: str) -> None:
        """Add a text."""
        self.add("text", css, text=text, x=x, y=y, **attributes)

    def done(self, height: float) -> Drawing:
        """Return the drawing."""
        return Drawing(self.width, ceil(height), tuple(self.marks))


def plain(value: float | str) -> str:
    """Write a coordinate with a point, whatever the reader's language."""
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def shortened(text: str, room: float) -> str:
    """Cut a text that needs more than ``room`` SVG units, with an ellipsis."""
    most = max(1, int(room / CHARACTER))
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def nice_axis(
    values: Iterable[float | None], words: Callable[[float], str], *, ticks: int = 4, steps: Sequence[float] = ()
) -> Axis:
    """Return an axis from 0 to a round number that holds all values, ticks at multiples of 1, 2 or 5.

    Args:
        values: what is plotted; None and infinities are passed over.
        words: how a tick is written.
        ticks: about how many intervals between ticks.
        steps: other distances between ticks to choose from, ascending (of seconds: 15, 30, 60 …).
    """
    top = max((value for value in values if value is not None and isfinite(value)), default=0.0)
    if top <= 0:
        return Axis(0.0, 1.0, ((0.0, words(0.0)), (1.0, words(1.0))))
    rough = top / ticks
    power = 10.0 ** floor(log10(rough))
    possible = (*steps, power, 2 * power, 5 * power, 10 * power)
    step = next(step for step in possible if step >= rough * (1 - 1e-9))
    number = ceil(top / step - 1e-9)
    return Axis(0.0, step * number, tuple((step * place, words(step * place)) for place in range(number + 1)))


@dataclass(frozen=True)
class _Rows:
    """Where labels, plot and values of a plot of rows lie."""

    left: float
    right: float
    is_stacked: bool
    height: int

    @classmethod
    def of(cls, labels: Sequence[str], shown: Sequence[str], width: int) -> _Rows:
        is_stacked = width < (WIDE + NARROW) / 2
        if is_stacked:
            return cls(8, width - 8, is_stacked=True, height=TALL_ROW)
        longest = max((len(label) for label in labels), default=0)
        widest = max((len(text) for text in shown), default=0)
        left = min(0.34 * width, longest * CHARACTER) + 16
        return cls(left, width - widest * (CHARACTER + 0.5) - 16, is_stacked=False, height=ROW)

    @property
    def width(self) -> float:
        return self.right - self.left

    def stretches(self, height: float) -> list[tuple[float, float]]:
        """Return from where to where upright lines go: never through labels that stand above their rows."""
        if not self.is_stacked:
            return [(2, height)]
        return [(top + 23, top + 43) for top in range(0, int(height), self.height)]

    def begin(self, sheet: Sheet, index: int, label: str, shown: str) -> float:
        """Write a row's label and figure; returns the height of its middle line."""
        top = index * self.height
        if self.is_stacked:
            room = sheet.width - (len(shown) + 2) * CHARACTER
            sheet.words("plot-label", 0, top + 16, shortened(label, room))
            sheet.words("plot-value", sheet.width, top + 16, shown)
            return top + 33
        middle = top + self.height / 2
        sheet.words("plot-label", 0, middle + 4.5, shortened(label, self.left - 12))
        sheet.words("plot-value", sheet.width, middle + 4.5, shown)
        return middle


def _tick_marks(sheet: Sheet, axis: Axis, rows: _Rows, height: float) -> None:
    for place, words in axis.ticks:
        x = rows.left + axis.at(place, rows.width)
        for top, bottom in rows.stretches(height):
            sheet.add("line", "plot-grid", x1=x, x2=x, y1=top, y2=bottom)
        # Ends stay on the sheet: a centred word would stick out.
        anchor = {axis.low: "start", axis.high: "end"}.get(place, "middle") if rows.is_stacked else "middle"
        sheet.words("plot-tick", x, height + 17, words, text_anchor=anchor)


def dot_interval(
    points: Sequence[Point], *, axis: Axis, references: Sequence[tuple[float, str]] = (), width: int = WIDE
) -> Drawing:
    """Draw one row a figure: a dot, and a line as long as its interval.

    Args:
        points: a point without a value shows its note in the plot's place.
        axis: of the values.
        references: (place, words) of dashed lines to read against.
        width: in SVG units; from about 450 the labels stand beside the plot, else above it.
    """
    sheet = Sheet(width)
    rows = _Rows.of([point.label for point in points], [point.shown for point in points], width)
    height = len(points) * rows.height
    _tick_marks(sheet, axis, rows, height)
    for place, words in references:
        x = rows.left + axis.at(place, rows.width)
        for top, bottom in rows.stretches(height):
            sheet.add("line", "plot-reference", tip=words, x1=x, x2=x, y1=top, y2=bottom)
    for index, point in enumerate(points):
        middle = rows.begin(sheet, index, point.label, point.shown)
        tip = " · ".join(filter(None, [point.label, point.shown, point.note]))
        if point.value is None:
            sheet.words("plot-note", rows.left, middle + 4.5, shortened(point.note, sheet.width - rows.left))
            continue
        if point.low is not None and point.high is not None:
            ends = [rows.left + axis.at(end, rows.width) for end in (point.low, point.high)]
            sheet.add("line", "plot-interval", tip=tip, x1=ends[0], x2=ends[1], y1=middle, y2=middle)
        sheet.add("circle", "plot-dot", tip=tip, cx=rows.left + axis.at(point.value, rows.width), cy=middle, r=5)
    return sheet.done(height + AXIS_ROOM - 8)


def bars(points: Sequence[Point], *, axis: Axis, width: int = WIDE) -> Drawing:
    """Draw one horizontal bar a figure, from the axis' beginning; see ``dot_interval`` for the arguments."""
    sheet = Sheet(width)
    rows = _Rows.of([point.label for point in points], [point.shown for point in points], width)
    height = len(points) * rows.height
    _tick_marks(sheet, axis, rows, height)
    for index, point in enumerate(points):
        middle = rows.begin(sheet, index, point.label, point.shown)
        if point.value is None:
            sheet.words("plot-note", rows.left, middle + 4.5, shortened(point.note, sheet.width - rows.left))
            continue
        tip = " · ".join(filter(None, [point.label, point.shown, point.note]))
        long = axis.at(point.value, rows.width)
        sheet.add("rect", "plot-bar", tip=tip, x=rows.left, y=middle - 7, width=long, height=14, rx=2)
    return sheet.done(height + AXIS_ROOM - 8)


def stacked(
    labels: Sequence[str],
    parts: Sequence[Sequence[float]],
    shown: Sequence[str],
    width: int = WIDE,
    *,
    paint: Sequence[str],
) -> Drawing:
    """Draw what wholes are made of: one bar a row, all of the same length.

    Args:
        labels: of the rows.
        parts: for each row its parts, in the same order everywhere; none negative.
        shown: what stands at each row's end.
        width: in SVG units.
        paint: the parts' classes, in the same order: plot-good, plot-warn, plot-bad, plot-rest or plot-bar.
    """
    sheet = Sheet(width)
    rows = _Rows.of(labels, shown, width)
    for index, (label, row, words) in enumerate(zip(labels, parts, shown, strict=True)):
        middle = rows.begin(sheet, index, label, words)
        total, begin = sum(row), rows.left
        for css, part in zip(paint, row, strict=True):
            if not total or not part:
                continue
            long = rows.width * part / total
            # A gap of one unit tells neighbours apart where colour does not.
            sheet.add("rect", css, x=begin, y=middle - 7, width=max(0.5, long - 1), height=14)
            begin += long
    return sheet.done(len(labels) * rows.height + 4)


def frame(axis: Axis, width: int) -> tuple[Sheet, float, float]:
    """Begin a plot with an upright axis; returns the sheet, its left edge and its ground line."""
    sheet, ground = Sheet(width), float(PLOT_HEIGHT)
    left = max((len(words) for _place, words in axis.ticks), default=0) * CHARACTER + 12
    for place, words in axis.ticks:
        y = ground - axis.at(place, ground - 24)
        sheet.add("line", "plot-grid", x1=left, x2=width, y1=y, y2=y)
        sheet.words("plot-tick", left - 8, y + 4, words, text_anchor="end")
    return sheet, left, ground


def columns(points: Sequence[Point], *, axis: Axis, width: int = WIDE) -> Drawing:
    """Draw upright bars side by side, as of a histogram; labels that would touch are thinned out."""
    sheet, left, ground = frame(axis, width)
    each = (width - left) / max(1, len(points))
    every = every_label([point.label for point in points], each)
    for index, point in enumerate(points):
        tall = axis.at(point.value or 0.0, ground - 24)
        x = left + index * each
        tip = " · ".join(filter(None, [point.label, point.shown, point.note]))
        if tall:
            gap = min(8.0, each * 0.12)
            sheet.add("rect", "plot-bar", tip=tip, x=x + gap, y=ground - tall, width=each - 2 * gap, height=tall)
        if point.shown and each > len(point.shown) * CHARACTER:
            sheet.words("plot-tick", x + each / 2, ground - tall - 6, point.shown)
        if index % every == 0:
            sheet.words("plot-tick", x + each / 2, ground + 17, point.label)
    return sheet.done(ground + AXIS_ROOM - 8)


def line(points: Sequence[Point], *, axis: Axis, width: int = WIDE) -> Drawing:
    """Draw a line through figures in their order; where one is missing, the line is broken."""
    sheet, left, ground = frame(axis, width)
    each = (width - left) / max(1, len(points))
    every = every_label([point.label for point in points], each)
    runs: list[list[str]] = [[]]
    for index, point in enumerate(points):
        x = left + (index + 0.5) * each
        if index % every == 0:
            sheet.words("plot-tick", x, ground + 17, point.label)
        if point.value is None:
            runs.append([])
            continue
        y = ground - axis.at(point.value, ground - 24)
        runs[-1].append(f"{plain(x)},{plain(y)}")
        sheet.add("circle", "plot-dot", tip=f"{point.label} · {point.shown}", cx=x, cy=y, r=3)
    for run in runs:
        if len(run) > 1:
            sheet.add("polyline", "plot-line", points=" ".join(run))
    return sheet.done(ground + AXIS_ROOM - 8)


def every_label(labels: Sequence[str], each: float) -> int:
    """Return how many places apart labels must stand so that none touch."""
    longest = max((len(label) for label in labels), default=0)
    return max(1, ceil((longest + 1.5) * CHARACTER / each))

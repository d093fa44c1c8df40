"""The agreement page's plots, each with the table behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from collector.agreement import words
from collector.agreement.measures import ALPHAS, MEANS, SHARES, Measure
from ui.plots import NARROW, WIDE, Axis, Cell, Chart, Point, columns, dot_interval, nice_axis, stacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.agreement.report import Report, Row

MOST_ROWS = 25  # in a plot; the table has all
BINS = 10
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SECONDS = (5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)  # between ticks of time
# Column names of files are not translated: programs read them.
DATA_HEADS = ("name", "measure", "value", "low", "high", "size", "counted", "gap")
PART_CODES = (0, 2, 1)  # Row.mix in the order it is drawn: approved, changes requested, rejected
PARTS_PAINT = ("plot-good", "plot-warn", "plot-bad")


@dataclass(frozen=True)
class Entry:
    """A row with its name, and where its name leads."""

    name: str
    row: Row
    href: str = ""


@dataclass(frozen=True)
class Files:
    """Addresses of a chart as files."""

    csv: str = ""
    svg: str = ""


def axis_for(measure: Measure, rows: Sequence[Row]) -> Axis:
    """Return the axis on which all rows of a measure can be compared."""
    estimates = [row.measures[measure] for row in rows]
    if measure in ALPHAS:
        lows = [end for estimate in estimates for end in (estimate.value, estimate.low) if end is not None]
        # Below 0 is disagreement beyond chance: rare, so the axis goes there only when a figure does.
        below = max(0, math.ceil(-5 * min(lows, default=0.0)))
        ticks = [-place / 5 for place in range(below, 0, -1)] + [*TICKS]
        return Axis(ticks[0], 1.0, tuple((place, words.number(place, 1)) for place in ticks))
    if measure in MEANS:
        return Axis(1.0, 5.0, tuple((float(place), str(place)) for place in range(1, 6)))
    if measure in SHARES:
        return Axis(0.0, 1.0, tuple((place, words.percent(place)) for place in TICKS))
    ends = [end for estimate in estimates for end in (estimate.value, estimate.high)]
    return nice_axis(ends, words.duration, steps=SECONDS)


def dots(
    *, ident: str, title: str, measure: Measure, entries: Sequence[Entry], axis: Axis, files: Files, explained: bool
) -> Chart:
    """Draw one measure, one row an entry; ``explained`` says below the title how to read it."""
    points = [_point(entry, measure) for entry in entries[:MOST_ROWS]]
    references = []
    if measure in ALPHAS:
        references = [
            (words.TENTATIVE, _("0.667: enough for tentative conclusions")),
            (words.FIRM, _("0.8: enough to rely on")),
        ]
    wide, narrow = (dot_interval(points, axis=axis, references=references, width=width) for width in (WIDE, NARROW))
    return Chart(
        ident=ident,
        title=title,
        description=_described(measure),
        is_explained=explained,
        wide=wide,
        narrow=narrow,
        columns=(
            Cell(_("Name")),
            Cell(_("Figure"), is_number=True),
            Cell(_("Quartiles") if measure == Measure.SECONDS else _("95% interval"), is_number=True),
            Cell(_("Counted")),
        ),
        rows=tuple(_table_row(entry, measure) for entry in entries),
        data=(DATA_HEADS, *(_data_row(entry, measure) for entry in entries)),
        csv=files.csv,
        svg=files.svg,
    )


def _point(entry: Entry, measure: Measure) -> Point:
    estimate = entry.row.measures[measure]
    return Point(
        label=entry.name,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        shown=words.shown(measure, estimate.value),
        note=words.note(estimate) if estimate.value is not None else words.gap(estimate),
    )


def _table_row(entry: Entry, measure: Measure) -> tuple[Cell, ...]:
    estimate = entry.row.measures[measure]
    return (
        Cell(entry.name, entry.href),
        Cell(words.shown(measure, estimate.value), is_number=True),
        Cell(words.interval(measure, estimate), is_number=True),
        Cell(words.note(estimate)),
    )


def _data_row(entry: Entry, measure: Measure) -> tuple[str | float | None, ...]:
    estimate = entry.row.measures[measure]
    figure = (estimate.value, estimate.low, estimate.high, estimate.size, estimate.counted, estimate.gap or "")
    return (entry.name, str(measure), *figure)


def table_data(entries: Sequence[Entry]) -> tuple[tuple[str | float | None, ...], ...]:
    """Return all measures of the rows, one line each, heads first."""
    return (DATA_HEADS, *(_data_row(entry, measure) for entry in entries for measure in Measure))


def _described(measure: Measure) -> str:
    if measure in ALPHAS:
        return _(
            "Krippendorff's alpha: 1 is perfect agreement, 0 what chance would give. "
            "The line is the 95% interval; right of the second dashed line (0.8) a figure can be relied on, "
            "left of the first (0.667) it can't."
        )
    if measure in MEANS:
        return _("Mean rating from 1 (poor) to 5 (excellent). The line is the 95% interval.")
    if measure == Measure.GOLD:
        return _("How many gold items were decided as the lead had fixed. The line is the 95% interval.")
    if measure == Measure.OVERTURNED:
        return _(
            "How many decisions did not last: approvals revoked, and decisions that a last word or a later review "
            "overruled. The line is the 95% interval."
        )
    return _("Median time from hand-out to decision. Half of the decisions lie on the line.")


def mix(*, ident: str, title: str, entries: Sequence[Entry], files: Files, explained: bool) -> Chart:
    """Draw what decisions each row is made of; see ``dots``."""
    some = [entry for entry in entries if entry.row.decisions]
    labels = [entry.name for entry in some[:MOST_ROWS]]
    parts = [[entry.row.mix[code] for code in PART_CODES] for entry in some[:MOST_ROWS]]
    sizes = [number_format(entry.row.decisions, 0) for entry in some[:MOST_ROWS]]
    wide, narrow = (stacked(labels, parts, sizes, width, paint=PARTS_PAINT) for width in (WIDE, NARROW))
    heads = [_("Approved"), _("Changes requested"), _("Rejected")]
    return Chart(
        ident=ident,
        title=title,
        description=_("Each bar is all decisions of a row; at its end stands how many they are."),
        is_explained=explained,
        wide=wide,
        narrow=narrow,
        columns=(Cell(_("Name")), *(Cell(head, is_number=True) for head in heads)),
        rows=tuple(
            (
                Cell(entry.name, entry.href),
                *(Cell(number_format(entry.row.mix[code], 0), is_number=True) for code in PART_CODES),
            )
            for entry in some
        ),
        data=(
            ("name", "approve", "request_changes", "reject"),
            *(_mix_row(entry) for entry in some),
        ),
        csv=files.csv,
        svg=files.svg,
        legend=tuple(zip(PARTS_PAINT, heads, strict=True)),
    )


def _mix_row(entry: Entry) -> tuple[str | float | None, ...]:
    return (entry.name, *(entry.row.mix[code] for code in PART_CODES))


def ratings(*, ident: str, title: str, counts: Sequence[int], files: Files) -> Chart:
    """Draw how often each rating was given."""
    points = [
        Point(label=str(rating), value=float(count), shown=number_format(count, 0))
        for rating, count in enumerate(counts, start=1)
    ]
    return _histogram(
        ident, title, _("How often each rating was given, from 1 (poor) to 5 (excellent)."), points, files
    )


def times(*, ident: str, title: str, report: Report, files: Files) -> Chart:
    """Draw how long decisions took; the last column holds all that took longer."""
    import numpy as np

    # Nine in ten decisions fill the scale, so that one forgotten tab does not flatten it.
    top = float(np.quantile(report.seconds, 0.9)) if len(report.seconds) else 0.0
    step = nice_axis([top], words.duration, ticks=BINS, steps=SECONDS).ticks[1][0]
    counts = np.bincount(np.minimum(report.seconds / step, BINS).astype(np.int64), minlength=BINS + 1).tolist()
    points = []
    for place, count in enumerate(counts):
        begin = words.duration(place * step)
        label = _("%(time)s+") % {"time": begin} if place == BINS else begin
        points.append(Point(label=label, value=float(count), shown=number_format(count, 0)))
    described = _("How many decisions took how long; each column begins at the time below it.")
    return _histogram(ident, title, described, points, files)


def _histogram(ident: str, title: str, description: str, points: list[Point], files: Files) -> Chart:
    axis = nice_axis([point.value for point in points], lambda value: number_format(value, 0))
    wide, narrow = (columns(points, axis=axis, width=width) for width in (WIDE, NARROW))
    return Chart(
        ident=ident,
        title=title,
        description=description,
        wide=wide,
        narrow=narrow,
        columns=(Cell(_("Value")), Cell(_("How often"), is_number=True)),
        rows=tuple((Cell(point.label), Cell(point.shown, is_number=True)) for point in points),
        data=(("value", "count"), *((point.label, point.value) for point in points)),
        csv=files.csv,
        svg=files.svg,
    )

"""The plots of pace and of composition, each with the table behind it; those of people and review are next door."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from collector.insights import words
from collector.insights.report import WEEK
from ui import frames
from ui.curves import Curve, Span, curves, layered
from ui.plots import Axis, Chart, Point, bars, columns, nice_axis, stacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from collector.insights.report import Line, Report
    from ui.frames import Data
    from ui.plots import Drawing

BOUNDS = (5, 10, 20, 40, 80, 160, 320)  # words of a response, up to each and above the last
# databricks-dolly-15k as first released (2023-04-12), 15,015 rows: median words between white space of a response.
# https://huggingface.co/datasets/databricks/databricks-dolly-15k
DOLLY = 31
DOLLY_BY_CATEGORY = {
    "brainstorming": 37,
    "classification": 14,
    "closed_qa": 18,
    "creative_writing": 118,
    "general_qa": 75,
    "information_extraction": 19,
    "open_qa": 25,
    "summarization": 54,
}
MOST_TICKS = 6


@dataclass(frozen=True)
class Frame(frames.Frame):
    """A frame that knows how counts are drawn."""

    def counted(
        self,
        found: Sequence[tuple[str, int]],
        heads: tuple[str, str],
        *,
        upright: bool = False,
        total: int = 0,
        code: str = "name",
    ) -> Chart:
        """Draw one bar a count; with ``total``, its share stands beside it."""
        shown = [
            words.number(count) + (f" · {words.percent(count / total)}" if total else "") for _name, count in found
        ]
        points = [Point(name, float(count), shown=text) for (name, count), text in zip(found, shown, strict=True)]
        axis = nice_axis([point.value for point in points], words.number)
        if upright:
            points = [Point(point.label, point.value, shown=words.number(point.value or 0)) for point in points]

        def draw(width: int) -> Drawing:
            return columns(points, axis=axis, width=width) if upright else bars(points, axis=axis, width=width)

        more = [_("Share")] if total else []
        rows = [
            [name, words.number(count), *([words.percent(count / total)] if total else [])] for name, count in found
        ]
        data: list[Data] = [(code, "count", "share") if total else (code, "count")]
        data += [(name, count, count / total) if total else (name, count) for name, count in found]
        return self.chart(draw, [*heads, *more], rows, data)


# -- Pace ----------------------------------------------------------------------------------------------------


def per_day(report: Report, frame: Frame) -> Chart:
    """Draw contributions and approvals against the pace needed."""
    labels = [words.day(stretch.begin) for stretch in report.stretches]
    back = [Point(label, float(s.sent), shown=_sent(s.sent)) for label, s in zip(labels, report.stretches, strict=True)]
    front = [
        Point(label, float(s.approved), shown=_approved(s.approved))
        for label, s in zip(labels, report.stretches, strict=True)
    ]
    needed = report.overall.needed
    line = None if needed is None else needed * (7 if report.is_weekly else 1)
    references = [] if line is None else [(line, _("needed: %(number)s") % {"number": words.rate(line)})]
    axis = nice_axis([*(point.value for point in (*back, *front)), line], words.number)
    data: list[Data] = [("week" if report.is_weekly else "day", "sent", "approved", "needed")]
    data += [(s.begin.isoformat(), s.sent, s.approved, line) for s in report.stretches]
    return frame.chart(
        lambda width: layered(back, front, axis=axis, references=references, width=width),
        [_("Week of") if report.is_weekly else _("Day"), _("Sent"), _("Approved")],
        [[words.day(s.begin), words.number(s.sent), words.number(s.approved)] for s in report.stretches],
        data,
        (("plot-faint", _("Sent")), ("plot-bar", _("Approved"))),
    )


def _sent(number: int) -> str:
    return _("%(number)s sent") % {"number": words.number(number)}


def _approved(number: int) -> str:
    return _("%(number)s approved") % {"number": words.number(number)}


def towards_target(report: Report, frame: Frame) -> Chart:
    """Draw what was approved in all, what is needed from here on, and what the forecast says."""
    overall, today = report.overall, report.facts.today
    done = _cumulated(report)
    first, found = report.days[0], overall.forecast
    ends = [report.days[-1], *(end for end in (report.facts.end, found.day, found.late) if end is not None)]
    # A forecast far away would leave no room for what has been.
    last = min(max(ends), max(report.days[-1], first + 4 * max(report.days[-1] - first, WEEK)))
    lines = [Curve("plot-line", [(_x(day), number) for day, number in done], _("approved in all"))]
    if overall.missing and report.facts.end is not None and report.facts.end > today:
        even = [(_x(today), overall.approved), (_x(report.facts.end), overall.target)]
        lines.append(Curve("plot-even", even, _("needed to end in time")))
    if found.day is not None:
        ahead = [(_x(today), overall.approved), (_x(found.day), overall.target)]
        lines.append(Curve("plot-ahead", ahead, _("forecast")))
    lines = [Curve(line.css, _cut(line.places, _x(last)), line.tip) for line in lines]
    spans = []
    if found.early is not None and found.early <= last:
        late = min(found.late or last, last)
        spans = [Span(_x(found.early), _x(late), _("done in this time, in 8 of 10 futures"))]
    along = Axis(_x(first), max(_x(last), _x(first) + 1), _day_ticks(first, last))
    axis = nice_axis([overall.target, *(number for _day, number in done)], words.number)
    references = [(float(overall.target), _("target: %(number)s") % {"number": words.number(overall.target)})]
    data: list[Data] = [("day", "approved", "target")]
    data += [(day.isoformat(), number, overall.target) for day, number in done]
    return frame.chart(
        lambda width: curves(lines, along=along, axis=axis, references=references, spans=spans, width=width),
        [_("Day"), _("Approved in all")],
        [[words.day(day), words.number(number)] for day, number in done],
        data,
    )


def _x(day: date) -> float:
    return float(day.toordinal())


def _cut(places: Sequence[tuple[float, float]], end: float) -> list[tuple[float, float]]:
    """Return the places up to the end, the last of them where the line leaves."""
    kept = [place for place in places if place[0] <= end]
    for before, after in pairwise(places):
        if before[0] <= end < after[0]:
            share = (end - before[0]) / (after[0] - before[0])
            kept.append((end, before[1] + share * (after[1] - before[1])))
    return kept


def _day_ticks(first: date, last: date) -> tuple[tuple[float, str], ...]:
    count = max(1, (last - first).days)
    step = max(1, -(-count // MOST_TICKS))
    days = [first.fromordinal(first.toordinal() + place) for place in range(0, count + 1, step)]
    return tuple((_x(day), words.day(day)) for day in days)


def _cumulated(report: Report) -> list[tuple[date, int]]:
    """Return what counted towards the targets by the end of each day of the period."""
    done = dict.fromkeys(report.days, 0)
    for target in report.facts.targets:
        pair = (target.campaign, target.category)
        dated = {place[0]: count for place, count in report.facts.approved.items() if place[1:] == pair}
        # What was imported has no day; what came before the period counts from its first day on.
        reached = report.facts.states.get((*pair, "approved"), 0)
        reached -= sum(count for day, count in dated.items() if day >= report.days[0])
        for day in report.days:
            reached += dated.get(day, 0)
            done[day] += min(reached, target.wanted)
    return list(done.items())


def targets(report: Report, frame: Frame) -> Chart:
    """Draw how far each category is."""
    names = report.facts.categories
    labels = [names[line.category] for line in report.lines]
    parts = [_parts(line) for line in report.lines]
    shown = [
        _("%(done)s of %(target)s") % {"done": words.number(line.approved), "target": words.number(line.target)}
        for line in report.lines
    ]
    data: list[Data] = [
        (
            "category",
            "target",
            "approved",
            "waiting",
            "missing",
            "needed_per_day",
            "per_day",
            "done_on",
            "early",
            "late",
        )
    ]
    data += [_line_data(names[line.category], line) for line in report.lines]
    return frame.chart(
        lambda width: stacked(labels, parts, shown, width, paint=("plot-bar", "plot-warn", "plot-faint")),
        [_("Category"), _("Target"), _("Approved"), _("Waiting"), _("Missing")],
        [
            [
                names[line.category],
                *(words.number(part) for part in (line.target, line.approved, line.waiting, line.missing)),
            ]
            for line in report.lines
        ],
        data,
        (("plot-bar", _("Approved")), ("plot-warn", _("Waiting for review")), ("plot-faint", _("Missing"))),
    )


def _parts(line: Line) -> list[float]:
    waiting = min(line.waiting, line.missing)
    return [float(min(line.approved, line.target)), float(waiting), float(line.missing - waiting)]


def _line_data(name: str, line: Line) -> Data:
    found = line.forecast
    days = (found.day, found.early, found.late)
    return (
        *(name, line.target, line.approved, line.waiting, line.missing, line.needed, found.per_day),
        *(day.isoformat() if day else None for day in days),
    )


# -- Composition ---------------------------------------------------------------------------------------------


def by_category(report: Report, frame: Frame) -> Chart:
    """Draw what the texts are made of, by category."""
    found = [(report.facts.categories[key], count) for key, count in report.texts.items()]
    return frame.counted(found, (_("Category"), _("Texts")), total=sum(report.texts.values()), code="category")


def by_language(report: Report, frame: Frame) -> Chart:
    """Draw the texts' languages."""
    total = sum(count for _tag, count in report.languages)
    return frame.counted(report.languages, (_("Language"), _("Texts")), total=total, code="language")


def lengths(report: Report, frame: Frame) -> Chart:
    """Draw how long the responses are."""
    counts = [0] * (len(BOUNDS) + 1)
    for length, count in report.lengths.items():
        counts[sum(length > bound for bound in BOUNDS)] += count
    labels = [f"{low + 1}–{high}" for low, high in pairwise((-1, *BOUNDS))] + [f"{BOUNDS[-1] + 1}+"]
    found = list(zip(labels, counts, strict=True))
    return frame.counted(found, (_("Words"), _("Responses")), upright=True, total=sum(counts), code="words")


def middle_lengths(report: Report, frame: Frame, slugs: Mapping[int, str]) -> Chart:
    """Draw each category's median length, with databricks-dolly-15k's beside it."""
    found = report.middle_lengths
    dolly = {key: DOLLY_BY_CATEGORY.get(slugs.get(key, "")) for key in found}
    names = report.facts.categories
    points = [
        Point(
            names[key],
            value,
            shown=words.rate(value),
            note=_("databricks-dolly-15k: %(number)s") % {"number": dolly[key]} if dolly[key] else "",
        )
        for key, value in found.items()
    ]
    axis = nice_axis([point.value for point in points], words.number)
    data: list[Data] = [("category", "median_words", "dolly_median_words")]
    data += [(names[key], value, dolly[key]) for key, value in found.items()]
    return frame.chart(
        lambda width: bars(points, axis=axis, width=width),
        [_("Category"), _("Median words"), "databricks-dolly-15k"],
        [
            [names[key], words.rate(value), words.number(dolly[key] or 0) if dolly[key] else "–"]
            for key, value in found.items()
        ],
        data,
    )

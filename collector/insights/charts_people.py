"""The plots of people, of review and of reasons; see ``charts``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from collector.insights import words
from collector.insights.measures import TOP
from collector.insights.report import ALL, APPROVE
from collector.models import PassageSkip, Review, ReviewReason
from ui.curves import Curve, curves, layered
from ui.plots import Axis, Chart, Point, bars, dot_interval, nice_axis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.insights.charts import Frame
    from collector.insights.report import Report
    from ui.frames import Data

HOUR = 60 * 60
WAITS = (HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 96 * HOUR, 168 * HOUR)  # seconds, up to each
MOST_PLACES = 100  # of the Lorenz curve in its table; the drawing has all
MOST_REVIEWERS = 25  # in the plot
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def lorenz(report: Report, frame: Frame) -> Chart:
    """Draw what share of the people made what share of the contributions."""
    ticks = tuple((place, words.percent(place)) for place in SHARES)
    axis = Axis(0.0, 1.0, ticks)
    lines = [
        Curve("plot-even", [(0, 0), (1, 1)], _("if all had made the same")),
        Curve("plot-line", report.lorenz, _("what they made")),
    ]
    step = max(1, -(-len(report.lorenz) // MOST_PLACES))
    places = report.lorenz[::step]
    if places and places[-1] != report.lorenz[-1]:
        places.append(report.lorenz[-1])
    data: list[Data] = [("share_of_people", "share_of_contributions"), *report.lorenz]
    return frame.chart(
        lambda width: curves(lines, along=axis, axis=axis, width=width),
        [_("Share of people, from those who made least"), _("Share of contributions")],
        [[words.percent(people), words.percent(made)] for people, made in places],
        data,
    )


def top(report: Report, frame: Frame, names: Mapping[int, str]) -> Chart:
    """Draw who made most."""
    found = [(names.get(person, "–"), count) for person, count in report.makers[:TOP]]
    return frame.counted(found, (_("Name"), _("Contributions")), total=report.contributions)


def weeks(report: Report, frame: Frame) -> Chart:
    """Draw how many people contributed each week."""
    found = [(words.day(week), count) for week, count in report.weeks]
    chart = frame.counted(found, (_("Week of"), _("People")), upright=True)
    return replace(chart, data=(("week", "people"), *((week.isoformat(), count) for week, count in report.weeks)))


def decisions(report: Report, frame: Frame) -> Chart:
    """Draw the decisions of each day, and how many of them approved."""
    labels = [words.day(stretch.begin) for stretch in report.stretches]
    totals = [sum(stretch.decisions.values()) for stretch in report.stretches]
    yes = [stretch.decisions[APPROVE] for stretch in report.stretches]
    back = [
        Point(label, float(count), shown=_("%(number)s decisions") % {"number": words.number(count)})
        for label, count in zip(labels, totals, strict=True)
    ]
    front = [
        Point(label, float(count), shown=_("%(number)s approved") % {"number": words.number(count)})
        for label, count in zip(labels, yes, strict=True)
    ]
    axis = nice_axis([point.value for point in back], words.number)
    data: list[Data] = [("week" if report.is_weekly else "day", *report.stretches[0].decisions)]
    data += [(stretch.begin.isoformat(), *stretch.decisions.values()) for stretch in report.stretches]
    return frame.chart(
        lambda width: layered(back, front, axis=axis, width=width),
        [_("Week of") if report.is_weekly else _("Day"), _("Approved"), _("Changes requested"), _("Rejected")],
        [
            [words.day(stretch.begin), *(words.number(count) for count in stretch.decisions.values())]
            for stretch in report.stretches
        ],
        data,
        (("plot-faint", _("All decisions")), ("plot-bar", _("Approved"))),
    )


def rates(report: Report, frame: Frame) -> Chart:
    """Draw how many of a category's decisions approve, with the interval."""
    from collector.agreement.figures import wilson

    found = []
    for key, mix in report.mixes.items():
        name = _("All categories") if key == ALL else report.facts.categories[key]
        if mix.all:
            found.append((name, mix, mix.approve / mix.all, wilson(mix.approve, mix.all)))
    points = [
        Point(name, share, low, high, words.percent(share), _("%(number)s decisions") % {"number": mix.all})
        for name, mix, share, (low, high) in found
    ]
    axis = Axis(0.0, 1.0, tuple((place, words.percent(place)) for place in SHARES))
    data: list[Data] = [("category", "approval_rate", "low", "high", "approve", "request_changes", "reject")]
    data += [(name, share, *ends, mix.approve, mix.request_changes, mix.reject) for name, mix, share, ends in found]
    return frame.chart(
        lambda width: dot_interval(points, axis=axis, width=width),
        [_("Category"), _("Approval rate"), _("95% interval"), _("Decisions")],
        [
            [
                name,
                words.percent(share),
                _("%(low)s to %(high)s") % {"low": words.percent(low), "high": words.percent(high)},
                words.number(mix.all),
            ]
            for name, mix, share, (low, high) in found
        ],
        data,
    )


def waits(report: Report, frame: Frame) -> Chart:
    """Draw how long texts waited for their verdict."""
    counts = [0] * (len(WAITS) + 1)
    for seconds in report.facts.waits:
        counts[sum(seconds > bound for bound in WAITS)] += 1
    labels = [
        _("under 1 h"),
        _("1–4 h"),
        _("4–12 h"),
        _("12–24 h"),
        _("1–2 days"),
        _("2–4 days"),
        _("4–7 days"),
        _("over 7 days"),
    ]
    found = list(zip(labels, counts, strict=True))
    return frame.counted(found, (_("Waited"), _("Texts")), total=len(report.facts.waits), code="waited")


def load(report: Report, frame: Frame, names: Mapping[int, str]) -> Chart:
    """Draw who decided how much."""
    found = [(names.get(person, "–"), count) for person, count in report.reviewers[:MOST_REVIEWERS]]
    return frame.counted(found, (_("Name"), _("Decisions")), total=sum(report.facts.reviewers.values()))


def reasons(report: Report, frame: Frame) -> Chart:
    """Draw why texts came back or were rejected."""
    back, no = Review.Decision.REQUEST_CHANGES, Review.Decision.REJECT
    found = []
    for reason in ReviewReason:
        counts = [report.facts.reasons.get((kind.value, reason.value), 0) for kind in (back, no)]
        if any(counts):
            found.append((reason, counts))
    found.sort(key=lambda pair: -sum(pair[1]))
    points = [
        Point(
            str(reason.label),
            float(sum(counts)),
            shown=words.number(sum(counts)),
            note=_("%(changes)s sent back, %(rejected)s rejected") % {"changes": counts[0], "rejected": counts[1]},
        )
        for reason, counts in found
    ]
    data: list[Data] = [("reason", "label", "changes_requested", "rejected")]
    data += [(reason.value, str(reason.label), *counts) for reason, counts in found]
    rows = [[str(reason.label), *(words.number(count) for count in counts)] for reason, counts in found]
    axis = nice_axis([point.value for point in points], words.number)
    heads = [_("Reason"), _("Changes requested"), _("Rejected")]
    return frame.chart(lambda width: bars(points, axis=axis, width=width), heads, rows, data)


def skips(report: Report, frame: Frame) -> Chart:
    """Draw why passages were passed by."""
    labels = dict(PassageSkip.Reason.choices)
    found = sorted(report.facts.skips.items(), key=lambda pair: (-pair[1], pair[0]))
    named = [(str(labels.get(reason, reason)), count) for reason, count in found]
    return frame.counted(named, (_("Reason"), _("Skips")), total=sum(report.facts.skips.values()), code="reason")

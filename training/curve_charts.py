"""The plots of a learning curve: loss by rows, what twice the data would change, what each category gives others."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from django.utils.text import slugify
from django.utils.translation import gettext as _

from ui.curves import Curve as Line
from ui.curves import curves
from ui.frames import Files, Frame
from ui.plots import Axis, Point, dot_interval

from .charts import shown, zoomed_axis
from .curve_words import by_gain, in_words, name_of, signed
from .scaling import LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ui.frames import Data
    from ui.plots import Chart

    from .scaling import Change, Curve

FINE = 40  # places that a smooth line is drawn through
NO_FILES = Files()


def no_files(_ident: str) -> Files:
    """Return the addresses of a plot that is a file itself."""
    return NO_FILES


def interval_words() -> str:
    """Return what an interval is, for legends."""
    return _("%(level)s%% interval") % {"level": shown(100 * LEVEL, 0)}


def curve_chart(curve: Curve, *, ident: str = "curve", files: Callable[[str], Files] = no_files) -> Chart:
    """Draw the losses by rows, on a scale of doublings, with the law through them as far as twice the largest."""
    sizes = [*curve.sizes, 2 * curve.sizes[-1]]
    low, high = log2(sizes[0]), log2(sizes[-1])
    along = Axis(low, high, tuple((log2(size), shown(size, 0)) for size in sizes))
    fine = [2 ** (low + (high - low) * part / FINE) for part in range(FINE + 1)]
    law = [(log2(rows), curve.law.at(rows)) for rows in fine]
    measured = [(log2(rows), loss) for rows, loss in zip(curve.sizes, curve.losses, strict=True)]
    edges = [[(log2(size), bounds[side]) for size, bounds in zip(sizes, curve.band, strict=True)] for side in (0, 1)]
    axis = zoomed_axis([loss for line in (law, measured, *edges) for _rows, loss in line])
    lines = [
        *(Line("plot-even", edge, interval_words()) for edge in edges),
        Line("plot-ahead", law, _("Power law")),
        Line("plot-dot", measured, _("Measured"), has_line=False),
    ]
    frame = Frame(
        ident,
        _("Loss by records trained on: %(category)s") % {"category": name_of(curve.category)},
        _(
            "Held-out loss in nats per answer token: lower is better. Each step to the right doubles the records. The "
            "interval is that of the difference to the largest share."
        ),
        files(ident),
    )
    heads = [_("Records"), _("Loss"), _("Power law"), _("Low"), _("High")]
    data: list[Data] = [
        (str(size), loss, curve.law.at(size), *bounds)
        for size, loss, bounds in zip(sizes, [*curve.losses, None], curve.band, strict=True)
    ]
    return frame.chart(
        lambda width: curves(lines, along=along, axis=axis, width=width),
        heads,
        [
            [shown(size, 0), *(shown(value) for value in (loss, curve.law.at(size), *bounds))]
            for size, loss, bounds in zip(sizes, [*curve.losses, None], curve.band, strict=True)
        ],
        [tuple(heads), *data],
        legend=(
            ("plot-bar", _("measured")),
            ("plot-faint", _("power law, dashed")),
            ("plot-rest", _("%(interval)s, dotted") % {"interval": interval_words()}),
        ),
    )


def doubling_chart(found: Sequence[Curve], *, files: Callable[[str], Files] = no_files) -> Chart:
    """Draw what twice the data would change, category by category, with intervals."""
    ordered = by_gain(found)
    points = [
        Point(name_of(curve.category), curve.doubling, low=curve.low, high=curve.high, shown=signed(curve.doubling))
        if curve.is_known
        else Point(name_of(curve.category), None, note=in_words(curve))
        for curve in ordered
    ]
    axis = zoomed_axis([0.0, *(value for curve in ordered if curve.is_known for value in (curve.low, curve.high))])
    frame = Frame(
        "doubling",
        _("What twice the data would change"),
        _("Change of the held-out loss in nats per answer token, with its interval: further to the left is better."),
        files("doubling"),
    )
    heads = [_("Category"), _("Change"), _("Low"), _("High")]
    figures = [(one.doubling, one.low, one.high) if one.is_known else (None, None, None) for one in ordered]
    data: list[Data] = [(name_of(one.category), *values) for one, values in zip(ordered, figures, strict=True)]
    return frame.chart(
        lambda width: dot_interval(points, axis=axis, references=[(0.0, _("no change"))], width=width),
        heads,
        [[name_of(one.category), *map(shown, values)] for one, values in zip(ordered, figures, strict=True)],
        [tuple(heads), *data],
    )


def category_charts(found: Sequence[Curve], *, files: Callable[[str], Files] = no_files) -> list[Chart]:
    """Draw the curve of each category, by name."""
    return [
        curve_chart(curve, ident=_ident("category", number, curve.category), files=files)
        for number, curve in enumerate(found)
        if curve.category
    ]


def without_charts(
    left_out: Mapping[str, Sequence[Change]], *, files: Callable[[str], Files] = no_files
) -> list[Chart]:
    """Draw what each category that was left out changed."""
    return [
        without_chart(category, changes, ident=_ident("without", number, category), files=files)
        for number, (category, changes) in enumerate(left_out.items(), start=1)
    ]


def _ident(kind: str, number: int, category: str) -> str:
    """Return what can stand in an address and name a file, whatever the category is called."""
    return "-".join(filter(None, [kind, str(number), slugify(category)]))


def without_chart(
    category: str, found: Sequence[Change], *, ident: str, files: Callable[[str], Files] = no_files
) -> Chart:
    """Draw how the loss changes when a category is left out of training, category by category."""
    points = [
        Point(name_of(change.category), change.change, low=change.low, high=change.high, shown=signed(change.change))
        for change in found
    ]
    axis = zoomed_axis([0.0, *(value for change in found for value in (change.low, change.high))])
    frame = Frame(
        ident,
        _("Trained without %(category)s") % {"category": category},
        _("Change of the held-out loss in nats against training on all: to the right of 0, it was missed."),
        files(ident),
    )
    heads = [_("Category"), _("Change"), _("Low"), _("High")]
    data: list[Data] = [(name_of(one.category), one.change, one.low, one.high) for one in found]
    return frame.chart(
        lambda width: dot_interval(points, axis=axis, references=[(0.0, _("no change"))], width=width),
        heads,
        [[name_of(one.category), *(shown(value) for value in (one.change, one.low, one.high))] for one in found],
        [tuple(heads), *data],
    )

"""What a learning curve says, as a table to read, a drawing to show and figures to go on with."""

from __future__ import annotations

import csv
from io import StringIO
from math import expm1, log2
from typing import TYPE_CHECKING

from ui import images
from ui.curves import Curve as Line
from ui.curves import curves
from ui.frames import Files, Frame
from ui.plots import Axis, Point, dot_interval

from . import runs
from .charts import shown, zoomed_axis
from .learning_curve import DIRECTORY
from .scaling import ALL, LEVEL, NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ui.plots import Chart

    from .learning_curve import Result
    from .scaling import Change, Curve

EVERYTHING = "all"


def write(result: Result, *, root: Path) -> Path:
    """Write README.md, curve.json, losses.csv and the plots (SVG, PNG) to ``<root>/NAME-curve``; return it."""
    path = root / DIRECTORY.format(result.plan.name)
    path.mkdir(parents=True, exist_ok=True)
    runs.write_json(path / "curve.json", result.as_dict())
    runs.write_text(path / "losses.csv", _losses(result))
    for name, chart in (("curve", curve_chart(result)), ("doubling", doubling_chart(result))):
        runs.write_text(path / f"{name}.svg", images.svg(chart))
        (path / f"{name}.png").write_bytes(images.png(chart))
    runs.write_text(path / "README.md", as_markdown(result))
    return path


def name_of(category: str) -> str:
    """Return how a curve is called."""
    return category or EVERYTHING


def in_words(curve: Curve) -> str:
    """Say what twice the data would buy, and how sure that is."""
    low, high = -curve.high, -curve.low
    if curve.is_sure:
        return (
            f"about {-curve.doubling:.3f} nats lower ({low:.3f} to {high:.3f}), "
            f"perplexity {-expm1(curve.doubling):.1%} lower"
        )
    if high < NOTHING:
        return f"nothing to speak of ({low:.3f} to {high:.3f} nats lower)"
    return f"not shown: between {low:.3f} and {high:.3f} nats lower"


def as_table(result: Result) -> list[list[str]]:
    """Return the losses by category and size, and what doubling would change; the first row has the heads."""
    sizes = result.curves[0].sizes
    table = [["", "held out", "0 rows", *(f"{size:,}" for size in sizes), f"{2 * sizes[-1]:,} would be", "change"]]
    for curve in result.curves:
        last = curve.losses[-1] + curve.doubling
        change = f"{curve.doubling:+.3f} ({curve.low:+.3f} … {curve.high:+.3f})"
        losses = [f"{loss:.4f}" for loss in (result.before[curve.category], *curve.losses)]
        table.append([name_of(curve.category), str(curve.held_out), *losses, f"{last:.4f}", change])
    return table


def as_markdown(result: Result) -> str:
    """Return the report as people read it."""
    plan, settings = result.plan, result.facts["settings"]
    seeds = len({one.seed for one in plan.trainings})
    held_out = result.curves[0].held_out
    one = ". One seed: how much a training varies by itself is not in them."
    varied = f" and {seeds} seeds." if seeds > 1 else one
    heads, *rows = as_table(result)
    lines = [
        f"# Learning curve {plan.name}",
        "",
        (
            f"{result.facts['base_model']['id']}, {settings['method']}, {settings['epochs']:g} passes over shares of "
            f"{plan.dataset.name}/{plan.dataset.version}, all measured on the same {held_out} held-out "
            "rows. Loss in nats per answer token: lower is better."
        ),
        "",
        "![Loss by rows](curve.svg)",
        "",
        "| " + " | ".join(heads) + " |",
        "| --- |" + " ---: |" * (len(heads) - 1),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        "## What twice the data would buy",
        "",
        *(f"- {name_of(curve.category)}: {in_words(curve)}" for curve in _by_gain(result.curves)),
        "",
        "![What twice the data would change](doubling.svg)",
        "",
    ]
    for category, changes in result.left_out.items():
        lines += [f"## Without {category}", "", *(f"- {_without(change)}" for change in changes), ""]
    lines += [
        "## How sure this is",
        "",
        f"Intervals of {LEVEL:.0%} by bootstrap over the held-out rows{varied}",
        "The law (a floor, a scale and an exponent) is fitted to few sizes; it says little beyond twice the largest.",
        "",
        "| | floor | exponent |",
        "| --- | ---: | ---: |",
        *(
            f"| {name_of(curve.category)} | {curve.law.floor:.3f} | {curve.law.exponent:.2f} |"
            for curve in result.curves
        ),
        "",
        f"The models: {', '.join(one.name for one in plan.trainings)}.",
    ]
    return "\n".join(lines) + "\n"


def _by_gain(found: Sequence[Curve]) -> list[Curve]:
    """Return all first, then the categories that more data would help most."""
    return [found[0], *sorted(found[1:], key=lambda curve: (not curve.is_sure, curve.doubling))]


def _without(change: Change) -> str:
    verdict = "worse" if change.low > 0 else "better" if change.high < 0 else "no difference shown"
    return f"{name_of(change.category)}: {change.change:+.3f} ({change.low:+.3f} … {change.high:+.3f}), {verdict}"


def _losses(result: Result) -> str:
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["category", "rows", "loss"])
    for curve in result.curves:
        writer.writerow([name_of(curve.category), 0, result.before[curve.category]])
        writer.writerows([name_of(curve.category), *pair] for pair in zip(curve.sizes, curve.losses, strict=True))
    return text.getvalue()


def curve_chart(result: Result, *, category: str = ALL) -> Chart:
    """Draw the losses by rows, on a scale of doublings, with the law through them as far as twice the largest."""
    curve = next(curve for curve in result.curves if curve.category == category)
    sizes = [*curve.sizes, 2 * curve.sizes[-1]]
    low, high = log2(sizes[0]), log2(sizes[-1])
    along = Axis(low, high, tuple((log2(size), shown(size, 0)) for size in sizes))
    fine = [2 ** (low + (high - low) * part / 40) for part in range(41)]
    law = [(log2(rows), curve.law.at(rows)) for rows in fine]
    measured = [(log2(rows), loss) for rows, loss in zip(curve.sizes, curve.losses, strict=True)]
    edges = [[(log2(size), bounds[side]) for size, bounds in zip(sizes, curve.band, strict=True)] for side in (0, 1)]
    axis = zoomed_axis([loss for line in (law, measured, *edges) for _rows, loss in line])
    lines = [
        *(Line("plot-even", edge, "interval") for edge in edges),
        Line("plot-ahead", law, "law"),
        Line("plot-line", measured, "measured"),
    ]
    frame = Frame(
        "curve",
        f"Loss by rows to train on: {name_of(category)}",
        "Held-out loss in nats per answer token by how many rows the model was trained on; each step doubles them.",
        Files(),
    )
    heads = ["rows", "loss", "low", "high"]
    data = [
        (str(size), loss, *bounds) for size, loss, bounds in zip(sizes, [*curve.losses, None], curve.band, strict=True)
    ]
    return frame.chart(
        lambda width: curves(lines, along=along, axis=axis, width=width),
        heads,
        [[shown(float(size), 0), *(shown(value) for value in values)] for size, *values in data],
        [tuple(heads), *data],
        legend=(
            ("plot-bar", "measured"),
            ("plot-faint", "power law, dashed"),
            ("plot-rest", f"{LEVEL:.0%} interval, dotted"),
        ),
    )


def doubling_chart(result: Result) -> Chart:
    """Draw what twice the data would change, category by category, with intervals."""
    ordered = _by_gain(result.curves)
    points = [
        Point(name_of(curve.category), curve.doubling, low=curve.low, high=curve.high, shown=f"{curve.doubling:+.3f}")
        for curve in ordered
    ]
    axis = zoomed_axis([0.0, *(value for curve in ordered for value in (curve.low, curve.high))])
    frame = Frame(
        "doubling",
        "What twice the data would change",
        "Change of the held-out loss in nats per answer token, with its interval: further to the left is better.",
        Files(),
    )
    heads = ["category", "change", "low", "high"]
    data = [(name_of(curve.category), curve.doubling, curve.low, curve.high) for curve in ordered]
    return frame.chart(
        lambda width: dot_interval(points, axis=axis, references=[(0.0, "no change")], width=width),
        heads,
        [[name, *(shown(value) for value in values)] for name, *values in data],
        [tuple(heads), *data],
    )

"""What a learning curve says, as a table to read, a drawing to show and figures to go on with."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from django.utils.translation import override

from ui import images

from . import runs
from .curve_charts import category_charts, curve_chart, doubling_chart, without_charts
from .curve_words import by_gain, doubts, in_words, name_of, without_in_words
from .scaling import LEVEL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ui.plots import Chart

    from .learning_curve import Result

LANGUAGE = "en"  # of all files that a run or a curve leaves


def write(result: Result, *, root: Path) -> Path:
    """Write README.md, losses.csv and the plots (SVG, PNG) to ``<root>/NAME-curve``; return it."""
    path = result.plan.path(root)
    path.mkdir(parents=True, exist_ok=True)
    with override(LANGUAGE):
        runs.write_text(path / "losses.csv", _losses(result))
        for chart in _charts(result):
            runs.write_text(path / f"{chart.ident}.svg", images.svg(chart))
            (path / f"{chart.ident}.png").write_bytes(images.png(chart))
        runs.write_text(path / "README.md", as_markdown(result))
    return path


def _charts(result: Result) -> Iterator[Chart]:
    yield curve_chart(result.curves[0])
    yield doubling_chart(result.curves)
    yield from category_charts(result.curves)
    yield from without_charts(result.left_out)


def as_table(result: Result) -> list[list[str]]:
    """Return the losses by category and size, and what doubling would change; the first row has the heads."""
    sizes = result.curves[0].sizes
    table = [["", "held out", "0 rows", *(f"{size:,}" for size in sizes), f"{2 * sizes[-1]:,} would be", "change"]]
    for curve in result.curves:
        ahead = ["", "too few to tell"]
        if curve.is_known:
            change = f"{curve.doubling:+.3f} ({curve.low:+.3f} … {curve.high:+.3f})"
            ahead = [f"{curve.losses[-1] + curve.doubling:.4f}", change]
        losses = [f"{loss:.4f}" for loss in (result.before[curve.category], *curve.losses)]
        table.append([name_of(curve.category), str(curve.held_out), *losses, *ahead])
    return table


def as_markdown(result: Result) -> str:
    """Return the report as people read it."""
    plan, settings = result.plan, result.facts["settings"]
    seeds = len({one.seed for one in plan.trainings})
    held_out = result.curves[0].held_out
    varied = f" and {seeds} seeds" if seeds > 1 else ""
    passes = "one pass" if settings["epochs"] == 1 else f"{settings['epochs']:g} passes"
    heads, *rows = as_table(result)
    lines = [
        f"# Learning curve {plan.name}",
        "",
        (
            f"{result.facts['base_model']['id']}, {settings['method']}, {passes} over shares of "
            f"{plan.dataset.name}/{plan.dataset.version}, all measured on the same {held_out} held-out "
            "rows. Loss in nats per answer token: lower is better."
        ),
        "",
        f"Twice the data: {in_words(result.curves[0])}.",
        "",
        "![Loss by rows](curve.svg)",
        "",
        "| " + " | ".join(heads) + " |",
        "| --- |" + " ---: |" * (len(heads) - 1),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        "## What twice the data would buy, category by category",
        "",
        *(f"- {name_of(curve.category)}: {in_words(curve)}" for curve in by_gain(result.curves)[1:]),
        "",
        "![What twice the data would change](doubling.svg)",
        "",
    ]
    for category, changes in result.left_out.items():
        rest = next(one.rows for one in plan.trainings if one.without == category)
        told = f"Trained on the other {rest:,} rows, compared with the model that had all {plan.largest.rows:,}:"
        said = [f"- {name_of(change.category)}: {without_in_words(change)}" for change in changes]
        lines += [f"## Without {category}", "", told, "", *said, ""]
    lines += [
        "## What this does not show",
        "",
        *(f"- {doubt}" for doubt in doubts(result.curves, seeds=seeds)),
        "",
        "## How it was fitted",
        "",
        f"Intervals of {LEVEL:.0%} by bootstrap over the held-out rows{varied}.",
        _counted(result),
        "The law is floor + scale × rows^−exponent; a floor far below the losses says only that no floor is in sight.",
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


def _counted(result: Result) -> str:
    """Say what the sizes count, where rows of a share were too long to be trained on."""
    asked, trained = result.plan.largest.rows, result.curves[0].sizes[-1]
    if asked == trained:
        return "The sizes are the rows of the shares; every one of them was trained on."
    return f"The sizes count what was trained on: of the {asked:,} rows of the largest share, {trained:,}."


def _losses(result: Result) -> str:
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["category", "rows", "loss"])
    for curve in result.curves:
        writer.writerow([name_of(curve.category), 0, result.before[curve.category]])
        writer.writerows([name_of(curve.category), *pair] for pair in zip(curve.sizes, curve.losses, strict=True))
    return text.getvalue()

"""The plots of a run: its loss on the way, and by category before and after."""

from __future__ import annotations

from math import ceil, floor
from statistics import fmean
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ui.curves import Curve, curves
from ui.frames import Frame
from ui.plots import Axis, Point, dot_interval, nice_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.models import TrainingRun
    from training.queries import Stretch
    from ui.frames import Data, Files
    from ui.plots import Chart

DECIMALS = 4


def shown(value: float | None, decimals: int = DECIMALS) -> str:
    """Write a figure as the reader's language does."""
    if value is None:
        return ""
    # Django's number_format cuts digits off; a figure is to be the nearest.
    return str(number_format(round(value, decimals), decimals, use_l10n=True, force_grouping=True))


def zoomed_axis(values: Sequence[float], *, decimals: int = 2) -> Axis:
    """Return an axis between round numbers just around ``values`` (at least one): losses are far from 0."""
    low, high = min(values), max(values)
    span = max(high - low, 10.0**-decimals)
    step = nice_axis([span], str).ticks[1][0]
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    last = max(last, first + 1)
    places = max(decimals, len(f"{step:.10f}".rstrip("0").partition(".")[2]))
    ticks = tuple((number * step, shown(number * step, places)) for number in range(first, last + 1))
    return Axis(first * step, last * step, ticks)


def loss_on_the_way(run: TrainingRun, course: Sequence[Stretch], *, files: Callable[[str], Files]) -> Chart | None:
    """Draw the loss on the rows trained on, and on the held-out ones; None before there is anything to draw."""
    held_out = [(int(line["step"]), float(line["loss"])) for line in run.evaluations]
    trained = [(stretch.step, stretch.loss) for stretch in course]
    if not trained or len({step for step, _loss in trained + held_out}) < 2:  # noqa: PLR2004 - one place is no line
        return None
    last = max(step for step, _loss in trained + held_out)
    end = max(run.steps, last)
    round_numbers = nice_axis([end], lambda value: shown(value, 0))
    along = Axis(0.0, float(end), tuple(tick for tick in round_numbers.ticks if tick[0] <= end))
    calm, window = smoothed([loss for _step, loss in trained])
    axis = zoomed_axis([*calm, *(loss for _step, loss in held_out)])
    steps_each = trained[min(window, len(trained)) - 1][0]
    words = ngettext("Training, step by step", "Training, mean of %(count)d steps", steps_each) % {"count": steps_each}
    lines = [
        Curve("plot-faint-line", [(step, loss) for (step, _raw), loss in zip(trained, calm, strict=True)], words),
        Curve("plot-line", held_out, _("Held-out records")),
    ]
    measured = dict(held_out)
    heads = [_("Step"), _("Training"), _("Held out"), _("Tokens"), _("Tokens per second")]
    by_step = {stretch.step: stretch for stretch in course}
    rows: list[list[str]] = []
    data: list[Data] = []
    for step in sorted({*by_step, *measured}):
        found, loss = by_step.get(step), measured.get(step)
        figures = (found.loss, loss, found.tokens, found.tokens_per_second) if found else (None, loss, None, None)
        data.append((str(step), *figures))
        rows.append([shown(step, 0), *map(shown, figures[:2]), shown(figures[2], 0), shown(figures[3], 0)])
    frame = Frame(
        "loss",
        _("Loss on the way"),
        _("Mean loss of an answer's token in nats, by step: lower is better. What counts is the held-out line."),
        files("loss"),
    )
    return frame.chart(
        lambda width: curves(lines, along=along, axis=axis, width=width),
        heads,
        rows,
        [tuple(heads), *data],
        legend=(("plot-bar", _("Held-out records")), ("plot-faint", words)),
    )


def smoothed(values: Sequence[float]) -> tuple[list[float], int]:
    """Return means of neighbouring values, and of how many: a step's own rows move its loss more than training does."""
    window = max(1, len(values) // 6)
    return [fmean(values[max(0, at + 1 - window) : at + 1]) for at in range(len(values))], window


def loss_by_category(run: TrainingRun, *, files: Callable[[str], Files]) -> Chart | None:
    """Draw each category's held-out loss before and after; None until a second evaluation is there."""
    if len(run.evaluations) < 2:  # noqa: PLR2004 - before and after
        return None
    before, after = run.evaluations[0], _kept(run)
    names = sorted({*before["by_category"], *after["by_category"]})
    lines = [(_("All"), before["loss"], after["loss"])]
    lines += [(name, before["by_category"].get(name), after["by_category"].get(name)) for name in names]
    heads = [_("Category"), _("Before"), _("After"), _("Change")]
    changes = [now - was if was is not None and now is not None else None for _name, was, now in lines]
    points = [
        Point(
            name,
            change,
            low=None if change is None else min(0.0, change),
            high=None if change is None else max(0.0, change),
            shown=f"{shown(was, 3)} → {shown(now, 3)}",
        )
        for (name, was, now), change in zip(lines, changes, strict=True)
    ]
    axis = zoomed_axis([0.0, *(change for change in changes if change is not None)])
    rows = [
        [name, shown(was), shown(now), shown(change)] for (name, was, now), change in zip(lines, changes, strict=True)
    ]
    frame = Frame(
        "categories",
        _("Loss by category"),
        _("How much the held-out loss changed, and from what to what: further to the left is better."),
        files("categories"),
    )
    return frame.chart(
        lambda width: dot_interval(points, axis=axis, references=[(0.0, _("no change"))], width=width),
        heads,
        rows,
        [tuple(heads), *((*line, change) for line, change in zip(lines, changes, strict=True))],
    )


def _kept(run: TrainingRun) -> dict[str, Any]:
    """Return the evaluation of the weights that the run keeps, or the latest."""
    kept = run.facts.get("kept_step")
    return next((line for line in run.evaluations if line["step"] == kept), run.evaluations[-1])

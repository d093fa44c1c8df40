"""The pages of learning curves: the list, one curve while it goes on and after, the form for a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.views.chart_files import chart_file
from collector.views.common import is_lead
from training import curve_charts, curve_tasks, queries, tasks
from training.charts import shown
from training.curve_forms import CurveForm
from training.curve_words import by_gain, doubts, in_words, name_of, signed, without_in_words
from training.errors import TrainingError
from training.models import LearningCurve
from training.scaling import Change, Curve
from training.views import PAGE_SIZE, SILENT_AFTER, must_be_lead, time_words
from ui.frames import Files
from ui.partials import render_partial_response

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Mapping, Sequence

    from django.http import HttpResponse

    from collector.views.common import PersonRequest
    from training.models import TrainingRun
    from ui.plots import Chart


@require_safe
def curve_list(request: PersonRequest) -> HttpResponse:
    """List the curves, the newest first."""
    found = LearningCurve.objects.select_related("requested_by")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    curves = list(page.object_list)
    runs = queries.runs_of([curve for curve in curves if not curve.is_complete])
    now = timezone.now()
    rows = [
        {
            "curve": curve,
            "done": sum(row["is_done"] for row in model_rows(curve, runs)),
            "total": len(curve.trainings),
            "said": in_words(_curves(curve)[0]) if _curves(curve) else "",
            "is_silent": curve.is_silent(now, SILENT_AFTER),
        }
        for curve in curves
    ]
    context = {
        "page": page,
        "rows": rows,
        "is_active": any(curve.is_active for curve in curves),
        "may_train": is_lead(request),
    }
    return render_partial_response(request, "training/curve_list.html", context, {"curves": "curves"})


@require_http_methods(["GET", "HEAD", "POST"])
def curve_new(request: PersonRequest) -> HttpResponse:
    """Ask which version and how much of it, and put the curve on the list."""
    must_be_lead(request)
    form = CurveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            curve = curve_tasks.start(options=form.command_options, by=request.user, now=timezone.now())
        except TrainingError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(run)s waits for a worker that trains.") % {"run": curve.name})
            return redirect("curve-detail", curve.pk)
    return render(request, "training/curve_form.html", {"form": form}, status=400 if form.errors else 200)


@require_safe
def curve_detail(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Show a curve; ``?format=csv|svg|png&chart=…`` gives one plot as a file."""
    curve = get_object_or_404(LearningCurve.objects.select_related("requested_by"), pk=pk)
    found, left_out = _curves(curve), _left_out(curve)
    drawn = _charts(curve, found, left_out)
    if form := request.GET.get("format", ""):
        every = (chart for charts in drawn.values() for chart in charts)
        return chart_file(every, form=form, ident=request.GET.get("chart", ""), name=curve.name)
    runs = queries.runs_of([curve])
    rows = model_rows(curve, runs)
    now = timezone.now()
    context = {
        "curve": curve,
        "url": reverse("curve-detail", args=[curve.pk]),
        "may_train": is_lead(request),
        "is_silent": curve.is_silent(now, SILENT_AFTER),
        "models": rows,
        "done": sum(row["is_done"] for row in rows),
        "updates": _updates(rows),
        "charts": drawn,
        "every": found[0] if found else None,
        "answer": in_words(found[0]) if found else "",
        "verdicts": [
            (name_of(one.category), one.held_out if one.is_known else None, in_words(one)) for one in by_gain(found)[1:]
        ],
        "table": _table(curve, found),
        "left_out": [_without(rows, name, changes) for name, changes in left_out.items()],
        "doubts": doubts(found, seeds=int(curve.facts.get("seeds") or 1)) if found else [],
        "figures": _figures(curve, found, runs),
        "settings": sorted((curve.facts.get("options") or curve.options).items()),
    }
    return render_partial_response(request, "training/curve_detail.html", context, {"progress": "progress"})


@require_POST
def curve_stop(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask a curve to save the model it is at, and stop."""
    return _act(request, pk, tasks.stop, _("%(run)s saves and stops after the step it is at."))


@require_POST
def curve_resume(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Have a curve go on; what is trained already is kept."""
    return _act(request, pk, curve_tasks.go_on, _("%(run)s goes on as soon as a worker is free."))


def _act(request: PersonRequest, pk: uuid.UUID, act: Callable[..., LearningCurve], said: str) -> HttpResponse:
    must_be_lead(request)
    curve = get_object_or_404(LearningCurve, pk=pk)
    try:
        act(run=curve, by=request.user, now=timezone.now())
    except TrainingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said % {"run": curve.name})
    return redirect("curve-detail", curve.pk)


def model_rows(curve: LearningCurve, runs: Mapping[str, TrainingRun]) -> list[dict[str, Any]]:
    """Return the models of a curve, each with its run where that was begun."""
    return [
        {
            **one,
            "trained_on": _trained_on(runs.get(str(one["run"])), one["rows"]),
            "found": (run := runs.get(str(one["run"]))),
            "is_done": run is not None and run.is_complete,
            "loss": shown((run.facts.get("loss_after") if run else None), 3),
        }
        for one in curve.trainings
    ]


def _trained_on(run: TrainingRun | None, rows: int) -> int:
    """Return how many records a model is trained on: the share's, less those that its run left out."""
    counted = (run.facts.get("rows") or {}).get("trained_on") if run is not None else None
    return int(rows if counted is None else counted)


def _updates(rows: Sequence[dict[str, Any]]) -> tuple[int, int] | None:
    """Return how many updates of the model that is being trained are done, and of how many."""
    run = next((row["found"] for row in rows if row["found"] is not None and not row["is_done"]), None)
    return (run.step, run.steps) if run is not None and run.steps else None


def _curves(curve: LearningCurve) -> list[Curve]:
    """Return what was fitted, all first; nothing before all models are there."""
    return [Curve.from_dict(values) for values in curve.facts.get("curves") or []] if curve.is_complete else []


def _left_out(curve: LearningCurve) -> dict[str, list[Change]]:
    found = (curve.facts.get("left_out") or {}) if curve.is_complete else {}
    return {name: [Change(**values) for values in changes] for name, changes in found.items()}


def _charts(
    curve: LearningCurve, found: Sequence[Curve], left_out: Mapping[str, Sequence[Change]]
) -> dict[str, list[Chart]]:
    address = reverse("curve-detail", args=[curve.pk])

    def files(ident: str) -> Files:
        return Files(*(f"{address}?format={form}&chart={ident}" for form in ("csv", "svg", "png")))

    if not found:
        return {}
    return {
        "first": [curve_charts.curve_chart(found[0], files=files), curve_charts.doubling_chart(found, files=files)],
        "categories": curve_charts.category_charts(found, files=files),
        "without": curve_charts.without_charts(left_out, files=files),
    }


def _table(curve: LearningCurve, found: Sequence[Curve]) -> dict[str, Any] | None:
    """Return the losses by category and size, and what twice the data would make of them."""
    if not found:
        return None
    before = curve.facts.get("before") or {}
    sizes = found[0].sizes
    rows = [
        [
            name_of(one.category),
            shown(one.held_out, 0),
            shown(before.get(one.category), 3),
            *(shown(loss, 3) for loss in one.losses),
            *_ahead(one),
        ]
        for one in found
    ]
    return {"sizes": [shown(size, 0) for size in sizes], "twice": shown(2 * sizes[-1], 0), "rows": rows}


def _ahead(one: Curve) -> tuple[str, str]:
    """Return the loss with twice the data and the change to it, where enough records say so."""
    if not one.is_known:
        return "–", _("too few to tell")
    return shown(one.losses[-1] + one.doubling, 3), f"{signed(one.doubling)} ({signed(one.low)} … {signed(one.high)})"


def _without(models: Sequence[dict[str, Any]], category: str, changes: Sequence[Change]) -> dict[str, Any]:
    rest = next((one["trained_on"] for one in models if one["without"] == category), None)
    whole = max((one["trained_on"] for one in models if not one["without"]), default=None)
    said = [(name_of(change.category), without_in_words(change)) for change in changes]
    return {"category": category, "rest": shown(rest, 0), "whole": shown(whole, 0), "said": said}


def _figures(
    curve: LearningCurve, found: Sequence[Curve], runs: Mapping[str, TrainingRun]
) -> list[tuple[str, str, str]]:
    """Return what stands first: (name, figure, note)."""
    rows: list[tuple[str, str, str]] = []
    if found:
        every = found[0]
        if every.is_known:
            note = _("%(low)s … %(high)s") % {"low": signed(every.low), "high": signed(every.high)}
            rows.append((_("Twice the data"), signed(every.doubling), note))
        before = (curve.facts.get("before") or {}).get("")
        was = _("before: %(figure)s") % {"figure": shown(before, 3)}
        rows.append((_("Held-out loss with all"), shown(every.losses[-1], 3), was))
        rows.append((_("Measured on"), shown(every.held_out, 0), _("held-out records")))
    seconds = sum(float(run.facts.get("duration_seconds") or 0) for run in runs.values())
    if seconds:
        cost = sum(float(run.facts.get("cost") or 0) for run in runs.values())
        note = _("cost: %(figure)s") % {"figure": shown(cost, 2)} if cost else ""
        rows.append((_("Time of all models"), time_words(seconds), note))
    return rows

"""The pages of training runs: the list, one run while it goes on and after, its samples, the form for a new one."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.views.chart_files import chart_file
from collector.views.common import is_lead
from training import charts, queries, tasks
from training.errors import TrainingError
from training.forms import RunForm
from training.models import TrainingRun
from ui.frames import Files
from ui.partials import render_partial_response

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpResponse

    from collector.views.common import PersonRequest
    from ui.plots import Chart

PAGE_SIZE = 20
SAMPLES = 8
COLUMNS = 4  # answers side by side, the base model's among them
# Loading a large model and measuring it on a processor says nothing for minutes.
SILENT_AFTER = timedelta(minutes=15)


@require_safe
def run_list(request: PersonRequest) -> HttpResponse:
    """List the runs, the newest first."""
    found = TrainingRun.objects.select_related("requested_by").defer("evaluations")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    now = timezone.now()
    rows = [{"run": run, "is_silent": run.is_silent(now, SILENT_AFTER)} for run in page.object_list]
    context = {
        "page": page,
        "rows": rows,
        "is_active": any(run.is_active for run in page.object_list),
        "may_train": is_lead(request),
    }
    return render_partial_response(request, "training/run_list.html", context, {"runs": "runs"})


@require_http_methods(["GET", "HEAD", "POST"])
def run_new(request: PersonRequest) -> HttpResponse:
    """Ask what to train on what, and put the run on the list."""
    must_be_lead(request)
    form = RunForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            run = tasks.start(
                options=form.options, recipe=form.cleaned_data["recipe"], by=request.user, now=timezone.now()
            )
        except TrainingError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(run)s waits for a worker that trains.") % {"run": run.name})
            return redirect("run-detail", run.pk)
    return render(request, "training/run_form.html", {"form": form}, status=400 if form.errors else 200)


@require_safe
def run_detail(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Show a run; ``?format=csv|svg|png&chart=…`` gives one plot as a file."""
    run = get_object_or_404(TrainingRun.objects.select_related("requested_by"), pk=pk)
    drawn = _charts(run)
    if form := request.GET.get("format", ""):
        found = (chart for chart in drawn if chart is not None)
        return chart_file(found, form=form, ident=request.GET.get("chart", ""), name=run.name)
    now = timezone.now()
    context = {
        "run": run,
        "url": reverse("run-detail", args=[run.pk]),
        "charts": [chart for chart in drawn if chart is not None],
        "figures": figures(run),
        "settings": sorted(run.settings.items()),
        "is_silent": run.is_silent(now, SILENT_AFTER),
        "minutes_left": _minutes_left(run),
        "samples": run.samples.count(),
        "may_train": is_lead(request),
    }
    return render_partial_response(request, "training/run_detail.html", context, {"progress": "progress"})


@require_safe
def run_samples(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Show what the model answered, step by step side by side."""
    run = get_object_or_404(TrainingRun, pk=pk)
    categories = queries.sample_categories(run)
    asked = request.GET.get("category", "")
    category = asked if asked in categories else ""
    steps = queries.steps_asked(run)
    chosen = _columns(steps, request.GET.getlist("step"))
    page = Paginator(queries.samples(run, category=category), SAMPLES).get_page(request.GET.get("page"))
    context = {
        "run": run,
        "page": page,
        "rows": queries.answers_at(list(page.object_list), chosen),
        "categories": categories,
        "category": category,
        "steps": [{"step": step, "is_chosen": step in chosen} for step in steps],
        "kept": run.facts.get("kept_step"),
    }
    return render_partial_response(request, "training/run_samples.html", context, {"samples": "samples"})


@require_POST
def run_stop(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask a run to save and stop."""
    return _act(request, pk, tasks.stop, _("%(run)s saves and stops after the step it is at."))


@require_POST
def run_resume(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Have a run go on from its last checkpoint."""
    return _act(request, pk, tasks.go_on, _("%(run)s goes on as soon as a worker is free."))


def _act(request: PersonRequest, pk: uuid.UUID, act: Callable[..., TrainingRun], said: str) -> HttpResponse:
    must_be_lead(request)
    run = get_object_or_404(TrainingRun, pk=pk)
    try:
        act(run=run, by=request.user, now=timezone.now())
    except TrainingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said % {"run": run.name})
    return redirect("run-detail", run.pk)


def must_be_lead(request: PersonRequest) -> None:
    """Refuse whoever is no campaign lead. Raises PermissionDenied."""
    if not is_lead(request):
        raise PermissionDenied(_("Only a campaign lead or an admin can train a model."))


def _charts(run: TrainingRun) -> list[Chart | None]:
    address = reverse("run-detail", args=[run.pk])

    def files(ident: str) -> Files:
        return Files(*(f"{address}?format={form}&chart={ident}" for form in ("csv", "svg", "png")))

    return [
        charts.loss_on_the_way(run, queries.course(run), files=files),
        charts.loss_by_category(run, files=files),
    ]


def _columns(steps: list[int], asked: list[str]) -> list[int]:
    """Return the steps to show side by side: those asked for, or the first and the last."""
    wanted = [step for step in steps if str(step) in asked]
    return (wanted or sorted({steps[0], steps[-1]}) if steps else [])[:COLUMNS]


def _minutes_left(run: TrainingRun) -> int | None:
    """Return how long the remaining steps take at the pace so far; measuring comes on top."""
    last = run.step_rows.order_by("-step").first()
    if last is None or not run.is_active or not run.steps:
        return None
    return ceil(last.seconds / last.step * (run.steps - last.step) / 60)


def figures(run: TrainingRun) -> list[tuple[str, str, str]]:
    """Return what a run came to as (name, figure, what was estimated), as far as it is known."""
    facts, made = run.facts, run.facts.get("estimate") or {}
    before, after = facts.get("loss_before"), facts.get("loss_after")
    peak = facts.get("peak_memory") or {}
    memory = peak.get("gpu_bytes") or peak.get("host_bytes")
    rows: list[tuple[str, str, str]] = []
    if after is not None:
        was = _("before: %(figure)s") % {"figure": charts.shown(before, 3)}
        rows.append((_("Held-out loss"), charts.shown(after, 3), was))
    elif before is not None:
        rows.append((_("Held-out loss"), charts.shown(before, 3), _("before training")))
    if (perplexity := ((facts.get("loss") or {}).get("after") or {}).get("perplexity")) is not None:
        was = charts.shown(facts["loss"]["before"]["perplexity"], 2)
        rows.append((_("Perplexity"), charts.shown(perplexity, 2), _("before: %(figure)s") % {"figure": was}))
    pairs = [
        (_("Tokens per second"), facts.get("tokens_per_second"), made.get("tokens_per_second"), _count),
        (_("Tokens"), facts.get("tokens_trained"), made.get("tokens"), _count),
        (_("Training time"), facts.get("train_seconds"), made.get("seconds"), time_words),
        (_("Memory"), memory, made.get("memory_bytes"), _gigabytes),
        (_("Cost"), facts.get("cost"), made.get("cost"), _money),
    ]
    for name, measured, estimated, write in pairs:
        if measured is None and estimated is None:
            continue
        told = "" if estimated is None else write(estimated)
        if measured is None:
            rows.append((name, told, _("estimated")))
        else:
            rows.append((name, write(measured), _("estimated: %(figure)s") % {"figure": told} if told else ""))
    return rows


def _count(value: float) -> str:
    return charts.shown(value, 0)


def _money(value: float) -> str:
    return charts.shown(value, 2)


def _gigabytes(value: float) -> str:
    return f"{charts.shown(value / 1e9, 1)} GB"


def time_words(seconds: float) -> str:
    """Write a duration."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{charts.shown(seconds, 0)} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004

"""What a selection of the sheet's records can be told: decisions, their undo, locks."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from collector import sheet_forecasts, sheet_queries
from collector.actions import reviews, sheet
from collector.errors import Refused
from collector.models import Review
from collector.sheet_forms import DecideForm, FilterForm, parse_items
from collector.views.common import status_of
from collector.views.sheet import for_reviewers, wants_json
from ui.partials import render_partial_response

if TYPE_CHECKING:
    from collector.actions.sheet import Batch, Item, Outcome
    from collector.views.common import PersonRequest

SHOWN_REFUSALS = 50
Decision = Review.Decision


def _items(request: PersonRequest) -> list[Item]:
    """Read the selection: ticked rows, the grid's one long field, or everything that the filter matches."""
    if request.POST.get("all"):
        form = FilterForm(QueryDict(request.POST.get("query", "")), person=request.user)
        if not form.is_valid():
            raise ValidationError(_("The filter can't be read."))
        index = sheet_queries.packed(sheet_queries.matching(request.user, form.wanted))
        return sheet_queries.unpacked_items(index)
    return parse_items(request.POST.getlist("items"))


def _back(request: PersonRequest) -> HttpResponse:
    """Go back to the sheet as it was filtered."""
    query = QueryDict(request.POST.get("query", "")).urlencode()
    return redirect(f"{reverse('review-grid')}{'?' if query else ''}{query}")


def _said(request: PersonRequest, detail: str, status: int) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"detail": detail}, status=status)
    messages.error(request, detail)
    return _back(request)


def _not_done(request: PersonRequest, error: ValidationError | Refused) -> HttpResponse:
    if isinstance(error, Refused):
        return _said(request, str(error), status_of(error))
    return _said(request, " ".join(error.messages), HTTPStatus.BAD_REQUEST)


@require_POST
@for_reviewers
def decide(request: PersonRequest) -> HttpResponse:
    """Say what a decision on the selection will do and, once that is confirmed, do it."""
    try:
        items = _items(request)
        sheet.require_bounded(items=items)
    except (ValidationError, Refused) as error:
        return _not_done(request, error)
    if "confirmed" not in request.POST:
        return _confirm(request, items, DecideForm(initial={"decision": request.POST.get("decision")}))
    form = DecideForm(request.POST)
    if not form.is_valid():
        return _confirm(request, items, form, HTTPStatus.BAD_REQUEST)
    try:
        batch = sheet.decide_many(items=items, by=request.user, now=timezone.now(), **form.cleaned_data)
    except ValidationError as error:
        for name, texts in error.message_dict.items():
            form.add_error(name if name in form.fields else None, texts)
        return _confirm(request, items, form, HTTPStatus.BAD_REQUEST)
    return _decided(request, form.cleaned_data["decision"], batch)


def _decided(request: PersonRequest, decision: str, batch: Batch) -> HttpResponse:
    detail = _sum(decision, len(batch.done))
    if wants_json(request):
        return JsonResponse(
            {
                "detail": detail,
                "batch": str(batch.id) if batch.done else None,
                "undo_seconds": reviews.UNDO_BATCH_SECONDS,
                **_outcomes(batch.outcomes),
            }
        )
    if batch.done:
        messages.success(request, detail)
    _tell_refusals(request, batch.refused)
    return _back(request)


def _confirm(request: PersonRequest, items: list[Item], form: DecideForm, status: int = HTTPStatus.OK) -> HttpResponse:
    decision = form["decision"].value()
    if decision not in Decision.values:
        return _said(request, _("Choose approve, reject or request changes."), HTTPStatus.BAD_REQUEST)
    forecast = sheet_forecasts.foresee(request.user, items, timezone.now())
    context = {
        "form": form,
        "forecast": forecast,
        "decision": decision,
        "question": _question(decision, forecast.possible),
        "needs_words": decision != Decision.APPROVE,
        "items": " ".join(f"{identity}:{revision}" for identity, revision in items),
        "query": request.POST.get("query", ""),
    }
    fragments = {"sheet-confirm": "confirm"}
    return render_partial_response(request, "collector/sheet_confirm.html", context, fragments, status=status)


def _question(decision: str, count: int) -> str:
    asked = {
        Decision.APPROVE: ngettext("Approve %(count)d record?", "Approve %(count)d records?", count),
        Decision.REJECT: ngettext("Reject %(count)d record?", "Reject %(count)d records?", count),
        Decision.REQUEST_CHANGES: ngettext(
            "Request changes to %(count)d record?", "Request changes to %(count)d records?", count
        ),
    }
    return asked[Decision(decision)] % {"count": count}


def _sum(decision: str, count: int) -> str:
    said = {
        Decision.APPROVE: ngettext("You approved %(count)d record.", "You approved %(count)d records.", count),
        Decision.REJECT: ngettext("You rejected %(count)d record.", "You rejected %(count)d records.", count),
        Decision.REQUEST_CHANGES: ngettext(
            "You requested changes to %(count)d record.", "You requested changes to %(count)d records.", count
        ),
    }
    return said[Decision(decision)] % {"count": count}


def _outcomes(outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "done": [str(outcome.id) for outcome in outcomes if outcome.refused is None],
        "refused": [
            {"id": str(outcome.id), "why": str(outcome.refused)} for outcome in outcomes if outcome.refused is not None
        ],
    }


def _tell_refusals(request: PersonRequest, refused: list[Outcome]) -> None:
    if not refused:
        return
    whys = sorted({str(outcome.refused) for outcome in refused})[:SHOWN_REFUSALS]
    count = ngettext("%(count)d record was left as it is:", "%(count)d records were left as they are:", len(refused))
    messages.warning(request, " ".join([count % {"count": len(refused)}, *whys]))


@require_POST
@for_reviewers
def undo(request: PersonRequest) -> HttpResponse:
    """Take a batch of one's own decisions back."""
    try:
        batch = uuid.UUID(request.POST.get("batch", ""))
    except ValueError:
        return _said(request, _("There is nothing to undo."), HTTPStatus.BAD_REQUEST)
    try:
        undone = reviews.undo_batch(batch=batch, by=request.user, now=timezone.now())
    except Refused as refused:
        return _said(request, str(refused), status_of(refused))
    detail = ngettext("%(count)d decision was taken back.", "%(count)d decisions were taken back.", undone.undone) % {
        "count": undone.undone
    }
    if undone.kept:
        detail += " " + ngettext(
            "%(count)d record has gone on since and keeps its decision.",
            "%(count)d records have gone on since and keep their decisions.",
            len(undone.kept),
        ) % {"count": len(undone.kept)}
    if wants_json(request):
        return JsonResponse({"detail": detail, "kept": [str(identity) for identity in undone.kept]})
    messages.success(request, detail)
    return _back(request)


@require_POST
@for_reviewers
def lock(request: PersonRequest) -> HttpResponse:
    """Lock or unlock the selection."""
    unlock = request.POST.get("act") == "unlock"
    try:
        items = _items(request)
        outcomes = sheet.lock_many(items=items, unlock=unlock, by=request.user, now=timezone.now())
    except (ValidationError, Refused) as error:
        return _not_done(request, error)
    refused_ones = [outcome for outcome in outcomes if outcome.refused is not None]
    count = len(outcomes) - len(refused_ones)
    if unlock:
        detail = ngettext("%(count)d record is unlocked.", "%(count)d records are unlocked.", count)
    else:
        detail = ngettext("%(count)d record is locked.", "%(count)d records are locked.", count)
    detail %= {"count": count}
    if wants_json(request):
        return JsonResponse({"detail": detail, "batch": None, **_outcomes(outcomes)})
    messages.success(request, detail)
    _tell_refusals(request, refused_ones)
    return _back(request)

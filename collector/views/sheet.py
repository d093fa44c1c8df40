"""The sheet: all records, filtered and sorted, read and edited in place."""

from __future__ import annotations

import uuid
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from collector import sheet_forecasts, sheet_queries
from collector.actions import reviews, sheet
from collector.errors import Refused
from collector.models import Role
from collector.sheet_forms import EditForm, FilterForm
from collector.sheets.rows import TEXTS
from collector.views.common import status_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.sheet_queries import Record, Wanted
    from collector.views.common import PersonRequest

Answer = TypeVar("Answer", bound=HttpResponseBase)

PAGE = 50
MAX_WINDOW = 200
MORE = ("campaign", "language", "author", "flagged", "disputed", "locked")  # the filters behind a button
# A cell shows this much of a text; the rest is fetched when the cell is opened.
SHOWN = 4_000


def for_reviewers(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """Answer 403, and say whom to ask, where the person is neither reviewer nor lead."""

    @wraps(view)
    def guarded(request: PersonRequest, *args: Any, **kwargs: Any) -> Answer:
        try:
            reviews.require_reviewer(request.user)
        except Refused as refused:
            raise PermissionDenied(str(refused)) from refused
        return view(request, *args, **kwargs)

    return guarded


def wants_json(request: PersonRequest) -> bool:
    """Say whether the grid asks, not a page."""
    return request.headers.get("Accept", "").startswith("application/json")


def filter_of(request: PersonRequest) -> tuple[FilterForm, Wanted]:
    """Read the filter; what can't be read asks for nothing, and its field says why."""
    form = FilterForm(request.GET, person=request.user)
    form.is_valid()
    return form, form.wanted


@require_safe
@for_reviewers
def grid(request: PersonRequest) -> HttpResponse:
    """Show the sheet: a table of one page, which the script makes a grid of all records."""
    form, wanted = filter_of(request)
    matching = sheet_queries.matching(request.user, wanted)
    page = Paginator(range(matching.order_by().count()), PAGE).get_page(request.GET.get("page"))
    records = sheet_queries.records(request.user, sheet_queries.ids_at(matching, page.start_index() - 1, PAGE))
    is_plain = request.GET.get("view") == "table"
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "form": form,
        "page": page,
        "records": records,
        "total": page.paginator.count,
        # The grid's first screen; what it scrolls to comes from `rows`.
        "first": [] if is_plain else [_as_json(record) for record in records],
        "query": query.urlencode(),
        "is_plain": is_plain,
        "more_count": sum(bool(getattr(wanted, name)) for name in MORE),
        "is_lead": request.user.has_role(Role.LEAD),
        "shows_author": sheet_queries.sees_authors(request.user) or any(record.author for record in records),
        "batch": sheet_forecasts.last_batch(request.user, timezone.now(), reviews.UNDO_BATCH_SECONDS),
        "limit": sheet.MAX_AT_ONCE,
    }
    return render(request, "collector/sheet.html", context)


@require_safe
@for_reviewers
def index(request: PersonRequest) -> HttpResponse:
    """Give the order of all matching records: see ``sheet_queries.STRIDE``."""
    form, wanted = filter_of(request)
    if not form.is_valid():
        return JsonResponse({"detail": _("The filter can't be read.")}, status=HTTPStatus.BAD_REQUEST)
    rows = sheet_queries.matching(request.user, wanted)
    return HttpResponse(sheet_queries.packed(rows), content_type="application/octet-stream")


@require_safe
@for_reviewers
def rows(request: PersonRequest) -> JsonResponse:
    """Give a window of records: those whose ids are asked for, or ``count`` of the filter's from ``from`` on."""
    if "ids" in request.GET:
        try:
            ids = [uuid.UUID(word) for word in request.GET["ids"].split(",")[: MAX_WINDOW + 1] if word]
        except ValueError:
            ids = []
        if not 0 < len(ids) <= MAX_WINDOW:
            return JsonResponse({"detail": _("Ask for up to 200 ids.")}, status=HTTPStatus.BAD_REQUEST)
        return JsonResponse({"rows": [_as_json(record) for record in sheet_queries.records(request.user, ids)]})
    form, wanted = filter_of(request)
    start, count = _number(request, "from", 0), _number(request, "count", 100)
    if not form.is_valid() or start is None or count is None or not 0 < count <= MAX_WINDOW:
        return JsonResponse({"detail": _("The filter can't be read.")}, status=HTTPStatus.BAD_REQUEST)
    matching = sheet_queries.matching(request.user, wanted)
    records = sheet_queries.records(request.user, sheet_queries.ids_at(matching, start, count))
    total = matching.order_by().count()
    return JsonResponse({"total": total, "rows": [_as_json(record) for record in records]})


def _number(request: PersonRequest, name: str, default: int) -> int | None:
    value = request.GET.get(name, "")
    if not value:
        return default
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None  # noqa: PLR2004 - a billion


def _as_json(record: Record) -> dict[str, Any]:
    submission, revision = record.submission, record.revision
    texts = {name: getattr(revision, name) for name in TEXTS}
    return {
        "id": str(submission.pk),
        "revision": revision.number,
        "state": submission.status,
        "state_label": submission.get_status_display(),
        "category": submission.category.name,
        "language": revision.language,
        "campaign": submission.campaign.name,
        **{name: text[:SHOWN] for name, text in texts.items()},
        "cut": [name for name, text in texts.items() if len(text) > SHOWN],
        "rating": None if record.rating is None else round(record.rating, 2),
        "reviews": record.reviews,
        "flags": record.flag_words,
        "updated": submission.updated_at.isoformat(timespec="seconds"),
        "locked": submission.locked_at is not None,
        "disputed": submission.disputed_at is not None,
        "author": record.author,
    }


@require_http_methods(["GET", "POST"])
@for_reviewers
def record(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """One record's texts, whole: to read them for a cell, or to save an edit."""
    found = sheet_queries.records(request.user, [pk])
    if not found:
        raise Http404
    if request.method == "POST":
        return _save(request, found[0])
    if wants_json(request):
        texts = {name: getattr(found[0].revision, name) for name in TEXTS}
        return JsonResponse({"revision": found[0].revision.number, **texts})
    initial = {"base_revision": found[0].revision.number} | {name: getattr(found[0].revision, name) for name in TEXTS}
    return _editor(request, found[0], EditForm(initial=initial))


def _save(request: PersonRequest, found: Record) -> HttpResponse:
    form = EditForm(request.POST)
    if not form.is_valid():
        return _not_saved(request, found, form, HTTPStatus.BAD_REQUEST)
    try:
        sheet.edit_cell(
            submission=found.submission,
            base_revision=form.cleaned_data["base_revision"],
            texts=form.texts,
            by=request.user,
            now=timezone.now(),
        )
    except ValidationError as error:
        for name, texts in error.message_dict.items():
            form.add_error(name if name in form.fields else None, texts)
        return _not_saved(request, found, form, HTTPStatus.BAD_REQUEST)
    except Refused as refused:
        return _not_saved(request, found, form, status_of(refused), refused)
    if wants_json(request):
        (now_saved,) = sheet_queries.records(request.user, [found.submission.pk])
        return JsonResponse(_as_json(now_saved))
    return redirect(f"{reverse('review-grid')}?view=table#r-{found.submission.pk}")


def _not_saved(
    request: PersonRequest, found: Record, form: EditForm, status: int, refused: Refused | None = None
) -> HttpResponse:
    """Give the person's text back with the reason, beside what the record says by now."""
    (current,) = sheet_queries.records(request.user, [found.submission.pk])
    moved = form.data.get("base_revision") != str(current.revision.number)
    if wants_json(request):
        errors = {name: " ".join(map(str, texts)) for name, texts in form.errors.items()}
        detail = str(refused) if refused else " ".join(errors.values())
        theirs = {name: getattr(current.revision, name) for name in TEXTS}
        return JsonResponse(
            {
                "detail": detail,
                "code": refused.code if refused else "invalid",
                "current": {"revision": current.revision.number, **theirs} if moved else None,
            },
            status=status,
        )
    return _editor(request, current, form, status, refused=str(refused or ""), moved=moved)


def _editor(
    request: PersonRequest, found: Record, form: EditForm, status: int = HTTPStatus.OK, **extra: Any
) -> HttpResponse:
    context = {"record": found, "form": form, "refused": "", "moved": False}
    return render(request, "collector/sheet_edit.html", context | extra, status=status)

"""The sheet as a file: out as CSV and XLSX, and an edited one back in by way of a preview."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector import sheet_comparisons, sheet_queries
from collector.actions import sheet, sheet_imports
from collector.errors import Refused
from collector.models import SheetImport
from collector.sheet_forms import UploadForm, parse_items
from collector.sheets.rows import MAX_ROWS, MAX_UPLOAD_BYTES
from collector.sheets.writing import MAX_XLSX_ROWS, write_csv, write_xlsx
from collector.views.common import status_of
from collector.views.sheet import filter_of, for_reviewers
from ui.limits import limited
from ui.middleware import bounds_its_body
from ui.streams import takes_a_thread

if TYPE_CHECKING:
    import uuid

    from collector.views.common import PersonRequest

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ENVELOPE = 64 * 1024  # bytes of a multipart body around the file
SHOWN_CHANGES = 200


@require_safe
@takes_a_thread
@for_reviewers
def export(request: PersonRequest, format: str) -> HttpResponse | StreamingHttpResponse:
    """Download the filtered records; ``format`` is csv or xlsx."""
    form, wanted = filter_of(request)
    if not form.is_valid():
        return render(request, "collector/sheet_upload.html", {"refused": _("The filter can't be read.")}, status=400)
    index = sheet_queries.packed(sheet_queries.matching(request.user, wanted))
    rows = len(index) // sheet_queries.STRIDE
    if format == "xlsx" and rows > MAX_XLSX_ROWS:
        context = {"refused": _("This is more than a workbook can hold. Filter it, or download it as CSV.")}
        return render(request, "collector/sheet_upload.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    now = timezone.now()
    sheet.record_download(format=format, rows=rows, detail=wanted.as_detail(), by=request.user, now=now)
    name = f"woolgather-sheet-{timezone.localtime(now):%Y-%m-%d-%H%M}.{format}"
    lines = sheet_queries.lines(request.user, index)
    pieces, content_type = (write_csv(lines), CSV) if format == "csv" else (write_xlsx(lines), XLSX)
    answer = StreamingHttpResponse(pieces, content_type=content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@bounds_its_body
@limited("import")
@csrf_exempt  # _upload checks it: the middleware would read a body of any size to find the token in it
@require_http_methods(["GET", "POST"])
@for_reviewers
def upload(request: PersonRequest) -> HttpResponse:
    """Ask for an edited sheet, or take one."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MAX_UPLOAD_BYTES + ENVELOPE:
        refused = _("This file is larger than %(limit)d MiB. Keep only the rows that you edited and upload it again.")
        context = {"form": UploadForm(), "refused": refused % {"limit": MAX_UPLOAD_BYTES // 2**20}}
        return render(request, "collector/sheet_upload.html", context, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return _upload(request)


@csrf_protect
def _upload(request: PersonRequest) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    context = {"form": form, "refused": "", "rows": MAX_ROWS, "mebibytes": MAX_UPLOAD_BYTES // 2**20}
    if request.method == "GET":
        return render(request, "collector/sheet_upload.html", context)
    if not form.is_valid():
        return render(request, "collector/sheet_upload.html", context, status=HTTPStatus.BAD_REQUEST)
    file = form.cleaned_data["file"]
    try:
        read = sheet_imports.read_upload(file=file.file, file_name=file.name, by=request.user, now=timezone.now())
    except Refused as refused:
        context["refused"] = str(refused)
        return render(request, "collector/sheet_upload.html", context, status=status_of(refused))
    return redirect("sheet-preview", read.pk)


def _own(request: PersonRequest, pk: uuid.UUID) -> SheetImport:
    return get_object_or_404(SheetImport, pk=pk, by=request.user)


@require_http_methods(["GET", "POST"])
@for_reviewers
def preview(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Show what an uploaded sheet would change, or change it."""
    found = _own(request, pk)
    if request.method == "POST":
        return _apply(request, found)
    return _preview(request, found)


def _preview(
    request: PersonRequest, found: SheetImport, refused: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    compared = sheet_comparisons.compare(request.user, found, timezone.now())
    context = {
        "sheet": found,
        "compared": compared,
        "shown": compared.changes[:SHOWN_CHANGES],
        "hidden": max(0, len(compared.changes) - SHOWN_CHANGES),
        "refused": refused,
    }
    return render(request, "collector/sheet_preview.html", context, status=status)


def _apply(request: PersonRequest, found: SheetImport) -> HttpResponse:
    try:
        overrides = dict(parse_items(request.POST.getlist("use")))
    except ValidationError as error:
        return _preview(request, found, " ".join(error.messages), HTTPStatus.BAD_REQUEST)
    try:
        changed = sheet_imports.apply(
            sheet=found,
            seen=request.POST.get("seen", ""),
            overrides=overrides,
            by=request.user,
            now=timezone.now(),
        )
    except Refused as refused:
        return _preview(request, SheetImport.objects.get(pk=found.pk), str(refused), status_of(refused))
    said = ngettext("%(count)d change is applied.", "%(count)d changes are applied.", changed)
    messages.success(request, said % {"count": changed})
    return redirect("review-grid")


@require_POST
@for_reviewers
def discard(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Drop an uploaded sheet."""
    sheet_imports.discard(sheet=_own(request, pk), by=request.user)
    messages.success(request, _("The uploaded sheet is dropped. Nothing was changed."))
    return redirect(reverse("review-grid"))

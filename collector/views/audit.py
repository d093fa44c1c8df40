"""Who did what: the page for admins."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from collector import audit_queries
from collector.audit_queries import Wanted
from collector.models import AuditEntry, Role
from collector.sheets.cells import guard
from collector.text import validate_text
from ui.streams import takes_a_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from collector.views.common import PersonRequest

PAGE_SIZE = 50
COLUMNS = ("at", "by", "verb", "target", "ip", "detail")


class FilterForm(forms.Form):
    """Which entries."""

    person = forms.CharField(label=gettext_lazy("Who"), required=False, max_length=40, validators=[validate_text])
    verb = forms.CharField(label=gettext_lazy("What"), required=False, max_length=60, validators=[validate_text])
    target = forms.CharField(label=gettext_lazy("To what"), required=False, max_length=200, validators=[validate_text])
    day = forms.DateField(
        label=gettext_lazy("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    @property
    def wanted(self) -> Wanted:
        """The filter, once the form is valid."""
        data = self.cleaned_data
        return Wanted(person=data["person"], verb=data["verb"], target=data["target"], day=data["day"])


def _require_admin(request: PersonRequest) -> None:
    if not request.user.has_role(Role.ADMIN):
        raise PermissionDenied(_("Admins read the audit."))


@require_safe
def audit(request: PersonRequest) -> HttpResponse:
    """List who did what, the newest first."""
    _require_admin(request)
    form = FilterForm(request.GET)
    entries: list[AuditEntry] = []
    more = False
    if form.is_valid():
        rows = form.wanted.rows()
        entries, more = audit_queries.page(rows, before=form.cleaned_data["before"], size=PAGE_SIZE)
    context = {
        "form": form,
        "entries": entries,
        "last": entries[-1].pk if more else None,
        "is_filtered": any(form.data.get(name) for name in ("person", "verb", "target", "day")),
        "is_further": bool(form.data.get("before")),
    }
    return render(request, "collector/audit.html", context, status=400 if form.errors else 200)


@require_safe
@takes_a_thread
def download(request: PersonRequest) -> HttpResponseBase:
    """Hand the filtered entries out as CSV, and note who got them."""
    _require_admin(request)
    form = FilterForm(request.GET)
    if not form.is_valid():
        return render(request, "collector/audit.html", {"form": form, "entries": []}, status=400)
    now = timezone.now()
    rows = form.wanted.rows().filter(at__lte=now)
    if request.method == "GET":
        detail = {name: str(value) for name, value in form.cleaned_data.items() if value}
        AuditEntry.objects.create(by=request.user, verb="audit.downloaded", target="audit", detail=detail, at=now)
    answer = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="woolgather-audit-{now:%Y-%m-%d}.csv"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


class _Echo:
    def write(self, text: str) -> str:
        return text


def _lines(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)
    for entry in rows.iterator(chunk_size=1000):
        detail = json.dumps(entry.detail, ensure_ascii=False) if entry.detail else ""
        by = entry.by.handle if entry.by else ""
        yield writer.writerow(
            [
                entry.at.isoformat(),
                *map(guard, (by, entry.verb, entry.target)),
                entry.ip or "",
                guard(detail),
            ]
        )

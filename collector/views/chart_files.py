"""A plot of a page as a file: its table, its drawing, a picture of it."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _

from collector.sheets.cells import guard
from ui import images

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ui.plots import Chart


def chart_file(charts: Iterable[Chart], *, form: str, ident: str, name: str) -> HttpResponse:
    """Answer with the chart ``ident`` as csv, svg or png, under a file name that begins with ``name``; or 404."""
    chart = next((chart for chart in charts if chart.ident == ident), None)
    if chart is not None and form == "csv":
        return _download(as_csv(chart.data), "text/csv; charset=utf-8", f"{name}-{ident}.csv")
    if chart is not None and form == "svg":
        return _download(images.svg(chart), "image/svg+xml", f"{name}-{ident}.svg")
    if chart is not None and form == "png":
        return _download(images.png(chart), "image/png", f"{name}-{ident}.png")
    raise Http404(_("There is no such plot."))


def as_csv(rows: Iterable[Sequence[str | float | None]]) -> str:
    """Write a table that no spreadsheet program takes for formulas."""
    text = StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow(guard(cell) if isinstance(cell, str) else cell for cell in row)
    return text.getvalue()


def _download(content: str | bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})

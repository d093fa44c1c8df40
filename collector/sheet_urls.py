"""The sheet's addresses."""

from __future__ import annotations

from django.urls import path

from collector.views import sheet, sheet_acts, sheet_files

urlpatterns = [
    path("review/grid/", sheet.grid, name="review-grid"),
    path("review/grid/index/", sheet.index, name="sheet-index"),
    path("review/grid/rows/", sheet.rows, name="sheet-rows"),
    path("review/grid/decide/", sheet_acts.decide, name="sheet-decide"),
    path("review/grid/undo/", sheet_acts.undo, name="sheet-undo"),
    path("review/grid/lock/", sheet_acts.lock, name="sheet-lock"),
    path("review/grid/sheet.csv", sheet_files.export, {"format": "csv"}, name="sheet-csv"),
    path("review/grid/sheet.xlsx", sheet_files.export, {"format": "xlsx"}, name="sheet-xlsx"),
    path("review/grid/upload/", sheet_files.upload, name="sheet-upload"),
    path("review/grid/upload/<uuid:pk>/", sheet_files.preview, name="sheet-preview"),
    path("review/grid/upload/<uuid:pk>/discard/", sheet_files.discard, name="sheet-discard"),
    path("review/grid/<uuid:pk>/", sheet.record, name="sheet-record"),
]

"""Edited sheets on their way back in."""

from __future__ import annotations

import uuid

from django.db import models

from collector.models.people import Person


class SheetImport(models.Model):
    """An uploaded sheet, read and compared: first a preview, then applied as a whole or dropped."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    by = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sheet_imports")
    file_name = models.CharField(max_length=255)
    rows = models.JSONField(help_text="What the sheet says, a row each; see collector.sheets.")
    created_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.file_name

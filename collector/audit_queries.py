"""The audit, narrowed down and page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from collector.models import AuditEntry

if TYPE_CHECKING:
    from django.db.models import QuerySet


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which entries: by a person's handle, a verb or the first part of one, a target, a day of the reader's."""

    person: str = ""
    verb: str = ""
    target: str = ""
    day: date | None = None

    def rows(self) -> QuerySet[AuditEntry]:
        """Return the entries, the newest first."""
        found = AuditEntry.objects.select_related("by").order_by("-at", "-pk")
        if self.person:
            found = found.filter(by__handle=self.person)
        if self.verb:
            found = found.filter(Q(verb=self.verb) | Q(verb__startswith=f"{self.verb}."))
        if self.target:
            found = found.filter(target__startswith=self.target)
        if self.day:
            begin = timezone.make_aware(datetime.combine(self.day, datetime.min.time()))
            found = found.filter(at__gte=begin, at__lt=begin + timedelta(days=1))
        return found


def page(rows: QuerySet[AuditEntry], *, before: int | None, size: int) -> tuple[list[AuditEntry], bool]:
    """Return the entries that follow the one with the key ``before``, and whether there are more after them."""
    if before is not None:
        last = AuditEntry.objects.filter(pk=before).values_list("at", flat=True).first()
        rows = rows.none() if last is None else rows.filter(Q(at__lt=last) | Q(at=last, pk__lt=before))
    found = list(rows[: size + 1])
    return found[:size], len(found) > size

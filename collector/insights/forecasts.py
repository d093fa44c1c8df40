"""A forecast, or the reason why there is none; apart from the counting, so that pages know it without numpy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


class Gap(StrEnum):
    """Why there is no day."""

    NO_TARGET = "no_target"
    DONE = "done"
    NOT_OPEN = "not_open"
    TOO_FEW_DAYS = "too_few_days"
    TOO_LITTLE = "too_little"
    NOTHING = "nothing"
    BEYOND = "beyond"


@dataclass(frozen=True)
class Forecast:
    """When a target will be reached.

    Attributes:
        gap: why there is no day, or None.
        per_day: mean approvals a day in the days counted; None where no day is complete.
        days: complete days that were counted.
        approved: approvals of those days.
        day: when nothing will be missing, at that pace.
        early: the interval's first day.
        late: its last, or None where it lies more than a year away.
    """

    gap: Gap | None
    per_day: float | None = None
    days: int = 0
    approved: int = 0
    day: date | None = None
    early: date | None = None
    late: date | None = None

    def is_after(self, end: date | None) -> bool:
        """Whether the day comes after the end, or not within a year."""
        if end is None:
            return False
        return self.gap in {Gap.BEYOND, Gap.NOTHING} or (self.day is not None and self.day > end)

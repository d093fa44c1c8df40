"""Days of a calendar: which are shown, which count for the pace, and what is still needed of each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

WINDOW = 14  # complete days that make the present pace


def after(day: date, days: int) -> date:
    """Return the day so many days later."""
    return day + timedelta(days=days)


def days_between(first: date, last: date) -> list[date]:
    """Return every day from the first to the last, both among them; none where the last comes first."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def window(today: date, begin: date | None) -> list[date]:
    """Return the last complete days, at most ``WINDOW`` and none before ``begin``; without a beginning, none."""
    if begin is None:
        return []
    return days_between(max(begin, today - timedelta(days=WINDOW)), today - timedelta(days=1))


def needed_per_day(missing: int, today: date, end: date | None) -> float | None:
    """Return how many are needed on each day that is left after today (on the last day: today), to end in time.

    None where the end is unknown or past, or nothing is missing.
    """
    if end is None or end < today or missing <= 0:
        return None
    return missing / max(1, (end - today).days)

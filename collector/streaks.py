"""Streaks: days in a row on which a person did something, reckoned on the days as they were lived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY = timedelta(days=1)
SATURDAY = 5
Week = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Streak:
    """How a person stands today."""

    current: int
    longest: int
    is_done_today: bool
    is_frozen_this_week: bool

    @property
    def is_at_stake(self) -> bool:
        """Whether there is a streak that today's work would make longer."""
        return self.current > 0 and not self.is_done_today


def streak_of(days: Iterable[date], *, today: date, weekends_count: bool = False) -> Streak:
    """Reckon the streak of somebody who was active on these days.

    Days in a row make a streak; its length counts active days only. One missed day of each ISO week is bridged: the
    streak goes on, though it doesn't grow. Saturdays and Sundays are never missed unless ``weekends_count``, and
    lengthen a streak where they were used. Today is not missed before it is over. A day after ``today``, which a
    flight to the west can leave behind, is today's.
    """
    lived = sorted({min(day, today) for day in days})
    current = longest = 0
    bridged: set[Week] = set()
    before: date | None = None
    for day in lived:
        used = None if before is None else _bridged(before, day, bridged, weekends_count=weekends_count)
        current, bridged = (1, set()) if used is None else (current + 1, used)
        longest = max(longest, current)
        before = day
    used = None if before is None else _bridged(before, today, bridged, weekends_count=weekends_count)
    return Streak(
        current=0 if used is None else current,
        longest=longest,
        is_done_today=before == today,
        is_frozen_this_week=used is not None and _week(today) in used,
    )


def _bridged(before: date, day: date, bridged: set[Week], *, weekends_count: bool) -> set[Week] | None:
    """Return the weeks whose one free day is used once the days between are bridged; None where they can't be."""
    used = set(bridged)
    missed = before + DAY
    while missed < day:
        if weekends_count or missed.weekday() < SATURDAY:
            if _week(missed) in used:
                return None
            used.add(_week(missed))
        missed += DAY
    return used


def _week(day: date) -> Week:
    calendar = day.isocalendar()
    return calendar.year, calendar.week

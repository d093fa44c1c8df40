"""Days, weeks and months of a campaign's calendar."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from collector.models import Standing

Period = Standing.Period
BEGINNING: Final = date(1970, 1, 1)
"""Where “all time” is kept."""


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its IANA name; UTC for none."""
    return zoneinfo.ZoneInfo(name) if name else UTC


def first_day(period: str, day: date) -> date:
    """Return the first day of the period that a day lies in; weeks begin on Monday."""
    if period == Period.DAY:
        return day
    if period == Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == Period.MONTH else BEGINNING


def day_of(moment: datetime, zone: tzinfo) -> date:
    """Return the calendar day on which a moment lies there."""
    return moment.astimezone(zone).date()

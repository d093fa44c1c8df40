"""Figures, days and durations as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector.agreement.words import number, percent
from collector.insights.forecasts import Forecast, Gap

if TYPE_CHECKING:
    from datetime import date, timedelta

__all__ = ["day", "duration", "forecast", "interval", "long_day", "number", "percent", "rate", "short", "why"]

HOUR, DAY = 60 * 60, 24 * 60 * 60
TWO_DAYS = 2 * DAY
WHOLE = 10  # rates from here on need no decimals


def day(value: date) -> str:
    """Write a day in a plot, “3 Mar”."""
    return date_format(value, "j M")


def long_day(value: date) -> str:
    """Write a day in a sentence, with its year."""
    return date_format(value, "DATE_FORMAT")


def rate(value: float | None) -> str:
    """Write how many a day: small figures with a decimal; a dash where there is none."""
    if value is None:
        return "–"
    rounded = round(value, 1)
    return number(value, 0 if value >= WHOLE or rounded == int(rounded) else 1)


def duration(value: timedelta | None) -> str:
    """Write a time span by its largest unit, hours up to two days; a dash where there is none."""
    if value is None:
        return "–"
    seconds = value.total_seconds()
    if seconds < HOUR:
        return _minutes(max(1, round(seconds / 60)))
    if seconds < TWO_DAYS:
        return _hours(round(seconds / HOUR))
    return _days(int(seconds // DAY))


def _minutes(count: int) -> str:
    return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}


def _hours(count: int) -> str:
    return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}


def _days(count: int) -> str:
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def forecast(found: Forecast) -> str:
    """Write the day of a forecast, or in a few words why there is none."""
    return long_day(found.day) if found.day is not None else short(found)


def interval(found: Forecast) -> str:
    """Write from when to when the day may be; empty where there is no day."""
    if found.early is None:
        return ""
    if found.late is None:
        return _("%(early)s, or not within a year") % {"early": long_day(found.early)}
    if found.early == found.late:
        return ""
    return _("%(early)s to %(late)s") % {"early": long_day(found.early), "late": long_day(found.late)}


def short(found: Forecast) -> str:
    """Say in a few words why there is no day."""
    texts = {
        None: "",
        Gap.NO_TARGET: _("no target"),
        Gap.DONE: _("done"),
        Gap.NOT_OPEN: _("not open"),
        Gap.TOO_FEW_DAYS: _("too early to tell"),
        Gap.TOO_LITTLE: _("too little to tell"),
        Gap.NOTHING: _("nothing comes"),
        Gap.BEYOND: _("not within a year"),
    }
    return texts[found.gap]


def why(found: Forecast) -> str:
    """Say why there is no day, in full; empty where there is one."""
    texts = {
        None: "",
        Gap.NO_TARGET: _("No category of the campaign has a target."),
        Gap.DONE: _("Every target is met."),
        Gap.NOT_OPEN: _("The campaign is not open, so nothing more will come."),
        Gap.TOO_FEW_DAYS: ngettext(
            "A forecast needs seven complete days; there is %(days)d.",
            "A forecast needs seven complete days; there are %(days)d.",
            found.days,
        )
        % {"days": found.days},
        Gap.TOO_LITTLE: _("A forecast needs five approvals on three different days of the last two weeks."),
        Gap.NOTHING: _("Nothing that is still wanted was approved in the last two weeks."),
        Gap.BEYOND: _("At the present pace it takes more than a year."),
    }
    return texts[found.gap]

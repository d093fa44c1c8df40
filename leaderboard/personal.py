"""What a person's page tells of them: level, streak, badges, a calendar and, to themselves, their latest points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import Count

from collector.badge_queries import WEEKS, contributions, streak
from collector.badge_words import how_to, name_of
from collector.levels import Level, level_of
from collector.models import Award, Badge, Standing, Submission
from collector.points import why

if TYPE_CHECKING:
    from datetime import datetime

    from collector.models import Person
    from collector.streaks import Streak

LATEST = 5
STRENGTHS = 4
CELL = 14


@dataclass(frozen=True)
class Day:
    """A day of the calendar; ``strength`` goes from 0 (nothing) to 4 (the busiest quarter)."""

    day: date
    number: int
    strength: int
    x: int
    y: int


@dataclass(frozen=True)
class Calendar:
    """The last 26 weeks, Monday to Sunday, up to today."""

    days: list[Day]
    months: list[tuple[int, date]]
    width: int = WEEKS * CELL
    height: int = 7 * CELL

    @property
    def active(self) -> list[Day]:
        """Days on which something was done, newest first."""
        return [day for day in reversed(self.days) if day.number]

    @property
    def total(self) -> int:
        """Pairs sent and decisions given, all together."""
        return sum(day.number for day in self.days)


@dataclass(frozen=True)
class Shown:
    """A badge in words; one that is still open has no day."""

    name: str
    how: str
    given_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that the page tells."""

    points: int
    approved: int
    reviewed: int
    level: Level
    streak: Streak
    badges: list[Shown]
    open_badges: list[Shown]
    categories: list[tuple[str, int]]
    calendar: Calendar
    latest: list[tuple[Award, list[str]]]


def page_of(person: Person, now: datetime, *, is_own: bool) -> Page:
    """Collect what a person's page tells; seven queries, and one more for the person themselves."""
    kept = Standing.objects.filter(person=person, period=Standing.Period.ALL, campaign=0, category=0)
    totals = {board: (points, count) for board, points, count in kept.values_list("board", "points", "count")}
    points, _count = totals.get(Standing.Board.PEOPLE, (0, 0))
    badges = list(Badge.objects.filter(person=person).select_related("category"))
    had = {badge.kind for badge in badges}
    approved = Submission.objects.by(person).approved().order_by()
    categories = list(
        approved.values_list("category__name").annotate(number=Count("pk")).order_by("-number", "category__name")
    )
    return Page(
        points=points,
        approved=sum(number for _name, number in categories),
        reviewed=totals.get(Standing.Board.REVIEWERS, (0, 0))[1],
        level=level_of(points),
        streak=streak(person, now),
        badges=[Shown(name_of(badge.kind, badge.category), how_to(badge.kind), badge.given_at) for badge in badges],
        open_badges=[Shown(name_of(kind), how_to(kind), None) for kind in Badge.Kind.values if kind not in had],
        categories=categories,
        calendar=_calendar(contributions(person, now), now.astimezone(ZoneInfo(person.time_zone)).date()),
        latest=_latest(person) if is_own else [],
    )


def _latest(person: Person) -> list[tuple[Award, list[str]]]:
    awards = Award.objects.filter(person=person).select_related("category", "revokes", "submission")
    return [(award, why(award)) for award in awards.order_by("-created_at", "-pk")[:LATEST]]


def _calendar(numbers: dict[date, int], today: date) -> Calendar:
    first = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    most = max(numbers.values(), default=0)
    days, months = [], []
    for offset in range((today - first).days + 1):
        day = first + timedelta(days=offset)
        week, weekday = divmod(offset, 7)
        number = numbers.get(day, 0)
        strength = -(-STRENGTHS * number // most) if most else 0
        days.append(Day(day, number, strength, week * CELL, weekday * CELL))
        if day.day == 1:
            months.append((week * CELL, day))
    return Calendar(days, months)

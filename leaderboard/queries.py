"""Boards, read from the standings that are kept with the ledger of awards."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum, TextChoices
from django.db.models.functions import TruncDate
from django.utils.translation import gettext_lazy as _

from collector.models import Campaign, Person, Standing, Submission
from collector.periods import BEGINNING, day_of, first_day, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, tzinfo

    from django.db.models import QuerySet

SHOWN = 50
NEIGHBOURS = 2
DAYS = 28


class Board(TextChoices):
    """Who is ranked."""

    PEOPLE = "people", _("People")
    TEAMS = "teams", _("Teams")
    REVIEWERS = "reviewers", _("Reviewers")


class Period(TextChoices):
    """Since when; each begins at midnight of the campaign's calendar."""

    DAY = "day", _("Today")
    WEEK = "week", _("This week")
    MONTH = "month", _("This month")
    ALL = "all", _("All time")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a board. ``count`` is of approved pairs, on the reviewers' board of reviews that stand."""

    key: int
    name: str
    handle: str
    team: str
    points: int
    count: int
    members: int = 1
    rank: int = 0

    @property
    def per_head(self) -> float:
        """Points for each active member, to one decimal."""
        return round(self.points / max(1, self.members), 1)


@dataclass(frozen=True)
class Standings:
    """The first rows, and the asking person's own (or their team's) with its neighbours, which may stand further down.

    ``around`` holds the own row and those next to it where it is not among the first; ``to_next`` is what the own row
    lacks to the next rank, None for the first and for who has none.
    """

    rows: list[Row]
    total: int
    own: Row | None
    to_next: int | None
    around: list[Row]

    @property
    def own_is_shown(self) -> bool:
        """Whether the own row is among the first ones."""
        return self.own in self.rows


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which standings are asked for; the campaign and the category by their keys, 0 for all."""

    board: Board = Board.PEOPLE
    period: Period = Period.WEEK
    campaign: int = 0
    category: int = 0


def calendar() -> tzinfo:
    """Return the time zone of the open campaign, in which days, weeks and months begin; one query."""
    name = Campaign.objects.open().values_list("time_zone", flat=True).first()
    return zone_of(name or "")


def since(period: Period, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the moment the period began (weeks begin on Monday), or None for all time."""
    if period == Period.ALL:
        return None
    return datetime.combine(first_day(period, day_of(now, zone)), time.min, tzinfo=zone)


def standings(*, choice: Choice, start: datetime | None, person: Person) -> Standings:
    """Rank everybody on the board; ``start`` is when its period began.

    Nothing of it grows with history: sums are kept for each person and period. Equal points share a rank, and the
    next one skips as many (1, 2, 2, 4); among equals the name decides the order. Teams are added up from their members
    as they are now.
    """
    kept = Standing.objects.filter(
        board=Standing.Board.REVIEWERS if choice.board == Board.REVIEWERS else Standing.Board.PEOPLE,
        period=choice.period.value,
        starts=BEGINNING if start is None else start.date(),
        campaign=choice.campaign,
        category=choice.category,
        person__is_active=True,
        person__is_source=False,
    ).filter(Q(points__gt=0) | Q(count__gt=0))
    if choice.board == Board.TEAMS:
        return _of_teams(kept, person)
    return _of_people(kept.exclude(person__on_boards=Person.OnBoards.AWAY), person)


_VALUES = ("person", "person__display_name", "person__handle", "person__team__name", "points", "count")


def _rows(found: QuerySet[Standing]) -> list[Row]:
    """Return rows as others may see them: who stands under a pseudonym has no name, team or page there."""
    rows = []
    for key, name, handle, team, points, count, how, pseudonym in found.values_list(
        *_VALUES, "person__on_boards", "person__pseudonym"
    ):
        row = Row(key=key, name=name, handle=handle, team=team or "", points=points, count=count)
        is_hidden = how == Person.OnBoards.PSEUDONYM
        rows.append(replace(row, name=pseudonym, handle="", team="") if is_hidden else row)
    return rows


def _of_people(kept: QuerySet[Standing], person: Person) -> Standings:
    # Names decide among equals where they are shown; in the order of the database they would tell who hides.
    in_order = kept.order_by("-points", "person")
    rows = _ranked(_rows(in_order[:SHOWN]))
    total = len(rows) if len(rows) < SHOWN else kept.count()
    own = next((row for row in rows if row.key == person.pk), None)
    if own is None and len(rows) == SHOWN:
        own = next(iter(_rows(kept.filter(person=person))), None)
        if own is not None:
            own = replace(own, rank=1 + kept.filter(points__gt=own.points).count())
    if own is None:
        return Standings(rows, total, None, None, [])
    if own in rows:
        above = [row.points for row in rows if row.points > own.points]
        return Standings(rows, total, own, above[-1] - own.points if above else None, [])
    higher = _rows(kept.filter(points__gt=own.points).order_by("points", "person")[:NEIGHBOURS])[::-1]
    lower = _rows(kept.filter(points__lt=own.points).order_by("-points", "person")[:NEIGHBOURS])
    around = [*_placed(kept, higher), own, *_placed(kept, lower)]
    return Standings(rows, total, own, higher[-1].points - own.points, around)


def _placed(kept: QuerySet[Standing], rows: list[Row]) -> list[Row]:
    ranks = {points: 1 + kept.filter(points__gt=points).count() for points in {row.points for row in rows}}
    return [replace(row, rank=ranks[row.points]) for row in rows]


def _of_teams(kept: QuerySet[Standing], person: Person) -> Standings:
    members = dict(
        Person.objects.filter(is_active=True, is_source=False, team__isnull=False)
        .order_by()
        .values_list("team")
        .annotate(Count("pk"))
    )
    found = (
        kept.filter(person__team__isnull=False)
        .order_by()
        .values_list("person__team", "person__team__name")
        .annotate(Sum("points"), Sum("count"))
    )
    rows = _ranked(
        Row(key=key, name=name, handle="", team=name, points=points, count=count, members=members.get(key, 1))
        for key, name, points, count in found
    )
    own = next((row for row in rows if row.key == person.team_id), None)
    above = [row.points for row in rows if own is not None and row.points > own.points]
    to_next = above[-1] - own.points if own is not None and above else None
    at = rows.index(own) if own is not None else 0
    around = rows[max(SHOWN, at - NEIGHBOURS) : at + NEIGHBOURS + 1] if at >= SHOWN else []
    return Standings(rows[:SHOWN], len(rows), own, to_next, around)


def _ranked(rows: Iterable[Row]) -> list[Row]:
    ordered = sorted(rows, key=lambda row: (-row.points, row.name.casefold(), row.key))
    ranked: list[Row] = []
    for place, row in enumerate(ordered, start=1):
        is_equal = bool(ranked) and ranked[-1].points == row.points
        ranked.append(replace(row, rank=ranked[-1].rank if is_equal else place))
    return ranked


@dataclass(frozen=True)
class Day:
    """Approved pairs of one calendar day."""

    day: date
    approved: int


@dataclass(frozen=True)
class Numbers:
    """What a person's public page tells of them."""

    points: int
    approved: int
    reviewed: int
    categories: list[tuple[str, int]]
    days: list[Day]

    @property
    def busiest(self) -> int:
        """The most approved on one of the days; at least 1, to measure against."""
        return max([1, *(day.approved for day in self.days)])


def numbers(person: Person, now: datetime) -> Numbers:
    """Sum up a person: points, approved pairs by category and by their own days; three queries."""
    kept = Standing.objects.filter(person=person, period=Standing.Period.ALL, campaign=0, category=0)
    totals = {board: (points, count) for board, points, count in kept.values_list("board", "points", "count")}
    approved = Submission.objects.by(person).approved().order_by()
    categories = list(
        approved.values_list("category__name").annotate(number=Count("pk")).order_by("-number", "category__name")
    )
    zone = zoneinfo.ZoneInfo(person.time_zone)
    today = now.astimezone(zone).date()
    first = today - timedelta(days=DAYS - 1)
    by_day: dict[date, int] = dict(
        approved.filter(approved_at__gte=datetime.combine(first, time.min, tzinfo=zone))
        .annotate(day=TruncDate("approved_at", tzinfo=zone))
        .values_list("day")
        .annotate(Count("pk"))
    )
    days = [first + timedelta(days=offset) for offset in range(DAYS)]
    return Numbers(
        points=totals.get(Standing.Board.PEOPLE, (0, 0))[0],
        approved=sum(number for _name, number in categories),
        reviewed=totals.get(Standing.Board.REVIEWERS, (0, 0))[1],
        categories=categories,
        days=[Day(day, by_day.get(day, 0)) for day in days],
    )

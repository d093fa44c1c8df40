"""Standings, computed from the ledger of awards whenever they are asked for."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum, TextChoices
from django.db.models.functions import TruncDate
from django.utils.translation import gettext_lazy as _

from collector.models import Award, Campaign, Person, Submission

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, tzinfo

    from django.db.models import QuerySet

SHOWN = 50
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
    """The first rows, and the asking person's own (or their team's), which may stand further down."""

    rows: list[Row]
    total: int
    own: Row | None
    to_next: int | None

    @property
    def own_is_shown(self) -> bool:
        """Whether the own row is among the first ones."""
        return self.own in self.rows


def calendar() -> tzinfo:
    """Return the time zone of the open campaign, in which days, weeks and months begin; one query."""
    name = Campaign.objects.open().values_list("time_zone", flat=True).first()
    return zoneinfo.ZoneInfo(name) if name else UTC


def since(period: Period, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the moment the period began (weeks begin on Monday), or None for all time."""
    today = now.astimezone(zone).date()
    first = {
        Period.DAY: today,
        Period.WEEK: today - timedelta(days=today.weekday()),
        Period.MONTH: today.replace(day=1),
    }.get(period)
    return None if first is None else datetime.combine(first, time.min, tzinfo=zone)


def standings(*, board: Board, since: datetime | None, person: Person) -> Standings:
    """Rank everybody on the board who has points since then; one query, for teams two.

    Equal points share a rank, and the next one skips as many (1, 2, 2, 4); among equals the name decides the order.
    """
    awards = Award.objects.filter(person__is_active=True, person__is_source=False)
    if since is not None:
        awards = awards.filter(created_at__gte=since)
    rows = _ranked(_teams(awards) if board == Board.TEAMS else _people(awards, board))
    own_key = person.team_id if board == Board.TEAMS else person.pk
    own = next((row for row in rows if row.key == own_key), None)
    above = [row.points for row in rows if own is not None and row.points > own.points]
    return Standings(
        rows=rows[:SHOWN],
        total=len(rows),
        own=own,
        to_next=above[-1] - own.points if own is not None and above else None,
    )


def _net(reason: str) -> Count:
    """Count the awards that were not taken back, wherever the revocation itself fell."""
    return Count("pk", filter=Q(reason=reason, revokes=None, revoked_by=None))


def _people(awards: QuerySet[Award], board: Board) -> list[Row]:
    reason = Award.Reason.APPROVED
    if board == Board.REVIEWERS:
        reason = Award.Reason.REVIEWED
        awards = awards.filter(reason=reason)
    found = (
        awards.order_by()
        .values_list("person", "person__display_name", "person__handle", "person__team__name")
        .annotate(points=Sum("points"), count=_net(reason))
        .filter(Q(points__gt=0) | Q(count__gt=0))
    )
    return [
        Row(key=key, name=name, handle=handle, team=team or "", points=points, count=count)
        for key, name, handle, team, points, count in found
    ]


def _teams(awards: QuerySet[Award]) -> list[Row]:
    members = dict(
        Person.objects.filter(is_active=True, is_source=False, team__isnull=False)
        .order_by()
        .values_list("team")
        .annotate(Count("pk"))
    )
    found = (
        awards.filter(person__team__isnull=False)
        .order_by()
        .values_list("person__team", "person__team__name")
        .annotate(points=Sum("points"), count=_net(Award.Reason.APPROVED))
        .filter(Q(points__gt=0) | Q(count__gt=0))
    )
    return [
        Row(key=key, name=name, handle="", team=name, points=points, count=count, members=members.get(key, 1))
        for key, name, points, count in found
    ]


def _ranked(rows: Iterable[Row]) -> list[Row]:
    ordered = sorted(rows, key=lambda row: (-row.points, row.name.casefold(), row.key))
    ranked: list[Row] = []
    for place, row in enumerate(ordered, start=1):
        rank = ranked[-1].rank if ranked and ranked[-1].points == row.points else place
        ranked.append(
            Row(
                key=row.key,
                name=row.name,
                handle=row.handle,
                team=row.team,
                points=row.points,
                count=row.count,
                members=row.members,
                rank=rank,
            )
        )
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
    totals = Award.objects.filter(person=person).aggregate(points=Sum("points"), reviewed=_net(Award.Reason.REVIEWED))
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
        points=totals["points"] or 0,
        approved=sum(number for _name, number in categories),
        reviewed=totals["reviewed"],
        categories=categories,
        days=[Day(day, by_day.get(day, 0)) for day in days],
    )

"""Boards, read from the standings that are kept with the ledger of awards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, Sum, TextChoices
from django.utils.translation import gettext_lazy as _

from collector.counts import kept_if_large
from collector.models import Campaign, Contest, ContestStanding, Person, Standing
from collector.periods import BEGINNING, day_of, first_day, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from django.db.models import QuerySet


SHOWN = 50
NEIGHBOURS = 2
RECENT = timedelta(days=31)


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
    CAMPAIGN = "campaign", _("The campaign")
    ALL = "all", _("All time")


KEPT = {Period.CAMPAIGN: Standing.Period.ALL}
"""Periods that are kept under another name; the campaign's is all of its time."""


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
    """Which standings are asked for; the campaign and the category by their keys, 0 for all.

    With a contest it is that of the contest's days, campaign and category, whatever else is said.
    """

    board: Board = Board.PEOPLE
    period: Period = Period.WEEK
    campaign: int = 0
    category: int = 0
    contest: Contest | None = None


def calendar() -> tzinfo:
    """Return the time zone of the open campaign, in which days, weeks and months begin; one query."""
    name = Campaign.objects.open().values_list("time_zone", flat=True).first()
    return zone_of(name or "")


def contests_of(campaign: Campaign, now: datetime) -> list[Contest]:
    """Return the campaign's contests that have begun and ended at most a month ago, the newest first; one query."""
    today = day_of(now, zone_of(campaign.time_zone))
    begun = campaign.contests.filter(starts_on__lte=today, ends_on__gte=today - RECENT)
    return list(begun.select_related("category"))


def running_contest(now: datetime) -> Contest | None:
    """Return the contest of an open campaign that runs now by its campaign's calendar, the newest of several."""
    # The day may differ by one from the server's.
    near = now.date() + timedelta(days=1), now.date() - timedelta(days=1)
    found = Contest.objects.filter(
        campaign__status=Campaign.Status.OPEN, starts_on__lte=near[0], ends_on__gte=near[1]
    ).select_related("category", "campaign")
    for contest in found:
        if contest.starts_on <= day_of(now, zone_of(contest.campaign.time_zone)) <= contest.ends_on:
            return contest
    return None


def since(period: Period, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the moment the period began (weeks begin on Monday), or None for all time, of a campaign or of all."""
    if period in {Period.ALL, Period.CAMPAIGN}:
        return None
    return datetime.combine(first_day(period, day_of(now, zone)), time.min, tzinfo=zone)


def standings(*, choice: Choice, start: datetime | None, person: Person) -> Standings:
    """Rank everybody on the board; ``start`` is when its period began.

    Nothing of it grows with history: sums are kept for each person and period, and for each contest.
    Equal points share a rank, and the next one skips as many (1, 2, 2, 4); among equals the name decides the order.
    Teams are added up from their members as they are now.
    """
    kept = _kept(choice, start).filter(
        board=Standing.Board.REVIEWERS if choice.board == Board.REVIEWERS else Standing.Board.PEOPLE,
        person__is_active=True,
        person__is_source=False,
    )
    if choice.board == Board.TEAMS:
        return _of_teams(kept, person)
    # Named, not excluded: PostgreSQL takes a “<>” in a statement that it keeps for one that leaves nobody.
    shown = kept.filter(SOMETHING, person__on_boards__in=[Person.OnBoards.NAME, Person.OnBoards.PSEUDONYM])
    return _of_people(
        shown,
        person,
        key=f"{choice.board}:{choice.period}:{start}:{choice.campaign}:{choice.category}"
        f":{choice.contest.pk if choice.contest else 0}",
    )


def _kept(choice: Choice, start: datetime | None) -> QuerySet[Any]:
    """Return the kept sums of a contest, or of a period."""
    if choice.contest is not None:
        return ContestStanding.objects.filter(contest=choice.contest)
    return Standing.objects.filter(
        period=KEPT.get(choice.period, choice.period.value),
        starts=BEGINNING if start is None else start.date(),
        campaign=choice.campaign,
        category=choice.category,
    )


SOMETHING = Q(points__gt=0) | Q(count__gt=0)


_WHO = ("pk", "display_name", "handle", "team__name", "on_boards", "pseudonym")
_OF_STANDING = ("person", *(f"person__{name}" for name in _WHO[1:]), "points", "count")


def _rows(found: QuerySet[Any]) -> list[Row]:
    return [_row(*values) for values in found.values_list(*_OF_STANDING)]


def _row(key: int, name: str, handle: str, team: str | None, how: str, pseudonym: str, points: int, count: int) -> Row:
    """Return a row as others may see it: who stands under a pseudonym has no name, team or page there."""
    if how == Person.OnBoards.PSEUDONYM:
        return Row(key=key, name=pseudonym, handle="", team="", points=points, count=count)
    return Row(key=key, name=name, handle=handle, team=team or "", points=points, count=count)


def _of_people(kept: QuerySet[Any], person: Person, *, key: str) -> Standings:
    # Names decide among equals where they are shown; in the order of the database they would tell who hides.
    rows = _ranked(_rows(kept.order_by("-points", "person")[:SHOWN]))
    own = next((row for row in rows if row.key == person.pk), None)
    if len(rows) < SHOWN:
        return _among_first(rows, len(rows), own)
    ladder = _ladder(kept, key)
    total = max(len(rows), sum(ladder.values()))
    if own is None:
        own = next(iter(_rows(kept.filter(person=person))), None)
        return _further_down(kept, rows, total, own, ladder) if own else Standings(rows, total, None, None, [])
    return _among_first(rows, total, own)


def _among_first(rows: list[Row], total: int, own: Row | None) -> Standings:
    above = [row.points for row in rows if own is not None and row.points > own.points]
    return Standings(rows, total, own, above[-1] - own.points if own and above else None, [])


def _further_down(kept: QuerySet[Any], rows: list[Row], total: int, own: Row, ladder: dict[int, int]) -> Standings:
    higher = _rows(kept.filter(points__gt=own.points).order_by("points", "-person")[:NEIGHBOURS])[::-1]
    lower = _rows(kept.filter(points__lt=own.points).order_by("-points", "person")[:NEIGHBOURS])
    own, *others = (
        replace(row, rank=1 + sum(people for points, people in ladder.items() if points > row.points))
        for row in (own, *higher, *lower)
    )
    around = [*others[: len(higher)], own, *others[len(higher) :]]
    # Whom the first ones equal has nobody above.
    return Standings(rows, total, own, higher[-1].points - own.points if higher else None, around)


def _ladder(kept: QuerySet[Any], key: str) -> dict[int, int]:
    """Return how many people have each number of points; on a large board as it was some seconds ago."""
    counted = kept.order_by().values_list("points").annotate(Count("pk"))
    return kept_if_large(f"ladder:{key}", lambda: dict(counted))


def _of_teams(kept: QuerySet[Any], person: Person) -> Standings:
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
        if points > 0 or count > 0
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

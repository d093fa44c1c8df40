"""Keeping the standings equal to the ledger: added to with each award, made again and compared by a command."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django.db import connection, transaction
from django.db.models import Sum

from collector.models import Award, Campaign, Contest, ContestStanding, Person, Review, Standing, Submission
from collector.periods import day_of, first_day, zone_of

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

BOARDS = (Standing.Board.PEOPLE, Standing.Board.REVIEWERS)
COUNTED = {Standing.Board.PEOPLE: Award.Reason.APPROVED, Standing.Board.REVIEWERS: Award.Reason.REVIEWED}
INSERT_ROWS, READ_ROWS = 2_000, 5_000


class Key(NamedTuple):
    """Which row of the standings."""

    person: int
    period: str
    starts: date
    board: str
    campaign: int
    category: int


class ContestKey(NamedTuple):
    """Which row of a contest's standings."""

    contest: int
    person: int
    board: str


KEYS = ("person_id", "period", "starts", "board", "campaign", "category")
CONTEST_KEYS = ("contest_id", "person_id", "board")
Change = tuple[int, int]
"""Points and count to be added."""


def hold(people: Iterable[int]) -> None:
    """Lock the people whose standings a transaction is about to change, in one order for everybody: no deadlocks."""
    keys = sorted(set(people))
    list(Person.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def hold_all(*, submissions: Iterable[uuid.UUID], by: Person) -> None:
    """Lock several records, then everybody whose points may change with them.

    A transaction that changes one record locks it and then people, so one that changes many must have all its records
    before the first person: else two of them could wait for each other.
    """
    keys = sorted(set(submissions))
    records = Submission.objects.filter(pk__in=keys)
    list(records.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk"))
    authors = records.order_by().values_list("author_id", flat=True)
    reviewers = Review.objects.filter(submission__in=keys).order_by().values_list("reviewer_id", flat=True).distinct()
    hold([by.pk, *authors, *reviewers])


def post(awards: Sequence[Award]) -> None:
    """Add awards that were just written, with their campaigns, to the standings, in their transaction."""
    if not awards:
        return
    changes: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0])
    campaigns = {award.campaign_id for award in awards}
    for award in awards:
        zone = zone_of(award.campaign.time_zone)
        day = day_of(award.created_at, zone)
        for key in _keys(award, day):
            changes[key][0] += award.points
        # What is taken back no longer counts in the period in which it was given.
        given = day_of(award.revokes.created_at, zone) if award.revokes else day
        for key in _keys(award, given):
            if award.reason == COUNTED[Standing.Board(key.board)]:
                changes[key][1] += -1 if award.revokes else 1
    added = {key: (points, count) for key, (points, count) in changes.items()}
    _upsert(Standing, KEYS, added)
    _upsert(ContestStanding, CONTEST_KEYS, _of_contests(added, Contest.objects.filter(campaign__in=campaigns)))


def _of_contests(sums: Mapping[Key, Change], contests: Iterable[Contest]) -> dict[ContestKey, Change]:
    """Add up, out of sums of days and other periods, what belongs to each contest's days."""
    found: defaultdict[ContestKey, list[int]] = defaultdict(lambda: [0, 0])
    scopes: defaultdict[tuple[int, int], list[Contest]] = defaultdict(list)
    for contest in contests:
        scopes[contest.campaign_id, contest.category_id or 0].append(contest)
    for key, (points, count) in sums.items():
        if key.period != Standing.Period.DAY:
            continue
        for contest in scopes.get((key.campaign, key.category), ()):
            if contest.starts_on <= key.starts <= contest.ends_on:
                row = found[ContestKey(contest.pk, key.person, key.board)]
                row[0] += points
                row[1] += count
    return {key: (points, count) for key, (points, count) in found.items()}


def fill_contest(contest: Contest) -> None:
    """Add up the days of a contest that was planned or changed; its transaction holds the ledger."""
    ContestStanding.objects.filter(contest=contest).delete()
    days = Standing.objects.filter(
        period=Standing.Period.DAY,
        starts__range=(contest.starts_on, contest.ends_on),
        campaign=contest.campaign_id,
        category=contest.category_id or 0,
    )
    sums = days.order_by().values_list("person", "board").annotate(Sum("points"), Sum("count"))
    ContestStanding.objects.bulk_create(
        (
            ContestStanding(contest=contest, person_id=person, board=board, points=points, count=count)
            for person, board, points, count in sums
        ),
        batch_size=INSERT_ROWS,
    )


def hold_the_ledger() -> None:
    """Let nobody's award come between a sum and its writing, before any other lock; readers go on."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {connection.ops.quote_name(Award._meta.db_table)} IN SHARE ROW EXCLUSIVE MODE")  # noqa: SLF001


def _keys(award: Award, day: date) -> Iterator[Key]:
    boards = BOARDS[:1] if award.reason == Award.Reason.APPROVED else BOARDS
    scopes = product((0, award.campaign_id), (0, award.category_id))
    for (campaign, category), board, period in product(scopes, boards, Standing.Period.values):
        yield Key(award.person_id, str(period), first_day(str(period), day), str(board), campaign, category)


def _upsert(model: type[Standing | ContestStanding], keys: Sequence[str], changes: Mapping[Any, Change]) -> None:
    """Add to the rows, or make them, in one statement and one order."""
    if not changes:
        return
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)  # noqa: SLF001 - Django's own name for it
    columns = ", ".join(quote(name) for name in (*keys, "points", "count"))
    unique = ", ".join(quote(name) for name in keys)
    added = ", ".join(f"{quote(name)} = {table}.{quote(name)} + excluded.{quote(name)}" for name in ("points", "count"))
    rows = sorted(changes.items())
    row = f"({', '.join(['%s'] * (len(keys) + 2))})"
    values = ", ".join([row] * len(rows))
    params = [value for key, change in rows for value in (*_adapted(key), *change)]
    with connection.cursor() as cursor:
        # Only names of our own columns are put together here; every value travels as a parameter.
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES {values} ON CONFLICT ({unique}) DO UPDATE SET {added}",  # noqa: S608
            params,
        )


def _adapted(key: Iterable[Any]) -> Iterator[Any]:
    for value in key:
        yield value if isinstance(value, int | str) else connection.ops.adapt_datefield_value(value)


# -- Making them again ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What a rebuild found: rows that there ought to be, and those that were missing, different or superfluous."""

    rows: int
    missing: int
    changed: int
    superfluous: int

    def __add__(self, other: Rebuilt) -> Rebuilt:
        """Return what both tables together come to."""
        return Rebuilt(
            rows=self.rows + other.rows,
            missing=self.missing + other.missing,
            changed=self.changed + other.changed,
            superfluous=self.superfluous + other.superfluous,
        )

    @property
    def is_right(self) -> bool:
        """Whether what is stored equals the ledger."""
        return not (self.missing or self.changed or self.superfluous)


@transaction.atomic
def rebuild_standings(*, is_dry: bool = False, on_progress: Callable[[int], object] = lambda _done: None) -> Rebuilt:
    """Sum the whole ledger, compare the sums with the standings, and put them in their place unless ``is_dry``.

    Calls ``on_progress`` with how many more awards were read. Rows of nothing (no points, no count) are not
    told apart from rows that are not there.
    """
    if not is_dry:
        hold_the_ledger()
    right = _summed(on_progress)
    found = _mend(Standing, KEYS, right, is_dry=is_dry)
    of_contests = {key: sums for key, sums in _of_contests(right, Contest.objects.all()).items() if any(sums)}
    return found + _mend(ContestStanding, CONTEST_KEYS, of_contests, is_dry=is_dry)


def _mend(
    model: type[Standing | ContestStanding], keys: Sequence[str], right: Mapping[Any, Change], *, is_dry: bool
) -> Rebuilt:
    """Compare a table with what it ought to hold, and put that in its place unless ``is_dry``."""
    missing, changed, superfluous = dict(right), 0, 0
    for row in model._default_manager.values_list(*keys, "points", "count").iterator(chunk_size=READ_ROWS):  # noqa: SLF001
        expected = missing.pop(row[:-2], (0, 0))  # a named tuple is equal to a plain one
        if row[-2:] != expected:
            changed, superfluous = changed + (expected != (0, 0)), superfluous + (expected == (0, 0))
    found = Rebuilt(rows=len(right), missing=len(missing), changed=changed, superfluous=superfluous)
    if not is_dry and not found.is_right:
        rows: Any = model._default_manager  # noqa: SLF001
        rows.all().delete()
        named = (
            model(**dict(zip(keys, key, strict=True)), points=points, count=count)
            for key, (points, count) in right.items()
        )
        rows.bulk_create(named, batch_size=INSERT_ROWS)
    return found


def _summed(on_progress: Callable[[int], object]) -> dict[Key, Change]:
    """Return the sums of the ledger: by day first, then by the periods and scopes that days add up to."""
    days: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    zones = {pk: zone_of(name) for pk, name in Campaign.objects.values_list("pk", "time_zone")}
    rows = Award.objects.order_by().values_list(
        "person_id", "campaign_id", "category_id", "reason", "points", "created_at", "revokes__created_at"
    )
    for number, row in enumerate(rows.iterator(chunk_size=READ_ROWS), 1):
        person, campaign, category, reason, points, at = row[:6]
        given_at = cast("datetime | None", row[6])  # None where the award takes nothing back
        zone = zones[campaign]
        days[person, campaign, category, reason, day_of(at, zone)][0] += points
        days[person, campaign, category, reason, day_of(given_at or at, zone)][1] += -1 if given_at else 1
        if not number % READ_ROWS:
            on_progress(READ_ROWS)
    sums: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0])
    for (person, campaign, category, reason, day), (points, count) in days.items():
        one = Award(person_id=person, campaign_id=campaign, category_id=category, reason=reason)
        for key in _keys(one, day):
            sums[key][0] += points
            sums[key][1] += count if reason == COUNTED[Standing.Board(key.board)] else 0
    return {key: (points, count) for key, (points, count) in sums.items() if points or count}

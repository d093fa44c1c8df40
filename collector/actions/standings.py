"""Keeping the standings equal to the ledger: added to with each award, made again and compared by a command."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django.db import connection, transaction

from collector.models import Award, Campaign, Person, Standing
from collector.periods import day_of, first_day, zone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
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


Change = tuple[int, int]
"""Points and count to be added."""


def hold(people: Iterable[int]) -> None:
    """Lock the people whose standings a transaction is about to change, in one order for everybody: no deadlocks."""
    keys = sorted(set(people))
    list(Person.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def post(awards: Sequence[Award]) -> None:
    """Add awards that were just written to the standings, in their transaction."""
    if not awards:
        return
    changes: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0])
    zones = dict(Campaign.objects.filter(pk__in={award.campaign_id for award in awards}).values_list("pk", "time_zone"))
    for award in awards:
        zone = zone_of(zones[award.campaign_id])
        day = day_of(award.created_at, zone)
        for key in _keys(award, day):
            changes[key][0] += award.points
        # What is taken back no longer counts in the period in which it was given.
        given = day_of(award.revokes.created_at, zone) if award.revokes else day
        for key in _keys(award, given):
            if award.reason == COUNTED[Standing.Board(key.board)]:
                changes[key][1] += -1 if award.revokes else 1
    _upsert({key: (points, count) for key, (points, count) in changes.items()})


def _keys(award: Award, day: date) -> Iterator[Key]:
    boards = BOARDS if award.reason == Award.Reason.REVIEWED else BOARDS[:1]
    scopes = product((0, award.campaign_id), (0, award.category_id))
    for (campaign, category), board, period in product(scopes, boards, Standing.Period.values):
        yield Key(award.person_id, str(period), first_day(str(period), day), str(board), campaign, category)


def _upsert(changes: dict[Key, Change]) -> None:
    """Add to the rows, or make them, in one statement and one order."""
    quote = connection.ops.quote_name
    table = quote(Standing._meta.db_table)  # noqa: SLF001 - Django's own name for it
    keys = ("person_id", "period", "starts", "board", "campaign", "category")
    columns = ", ".join(quote(name) for name in (*keys, "points", "count"))
    unique = ", ".join(quote(name) for name in keys)
    added = ", ".join(f"{quote(name)} = {table}.{quote(name)} + excluded.{quote(name)}" for name in ("points", "count"))
    rows = sorted(changes.items())
    values = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s)"] * len(rows))
    params = [value for key, change in rows for value in (*_adapted(key), *change)]
    with connection.cursor() as cursor:
        # Only names of our own columns are put together here; every value travels as a parameter.
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES {values} ON CONFLICT ({unique}) DO UPDATE SET {added}",  # noqa: S608
            params,
        )


def _adapted(key: Key) -> Iterator[Any]:
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

    @property
    def is_right(self) -> bool:
        """Whether what is stored equals the ledger."""
        return not (self.missing or self.changed or self.superfluous)


@transaction.atomic
def rebuild_standings(*, is_dry: bool = False, on_progress: Callable[[int], object] = lambda _done: None) -> Rebuilt:
    """Sum the whole ledger, compare the sums with the standings, and put them in their place unless ``is_dry``.

    Calls ``on_progress`` with the number of awards that were read. Rows of nothing (no points, no count) are not
    told apart from rows that are not there.
    """
    if connection.vendor == "postgresql" and not is_dry:
        with connection.cursor() as cursor:
            # Nobody's award may come between the sum and its writing; readers go on.
            cursor.execute(f"LOCK TABLE {connection.ops.quote_name(Award._meta.db_table)} IN SHARE MODE")  # noqa: SLF001
    right = _summed(on_progress)
    there = Standing.objects.values_list(
        "person_id", "period", "starts", "board", "campaign", "category", "points", "count"
    )
    missing, changed, superfluous = dict(right), 0, 0
    for person, period, starts, board, campaign, category, points, count in there.iterator(chunk_size=READ_ROWS):
        expected = missing.pop(Key(person, period, starts, board, campaign, category), (0, 0))
        if (points, count) != expected:
            changed, superfluous = changed + (expected != (0, 0)), superfluous + (expected == (0, 0))
    found = Rebuilt(rows=len(right), missing=len(missing), changed=changed, superfluous=superfluous)
    if not is_dry and not found.is_right:
        Standing.objects.all().delete()
        Standing.objects.bulk_create(
            (
                Standing(
                    person_id=key.person,
                    period=key.period,
                    starts=key.starts,
                    board=key.board,
                    campaign=key.campaign,
                    category=key.category,
                    points=points,
                    count=count,
                )
                for key, (points, count) in right.items()
            ),
            batch_size=INSERT_ROWS,
        )
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
            on_progress(number)
    sums: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0])
    for (person, campaign, category, reason, day), (points, count) in days.items():
        one = Award(person_id=person, campaign_id=campaign, category_id=category, reason=reason)
        for key in _keys(one, day):
            sums[key][0] += points
            sums[key][1] += count if reason == COUNTED[Standing.Board(key.board)] else 0
    return {key: (points, count) for key, (points, count) in sums.items() if points or count}

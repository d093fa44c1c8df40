"""Measures of a long tail and of a mixture, over plain numbers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

TOP = 12  # how many people's share is told
WITHIN = timedelta(days=14)  # a second contribution counts as coming back


def gini(counts: Sequence[int]) -> float:
    """Return the Gini coefficient of positive counts: 0 where all have the same, near 1 where one has all.

    G = 2 Σ i·xᵢ / (n Σ xᵢ) - (n + 1) / n with x ascending and i from 1 (Sen 1973); 0 for none.
    """
    ordered = sorted(counts)
    total, people = sum(ordered), len(ordered)
    if not total:
        return 0.0
    return 2 * sum(place * count for place, count in enumerate(ordered, 1)) / (people * total) - (people + 1) / people


def lorenz(counts: Sequence[int]) -> list[tuple[float, float]]:
    """Return the Lorenz curve: (share of people, share of what they made), from those who made least to (1, 1)."""
    ordered = sorted(counts)
    total = sum(ordered)
    if not total:
        return []
    made = accumulate(ordered)
    return [(0.0, 0.0), *((place / len(ordered), done / total) for place, done in enumerate(made, 1))]


def top_share(counts: Sequence[int], number: int = TOP) -> float:
    """Return what part of everything those who made most made, from 0 to 1; 0 where there is nothing."""
    total = sum(counts)
    return sum(sorted(counts, reverse=True)[:number]) / total if total else 0.0


def fewest_for(counts: Sequence[int], share: float) -> int:
    """Return how few people made at least this share of everything; 0 where there is nothing."""
    wanted = share * sum(counts)
    made = accumulate(sorted(counts, reverse=True))
    return next((place for place, done in enumerate(made, 1) if done >= wanted), 0) if counts else 0


def median_of(counts: Mapping[int, int]) -> float | None:
    """Return the median of values that are given as value → how often; None for none."""
    total = sum(counts.values())
    if not total:
        return None
    return (_at(counts, (total - 1) // 2) + _at(counts, total // 2)) / 2


def _at(counts: Mapping[int, int], place: int) -> int:
    """Return the value at a place of the sorted values, counted from 0."""
    passed = accumulate(counts[value] for value in sorted(counts))
    return next(value for value, end in zip(sorted(counts), passed, strict=True) if end > place)


def monday(day: date) -> date:
    """Return the first day of the week."""
    return day - timedelta(days=day.weekday())


def active_by_week(days: Iterable[tuple[int, date]], first: date, last: date) -> list[tuple[date, int]]:
    """Count the people of each week from ``first`` to ``last``, as (its Monday, people).

    Args:
        days: (person, a day on which they contributed).
        first: a day of the first week; days before it don't count.
        last: a day of the last week.
    """
    seen: dict[date, set[int]] = defaultdict(set)
    for person, day in days:
        if first <= day <= last:
            seen[monday(day)].add(person)
    weeks = (monday(last) - monday(first)).days // 7
    each = [monday(first) + timedelta(weeks=number) for number in range(weeks + 1)]
    return [(week, len(seen[week])) for week in each]


@dataclass(frozen=True)
class Conversion:
    """Of how many whose first contribution is old enough, how many came back within the same time."""

    newcomers: int
    returned: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where nobody's first contribution is old enough."""
        return self.returned / self.newcomers if self.newcomers else None


def conversion(rows: Iterable[tuple[int, date, int]], today: date, within: timedelta = WITHIN) -> Conversion:
    """Count who contributed a second time within ``within`` of the first.

    Everybody had the same time to come back: those whose first contribution is younger are left out.

    Args:
        rows: (person, day, how many contributions), each person's day once.
        today: the last day that has begun.
        within: from the first to the second contribution.
    """
    days: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for person, day, number in rows:
        days[person].append((day, number))
    newcomers = returned = 0
    for mine in days.values():
        first = min(day for day, _number in mine)
        if today - first >= within:
            newcomers += 1
            returned += sum(number for day, number in mine if day - first <= within) > 1
    return Conversion(newcomers, returned)

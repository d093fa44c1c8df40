"""Leaving records out of a version: duplicates, too much from one contributor, more words than a category's budget."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exports.filters import Filter

NEAR_DUPLICATE, EXACT_DUPLICATE = "near_duplicate", "exact_duplicate"
CONTRIBUTOR, BUDGET, STRADDLES = "contributor", "budget", "straddles"


class ShareTooSmall(Exception):
    """No selection keeps everybody under the share; ``least`` percent is possible."""

    def __init__(self, contributors: int, least: int) -> None:
        super().__init__(contributors, least)
        self.contributors, self.least = contributors, least


class LeftOut(NamedTuple):
    """Why a record stays out, and the number of the record that is kept in its place, if one is."""

    reason: str
    twin: int | None = None


NONE: Mapping[int, LeftOut] = {}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What is known of each candidate, the oldest approval first."""

    pairs: list[str]
    """Fingerprint of the whole pair: equal for exact duplicates."""
    contributors: list[str]
    categories: list[str]
    words: list[int]


def winnow(
    columns: Columns, filter: Filter, near: Iterable[tuple[int, int]], without: Mapping[int, LeftOut] = NONE
) -> dict[int, LeftOut]:
    """Return what stays out, by its number; of several that may stay, the one approved first stays.

    ``without`` is out already.

    In this order: duplicates, the most from one contributor, the categories' budgets of words, the greatest share of
    one contributor. A record that no longer fits its budget is passed over, and a shorter one after it may fit.

    Raises:
        ShareTooSmall: too few contributors for the share.
    """
    out = dict(without)
    if filter.duplicates:
        _exact(columns, out)
    if filter.duplicates == "near":
        _near(near, out)
    if filter.most_from_one:
        _cap(columns, filter.most_from_one, out)
    if filter.words:
        _budget(columns, dict(filter.words), out)
    if filter.most_percent_from_one:
        kept = Counter(name for record, name in enumerate(columns.contributors) if record not in out)
        if kept:
            _cap(columns, most_for_share(kept, filter.most_percent_from_one), out)
    return out


def _exact(columns: Columns, out: dict[int, LeftOut]) -> None:
    first: dict[str, int] = {}
    for record, pair in enumerate(columns.pairs):
        if record in out:
            continue
        kept = first.setdefault(pair, record)
        if kept != record:
            out[record] = LeftOut(EXACT_DUPLICATE, kept)


def _near(near: Iterable[tuple[int, int]], out: dict[int, LeftOut]) -> None:
    older: defaultdict[int, list[int]] = defaultdict(list)
    for one, other in near:
        older[max(one, other)].append(min(one, other))
    for record in sorted(older):
        kept = sorted(other for other in older[record] if other not in out)
        if kept and record not in out:
            out[record] = LeftOut(NEAR_DUPLICATE, kept[0])


def _cap(columns: Columns, most: int, out: dict[int, LeftOut]) -> None:
    seen: Counter[str] = Counter()
    for record, name in enumerate(columns.contributors):
        if record in out:
            continue
        seen[name] += 1
        if seen[name] > most:
            out[record] = LeftOut(CONTRIBUTOR)


def _budget(columns: Columns, budgets: dict[str, int], out: dict[int, LeftOut]) -> None:
    for record, (category, words) in enumerate(zip(columns.categories, columns.words, strict=True)):
        if record in out or category not in budgets:
            continue
        if words > budgets[category]:
            out[record] = LeftOut(BUDGET)
        else:
            budgets[category] -= words


def most_for_share(counts: Mapping[str, int], percent: int) -> int:
    """Return the most records of one contributor so that nobody has more than ``percent`` % of what is left.

    Raises:
        ShareTooSmall: not even one record each keeps the share.
    """

    def holds(most: int) -> bool:
        return most * 100 <= percent * sum(min(rows, most) for rows in counts.values())

    if not holds(1):
        raise ShareTooSmall(len(counts), -(-100 // len(counts)))
    # A higher cap only ever makes the largest share larger, so the highest that holds can be halved in on.
    low, high = 1, max(counts.values())
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low

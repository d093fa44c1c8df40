"""Which split a record belongs to: decided by a hash of what it and its near-duplicates ask, and then for ever."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
EVERYTHING = 100


PROMPT_RULE = (
    "90 % train, 5 % validation, 5 % test by the SHA-256 of instruction and context (NFKC, case-folded): equal prompts "
    "always share a split, and a record keeps its split in later versions while its prompt stays the same."
)
"""What the papers of versions say that were frozen before near-duplicates were kept together."""


class BadShares(ValueError):
    """The shares can't be; ``str()`` says why."""

    def __init__(self) -> None:
        super().__init__(
            "The shares are whole percents of train, validation and test, such as 90/5/5: together 100, train not 0."
        )


class Shares(NamedTuple):
    """Whole percents of the records in each split."""

    train: int = 90
    validation: int = 5
    test: int = 5

    @classmethod
    def parse(cls, text: str) -> Shares:
        """Read ``90/5/5``.

        Raises:
            BadShares: not three whole percents that make 100, or nothing in train.
        """
        try:
            train, validation, test = (int(part) for part in text.split("/"))
        except ValueError as error:
            raise BadShares from error
        shares = cls(train, validation, test)
        if sum(shares) != EVERYTHING or min(shares) < 0 or not shares.train:
            raise BadShares
        return shares

    def __str__(self) -> str:
        return "/".join(map(str, self))

    @property
    def borders(self) -> tuple[str, str]:
        """Below which fingerprint a record is in train, and below which in validation.

        A fingerprint is a SHA-256 in hex, so its first eight digits are a fair 32-bit number, and hex digits of one
        length compare as text the way their numbers do: Python and both databases decide alike. The last number is
        ``g…`` where nothing lies above.
        """
        sums = self.train, self.train + self.validation
        train, validation = (f"{share * 2**32 // EVERYTHING:08x}" if share < EVERYTHING else "g" for share in sums)
        return train, validation

    def of(self, fingerprint: str) -> str:
        """Return the split that a fingerprint (hex SHA-256) alone leads to."""
        train, validation = self.borders
        if fingerprint < train:
            return TRAIN
        return VALIDATION if fingerprint < validation else TEST


DEFAULT = Shares()


def split_of(instruction_fingerprint: str) -> str:
    """Return the split of a record without near-duplicates, at the usual shares, from its prompt's fingerprint."""
    return DEFAULT.of(instruction_fingerprint)


def rule(shares: Shares = DEFAULT) -> str:
    """Return the rule as the card and the manifest say it."""
    return (
        f"{shares.train} % train, {shares.validation} % validation, {shares.test} % test by the SHA-256 of instruction "
        "and context (NFKC, case-folded) of each cluster of near-duplicates, the same in each category that is large "
        "enough: near-duplicates always share a split, and a record keeps its split in later versions."
    )


@dataclass(frozen=True)
class Assignment:
    """A split for each record; those that can have none, with the record in another split that each is near to."""

    splits: list[str]
    straddling: dict[int, int] = field(default_factory=dict)


def assign(
    *,
    fingerprints: Sequence[str],
    categories: Sequence[str],
    pairs: Iterable[tuple[int, int]],
    placed: Mapping[int, str],
    shares: Shares = DEFAULT,
) -> Assignment:
    """Give each record its split, so that no two of a pair, and no two equal prompts, are in different ones.

    Records are numbered from the oldest. Those of ``placed`` keep the split that an earlier version gave them. A newer
    record joins those it is near to; one that is near to records of two splits can be in neither and is left out, and
    so is the younger of two placed records that an edit made alike. What remains is placed by clusters (connected
    components), each by the smallest fingerprint in it; a category where each share is a record at least gets its
    shares as exactly as the clusters allow, the others by the fingerprints' borders.
    """
    firsts = _firsts(fingerprints)
    splits = [placed.get(record, "") for record in range(len(fingerprints))]
    straddling: dict[int, int] = {}
    # Equal prompts are one from here on, under the number of the first.
    members: defaultdict[int, list[int]] = defaultdict(list)
    for record, first in enumerate(firsts):
        members[first].append(record)
    prompts = {first: next((splits[one] for one in some if splits[one]), "") for first, some in members.items()}
    neighbours: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        if firsts[one] != firsts[other]:
            neighbours[firsts[one]].add(firsts[other])
            neighbours[firsts[other]].add(firsts[one])
    between = _settle(prompts, neighbours)
    for first, some in members.items():
        home = next((one for one in some if splits[one]), first)
        for record in some:
            if first in between:
                straddling[record] = between[first]
            elif splits[record] not in ("", prompts[first]):
                straddling[record] = home
            else:
                splits[record] = prompts[first]
    clusters = [[one for first in cluster for one in members[first]] for cluster in _clusters(prompts, neighbours)]
    _place(clusters, splits, straddling, fingerprints, categories, shares)
    return Assignment(["" if record in straddling else split for record, split in enumerate(splits)], straddling)


def _firsts(fingerprints: Sequence[str]) -> list[int]:
    seen: dict[str, int] = {}
    return [seen.setdefault(fingerprint, record) for record, fingerprint in enumerate(fingerprints)]


def _settle(splits: dict[int, str], neighbours: Mapping[int, set[int]]) -> dict[int, int]:
    """Let newcomers join those they are near to; return those near to two splits, with one in the other split.

    Those are taken out of ``splits``.
    """
    straddling: dict[int, int] = {}

    def settled(record: int) -> list[int]:
        return sorted(other for other in neighbours.get(record, ()) if splits.get(other))

    for record in sorted(set(neighbours)):
        for other in settled(record):
            if other < record and splits[record] not in ("", splits[other]):
                straddling[record] = other
                del splits[record]
                break
    waiting = [record for record in neighbours if splits.get(record) == "" and settled(record)]
    heapq.heapify(waiting)
    while waiting:
        record = heapq.heappop(waiting)
        if splits.get(record) != "":
            continue
        there = settled(record)
        if len({splits[other] for other in there}) > 1:
            straddling[record] = next(other for other in there if splits[other] != splits[there[0]])
            del splits[record]
            continue
        splits[record] = splits[there[0]]
        for other in neighbours[record]:
            if splits.get(other) == "":
                heapq.heappush(waiting, other)
    return straddling


def _clusters(splits: Mapping[int, str], neighbours: Mapping[int, set[int]]) -> list[list[int]]:
    """Return those without a split as connected components, each ascending."""
    clusters = []
    seen: set[int] = set()
    for start, split in splits.items():
        if split or start in seen:
            continue
        seen.add(start)
        cluster = [start]
        for record in cluster:  # grows while it is read
            new = [other for other in neighbours.get(record, ()) if splits.get(other) == "" and other not in seen]
            seen.update(new)
            cluster += new
        clusters.append(sorted(cluster))
    return clusters


def _place(
    clusters: list[list[int]],
    splits: list[str],
    straddling: Mapping[int, int],
    fingerprints: Sequence[str],
    categories: Sequence[str],
    shares: Shares,
) -> None:
    rows = Counter(category for record, category in enumerate(categories) if record not in straddling)
    have = Counter(
        (categories[record], split) for record, split in enumerate(splits) if split and record not in straddling
    )
    needs = _needs(rows, have, shares)
    for key, cluster in sorted((min(fingerprints[record] for record in cluster), cluster) for cluster in clusters):
        need = needs.get(categories[cluster[0]], {})
        open_splits = [split for split in SPLITS if need.get(split, 0) > 0 and len(cluster) <= 2 * need[split]]
        split = open_splits[0] if open_splits else shares.of(key)
        if split in need:
            need[split] -= len(cluster)
        for record in cluster:
            splits[record] = split


def _needs(rows: Mapping[str, int], have: Mapping[tuple[str, str], int], shares: Shares) -> dict[str, dict[str, int]]:
    """Return how many more records each split of each large enough category wants.

    What rounding leaves over is carried on to the next category, so that the shares hold for all of them together.
    """
    needs: dict[str, dict[str, int]] = {}
    least = min(share for share in shares if share)
    carried = dict.fromkeys(SPLITS, 0.0)
    for category in sorted(rows):
        if rows[category] * least < EVERYTHING:
            continue
        wanted = {}
        for split, share in zip(SPLITS[1:], shares[1:], strict=True):
            exact = rows[category] * share / EVERYTHING + carried[split]
            wanted[split] = round(exact)
            carried[split] = exact - wanted[split]
        wanted[TRAIN] = rows[category] - sum(wanted.values())
        needs[category] = {split: wanted[split] - have.get((category, split), 0) for split in SPLITS}
    return needs


def missing_split_notes(splits: Mapping[str, int], shares: Shares = DEFAULT) -> list[str]:
    """Say which splits hold nothing and why; ``splits`` has the rows of each split that is there."""
    rows = sum(splits.values())
    return [
        f"There is no {split} split: none of the {rows} record{'' if rows == 1 else 's'} fell into its "
        f"{share} %. It comes by itself when the dataset grows."
        for split, share in zip(SPLITS, shares, strict=True)
        if share and not splits.get(split)
    ]

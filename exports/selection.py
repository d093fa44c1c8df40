"""What a version would hold: the records that the filter chooses, less those that are left out, each with its split."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db.models import F

from collector import near_pairs, near_queries
from collector.models import Revision
from exports import capture, queries, splits, tokens
from exports.filters import Filter
from exports.models import Chosen, DatasetRecord
from exports.winnow import STRADDLES, Columns, LeftOut, winnow

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator, Mapping

    from django.db.models import QuerySet

CHUNK_ROWS = 5_000
# So many revisions that came while the others were compared are looked up one by one; for more, all is compared again.
MOST_LATE = 200
NEAR_KEY, NEAR_SECONDS, MOST_KEPT = "exports.near", 24 * 3_600, 200_000


@dataclass(frozen=True)
class Near:
    """Near-duplicates among some revisions: the revision of each submission that was compared, and the pairs."""

    seen: dict[uuid.UUID, int] = field(default_factory=dict)
    pairs: list[tuple[uuid.UUID, uuid.UUID]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Candidates from the oldest approval on, a split for each ("" where it is left out), and why some are left out."""

    ids: list[uuid.UUID]
    splits: list[str]
    fingerprints: list[str]
    left_out: dict[int, LeftOut]

    @property
    def rows(self) -> int:
        """How many records are kept."""
        return len(self.ids) - len(self.left_out)

    @property
    def reasons(self) -> dict[str, int]:
        """How many are left out, by reason."""
        counted = Counter(one.reason for one in self.left_out.values())
        return dict(sorted(counted.items()))


def compare(revisions: QuerySet[Revision]) -> Near:
    """Find all near-duplicates among the revisions: the long part, done before anything is locked."""
    seen = dict(revisions.order_by().values_list("submission_id", "pk").iterator(chunk_size=CHUNK_ROWS))
    return Near(seen, [(pair.one, pair.other) for pair in near_pairs.near_pairs(revisions)])


def compared(filter: Filter) -> Near:
    """Return the near-duplicates among what a filter chooses, from an earlier comparison where little came since.

    A comparison of everything is kept for a while: who looked at a mixture releases it without waiting again.
    """
    near: Near | None = cache.get(NEAR_KEY)
    revisions = queries.chosen(filter)
    if near is not None and _late(revisions, near) <= MOST_LATE:
        return near
    return compared_all() if filter == Filter() else compare(revisions)


def compared_all() -> Near:
    """Return the near-duplicates among everything approved; what came since an earlier comparison may be missing."""
    everything = queries.chosen(Filter())
    near: Near | None = cache.get(NEAR_KEY)
    if near is None or _late(everything, near) > MOST_LATE:
        near = compare(everything)
        if len(near.seen) <= MOST_KEPT:
            cache.set(NEAR_KEY, near, NEAR_SECONDS)
    return near


def _late(revisions: QuerySet[Revision], near: Near) -> int:
    rows = revisions.order_by().values_list("submission_id", "pk").iterator(chunk_size=CHUNK_ROWS)
    return sum(near.seen.get(key) != pk for key, pk in rows)


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What the filter chooses, from the oldest approval on; ``columns`` is what decides about leaving out."""

    ids: list[uuid.UUID]
    revisions: dict[uuid.UUID, int]
    fingerprints: list[str]
    columns: Columns
    response_words: list[int]
    languages: list[str]
    licences: list[str]


def candidates(revisions: QuerySet[Revision]) -> Candidates:
    """Read what is known of each of the revisions now, apart from the texts."""
    keys = ("submission_id", "pk", "instruction_fingerprint", "fingerprint")
    few_values = ("submission__author__pseudonym", "submission__category__slug", "language", "submission__licence")
    counted = F("instruction_words") + F("context_words") + F("response_words")
    rows = revisions.order_by("submission__approved_at", "submission_id").values_list(
        *keys, *few_values, "response_words", counted
    )
    return _candidates(rows.iterator(chunk_size=CHUNK_ROWS))


def held(chosen: QuerySet[Chosen]) -> Candidates:
    """Read the same of what was held fast."""
    keys = ("submission_id", "revision_id", "prompt", "pair")
    few_values = ("contributor", "category", "language", "licence")
    rows = chosen.order_by("approved_at", "submission_id").values_list(*keys, *few_values, "response_words", "words")
    return _candidates(rows.iterator(chunk_size=CHUNK_ROWS))


def _candidates(rows: Iterator[tuple[Any, ...]]) -> Candidates:
    found = Candidates(
        ids=[],
        revisions={},
        fingerprints=[],
        columns=Columns(pairs=[], contributors=[], categories=[], words=[]),
        response_words=[],
        languages=[],
        licences=[],
    )
    columns = found.columns
    for key, pk, prompt, pair, *few, response, length in rows:
        found.ids.append(key)
        found.revisions[key] = pk
        found.fingerprints.append(prompt)
        columns.pairs.append(pair)
        columns.words.append(length)
        found.response_words.append(response)
        # Few different ones: each is held once.
        lists = (columns.contributors, columns.categories, found.languages, found.licences)
        for values, value in zip(lists, few, strict=True):
            values.append(sys.intern(value))
    return found


def measure(found: Candidates, revisions: QuerySet[Revision], tokenizer: str) -> None:
    """Put the tokens of the candidates in the place of their words. Raises tokens.NoTokenizer."""
    counts = tokens.counted(revisions, tokenizer)
    words = found.columns.words
    words[:] = [counts.get(pk, count) for pk, count in zip(found.revisions.values(), words, strict=True)]


def select(chosen: QuerySet[Chosen], *, filter: Filter, shares: splits.Shares, dataset: str, near: Near) -> Selection:
    """Decide about each of what was chosen; ``near`` is what an earlier comparison found.

    Records of earlier versions of the dataset keep their split.

    Raises:
        ShareTooSmall: the filter's share of one contributor can't be kept.
    """
    found = held(chosen)
    if filter.tokenizer:
        measure(found, capture.revisions(chosen), filter.tokenizer)
    ids, fingerprints, categories = found.ids, found.fingerprints, found.columns.categories
    number = {key: at for at, key in enumerate(ids)}
    edges = [(number[one], number[other]) for one, other in current(capture.revisions(chosen), near, found.revisions)]
    placed = {number[key]: split for key, split in _placed(dataset) if key in number}
    straddling: dict[int, LeftOut] = {}
    while True:
        out = winnow(found.columns, filter, edges, without=straddling)
        kept = [at for at in range(len(ids)) if at not in out]
        place = {at: position for position, at in enumerate(kept)}
        assignment = splits.assign(
            fingerprints=[fingerprints[at] for at in kept],
            categories=[categories[at] for at in kept],
            pairs=[(place[one], place[other]) for one, other in edges if one in place and other in place],
            placed={place[at]: split for at, split in placed.items() if at in place},
            shares=shares,
        )
        if not assignment.straddling:
            break
        # Without them a budget or a share holds others: choose again.
        straddling |= {kept[at]: LeftOut(STRADDLES, kept[twin]) for at, twin in assignment.straddling.items()}
    placement = [""] * len(ids)
    for at, split in zip(kept, assignment.splits, strict=True):
        placement[at] = split
    return Selection(ids=ids, splits=placement, fingerprints=fingerprints, left_out=out)


def current(
    revisions: QuerySet[Revision], near: Near, now: Mapping[uuid.UUID, int]
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Return the pairs among what there is now: what came or changed since the comparison is compared here."""
    late = {key: pk for key, pk in now.items() if near.seen.get(key) != pk}
    if len(late) > MOST_LATE:
        return compare(revisions).pairs
    pairs = [
        (one, other)
        for one, other in near.pairs
        if one in now and other in now and one not in late and other not in late
    ]
    if late:
        submissions = {pk: key for key, pk in now.items()}
        texts = Revision.objects.filter(pk__in=late.values()).values_list("submission_id", "instruction", "context")
        for key, instruction, context in texts:
            alike = near_queries.near_revisions(instruction=instruction, context=context, exclude=[key])
            pairs += [(key, submissions[pk]) for pk in alike if pk in submissions]
    return pairs


def _placed(dataset: str) -> list[tuple[uuid.UUID, str]]:
    earlier = DatasetRecord.objects.filter(version__dataset__name=dataset)
    return list(earlier.order_by().values_list("submission_id", "split").distinct())

"""Which of many submissions ask nearly the same: all pairs at once, for splits and for leaving duplicates out."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from collector.checks.minhash import BANDS, PERMUTATIONS, ROWS
from collector.checks.words import likeness, runs
from collector.models import Revision
from collector.near_queries import NEAR, SAME_CONTEXT

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from django.db.models import QuerySet

COMPARED_EXACTLY: Final = 30_000
"""Up to so many, no pair is missed. Beyond, pairs must share a band: of databricks-dolly-15k that finds 98 in 100."""
# Of more members under one key each is compared with its neighbours in the order of the signatures only: such a key
# stands for a phrase, or for many equal instructions, which then lie side by side.
MOST_IN_A_GROUP: Final = 200
NEIGHBOURS: Final = 20
_READ = 5_000
_KEPT_RUNS = 20_000


class NearPair(NamedTuple):
    """Two submissions, the smaller id first, and the Jaccard index of their instructions, from NEAR to 1."""

    one: uuid.UUID
    other: uuid.UUID
    similarity: float


def near_pairs(revisions: QuerySet[Revision]) -> list[NearPair]:
    """Return each pair of the revisions that is near by the rule of `near_queries`, ordered by its ids.

    ``revisions`` holds one revision a submission. Up to COMPARED_EXACTLY of them, no pair is missed. Of more, the
    signatures are compared in memory, 200 bytes a revision, and texts are read only of those that share a band with
    another (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4).
    """
    import numpy as np

    ids: list[uuid.UUID] = []
    pks: list[int] = []
    packed: list[bytes] = []
    names = ("submission_id", "pk", "submission__instruction_signature__values")
    rows = revisions.filter(submission__instruction_signature__isnull=False).order_by("submission_id")
    for submission, pk, values in rows.values_list(*names).iterator(chunk_size=_READ):
        ids.append(submission)
        pks.append(pk)
        packed.append(bytes(values))
    if not ids:
        return []
    width = PERMUTATIONS * 4
    instructions = np.frombuffer(b"".join(one[:width] for one in packed), "<u4").reshape(-1, PERMUTATIONS)
    has_context = np.array([len(one) > width for one in packed])
    contexts = np.frombuffer(b"".join(one[width:] or bytes(width) for one in packed), "<u4").reshape(-1, PERMUTATIONS)
    if len(ids) <= COMPARED_EXACTLY:
        found = list(_joined(_texts(pks, range(len(ids)))))
        candidates = np.array(found, np.int64).reshape(-1, 2)
    else:
        candidates = _candidates(instructions, contexts, has_context)
    left, right = candidates[:, 0], candidates[:, 1]
    alike = (contexts[left] == contexts[right]).mean(axis=1) >= SAME_CONTEXT
    candidates = candidates[alike | ~(has_context[left] & has_context[right])]
    texts = _texts(pks, np.unique(candidates).tolist())

    @lru_cache(maxsize=_KEPT_RUNS)
    def runs_of(at: int) -> set[str]:
        return runs(texts[at])

    near = []
    for one, other in candidates.tolist():
        first, second = runs_of(one), runs_of(other)
        if min(len(first), len(second)) < NEAR * max(len(first), len(second)):
            continue
        similarity = likeness(first, second)
        if similarity >= NEAR:
            near.append(NearPair(ids[one], ids[other], similarity))
    return sorted(near)


def _joined(texts: Mapping[int, str]) -> Iterator[tuple[int, int]]:
    """Yield all pairs of texts whose runs have a Jaccard index from NEAR on, each ascending.

    Two such sets share one of the rarest runs of each (prefix filtering: Chaudhuri, Ganti, Kaushik 2006; Bayardo, Ma,
    Srikant 2007). The time grows with the square of the number of texts.
    """
    known: dict[str, int] = {}
    sets = {at: {known.setdefault(run, len(known)) for run in runs(text)} for at, text in texts.items()}
    often = Counter(run for held in sets.values() for run in held)
    by_prefix: defaultdict[int, list[int]] = defaultdict(list)
    for at, held in sorted(sets.items(), key=lambda item: (len(item[1]), item[0])):
        size = len(held)
        rarest = sorted(held, key=lambda run: (often[run], run))
        others: set[int] = set()
        for run in rarest[: size - math.ceil(NEAR * size) + 1]:
            for other in reversed(by_prefix[run]):  # the longest first
                if len(sets[other]) < NEAR * size:
                    break
                others.add(other)
        for other in others:
            shared = len(held & sets[other])
            if shared >= NEAR * (size + len(sets[other]) - shared):
                yield min(at, other), max(at, other)
        # Those that come later are as long or longer: so much of this one is enough for them to meet.
        for run in rarest[: size - math.ceil(2 * NEAR / (1 + NEAR) * size) + 1]:
            by_prefix[run].append(at)


def _texts(pks: list[int], wanted: Sequence[int]) -> dict[int, str]:
    texts: dict[int, str] = {}
    for start in range(0, len(wanted), _READ):
        at = {pks[index]: index for index in wanted[start : start + _READ]}
        for pk, text in Revision.objects.filter(pk__in=at).order_by().values_list("pk", "instruction"):
            texts[at[pk]] = text
    return texts


def _candidates(instructions: np.ndarray, contexts: np.ndarray, has_context: np.ndarray) -> np.ndarray:
    """Return the pairs that share a band, one a row, without repeats."""
    import numpy as np

    count = np.int64(len(instructions))
    order = np.lexsort(instructions.T)
    with_context = np.flatnonzero(has_context)
    found = np.empty(0, np.int64)
    for band in range(BANDS):
        values = instructions[:, band * ROWS : (band + 1) * ROWS].astype(np.uint64)
        keys = values[:, 0] << np.uint64(32) | values[:, 1]
        parts = list(_of_groups(keys[order], order, is_plain=~has_context[order]))
        # Both with a context: “Summarize the text below” is another task with another text.
        own = order[has_context[order]] if len(with_context) else order[:0]
        mixed = keys[own] * np.uint64(0x9E3779B97F4A7C15) ^ contexts[own, band].astype(np.uint64)
        parts += _of_groups(mixed, own, is_plain=None)
        if parts:
            pairs = np.concatenate(parts)
            low, high = pairs.min(axis=1).astype(np.int64), pairs.max(axis=1).astype(np.int64)
            found = np.union1d(found, low * count + high)
    return np.stack([found // count, found % count], axis=1)


def _of_groups(keys: np.ndarray, members: np.ndarray, *, is_plain: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield pairs of members that share a key; where ``is_plain`` is given, only those with a member that is plain."""
    import numpy as np

    if not len(keys):
        return
    by_key = np.argsort(keys, kind="stable")
    borders = np.flatnonzero(np.diff(keys[by_key])) + 1
    for start, end in _long(pairwise([0, *borders.tolist(), len(keys)])):
        group = by_key[start:end]
        if is_plain is not None and not is_plain[group].any():
            continue
        if len(group) <= MOST_IN_A_GROUP:
            one, other = np.triu_indices(len(group), 1)
        else:
            steps = np.arange(1, NEIGHBOURS + 1)
            one = np.repeat(np.arange(len(group)), NEIGHBOURS)
            other = one + np.tile(steps, len(group))
            one, other = one[other < len(group)], other[other < len(group)]
        if is_plain is not None:
            counts = is_plain[group[one]] | is_plain[group[other]]
            one, other = one[counts], other[counts]
        yield np.stack([members[group[one]], members[group[other]]], axis=1)


def _long(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    return ((start, end) for start, end in ranges if end - start > 1)

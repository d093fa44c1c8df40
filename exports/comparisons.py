"""Reads: what differs between any two versions of a dataset, from their frozen rows.

Frozen rows never change, so what is counted once is kept in the cache under the versions' content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from django.core.cache import cache
from django.db.models import Count, Exists, OuterRef, Q

from collector.models import Submission
from exports.edits import FACTS, TEXTS, Edit, differing
from exports.models import FROZEN_FACTS, DatasetRecord, DatasetRemoval, DatasetVersion

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exports import semver
    from exports.models import FrozenDataset

Kind = Literal["added", "removed", "edited"]
KINDS: tuple[Kind, ...] = ("added", "removed", "edited")
SAME = ("submission", "revision", "split", *FROZEN_FACTS)
CHUNK_ROWS = 500
KEPT_SECONDS = 24 * 3_600
DIMENSIONS = {
    "categories": "category",
    "languages": "revision__language",
    "licences": "licence",
    "splits": "split",
}


Figures = dict[str, dict[str, int]]
"""Records by value, for each of ``DIMENSIONS``."""


def added(after: DatasetVersion, before: DatasetVersion | None) -> FrozenDataset:
    """Return the rows of ``after`` that ``before`` lacks, by id; all of them where there is no ``before``."""
    return _of(after).filter(~_in(before)) if before else _of(after)


def removed(after: DatasetVersion, before: DatasetVersion | None) -> FrozenDataset:
    """Return the rows of ``before`` that ``after`` lacks, by id."""
    return _of(before).filter(~_in(after)) if before else DatasetRecord.objects.none()


def edited(after: DatasetVersion, before: DatasetVersion | None) -> FrozenDataset:
    """Return the rows of ``after`` that ``before`` has otherwise, by id."""
    if before is None:
        return DatasetRecord.objects.none()
    alike = DatasetRecord.objects.filter(version=before, **{name: OuterRef(name) for name in SAME})
    return _of(after).filter(_in(before), ~Exists(alike))


def _of(version: DatasetVersion) -> FrozenDataset:
    return DatasetRecord.objects.filter(version=version).order_by("submission_id")


def _in(version: DatasetVersion) -> Exists:
    return Exists(DatasetRecord.objects.filter(version=version, submission=OuterRef("submission")))


def counts(after: DatasetVersion, before: DatasetVersion | None) -> dict[str, int]:
    """Count what changed from ``before`` to ``after``; looked up after the first time."""
    if before is None:
        return {"added": after.rows, "removed": 0, "edited": 0}
    key = f"dataset-changes:{before.content_hash}:{after.content_hash}"
    known: dict[str, int] | None = cache.get(key)
    if known is None:
        both = _of(after).filter(_in(before)).order_by().count()
        different = edited(after, before).order_by().count()
        known = {"added": after.rows - both, "removed": before.rows - both, "edited": different}
        cache.set(key, known, KEPT_SECONDS)
    return known


def figures(version: DatasetVersion) -> Figures:
    """Return the records by category, language, licence and split, each by name; looked up after the first time."""
    key = f"dataset-figures:{version.content_hash}"
    known: Figures | None = cache.get(key)
    if known is None:
        known = {name: {} for name in DIMENSIONS}
        rows = DatasetRecord.objects.filter(version=version).order_by()
        for *values, count in rows.values_list(*DIMENSIONS.values()).annotate(rows=Count("pk")):
            for name, value in zip(DIMENSIONS, values, strict=True):
                known[name][value] = known[name].get(value, 0) + count
        known = {name: dict(sorted(by_value.items())) for name, by_value in known.items()}
        cache.set(key, known, KEPT_SECONDS)
    return known


def step(after: DatasetVersion, before: DatasetVersion) -> semver.Step:
    """Return what the changes call for, without counting more than that takes."""
    if removed(after, before).exists() or edited(after, before).exists():
        return "major"
    return "minor" if after.rows > before.rows else "patch"


# -- Records by id --------------------------------------------------------------------------------------------


def searched(
    rows: FrozenDataset, *, words: str = "", category: str = "", before: DatasetVersion | None = None
) -> FrozenDataset:
    """Return those of the category that have every word in their instruction or response.

    With ``before`` a word may as well stand in what that version said. What its author has withdrawn is not searched:
    to find it would tell what it says.
    """
    if category:
        rows = rows.filter(category=category)
    if not words:
        return rows
    rows = rows.exclude(submission__status=Submission.Status.WITHDRAWN)
    for word in words.split():
        said = Q(revision__instruction__icontains=word) | Q(revision__response__icontains=word)
        if before is not None:
            there = DatasetRecord.objects.filter(version=before, submission=OuterRef("submission"))
            rows = rows.filter(said | Exists(there.filter(said)))
        else:
            rows = rows.filter(said)
    return rows


def edits(rows: Iterable[DatasetRecord], before: DatasetVersion, *, with_texts: bool = True) -> list[Edit]:
    """Return what became of some rows of a later version since ``before``, in their order; two queries at most.

    The rows have their revision selected.
    """
    now = list(rows)
    earlier = DatasetRecord.objects.filter(version=before, submission__in=[row.submission_id for row in now])
    earlier = earlier.select_related("revision")
    if not with_texts:
        earlier = earlier.defer(*(f"revision__{name}" for name in TEXTS))
    then = {row.submission_id: row for row in earlier}
    return [_edit(then[row.submission_id], row, with_texts=with_texts) for row in now]


def _edit(before: DatasetRecord, after: DatasetRecord, *, with_texts: bool) -> Edit:
    old, new = (_facts(row) for row in (before, after))
    return Edit(
        id=str(after.submission_id),
        revisions=(before.revision.number, after.revision.number),
        facts={name: (old[name], new[name]) for name in FACTS if old[name] != new[name]},
        texts=differing(texts_of(before), texts_of(after)) if with_texts else None,
    )


def _facts(row: DatasetRecord) -> dict[str, Any]:
    own = {"language": row.revision.language, "revision": row.revision.number}
    return {name: own[name] if name in own else getattr(row, name) for name in FACTS}


def texts_of(row: DatasetRecord) -> dict[str, str]:
    """Return the three texts of a row."""
    return {name: getattr(row.revision, name) for name in TEXTS}


def all_edits(after: DatasetVersion, before: DatasetVersion, *, with_texts: int) -> Iterator[Edit]:
    """Yield every edit by id, the first ``with_texts`` with their texts; a chunk of rows is held at a time."""
    rows = edited(after, before).select_related("revision")
    last: uuid.UUID | None = None
    left = with_texts
    while True:
        part = rows if last is None else rows.filter(submission__gt=last)
        read = left > 0
        size = min(CHUNK_ROWS, left) if read else CHUNK_ROWS
        chunk = list((part if read else part.defer(*(f"revision__{name}" for name in TEXTS)))[:size])
        if not chunk:
            return
        yield from edits(chunk, before, with_texts=read)
        left -= len(chunk)
        last = chunk[-1].submission_id


# -- Why records left -----------------------------------------------------------------------------------------


def lineage(version: DatasetVersion) -> list[int]:
    """Return the keys of a version, its parent, and so on to the first."""
    parents = dict(DatasetVersion.objects.filter(dataset=version.dataset_id).values_list("pk", "parent_id"))
    keys = [version.pk]
    while (parent := parents.get(keys[-1])) is not None:
        keys.append(parent)
    return keys


def reasons(after: DatasetVersion, before: DatasetVersion, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return why records of ``before`` are not in ``after``, by submission, where the line between them says so."""
    line = lineage(after)
    if before.pk not in line:
        return {}
    between = line[: line.index(before.pk)]
    rows = DatasetRemoval.objects.filter(version__in=between, submission__in=keys).order_by("version__number")
    return dict(rows.values_list("submission_id", "reason"))


def withdrawn_before(version: DatasetVersion) -> Iterator[str]:
    """Yield the ids that left at an ancestor because somebody withdrew them, and that are still out, by id."""
    ancestors = lineage(version)[1:]
    left = [DatasetRemoval.Reason.WITHDRAWN, DatasetRemoval.Reason.TAKEN_OUT]
    rows = DatasetRemoval.objects.filter(version__in=ancestors, reason__in=left)
    rows = rows.filter(~_in(version)).exclude(submission__in=version.removals.values("submission"))
    keys = rows.order_by("submission_id").values_list("submission_id", flat=True).distinct()
    yield from map(str, keys.iterator(chunk_size=CHUNK_ROWS))


def side_by_side(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return both counts of every value that either has, by value."""
    return {name: (before.get(name, 0), after.get(name, 0)) for name in sorted(before.keys() | after.keys())}

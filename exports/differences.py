"""What differs between two versions on the disk, by the records' ids; the texts are told by their revision."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COMPARED = (
    "category",
    "language",
    "campaign",
    "licence",
    "source_title",
    "source_url",
    "contributor",
    "revision",
    "approvals",
    "approved_at",
)


@dataclass(frozen=True)
class Difference:
    """Ids added, removed and edited from one version to another, and the rows of each category before and after."""

    added: list[str]
    removed: list[str]
    edited: list[str]
    composition: dict[str, tuple[int, int]]


def compare(before: Path, after: Path) -> Difference:
    """Compare two version directories. Only the columns beside the texts are read.

    Raises:
        OSError, pyarrow.ArrowException: a Parquet file can't be read.
    """
    old, new = _read(before), _read(after)
    categories = [Counter(str(facts[0]) for facts in rows.values()) for rows in (old, new)]
    return Difference(
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
        edited=sorted(key for key in new.keys() & old.keys() if old[key] != new[key]),
        composition={
            name: (categories[0][name], categories[1][name])
            for name in sorted(categories[0].keys() | categories[1].keys())
        },
    )


def _read(directory: Path) -> dict[str, tuple[object, ...]]:
    import pyarrow.parquet as pq

    rows: dict[str, tuple[object, ...]] = {}
    for path in sorted(directory.glob("data/*.parquet")):
        columns = pq.read_table(path, columns=["id", *COMPARED], partitioning=None).to_pydict()
        facts = zip(*(columns[name] for name in COMPARED), strict=True)
        rows.update(zip(map(str, columns["id"]), facts, strict=True))
    return rows

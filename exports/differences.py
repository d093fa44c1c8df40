"""What differs between two versions on the disk. No database: two directories are enough.

Memory: the ids of both and a few bytes a row beside them, and one column of both at a time: half a gigabyte at a
million records each, whatever their texts measure. Texts are read of changed records only, a row group at a time.
A revision's texts never change, so the texts of records whose revision is the same are not read at all.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any

from exports import semver
from exports.edits import FACTS, SPLIT, TEXTS, Edit, differing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import pyarrow as pa

CHUNK_ROWS = 200
FIGURES = {"categories": "category", "languages": "language", "licences": "licence", "splits": SPLIT}


class _Rows:
    """The records of a version's Parquet files, numbered through in the files' order."""

    def __init__(self, directory: Path) -> None:
        import pyarrow.parquet as pq

        self.paths = sorted(directory.glob("data/*.parquet"))
        # Where each row group begins, which file it is in, and its number there.
        self._groups: list[tuple[Path, int]] = []
        sizes: list[int] = []
        self._file_rows: list[tuple[str, int]] = []
        for path in self.paths:
            with pq.ParquetFile(path) as parquet:
                for group in range(parquet.metadata.num_row_groups):
                    self._groups.append((path, group))
                    sizes.append(parquet.metadata.row_group(group).num_rows)
                self._file_rows.append((path.name.split("-")[0], parquet.metadata.num_rows))
        self._starts = [0, *accumulate(sizes)]
        self.count = self._starts[-1]

    def column(self, name: str) -> pa.Array:
        """Return one column of all rows; ``split`` is told by the files' names."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if name == SPLIT:
            parts = [pa.repeat(pa.scalar(split), rows) for split, rows in self._file_rows]
            return pa.concat_arrays(parts) if parts else pa.array([], pa.string())
        chunks = [
            chunk
            for path in self.paths
            for chunk in pq.read_table(path, columns=[name], partitioning=None).column(name).chunks
        ]
        return pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())

    def texts(self, numbers: Sequence[int]) -> dict[str, dict[str, str]]:
        """Return the three texts of some rows by id, reading only the row groups that hold one of them."""
        import pyarrow.parquet as pq

        found: dict[str, dict[str, str]] = {}
        for place, wanted in groupby(sorted(numbers), lambda number: bisect_right(self._starts, number) - 1):
            path, group = self._groups[place]
            rows = [number - self._starts[place] for number in wanted]
            with pq.ParquetFile(path) as parquet:
                table = parquet.read_row_group(group, columns=["id", *TEXTS]).take(rows)
            for row in table.to_pylist():
                found[str(row["id"])] = {name: str(row[name]) for name in TEXTS}
        return found


@dataclass
class _Edited:
    """The rows that both have but not alike: their numbers, and for each column which differ and how."""

    ids: list[str]
    before: np.ndarray
    after: np.ndarray
    revisions: tuple[np.ndarray, np.ndarray]
    columns: dict[str, dict[int, tuple[Any, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """Ids added, removed and edited from one version to another, in order.

    ``figures`` are the records by value, before and after, for each of ``categories``, ``languages``, ``licences`` and
    ``splits``.
    """

    added: list[str]
    removed: list[str]
    edited: list[str]
    figures: dict[str, dict[str, tuple[int, int]]]
    _found: _Edited
    _sides: tuple[_Rows, _Rows]

    @property
    def composition(self) -> dict[str, tuple[int, int]]:
        """The records of each category, before and after."""
        return self.figures["categories"]

    @property
    def step(self) -> semver.Step:
        """What the changes call for in a semantic version."""
        return semver.step(added=len(self.added), removed=len(self.removed), edited=len(self.edited))

    def edits(self, *, with_texts: bool = True, only: str = "") -> Iterator[Edit]:
        """Yield what became of each edited record, by id; some hundred with their texts are held at a time.

        Args:
            only: a column; records in which it is the same are passed over.
        """
        count = len(self._found.ids)
        for start in range(0, count, CHUNK_ROWS):
            chunk = range(start, min(start + CHUNK_ROWS, count))
            places = [at for at in chunk if only not in FACTS or at in self._found.columns[only]]
            for edit in self._chunk(places, with_texts=with_texts):
                if not only or only in edit.fields:
                    yield edit

    def _chunk(self, places: Sequence[int], *, with_texts: bool) -> Iterator[Edit]:
        found = self._found
        rewritten = [at for at in places if at in found.columns["revision"]] if with_texts else []
        before, after = (
            rows.texts([int(numbers[at]) for at in rewritten])
            for rows, numbers in zip(self._sides, (found.before, found.after), strict=True)
        )
        for at in places:
            key = found.ids[at]
            texts: dict[str, tuple[str, str]] | None = {} if with_texts else None
            if key in before:
                texts = differing(before[key], after[key])
            yield Edit(
                id=key,
                revisions=(int(found.revisions[0][at]), int(found.revisions[1][at])),
                facts={name: found.columns[name][at] for name in FACTS if at in found.columns[name]},
                texts=texts,
            )


def compare(before: Path, after: Path) -> Difference:
    """Compare two version directories.

    Raises:
        OSError, pyarrow.ArrowException: a Parquet file can't be read.
        ValueError: an id comes twice.
    """
    import numpy as np
    import pyarrow.compute as pc

    old, new = _Rows(before), _Rows(after)
    old_ids, new_ids = old.column("id"), new.column("id")
    for directory, ids in ((before, old_ids), (after, new_ids)):
        if pc.count_distinct(ids).as_py() != len(ids):
            raise ValueError(f"{directory}: an id comes twice.")
    there = pc.index_in(new_ids, value_set=old_ids)
    added = sorted(new_ids.filter(pc.is_null(there)).to_pylist())
    removed = sorted(old_ids.filter(pc.invert(pc.is_in(old_ids, value_set=new_ids))).to_pylist())
    new_at = np.flatnonzero(pc.is_valid(there).to_numpy(zero_copy_only=False))
    old_at = there.drop_null().to_numpy(zero_copy_only=False).astype(np.int64)
    edited, figures = _edited(old, new, old_at, new_at, new_ids)
    return Difference(added, removed, edited.ids, figures, edited, (old, new))


def _edited(
    old: _Rows, new: _Rows, old_at: np.ndarray, new_at: np.ndarray, ids: pa.Array
) -> tuple[_Edited, dict[str, dict[str, tuple[int, int]]]]:
    """Compare column by column, so that only one of each side is held."""
    import numpy as np
    import pyarrow.compute as pc

    figures: dict[str, dict[str, tuple[int, int]]] = {}
    changed: dict[str, tuple[np.ndarray, list[Any], list[Any]]] = {}
    listed = {column: name for name, column in FIGURES.items()}
    revisions: list[pa.Array] = []
    for name in FACTS:
        olds, news = old.column(name), new.column(name)
        if name in listed:
            figures[listed[name]] = _counted(olds, news)
        olds, news = olds.take(old_at), news.take(new_at)
        places = np.flatnonzero(pc.not_equal(olds, news).to_numpy(zero_copy_only=False)) if len(olds) else old_at[:0]
        changed[name] = (places, olds.take(places).to_pylist(), news.take(places).to_pylist())
        if name == "revision":
            revisions = [olds, news]
    rows = np.unique(np.concatenate([places for places, _olds, _news in changed.values()]))
    keys = ids.take(new_at[rows]).to_pylist()
    order = sorted(range(len(keys)), key=keys.__getitem__)
    rows = rows[order]
    place_of = {int(row): at for at, row in enumerate(rows)}
    columns = {
        name: {place_of[int(row)]: (one, other) for row, one, other in zip(places, olds, news, strict=True)}
        for name, (places, olds, news) in changed.items()
    }
    numbers = [column.take(rows).to_numpy(zero_copy_only=False) for column in revisions]
    found = _Edited([keys[at] for at in order], old_at[rows], new_at[rows], (numbers[0], numbers[1]), columns)
    return found, {name: figures[name] for name in FIGURES}


def _counted(before: pa.Array, after: pa.Array) -> dict[str, tuple[int, int]]:
    import pyarrow.compute as pc

    counts = [
        {str(row["values"]): int(row["counts"]) for row in pc.value_counts(column).to_pylist()}
        for column in (before, after)
    ]
    return {name: (counts[0].get(name, 0), counts[1].get(name, 0)) for name in sorted(counts[0] | counts[1])}

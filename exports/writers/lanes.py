"""The files of all splits, written by two threads: Arrow works outside Python's lock, so both processors have work."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from exports.splits import SPLITS
from exports.writers.formats import configuration, open_format
from exports.writers.lines import Texts
from exports.writers.parquet import RECORDS, ParquetSplit, Shards, Size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    import pyarrow as pa

    from exports.writers.sink import FileEntry
    from exports.writers.tables import CsvSplit
    from exports.writers.text import TextSplit

# Batches that may wait for a lane: enough to keep it busy, few enough to keep memory flat.
WAITING = 2
DEFAULT = "default"
"""The configuration that holds the records themselves."""

Sizes = dict[str, Size]
"""The size of each configuration's Parquet data by ``configuration/split``."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be written: rows of each split, formats, and which of these as Parquet too.

    ``shards`` is given where only a part of the splits is written; its text files then have nothing around their rows.
    """

    splits: Mapping[str, int]
    formats: Sequence[str] = ()
    configurations: Sequence[str] = ()
    shards: Mapping[str, Shards] | None = None


class Lanes:
    """One lane writes Parquet, the other the text formats; each keeps the order in which batches came."""

    def __init__(self, directory: Path, wanted: Wanted) -> None:
        self._directory, self._wanted = directory, wanted
        self._parquet: dict[str, dict[str, ParquetSplit]] = {}
        self._texts: dict[str, list[TextSplit | CsvSplit]] = {}
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        try:
            for split in SPLITS:
                if rows := self._wanted.splits.get(split):
                    self._open(split, rows)
        except BaseException:
            self._abandon()
            raise
        self._lanes = [ThreadPoolExecutor(max_workers=1, thread_name_prefix=name) for name in ("parquet", "text")]
        return self

    def _open(self, split: str, rows: int) -> None:
        wanted = self._wanted
        shards = wanted.shards[split] if wanted.shards else Shards.for_rows(rows)
        # One by one, so that a writer that can't start leaves none of its neighbours open.
        parquet = self._parquet.setdefault(split, {})
        parquet[DEFAULT] = ParquetSplit(self._directory, split, shards, RECORDS)
        for name in sorted(wanted.configurations):
            if table := configuration(name):
                parquet[name] = ParquetSplit(self._directory, split, shards, table)
        opened = self._texts.setdefault(split, [])
        for name in ("jsonl", *sorted(wanted.formats)):
            opened.append(open_format(self._directory, name, split, is_part=wanted.shards is not None))

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        for lane in self._lanes:
            lane.shutdown(wait=True, cancel_futures=True)
        if kind is not None:
            self._abandon()

    def add(self, split: str, batch: pa.RecordBatch) -> None:
        """Hand a batch to both lanes; waits where they are behind. Raises what an earlier batch's writing raised."""
        while len(self._waiting) >= 2 * WAITING:
            self._waiting.popleft().result()
        parquet, text = self._lanes
        self._waiting.append(parquet.submit(self._add_parquet, split, batch))
        self._waiting.append(text.submit(self._add_texts, split, batch))

    def _add_parquet(self, split: str, batch: pa.RecordBatch) -> None:
        # A split that was not announced has no writer; the counts tell, and the release is refused.
        for writer in self._parquet.get(split, {}).values():
            writer.add(batch)

    def _add_texts(self, split: str, batch: pa.RecordBatch) -> None:
        texts = Texts(batch)
        for writer in self._texts.get(split, ()):
            writer.add(texts)

    def settle(self) -> None:
        """Wait until everything that was handed over is written."""
        while self._waiting:
            self._waiting.popleft().result()

    def finish(self) -> tuple[list[FileEntry], Sizes]:
        """Make the files durable; return their entries, and the size of the Parquet data."""
        self.settle()
        files: list[FileEntry] = []
        sizes: Sizes = {}
        for split, tables in self._parquet.items():
            for name, parquet in tables.items():
                files += parquet.finish()
                sizes[f"{name}/{split}"] = parquet.size
            for text in self._texts[split]:
                files += text.finish()
        return files, sizes

    def _abandon(self) -> None:
        for abandon in (
            *(parquet.abandon for tables in self._parquet.values() for parquet in tables.values()),
            *(text.abandon for texts in self._texts.values() for text in texts),
        ):
            try:
                abandon()
            except OSError:
                # The same full disk again, while closing: the first error is the one to tell.
                continue

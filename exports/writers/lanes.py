"""The files of all splits, written by two threads: Arrow works outside Python's lock, so both processors have work."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from exports.schema import COLUMNS
from exports.splits import SPLITS
from exports.writers.formats import open_format
from exports.writers.lines import Texts
from exports.writers.parquet import ParquetSplit, Size
from exports.writers.text import JSONL, TextSplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    import pyarrow as pa

    from exports.writers.sink import FileEntry
    from exports.writers.tables import CsvSplit

# Batches that may wait for a lane: enough to keep it busy, few enough to keep memory flat.
WAITING = 2


class Lanes:
    """One lane writes Parquet, the other the text formats; each keeps the order in which batches came."""

    def __init__(self, directory: Path, splits: Mapping[str, int], formats: Sequence[str]) -> None:
        self._directory, self._splits, self._formats = directory, splits, sorted(formats)
        self._parquet: dict[str, ParquetSplit] = {}
        self._texts: dict[str, list[TextSplit | CsvSplit]] = {}
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        try:
            for split in SPLITS:
                if rows := self._splits.get(split):
                    # One by one, so that a writer that can't start leaves none of its neighbours open.
                    self._parquet[split] = ParquetSplit(self._directory, split, rows)
                    opened = self._texts.setdefault(split, [])
                    opened.append(TextSplit(self._directory, "jsonl", split, JSONL))
                    for name in self._formats:
                        opened.append(open_format(self._directory, name, split))
        except BaseException:
            self._abandon()
            raise
        self._lanes = [ThreadPoolExecutor(max_workers=1, thread_name_prefix=name) for name in ("parquet", "text")]
        return self

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
        if split in self._parquet:
            self._parquet[split].add(batch.select(COLUMNS))

    def _add_texts(self, split: str, batch: pa.RecordBatch) -> None:
        texts = Texts(batch)
        for writer in self._texts.get(split, ()):
            writer.add(texts)

    def settle(self) -> None:
        """Wait until everything that was handed over is written."""
        while self._waiting:
            self._waiting.popleft().result()

    def finish(self) -> tuple[list[FileEntry], dict[str, Size]]:
        """Make the files durable; return their entries, and the size of each split's Parquet data."""
        self.settle()
        files: list[FileEntry] = []
        for split, parquet in self._parquet.items():
            files += parquet.finish()
            for text in self._texts[split]:
                files += text.finish()
        return files, {split: parquet.size for split, parquet in self._parquet.items()}

    def _abandon(self) -> None:
        for abandon in (
            *(parquet.abandon for parquet in self._parquet.values()),
            *(text.abandon for texts in self._texts.values() for text in texts),
        ):
            try:
                abandon()
            except OSError:
                # The same full disk again, while closing: the first error is the one to tell.
                continue

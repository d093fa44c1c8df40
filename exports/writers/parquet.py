"""Parquet in the layout of the Hugging Face hub: ``data/<split>-00000-of-0000N.parquet``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from exports.schema import DICTIONARY_COLUMNS, arrow_schema
from exports.writers.sink import FileEntry, Sink

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

SHARD_ROWS = 100_000


class Size(NamedTuple):
    """Bytes of a split's Parquet data: as Arrow holds it in memory, and as its files."""

    in_memory: int
    on_disk: int


class ParquetSplit:
    """Writes the batches of one split, each a row group, into as many shards as its known number of rows needs."""

    def __init__(self, root: Path, split: str, rows: int) -> None:
        self._root, self._split = root, split
        self._shards = max(1, -(-rows // SHARD_ROWS))
        self._sink: Sink | None = None
        self._writer: pq.ParquetWriter | None = None
        self._entries: list[FileEntry] = []
        self._in_memory = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Write one batch; where a shard ends inside it, the rest begins the next one."""
        while batch.num_rows:
            room = SHARD_ROWS - (self._sink.rows if self._sink else 0)
            part, batch = batch.slice(0, room), batch.slice(room)
            if self._writer is None or self._sink is None:
                self._sink, self._writer = self._open_shard()
            self._writer.write_batch(part, row_group_size=part.num_rows)
            self._in_memory += part.nbytes
            self._sink.rows += part.num_rows
            if self._sink.rows >= SHARD_ROWS:
                self._close_shard()

    def finish(self) -> list[FileEntry]:
        """Write what is left and return the entries of the shards."""
        self._close_shard()
        return self._entries

    @property
    def size(self) -> Size:
        """The size of what was written, once finished."""
        return Size(self._in_memory, sum(entry["bytes"] for entry in self._entries))

    def abandon(self) -> None:
        """Close what is open after an error; what was written is of no use."""
        if self._writer is not None:
            # Arrow wants to write its footer when it closes, on the same full disk.
            with suppress(Exception):
                self._writer.close()
        if self._sink is not None:
            self._sink.close()

    def _open_shard(self) -> tuple[Sink, pq.ParquetWriter]:
        import pyarrow.parquet as pq

        sink = Sink(self._root, f"data/{self._split}-{len(self._entries):05d}-of-{self._shards:05d}.parquet")
        writer = pq.ParquetWriter(
            sink,
            arrow_schema(),
            compression="zstd",
            compression_level=3,
            use_dictionary=DICTIONARY_COLUMNS,
            write_page_index=True,
        )
        return sink, writer

    def _close_shard(self) -> None:
        if self._writer is None or self._sink is None:
            return
        self._writer.close()
        self._sink.close()
        self._entries.append(self._sink.entry())
        self._writer = self._sink = None

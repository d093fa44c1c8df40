"""Parquet in the layout of the Hugging Face hub: ``<folder>/<split>-00000-of-0000N.parquet``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from exports.schema import COLUMNS, DICTIONARY_COLUMNS, arrow_schema
from exports.writers.sink import FileEntry, Sink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

SHARD_ROWS = 100_000


class Size(NamedTuple):
    """A split's Parquet data: bytes as Arrow holds it in memory, bytes of its files, rows."""

    in_memory: int
    on_disk: int
    rows: int


class Shards(NamedTuple):
    """How many shards a split has, and the number of the first one that is written here."""

    of: int
    first: int = 0

    @classmethod
    def for_rows(cls, rows: int) -> Shards:
        """Return the shards that a whole split of so many rows needs."""
        return cls(max(1, -(-rows // SHARD_ROWS)))


class Table(NamedTuple):
    """What a directory of Parquet files holds: its schema, and how a batch of records becomes its rows."""

    folder: str
    schema: Callable[[], pa.Schema]
    rows: Callable[[pa.RecordBatch], pa.RecordBatch]


RECORDS = Table("data", arrow_schema, lambda batch: batch.select(COLUMNS))


class ParquetSplit:
    """Writes the batches of one split, each a row group, into as many shards as its known number of rows needs."""

    def __init__(self, root: Path, split: str, shards: Shards, table: Table = RECORDS) -> None:
        self._root, self._split, self._shards, self._table = root, split, shards, table
        self._sink: Sink | None = None
        self._writer: pq.ParquetWriter | None = None
        self._entries: list[FileEntry] = []
        self._in_memory = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Write one batch of records; where a shard ends inside it, the rest begins the next one."""
        batch = self._table.rows(batch)
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
        entries = self._entries
        return Size(self._in_memory, sum(entry["bytes"] for entry in entries), sum(entry["rows"] for entry in entries))

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

        number, shards = self._shards.first + len(self._entries), self._shards.of
        sink = Sink(self._root, f"{self._table.folder}/{self._split}-{number:05d}-of-{shards:05d}.parquet")
        schema = self._table.schema()
        writer = pq.ParquetWriter(
            sink,
            schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=[name for name in DICTIONARY_COLUMNS if name in schema.names],
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

"""TRL's preference format: a prompt with the response that was approved and one that was turned down."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from exports.writers.lines import Texts, json_objects
from exports.writers.parquet import ParquetSplit, Shards, Table
from exports.writers.sink import FileEntry, Sink

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    from exports.writers.lanes import Sizes

FOLDER = "preference"
COLUMNS = ("id", "prompt", "chosen", "rejected")
ABOUT = (
    "id of the record, prompt, chosen (the approved response) and rejected (one that reviewers turned down for the "
    "same instruction), as TRL's preference trainers take them"
)


@cache
def schema() -> pa.Schema:
    """Return the columns, all texts."""
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.string(), nullable=False) for name in COLUMNS])


TABLE = Table(FOLDER, schema, lambda batch: batch)


def write(directory: Path, batches: Iterable[tuple[str, pa.RecordBatch]], sizes: Sizes) -> list[FileEntry]:
    """Write the pairs, (split, rows) in order, as lines and as Parquet; a split without pairs has no files.

    Adds the size of the Parquet data to ``sizes``.
    """
    files: list[FileEntry] = []
    for split, of_split in groupby(batches, key=lambda pair: pair[0]):
        parquet = ParquetSplit(directory, split, Shards(1), TABLE)
        with Sink(directory, f"{FOLDER}/{split}.jsonl") as lines:
            try:
                for _split, batch in of_split:
                    parquet.add(batch)
                    lines.write(json_objects(Texts(batch), COLUMNS))
                    lines.rows += batch.num_rows
                files += parquet.finish()
            except BaseException:
                parquet.abandon()
                raise
        sizes[f"{FOLDER}/{split}"] = parquet.size
        files.append(lines.entry())
    return files

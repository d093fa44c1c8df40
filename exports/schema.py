"""The record: its columns, their order and their types, in Python and in Arrow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


class Record(NamedTuple):
    """One row of a dataset version. The order of the columns is fixed, and none is ever None."""

    id: str
    instruction: str
    context: str
    response: str
    category: str
    language: str
    campaign: str
    licence: str
    source_title: str
    source_url: str
    contributor: str
    revision: int
    approvals: int
    approved_at: datetime


COLUMNS = Record._fields
ARROW_TYPES = {"revision": "int32", "approvals": "int16", "approved_at": "timestamp[us, tz=UTC]"}
WORDS = ("instruction_words", "context_words", "response_words")
COUNTED = ("language", "campaign", "licence", "contributor")
TEXT = "string"
# Few different values: Parquet keeps these as a dictionary. The texts gain nothing from one.
DICTIONARY_COLUMNS = ["category", "language", "campaign", "licence", "source_title", "contributor"]


def arrow_type_name(column: str) -> str:
    """Return the type of a column in Arrow's notation, which the card's ``dtype`` uses too."""
    return ARROW_TYPES.get(column, TEXT)


def described() -> list[dict[str, object]]:
    """Return the schema as the manifest holds it."""
    return [{"name": name, "type": arrow_type_name(name), "nullable": False} for name in COLUMNS]


def arrow_schema() -> pa.Schema:
    """Return the Arrow schema of the Parquet files; no column is nullable."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int16": pa.int16(),
        "timestamp[us, tz=UTC]": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([pa.field(name, types[arrow_type_name(name)], nullable=False) for name in COLUMNS])


def frozen_schema() -> pa.Schema:
    """Return the schema of the batches that files are made of: the record's columns, then the words of its texts."""
    import pyarrow as pa

    return pa.schema([*arrow_schema(), *(pa.field(name, pa.int32(), nullable=False) for name in WORDS)])


def figures_schema() -> pa.Schema:
    """Return the columns that a version's composition is counted from."""
    import pyarrow as pa

    schema = frozen_schema()
    return pa.schema([schema.field(name) for name in ("category", *COUNTED, *WORDS)])


def to_arrow(records: Sequence[Record]) -> pa.RecordBatch:
    """Return the records as one Arrow batch.

    Raises:
        ValueError: a value doesn't fit its column (a None, a number out of range, a lone surrogate).
    """
    import pyarrow as pa

    schema = arrow_schema()
    columns = list(zip(*records, strict=True)) if records else [()] * len(COLUMNS)
    batch: pa.RecordBatch = pa.record_batch(
        [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
    for column, field in zip(batch.columns, schema, strict=True):
        if column.null_count:
            raise ValueError(f"The column {field.name} holds a null; a record never does.")
    return batch


def iso(moment: datetime) -> str:
    """Return a moment as JSONL has it: ISO 8601 in UTC with six digits of a second and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def as_json(record: Record) -> dict[str, Any]:
    """Return the record as an object for JSON, columns in order."""
    return {**record._asdict(), "approved_at": iso(record.approved_at)}


def from_json(values: dict[str, Any]) -> Record:
    """Return the record that :func:`as_json` made this object of.

    Raises:
        KeyError, ValueError: it is not one.
    """
    moment = datetime.strptime(values["approved_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return Record(**{**{name: values[name] for name in COLUMNS}, "approved_at": moment})

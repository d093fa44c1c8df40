"""Reads the frozen rows of a version as Arrow batches, a row group at a time, alike from SQLite and PostgreSQL.

Why ADBC on PostgreSQL and Python's own driver on SQLite is told in docs/adr/0005.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from django.db import connection
from django.db.models import Count, F, Func, IntegerField, Max, Min, Sum, TextField
from django.db.models.functions import Cast

from exports.models import FROZEN_FACTS, DatasetPreference, DatasetRecord
from exports.schema import arrow_schema, frozen_schema
from exports.splits import SPLITS
from exports.writers import preferences
from exports.writers.lines import Texts, json_objects
from exports.writers.prompts import prompt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import QuerySet
    from django.db.models.sql.compiler import SQLCompiler

    from exports.models import DatasetVersion

GROUP_ROWS = 5_000
# A row group of very long texts ends early, so that memory stays bounded.
GROUP_BYTES = 32_000_000
READ_ROWS = 1_000
PREFERENCE_ROWS = 20_000  # records whose turned-down responses are read at once
POSTGRESQL = "postgresql"
# Rows are read in the order of a release, all over the file: SQLite's usual two megabytes of pages are of no use then.
SQLITE_READS = {"cache_size": -65_536, "mmap_size": 1 << 32}
# SQLite keeps the 32 digits of an id without the hyphens, which stand before these of them.
UUID_DIGITS, UUID_HYPHENS = 32, (8, 12, 16, 20)

# The record's columns by where the database has them; the id and the time are brought into shape afterwards.
SOURCES = {
    "id": "submission_id",
    "instruction": "revision__instruction",
    "context": "revision__context",
    "response": "revision__response",
    "language": "revision__language",
    "revision": "revision__number",
    "instruction_words": "revision__instruction_words",
    "context_words": "revision__context_words",
    "response_words": "revision__response_words",
}


class Bytes(Func):
    """The length of a text in bytes of UTF-8."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        """SQLite before 3.43 has no OCTET_LENGTH."""
        return super().as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


class Group(NamedTuple):
    """A range of positions in one split that becomes one row group."""

    split: str
    first: int
    last: int


class Part(NamedTuple):
    """A shard's worth of one split: its number among the split's shards, and its range of positions."""

    split: str
    shard: int
    first: int
    last: int

    @property
    def rows(self) -> int:
        """How many records it has."""
        return self.last - self.first + 1


def parts(splits: Mapping[str, int], shard_rows: int) -> list[Part]:
    """Return the parts of a version with so many rows in each split; positions go through the splits in their order."""
    found: list[Part] = []
    start = 1
    for split in SPLITS:
        rows = splits.get(split, 0)
        for shard, first in enumerate(range(start, start + rows, shard_rows)):
            found.append(Part(split, shard, first, min(first + shard_rows, start + rows) - 1))
        start += rows
    return found


def groups(version: DatasetVersion, within: Part | None = None) -> list[Group]:
    """Return the row groups of a version, or of one part of it, in order.

    They follow from the frozen rows alone, not from who reads them: a part begins where a row group does.
    """
    frozen = DatasetRecord.objects.filter(version=version)
    found: list[Group] = []
    for part in [within] if within else parts(version.splits, max(1, version.rows)):
        counted = (
            frozen.filter(position__range=(part.first, part.last))
            .annotate(slot=(F("position") - part.first) / GROUP_ROWS)
            .order_by("slot")
            .values_list("slot")
            .annotate(Min("position"), Max("position"), Sum("size"), Count("pk"))
        )
        for _slot, first, last, size, _rows in counted:
            found += _halved(frozen, Group(part.split, first, last), size)
    return found


def _halved(frozen: QuerySet[DatasetRecord], group: Group, size: int) -> list[Group]:
    if size <= GROUP_BYTES or group.first == group.last:
        return [group]
    middle = (group.first + group.last) // 2
    parts = [group._replace(last=middle), group._replace(first=middle + 1)]
    sizes = [
        frozen.filter(position__range=(part.first, part.last)).aggregate(size=Sum("size"))["size"] for part in parts
    ]
    return [piece for part, bytes_ in zip(parts, sizes, strict=True) for piece in _halved(frozen, part, bytes_)]


def batches(version: DatasetVersion, within: Part | None = None) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield (split, rows) of a version, or of one part, in order, one batch a row group: the record, then its words.

    The rows never change, so no transaction has to stay open while files are written.
    """
    schema = frozen_schema()
    selected = _selected(schema.names)
    with _reader() as reader:
        for group in groups(version, within):
            rows = selected.filter(version=version, position__range=(group.first, group.last))
            yield group.split, _shaped(reader.read(rows), schema)


def preference_batches(version: DatasetVersion) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield (split, rows of the preference format) of a version, in order."""
    import pyarrow as pa

    schema = preferences.schema()
    texts = [F(f"record__revision__{name}") for name in ("instruction", "context", "response")]
    pairs = DatasetPreference.objects.order_by("record__position", "rejected_id").values_list(
        Cast("record__submission_id", TextField()), *texts, F("rejected__response")
    )
    given = pa.schema([pa.field(name, pa.string()) for name in ("id", "instruction", "context", "response", "other")])
    with _reader() as reader:
        for part in parts(version.splits, PREFERENCE_ROWS):
            rows = pairs.filter(record__version=version, record__position__range=(part.first, part.last))
            if columns := reader.read(rows):
                key, instruction, context, response, other = _shaped(columns, given).columns
                if len(key):
                    made = [key, prompt(instruction, context), response, other]
                    yield part.split, pa.RecordBatch.from_arrays(made, schema=schema)


def content_hash(version: DatasetVersion) -> str:
    """Return a hash (hex) of what a version froze: equal for two versions that hold the same."""
    import pyarrow as pa

    names = ("id", "revision", "language", "split", *FROZEN_FACTS)
    fields = {field.name: field for field in arrow_schema()} | {"split": pa.field("split", pa.string(), nullable=False)}
    schema = pa.schema([fields[name] for name in names])
    selected = _selected(names)
    digest = hashlib.sha256()
    with _Rows() as reader:
        for group in groups(version):
            rows = selected.filter(version=version, position__range=(group.first, group.last))
            digest.update(json_objects(Texts(_shaped(reader.read(rows), schema)), names))
    shown = DatasetPreference.objects.filter(record__version=version).order_by("record__position", "rejected_id")
    for key, other, number in shown.values_list("record__submission", "rejected__submission", "rejected__number"):
        digest.update(f"{key} > {other} r{number}\n".encode())
    return digest.hexdigest()


def _selected(names: Sequence[str]) -> QuerySet[DatasetRecord, Any]:
    """Return the columns as the drivers hand them over fastest: ids as text, and SQLite's times too."""
    as_text = {"id", "approved_at"} if connection.vendor != POSTGRESQL else {"id"}
    columns = [
        Cast(SOURCES.get(name, name), TextField()) if name in as_text else F(SOURCES.get(name, name)) for name in names
    ]
    return DatasetRecord.objects.order_by("position").values_list(*columns)


# -- Readers ----------------------------------------------------------------------------------------------


class _Rows:
    """Through Django's own connection: sees what its transaction wrote, and shares SQLite's locks."""

    def __enter__(self) -> Self:
        self._before: dict[str, int] = {}
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                for name, value in SQLITE_READS.items():
                    self._before[name] = cursor.execute(f"PRAGMA {name}").fetchone()[0]
                    cursor.execute(f"PRAGMA {name} = {value}")
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the connection to Django as it was."""
        with connection.cursor() as cursor:
            for name, value in self._before.items():
                cursor.execute(f"PRAGMA {name} = {value}")

    def read(self, rows: QuerySet[Any, Any]) -> list[pa.Array]:
        import pyarrow as pa

        parts: list[list[pa.Array]] = []
        with connection.cursor() as cursor:
            cursor.execute(*rows.query.sql_with_params())
            while found := cursor.fetchmany(READ_ROWS):
                parts.append([pa.array(column) for column in zip(*found, strict=True)])
        return [pa.concat_arrays(column) for column in zip(*parts, strict=True)]


class _Adbc:
    """Through PostgreSQL's binary COPY, straight into Arrow; a connection of its own."""

    def __enter__(self) -> Self:
        import adbc_driver_postgresql.dbapi as adbc
        from psycopg.conninfo import make_conninfo

        given = connection.get_connection_params()
        known = {
            key: value
            for key, value in given.items()
            if isinstance(value, str | int) and key not in {"client_encoding", "prepare_threshold"}
        }
        # Compiling a query takes longer than reading one row group with it.
        known["options"] = f"{known.get('options', '')} -c jit=off".strip()
        self._connection = adbc.connect(make_conninfo("", **known))
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def read(self, rows: QuerySet[Any, Any]) -> list[pa.Array]:
        sql, params = rows.query.sql_with_params()
        # The only parameters are the version's key and two positions.
        with self._connection.cursor() as cursor:
            cursor.execute(sql % tuple(int(value) for value in params))
            table = cursor.fetch_arrow_table()
        return [column.combine_chunks() for column in table.columns]


def _reader() -> _Rows | _Adbc:
    if connection.vendor == POSTGRESQL and not connection.in_atomic_block:
        return _Adbc()
    return _Rows()


def _shaped(columns: list[pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """Bring what a database gave into the record's types; what can't be is an error, never a null."""
    import pyarrow as pa

    shaped = [_shape(column, field) for column, field in zip(columns, schema, strict=True)]
    for column, field in zip(shaped, schema, strict=True):
        if column.null_count:
            raise ValueError(f"The column {field.name} holds a null; a record never does.")
    return pa.RecordBatch.from_arrays(shaped, schema=schema)


def _shape(column: pa.Array, field: pa.Field) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if field.name == "id" and len(column) and "-" not in column[0].as_py():
        return _hyphenated(column)
    if pa.types.is_timestamp(field.type) and pa.types.is_string(column.type):
        return pc.assume_timezone(column.cast(pa.timestamp("us")), "UTC")
    return column.cast(field.type)


def _hyphenated(column: pa.Array) -> pa.Array:
    """Return ids of 32 digits as they are written everywhere else."""
    import numpy as np
    import pyarrow as pa

    _validity, offsets, data = column.buffers()
    first = np.frombuffer(offsets, np.int32)[column.offset]
    digits = np.frombuffer(data, np.uint8)[first : first + UUID_DIGITS * len(column)].reshape(-1, UUID_DIGITS)
    written = np.insert(digits, UUID_HYPHENS, ord("-"), axis=1)
    width = written.shape[1]
    ends = np.arange(0, width * (len(column) + 1), width, dtype=np.int32)
    return pa.StringArray.from_buffers(len(column), pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(written)))

"""Reads the frozen rows of a version as Arrow batches, a row group at a time, alike from SQLite and PostgreSQL.

Why ADBC on PostgreSQL and Python's own driver on SQLite is told in docs/adr/0005.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from django.db import connection
from django.db.models import Count, F, Func, IntegerField, Max, Min, Sum, TextField
from django.db.models.functions import Cast

from exports.models import FROZEN_FACTS, DatasetRecord
from exports.schema import arrow_schema, frozen_schema
from exports.splits import SPLITS
from exports.writers.lines import Texts, json_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import QuerySet
    from django.db.models.sql.compiler import SQLCompiler

    from exports.models import DatasetVersion

GROUP_ROWS = 5_000
# A row group of very long texts ends early, so that memory stays bounded.
GROUP_BYTES = 32_000_000
READ_ROWS = 1_000
POSTGRESQL = "postgresql"
UUID_PARTS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))

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


def groups(version: DatasetVersion) -> list[Group]:
    """Return the row groups of a version, in order: they follow from the frozen rows alone, not from who reads them."""
    frozen = DatasetRecord.objects.filter(version=version)
    found: list[Group] = []
    starts = dict(frozen.order_by().values_list("split").annotate(first=Min("position")))
    for split in SPLITS:
        if split not in starts:
            continue
        counted = (
            frozen.filter(split=split)
            .annotate(slot=(F("position") - starts[split]) / GROUP_ROWS)
            .order_by("slot")
            .values_list("slot")
            .annotate(Min("position"), Max("position"), Sum("size"), Count("pk"))
        )
        for _slot, first, last, size, _rows in counted:
            found += _halved(frozen, Group(split, first, last), size)
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


def batches(version: DatasetVersion) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield (split, rows) of a version in its order, one batch a row group: the record's columns, then its words.

    The rows never change, so no transaction has to stay open while files are written.
    """
    schema = frozen_schema()
    selected = _selected(schema.names)
    with _reader() as reader:
        for group in groups(version):
            rows = selected.filter(version=version, position__range=(group.first, group.last))
            yield group.split, _shaped(reader.read(rows), schema)


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
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the connection to Django."""

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
        # SQLite keeps the 32 digits without their hyphens.
        parts = [pc.utf8_slice_codeunits(column, start, stop) for start, stop in UUID_PARTS]
        return pc.binary_join_element_wise(*parts, "-")
    if pa.types.is_timestamp(field.type) and pa.types.is_string(column.type):
        return pc.assume_timezone(column.cast(pa.timestamp("us")), "UTC")
    return column.cast(field.type)

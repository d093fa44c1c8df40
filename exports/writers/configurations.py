"""The formats once more as Parquet: the hub's reader takes configurations of one kind of file only."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from exports.writers.parquet import Table
from exports.writers.prompts import prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa


def _texts(**columns: str) -> Callable[[], pa.Schema]:
    @cache
    def schema() -> pa.Schema:
        import pyarrow as pa

        return pa.schema([pa.field(name, pa.string(), nullable=False) for name in columns])

    return schema


def _turns(name: str, who: str, what: str, *, with_id: bool = False) -> Callable[[], pa.Schema]:
    @cache
    def schema() -> pa.Schema:
        import pyarrow as pa

        turn = pa.struct([pa.field(who, pa.string(), nullable=False), pa.field(what, pa.string(), nullable=False)])
        fields = [pa.field("id", pa.string(), nullable=False)] if with_id else []
        # The item's name is what Parquet calls it, so that what is read back equals what was written.
        turns = pa.list_(pa.field("element", turn, nullable=False))
        return pa.schema([*fields, pa.field(name, turns, nullable=False)])

    return schema


def _prompt(batch: pa.RecordBatch) -> pa.Array:
    return prompt(batch.column("instruction"), batch.column("context"))


def _renamed(schema: Callable[[], pa.Schema], **columns: str) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Return what takes each column from the record's, or the prompt that is made of two of them."""

    def rows(batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        taken = [_prompt(batch) if source == "prompt" else batch.column(source) for source in columns.values()]
        return pa.RecordBatch.from_arrays(taken, schema=schema())

    return rows


def _conversations(
    schema: Callable[[], pa.Schema], people: Sequence[str]
) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Return what makes two turns of each record: the prompt by the first of ``people``, the response by the second."""

    def rows(batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        shape = schema()
        turns = shape.field(len(shape) - 1)
        count = batch.num_rows
        asked_and_answered = pa.concat_arrays([_prompt(batch), batch.column("response")])
        # 0, n, 1, n + 1, …: each prompt, then its response.
        order = np.arange(2 * count).reshape(2, count).T.ravel()
        who = pa.DictionaryArray.from_arrays(np.tile(np.array([0, 1], np.int32), count), pa.array(people))
        pairs = pa.StructArray.from_arrays(
            [who.cast(pa.string()), asked_and_answered.take(pa.array(order))], fields=list(turns.type.value_type)
        )
        offsets = pa.array(np.arange(0, 2 * count + 1, 2, dtype=np.int32))
        lists = pa.ListArray.from_arrays(offsets, pairs, type=turns.type)
        first = [batch.column("id")] if len(shape) > 1 else []
        return pa.RecordBatch.from_arrays([*first, lists], schema=shape)

    return rows


def _table(folder: str, **columns: str) -> Table:
    schema = _texts(**columns)
    return Table(folder, schema, _renamed(schema, **columns))


_MESSAGES = _turns("messages", "role", "content")
_SHAREGPT = _turns("conversations", "from", "value", with_id=True)

TABLES = {
    "dolly": _table("dolly", instruction="instruction", context="context", response="response", category="category"),
    "alpaca": _table("alpaca", instruction="instruction", input="context", output="response"),
    "chat": Table("chat", _MESSAGES, _conversations(_MESSAGES, ("user", "assistant"))),
    "sharegpt": Table("sharegpt", _SHAREGPT, _conversations(_SHAREGPT, ("human", "gpt"))),
    "prompt_completion": _table("prompt_completion", prompt="prompt", completion="response"),
}

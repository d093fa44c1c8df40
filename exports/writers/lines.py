"""JSON out of Arrow columns without a Python object a row: the texts are escaped as columns, then joined."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from exports.writers.prompts import prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

BACKSLASH, QUOTE, FIRST_PRINTABLE = 0x5C, 0x22, 0x20
SHORT = {0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0C: "\\f", 0x0D: "\\r"}
# Legal inside a JSON string, but many readers take them for the end of a line: written as escapes, which every
# JSON reader turns back into the same characters.
LINE_ENDS = ("\u2028", "\u2029", "\u0085")


def _bytes_of(column: pa.Array) -> np.ndarray:
    """Return the UTF-8 of a whole column, one text after the other."""
    import numpy as np

    _validity, offsets, data = column.buffers()
    if data is None or not len(column):
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def escaped(column: pa.Array) -> pa.Array:
    """Return the texts as they stand between the quotation marks of a JSON string (RFC 8259, section 7)."""
    import numpy as np
    import pyarrow.compute as pc

    data = _bytes_of(column)
    if (data == BACKSLASH).any():
        column = pc.replace_substring(column, "\\", "\\\\")
    if (data == QUOTE).any():
        column = pc.replace_substring(column, '"', '\\"')
    for code in np.unique(data[data < FIRST_PRINTABLE]).tolist():
        column = pc.replace_substring(column, chr(code), SHORT.get(code, f"\\u{code:04x}"))
    if (data >= 0x80).any():  # noqa: PLR2004 - where ASCII ends
        for character in LINE_ENDS:
            column = pc.replace_substring(column, character, f"\\u{ord(character):04x}")
    return column


class Texts:
    """The columns of a batch as JSON has them between quotation marks; each is made once, whoever asks."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.rows: int = batch.num_rows
        self.batch = batch
        self._made: dict[str, pa.Array] = {}

    def __getitem__(self, name: str) -> pa.Array:
        """Return a text column, escaped."""
        if name not in self._made:
            self._made[name] = escaped(self.batch.column(name))
        return self._made[name]

    @cached_property
    def prompt(self) -> pa.Array:
        """What is asked, in one text."""
        return prompt(self["instruction"], self["context"], line_end="\\n")

    def value(self, name: str) -> tuple[str, pa.Array, str]:
        """Return a column as a JSON value: what stands before, the texts, what stands after."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.batch.column(name)
        if pa.types.is_timestamp(column.type):
            # As schema.iso has it; a cast is ten times as fast as strftime.
            utc = column.cast(pa.timestamp("us")).cast(pa.string())
            return '"', pc.replace_substring(utc, " ", "T"), 'Z"'
        if pa.types.is_integer(column.type):
            return "", column.cast(pa.string()), ""
        return '"', self[name], '"'


def joined(parts: Sequence[str | pa.Array]) -> memoryview:
    """Return the parts of all rows, one row after the other, as UTF-8; a part that is one text is every row's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    merged: list[str | pa.Array] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    rows = pc.binary_join_element_wise(*[pa.scalar(part) if isinstance(part, str) else part for part in merged], "")
    return _bytes_of(rows).data


def json_objects(texts: Texts, names: Sequence[str]) -> memoryview:
    """Return one compact JSON object a line with the named columns in their order."""
    parts: list[str | pa.Array] = []
    for number, name in enumerate(names):
        before, column, after = texts.value(name)
        parts += [f'{"," if number else "{"}"{name}":{before}', column, after]
    return joined([*parts, "}\n"])

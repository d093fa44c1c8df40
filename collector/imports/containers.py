"""JSON lines and JSON arrays, read piece by piece."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from collector.imports.rows import BadRow, Found, Reject
from collector.imports.strict_json import decode, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

BOM = b"\xef\xbb\xbf"
CHUNK = 64 * 1024
# Three texts of the largest size allowed, every character written as an escape, still fit.
MAX_ROW_BYTES = 32 * 2**20
EXCERPT = 2000
CUT_OFF = "The file ends in the middle of this row: it was cut off. Get the file again, or complete the row."


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; ``data`` is only its beginning where it is too long."""

    number: int
    offset: int
    data: bytes
    too_long: bool = False
    complete: bool = True


def read_lines(file: BinaryIO, limit: int = MAX_ROW_BYTES, *, number: int = 0, offset: int = 0) -> Iterator[Line]:
    r"""Yield the lines of a file, ended by ``\n`` and by nothing else (U+2028 and U+0085 are text).

    Args:
        number: how many lines were read before, where the file doesn't stand at its beginning.
        offset: where it stands then.
    """
    while data := file.readline(limit + 1):
        number += 1
        size = len(data)
        complete = data.endswith(b"\n")
        too_long = size > limit and not complete
        if too_long:
            while rest := file.readline(CHUNK):
                size += len(rest)
                if rest.endswith(b"\n"):
                    break
            data = data[:EXCERPT]
        start = len(BOM) if number == 1 and data.startswith(BOM) else 0
        yield Line(number, offset + start, data[start:].rstrip(b"\n") if complete else data[start:], too_long, complete)
        offset += size


def excerpt(data: bytes) -> str:
    """Return bytes as text for a report; what is not UTF-8 shows as an escape."""
    return data.decode("utf-8", "backslashreplace")


def too_long_reason(limit: int = MAX_ROW_BYTES) -> str:
    """Say that a row is longer than any row can be."""
    return f"The row is longer than {limit:,} bytes; only its beginning is shown here."


def read_json_lines(file: BinaryIO) -> Iterator[Found | Reject]:
    """Yield the values of a JSON-lines file; blank lines are passed over."""
    for line in read_lines(file):
        if line.data.strip():
            yield read_json_line(line)


def read_json_line(line: Line) -> Found | Reject:
    """Parse one line, or say why not."""
    if line.too_long:
        return Reject(line=line.number, raw=excerpt(line.data), reason=too_long_reason())
    try:
        text = decode(line.data)
        return Found(line=line.number, raw=text, value=parse(text))
    except BadRow as bad:
        reason = str(bad)
        if not line.complete and not line.data.rstrip().endswith((b"}", b"]")):
            reason = CUT_OFF
        return Reject(line=line.number, raw=excerpt(line.data), reason=reason)


# -- Arrays -----------------------------------------------------------------------------------------------

OUTSIDE = re.compile(rb'["\[\]{},\n]')
IN_STRING = re.compile(rb'["\\\n]')


class ArrayReader:
    """Cuts a JSON array into its elements without holding more than one of them.

    Only brackets, strings and commas are followed here; each element is then parsed strictly by itself, so
    that a bad one doesn't end the reading.
    """

    def __init__(self, file: BinaryIO, limit: int = MAX_ROW_BYTES) -> None:
        self.file = file
        self.limit = limit
        self.depth = 0
        self.line = 1
        self.in_string = False
        self.escaped = False
        self.pieces: list[bytes] = []
        self.size = 0
        self.began = 1

    def __iter__(self) -> Iterator[Found | Reject]:
        """Yield each element, or the reason why it can't be read."""
        first = True
        while chunk := self.file.read(CHUNK):
            if first:
                chunk = chunk.removeprefix(BOM)
                first = False
            yield from self._feed(chunk)
        if self.depth:
            raw = self._take()
            yield Reject(line=self._line_of(raw), raw=excerpt(raw.strip()[:EXCERPT]), reason=CUT_OFF)
        elif tail := self._take().strip():
            yield Reject(line=self.line, raw=excerpt(tail[:EXCERPT]), reason="This stands after the end of the array.")

    def _feed(self, chunk: bytes) -> Iterator[Found | Reject]:
        position = start = 0
        if self.escaped:
            self.escaped, position = False, 1
        while match := (IN_STRING if self.in_string else OUTSIDE).search(chunk, position):
            at, position = match.start(), match.end()
            sign = chunk[at : at + 1]
            if sign == b"\n":
                self.line += 1
            elif sign == b'"':
                self.in_string = not self.in_string
            elif sign == b"\\":
                position += 1
                self.escaped = position > len(chunk)
            elif self.depth == 0 and sign == b"[":
                self.depth, start, self.began = 1, position, self.line
                self.pieces.clear()
            elif sign in b"[{":
                self.depth += 1
            elif self.depth == 1 and sign in b",]":
                self._keep(chunk[start:at])
                yield from self._element(last=sign == b"]")
                self.depth, start, self.began = int(sign == b","), position, self.line
            elif self.depth and sign in b"]}":
                self.depth = max(1, self.depth - 1)
        self._keep(chunk[start:])

    def _keep(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size <= self.limit or not self.pieces:
            self.pieces.append(piece)

    def _take(self) -> bytes:
        raw = b"".join(self.pieces)
        self.pieces.clear()
        self.size = 0
        return raw

    def _line_of(self, raw: bytes) -> int:
        return self.began + raw[: len(raw) - len(raw.lstrip())].count(b"\n")

    def _element(self, *, last: bool) -> Iterator[Found | Reject]:
        size = self.size
        raw = self._take()
        line = self._line_of(raw)
        raw = raw.strip()
        if size > self.limit:
            yield Reject(line=line, raw=excerpt(raw[:EXCERPT]), reason=too_long_reason(self.limit))
        elif raw:
            try:
                text = decode(raw)
                yield Found(line=line, raw=text, value=parse(text))
            except BadRow as bad:
                yield Reject(line=line, raw=excerpt(raw), reason=str(bad))
        elif not last:
            yield Reject(line=line, raw="", reason="There is nothing between two commas.")

"""CSV: a header names the columns, in any order and under their usual names."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, BinaryIO

from collector.imports.containers import EXCERPT, MAX_ROW_BYTES, Line, excerpt, read_lines, too_long_reason
from collector.imports.rows import Reject, Row, UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CELL = 8 * 2**20
MOST_AGAIN = 10  # times the file that may be read again
COLUMNS = {
    "instruction": ("instruction", "prompt", "question"),
    "context": ("context", "input", "passage"),
    "response": ("response", "output", "answer", "completion"),
    "category": ("category",),
    "language": ("language", "lang"),
    "licence": ("licence", "license"),
    "source_title": ("source_title",),
    "source_url": ("source_url",),
}
NEEDED = ("instruction", "response")
DELIMITERS = ",;\t"
NOT_UTF8 = re.compile("[\udc80-\udcff]")  # how such bytes arrive from _Lines


class _TooLong(Exception):
    """A line, or lines without a closing quotation mark, longer than any row."""


class _Lines:
    """Hands lines to the csv module; bytes that are not UTF-8 arrive as lone surrogates, to be told apart later.

    A quotation mark that nobody closes takes in the lines after it, rows that have nothing to do with it: they can be
    read again.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.lines: Iterator[Line] = read_lines(file)
        self.number = self.furthest = self.end = self.again = 0
        self.record: list[Line] = []
        self.size = self.quotes = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number = line.number
        self.end = max(self.end, line.offset + len(line.data))
        if self.size <= EXCERPT:
            self.record.append(line)
        self.size += len(line.data) + 1
        self.quotes += line.data.count(b'"')
        if line.too_long or self.size > MAX_ROW_BYTES:
            raise _TooLong
        return (line.data + b"\n" if line.complete else line.data).decode("utf-8", "surrogateescape")

    def begin(self) -> int:
        """Begin a record; returns the number of its first line."""
        self.record, self.size, self.quotes = [], 0, 0
        return self.number + 1

    def step_back(self) -> str:
        """Go back to the line after the one where the record began; returns what the record keeps, for a report."""
        first = self.record[0]
        # A line may be taken in again and again, each time by another one before it: there is an end to that.
        self.again += self.size
        if self.number > first.number and self.again <= MOST_AGAIN * self.end:
            offset = first.offset + len(first.data) + 1
            self.file.seek(offset)
            self.lines = read_lines(self.file, number=first.number, offset=offset)
            self.furthest = max(self.furthest, self.number)
            self.number = first.number
            self.record = [first]
        return self.shown()

    def is_fragment(self, cells: list[str]) -> bool:
        """Say whether lines that were read again are rather a piece of the text that took them in.

        Whoever writes a row doubles the quotation marks in its cells and sets a pair around each such cell.
        """
        doubled = 2 * sum(cell.count('"') for cell in cells)
        return self.number <= self.furthest and (self.quotes % 2 == 1 or self.quotes < doubled)

    def shown(self) -> str:
        """Return the lines of the record as they stand in the file, or their beginning."""
        return excerpt(b"\n".join(line.data for line in self.record)[:EXCERPT])


def header_of(first_line: bytes) -> tuple[dict[str, int], str] | None:
    """Return where each of our columns stands and the delimiter, or None where this is not such a header."""
    try:
        text = first_line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    for delimiter in DELIMITERS:
        try:
            names = next(csv.reader([text], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        places = _places([name.strip().lower() for name in names])
        if all(name in places for name in NEEDED):
            return places, delimiter
    return None


def _places(names: list[str]) -> dict[str, int]:
    return {
        ours: names.index(alias)
        for ours, aliases in COLUMNS.items()
        if (alias := next((alias for alias in aliases if alias in names), None)) is not None
    }


def read_csv(file: BinaryIO) -> Iterator[Row | Reject]:
    """Yield the rows under the header.

    Raises:
        UnreadableFile: the first line names no instruction and response columns.
    """
    first = file.readline(MAX_CELL)
    header = header_of(first)
    if header is None:
        raise UnreadableFile(
            "The first line has to name the columns: instruction and response, and where there are any context, "
            "category and language."
        )
    places, delimiter = header
    file.seek(0)
    csv.field_size_limit(MAX_CELL)  # the module's own limit, 128 KiB, is less than a text may be
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width = len(next(reader))
    while True:
        began = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _TooLong:
            yield Reject(line=began, raw=lines.step_back(), reason=too_long_reason())
            continue
        except csv.Error as error:
            reason = f"Not valid CSV: {error}. Is a quotation mark missing?"
            yield Reject(line=began, raw=lines.step_back(), reason=reason)
            continue
        if cells and lines.is_fragment(cells):
            reason = "This is a piece of a row that began further up. Is a quotation mark missing there?"
            yield Reject(line=began, raw=lines.shown(), reason=reason)
        elif cells:
            yield _row(began, cells, places, width)


def _row(line: int, cells: list[str], places: dict[str, int], width: int) -> Row | Reject:
    raw = json.dumps(cells, ensure_ascii=False).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if len(cells) != width:
        return Reject(line=line, raw=raw, reason=f"The row has {len(cells)} cells; the header has {width}.")
    values = {"context": ""} | {name: cells[place] for name, place in places.items()}
    for name, value in values.items():
        if NOT_UTF8.search(value):
            reason = f"The field {name!r} is not valid UTF-8. Save the file as UTF-8."
            return Reject(line=line, raw=raw, reason=reason)
    return Row(line=line, raw=raw, **values)

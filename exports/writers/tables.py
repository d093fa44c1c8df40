"""CSV for pandas and spreadsheets, on request."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from collector.sheets.cells import guard
from exports.schema import COLUMNS, iso
from exports.writers.sink import FileEntry, Sink

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from exports.writers.lines import Texts

FOLDER = "csv"
ABOUT = (
    "every column, UTF-8; a text that a spreadsheet program would take for a formula has one `'` in front, and so has "
    "one that already begins with `'` and such a sign (take one `'` away to have the text back). "
    "`pandas.read_csv(path, keep_default_na=False)` reads it, `lineterminator='\\n'` where texts hold bare CRs"
)


class CsvSplit:
    """Writes the rows of one split, batch by batch, into ``csv/<split>.csv`` (RFC 4180 with LF)."""

    def __init__(self, root: Path, split: str, *, is_part: bool = False) -> None:
        self._sink = Sink(root, f"{FOLDER}/{split}.csv")
        if not is_part:
            self._sink.write(head())

    def add(self, texts: Texts) -> None:
        """Write one batch."""
        batch = texts.batch.select(COLUMNS)
        columns = [
            [iso(value) for value in column.to_pylist()]
            if name == "approved_at"
            else [guard(value) if isinstance(value, str) else value for value in column.to_pylist()]
            for name, column in zip(COLUMNS, batch.columns, strict=True)
        ]
        self._sink.write(_lines(zip(*columns, strict=True)))
        self._sink.rows += texts.rows

    def finish(self) -> list[FileEntry]:
        """Close the file and return its entry."""
        self._sink.close()
        return [self._sink.entry()]

    def abandon(self) -> None:
        """Close the file after an error."""
        self._sink.close()


def head() -> bytes:
    """Return the line with the columns' names."""
    return _lines([COLUMNS])


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    page = io.StringIO(newline="")
    csv.writer(page, lineterminator="\n").writerows(rows)
    return page.getvalue().encode()

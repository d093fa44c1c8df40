"""Reads CSV: UTF-8, with commas, semicolons or tabs, as spreadsheet programs save it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO

from django.utils.translation import gettext as _

from collector.sheets.cells import unguard
from collector.sheets.rows import MAX_COLUMNS, Fault, UnreadableSheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DELIMITERS = ",;\t"
MAX_CELL = 8 * 2**20
HEADER = 64 * 1024


def read(file: BinaryIO) -> Iterator[tuple[int, Sequence[str | Fault]]]:
    """Yield each record's number and cells, the header first.

    Raises:
        UnreadableSheet: the bytes are not such a file.
    """
    # What is not UTF-8 arrives as lone surrogates, which the row's own message names; newline="" keeps a \r in a cell.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        delimiter = _delimiter(text.read(HEADER))
        text.seek(0)
        csv.field_size_limit(MAX_CELL)  # the module's own limit, 128 KiB, is less than a text may be
        # The delimiter may be a signature line of Excel's, "sep=;", which is no record of ours.
        number = 0
        for cells in csv.reader(text, delimiter=delimiter, strict=True):
            if number == 0 and len(cells) <= 2 and cells and cells[0].startswith("sep="):  # noqa: PLR2004 - "sep=,"
                continue
            number += 1
            yield number, [_read(cell) for cell in cells[:MAX_COLUMNS]]
    except csv.Error as error:
        raise UnreadableSheet(
            _("This is not a sheet that can be read: %(why)s. Save it as .xlsx or as “CSV UTF-8”.") % {"why": error}
        ) from error
    finally:
        text.detach()  # the file stays its owner's to close


def _delimiter(head: str) -> str:
    line = head.removeprefix("\ufeff").split("\n", 1)[0]
    if line.startswith("sep=") and len(line) > 4:  # noqa: PLR2004 - the sign after "sep="
        return line[4] if line[4] in DELIMITERS else ","
    return max(DELIMITERS, key=line.count)


def _read(cell: str) -> str | Fault:
    if any("\udc80" <= character <= "\udcff" for character in cell):
        return Fault(row=0, message=_("this is not valid UTF-8. Save the file as “CSV UTF-8”."))
    return unguard(cell)

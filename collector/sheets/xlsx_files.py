"""Reads XLSX: the first worksheet, streamed, within limits that no honest sheet meets."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.etree.ElementTree import ParseError

from django.utils.translation import gettext as _

from collector.sheets.cells import unescape
from collector.sheets.rows import MAX_COLUMNS, MAX_ROWS, Fault, UnreadableSheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_PARTS = 500
MAX_PART_BYTES = 128 * 2**20
MAX_BYTES = 192 * 2**20
# Rows may stand far apart: the numbers that are looked at end here, the rows that count at MAX_ROWS.
MAX_ROW_NUMBER = 5 * MAX_ROWS
DTD_WITHIN = 4096

# What openpyxl and zipfile raise on files that only look like a workbook.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ParseError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,  # zipfile, at a compression or encryption that it doesn't read
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def read(file: BinaryIO) -> Iterator[tuple[int, Sequence[str | Fault]]]:
    """Yield each row's number and cells, the header first.

    Raises:
        UnreadableSheet: the file is broken, or larger inside than a sheet can be.
    """
    try:
        _require_bounded(file)
        file.seek(0)
        yield from _rows(file)
    except BROKEN as error:
        raise UnreadableSheet(_("This workbook can't be opened; it may be damaged. Save it again as .xlsx.")) from error


def _require_bounded(file: BinaryIO) -> None:
    """Refuse a zip bomb by its table of contents; zipfile reads no more of a part than is stated there."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if (
            len(parts) > MAX_PARTS
            or sum(part.file_size for part in parts) > MAX_BYTES
            or any(part.file_size > MAX_PART_BYTES for part in parts)
        ):
            raise UnreadableSheet(
                _("This workbook is too large when unpacked. Keep only the rows that you edited and upload it again.")
            )
        if "xl/workbook.xml" not in archive.namelist():
            raise UnreadableSheet(_("This is a zip file, but not a workbook. Save the sheet as .xlsx."))
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as stream:
                    # A document type is where entities are declared that grow while they are read; Office writes none.
                    if b"<!DOCTYPE" in stream.read(DTD_WITHIN).replace(b"\x00", b""):
                        raise UnreadableSheet(_("This workbook holds a document type, which no spreadsheet has."))


def _rows(file: BinaryIO) -> Iterator[tuple[int, Sequence[str | Fault]]]:
    from openpyxl.cell.text import Text
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
    from openpyxl.xml.functions import iterparse

    class Reader(ExcelReader):
        """openpyxl's, but for shared strings: it drops ``x005F_``, after which ``_x0008_`` could mean two things."""

        def read_strings(self) -> None:
            part = self.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]  # openpyxl's own
            if part is None:
                return
            tag = f"{{{SHEET_MAIN_NS}}}si"
            with self.archive.open(part.PartName[1:]) as stream:
                for _event, node in iterparse(stream):
                    if node.tag == tag:
                        text = Text.from_tree(node)
                        self.shared_strings.append(text.content if text else "")
                        node.clear()

    reader = Reader(file, read_only=True, keep_links=False)
    reader.read()
    sheets = [sheet for sheet in reader.wb.worksheets if hasattr(sheet, "reset_dimensions")]
    if not sheets:
        raise UnreadableSheet(_("This workbook has no worksheet."))
    sheet: Any = sheets[0]
    sheet.reset_dimensions()  # a stated size may be wrong
    try:
        rows = sheet.iter_rows(max_row=MAX_ROW_NUMBER, max_col=MAX_COLUMNS)
        trailing = 0
        for number, cells in enumerate(rows, start=1):
            read_cells = [_read(cell) for cell in cells]
            # openpyxl fills gaps, and the rest up to max_row, with empty rows.
            trailing = 0 if any(read_cells) else trailing + 1
            if trailing > MAX_ROWS:
                return
            yield number, read_cells
    finally:
        reader.archive.close()


def _read(cell: Any) -> str | Fault:
    value = cell.value
    if cell.data_type == "f":
        return Fault(row=0, message=_("the cell holds a formula. Format the column as text and write the text again."))
    if value is None:
        return ""
    if isinstance(value, str):
        return unescape(value)
    if isinstance(value, int | float):
        return _figure(value)
    return Fault(row=0, message=_("the cell holds a date. Format the column as text and write the text again."))


def _figure(value: float) -> str:
    """Return a number as the sheet shows it."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return str(int(value)) if float(value).is_integer() else repr(value)

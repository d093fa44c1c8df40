"""Writes the sheet as CSV and as XLSX, in pieces as the rows come: nothing waits for the last row or grows with it."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape as escape_markup

from django.utils.translation import gettext as _

from collector.sheets.cells import escape, fits_xlsx, guard
from collector.sheets.rows import COLUMNS, TEXTS, Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK = 64 * 1024
EXCERPT = 400
# Excel's own: a sheet has 1,048,576 rows, of which one is the header.
MAX_XLSX_ROWS = 1_048_575
WIDTHS = {"id": 12, "instruction": 50, "context": 50, "response": 70, "category": 18, "state": 18, "updated": 20}


def write_csv(lines: Iterable[Line]) -> Iterator[bytes]:
    """Yield the file in pieces: UTF-8 with a byte-order mark (or Excel takes it for Windows-1252), all cells quoted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow([guard(cell) if isinstance(cell, str) else cell for cell in line.cells()])
        if buffer.tell() >= CHUNK:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


# -- XLSX -------------------------------------------------------------------------------------------------
#
# Written here and not with openpyxl, which is ten times slower at it and can only begin to send once it has written
# the last row. It is the smallest workbook that ECMA-376 part 1 allows: one worksheet, its texts inline.

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
PLAIN, TEXT, HEADER = 0, 1, 2  # the cell formats of styles.xml, by their places
PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{SHEET_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{SHEET_TYPE}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{SHEET_TYPE}.worksheet+xml"/>'
        "</Types>"
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{RELATIONSHIPS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONSHIPS}">'
        '<sheets><sheet name="Woolgather" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{RELATIONSHIPS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{RELATIONSHIPS}/styles" Target="styles.xml"/></Relationships>'
    ),
    # Number format 49 is "@": text stays text when somebody edits it, whatever it begins with.
    "xl/styles.xml": (
        f'<styleSheet xmlns="{MAIN}">'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="3">'
        '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1">'
        '<alignment vertical="top"/></xf>'
        '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1">'
        '<alignment vertical="top" wrapText="1"/></xf>'
        '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>'
        "</cellXfs>"
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _Pipe(io.RawIOBase):
    """Where zipfile writes to: what has been written can be taken out, and nobody can go back."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile hands over bytes
        self.pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self.pieces)
        self.pieces.clear()
        return taken


def write_xlsx(lines: Iterable[Line]) -> Iterator[bytes]:
    """Yield a workbook with one worksheet in pieces.

    Every text is typed as text, so that none is a formula, and formatted as text, so that none becomes one when it is
    edited. A row with a text over a cell's limit shows its beginning and has revision 0, which is never read back.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, DECLARATION + content)
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            rows: list[str] = [DECLARATION, _head()]
            size = 0
            for number, line in enumerate(lines, start=2):
                row = _row(number, _shortened(line).cells())
                rows.append(row)
                size += len(row)
                if size >= CHUNK:
                    part.write("".join(rows).encode())
                    yield pipe.take()
                    rows, size = [], 0
            part.write(("".join(rows) + "</sheetData></worksheet>").encode())
    yield pipe.take()


def _head() -> str:
    columns = "".join(
        f'<col min="{at}" max="{at}" width="{WIDTHS.get(name, 12)}" customWidth="1"/>'
        for at, name in enumerate(COLUMNS, start=1)
    )
    return (
        f'<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane xSplit="2" ySplit="1" topLeftCell="C2" activePane="bottomRight" state="frozen"/>'
        "</sheetView></sheetViews>"
        f"<cols>{columns}</cols><sheetData>{_row(1, list(COLUMNS), HEADER)}"
    )


def _row(number: int, values: list[str | int | float | None], style: int = TEXT) -> str:
    cells = "".join(_cell(f"{LETTERS[at]}{number}", value, style) for at, value in enumerate(values))
    return f'<row r="{number}">{cells}</row>'


def _cell(place: str, value: str | float | None, style: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return f'<c r="{place}" s="{PLAIN}"><v>{value!r}</v></c>'
    if not value:
        return f'<c r="{place}" s="{style}"/>'
    text = escape_markup(escape(value))
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _shortened(line: Line) -> Line:
    long = [name for name in TEXTS if not fits_xlsx(getattr(line, name))]
    if not long:
        return line
    note = _("… (%(length)s characters: too long for a cell, so this row is to look at only)")
    texts = {name: getattr(line, name)[:EXCERPT] + note % {"length": f"{len(getattr(line, name)):,}"} for name in long}
    return replace(line, revision=0, **texts)

"""The sheet as a file: text → CSV or XLSX → the same text, and what bad files are told."""

from __future__ import annotations

import csv
import io
import uuid
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.sheets import rows as limits
from collector.sheets import xlsx_files
from collector.sheets.cells import escape, fits_xlsx, guard, unescape, unguard, was_cut
from collector.sheets.reading import read_sheet
from collector.sheets.rows import COLUMNS, Entry, Fault, Line, UnreadableSheet
from collector.sheets.writing import write_csv, write_xlsx

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "9c0e1f4e-6a3b-4d0e-9b1f-0a3f5f1f9c11"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "'=1", "''=1", '=HYPERLINK("x")', "#N/A"]
# What the database keeps: any text but NUL and lone surrogates; the edge has made \r\n into \n.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")).map(
    lambda text: text.replace("\r\n", "\n")
)
NASTY = st.text(st.sampled_from(list("_x0058aA'=+-@\t\r\x08\x0b\x1f\ufffe\uffff\n \"';,é漢😀"))).map(
    lambda text: text.replace("\r\n", "\n")
)


def line(**values: Any) -> Line:
    fields: dict[str, Any] = {
        "id": ID,
        "revision": 3,
        "state": "submitted",
        "category": "open_qa",
        "language": "en",
        "instruction": "Why?",
        "context": "",
        "response": "Because.",
        "rating": 4.5,
        "reviews": 2,
        "flags": "",
        "locked": "",
        "updated": "2026-03-02T09:30:00+00:00",
        "campaign": "spring",
        "author": "",
    }
    return Line(**(fields | values))


def as_csv(*lines: Line) -> io.BytesIO:
    return io.BytesIO(b"".join(write_csv(lines)))


def as_xlsx(*lines: Line) -> io.BytesIO:
    return io.BytesIO(b"".join(write_xlsx(lines)))


def saved_by_openpyxl(*lines: Line) -> io.BytesIO:
    book = openpyxl.load_workbook(as_xlsx(*lines))
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def only(file: io.BytesIO) -> Entry:
    (entry,) = read_sheet(file)
    assert isinstance(entry, Entry), entry
    return entry


def workbook(*rows: list[Any]) -> io.BytesIO:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def faults(file: io.BytesIO) -> list[tuple[int, str]]:
    return [(found.row, found.message) for found in read_sheet(file) if isinstance(found, Fault)]


# -- Cells ------------------------------------------------------------------------------------------------


@given(st.one_of(TEXT, NASTY))
@example("_x0008\x08")
@example("_x0041_x0042_")
def test_an_escaped_text_comes_back(text: str) -> None:
    assert unescape(escape(text)) == text


@given(st.one_of(TEXT, NASTY))
def test_an_escaped_text_is_xml(text: str) -> None:
    import xml.etree.ElementTree as ET

    cell = ET.Element("t")
    cell.text = escape(text)
    assert ET.fromstring(ET.tostring(cell)).text == (escape(text) or None)


@given(st.one_of(TEXT, NASTY))
def test_a_guarded_text_comes_back_and_is_no_formula(text: str) -> None:
    assert unguard(guard(text)) == text
    assert not guard(text) or guard(text)[0] not in "=+-@\t\r\n＝＋－＠"


@pytest.mark.parametrize("text", ["'tis", "a=b", "", "'", " =1"])
def test_a_harmless_text_is_left_as_it_is(text: str) -> None:
    assert guard(text) == text


def test_a_pair_of_surrogate_escapes_is_one_character() -> None:
    assert unescape("_xD83D__xDE00_") == "😀"


def test_the_limit_of_a_cell_counts_utf_16_after_escaping() -> None:
    assert fits_xlsx("a" * 32_767)
    assert not fits_xlsx("a" * 32_768)
    assert not fits_xlsx("😀" * 16_384)
    assert not fits_xlsx("\x01" * 4_682)


def test_a_text_cut_by_a_spreadsheet_program_is_noticed() -> None:
    long = "word " * 10_000
    assert was_cut(long[:32_767], long)
    assert not was_cut(long[:20_000], long)
    assert not was_cut(long, long)


# -- Files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [as_csv, as_xlsx, saved_by_openpyxl])
@given(instruction=st.one_of(TEXT, NASTY), context=st.one_of(TEXT, NASTY), response=st.one_of(TEXT, NASTY))
@settings(max_examples=60)
@example(*["=1+1", "'=1+1", "_x0008_"])
@example(*["\x08\x0b\x1f", "a\rb\n\nc ", " \t leading"])
def test_texts_come_back_exactly(
    write: Callable[..., io.BytesIO], instruction: str, context: str, response: str
) -> None:
    entry = only(write(line(instruction=instruction, context=context, response=response)))
    assert (entry.instruction, entry.context, entry.response) == (instruction, context, response)
    assert (str(entry.id), entry.revision) == (ID, 3)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_workbook_is_a_formula(text: str) -> None:
    sheet = openpyxl.load_workbook(as_xlsx(line(instruction=text, author=text))).active
    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert {cell.number_format for cell in sheet[2] if not isinstance(cell.value, int | float)} == {"@"}


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_csv_file_begins_like_a_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(line(instruction=text, author=text)).getvalue().decode("utf-8-sig"))))
    assert not [cell for row in rows for cell in row if cell and cell[0] in "=+-@\t\r\n＝＋－＠"]


def test_the_columns_are_named_and_in_order() -> None:
    header = next(csv.reader(io.StringIO(as_csv().getvalue().decode("utf-8-sig"))))
    assert tuple(header) == COLUMNS


def test_a_text_too_long_for_a_cell_is_to_look_at_only() -> None:
    long = "word " * 10_000
    entry = only(as_xlsx(line(response=long)))
    assert entry.is_read_only
    assert entry.response.endswith("so this row is to look at only)")
    assert only(as_csv(line(response=long))).response == long


def test_columns_are_found_by_name_in_any_order_and_others_are_passed_over() -> None:
    file = workbook(["response", "Note", "ID", "revision ", "context", "Instruction"], ["R", "x", ID, 2, None, "I"])
    entry = only(file)
    assert (entry.row, entry.instruction, entry.context, entry.response, entry.revision) == (2, "I", "", "R", 2)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_with_the_delimiters_of_spreadsheet_programs(delimiter: str) -> None:
    text = delimiter.join(["id", "revision", "instruction", "context", "response"])
    text += "\r\n" + delimiter.join([ID, "1", '"a,b;c"', "", "R"]) + "\r\n"
    assert only(io.BytesIO(text.encode())).instruction == "a,b;c"


def test_numbers_are_read_as_they_look() -> None:
    entry = only(workbook(list(limits.READ_BACK), [ID, 1.0, 42, 3.5, True]))
    assert (entry.instruction, entry.context, entry.response) == ("42", "3.5", "TRUE")


def test_empty_rows_are_passed_over_and_numbers_stay_those_of_the_sheet() -> None:
    rows = list(read_sheet(workbook(list(limits.READ_BACK), [], [ID, 1, "I", "", "R"])))
    assert [row.row for row in rows] == [3]


# -- Bad files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "has to name the columns"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "has to name the columns"),
        (b"hello", "has to name the columns"),
        (b"id,revision,instruction,context\n", "A column is missing: response"),
        (b"id,id,revision,instruction,context,response\n", "same name: id"),
        (b"\xff\xfei\x00d\x00", "UTF-16"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel file"),
        (b"PK\x03\x04 not a zip", "can't be opened"),
        (b'id,revision,instruction,context,response\n"open', "can't? be read|not a sheet that can be read"),
    ],
)
def test_what_is_no_sheet_is_told_so(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableSheet, match=message):
        list(read_sheet(io.BytesIO(data)))


def test_bad_rows_are_named_with_their_numbers() -> None:
    other = str(uuid.uuid4())
    found = faults(
        workbook(
            list(limits.READ_BACK),
            ["not an id", 1, "I", "", "R"],
            [ID, "first", "I", "", "R"],
            [ID, 1, "=1+1", "", "R"],
            [ID, 1, "I", "", "R"],
            [other, 1, "I", "", "R"],
            [ID, 1, "I", "", "R"],
            [str(uuid.uuid4()), -1, "I", "", "R"],
        )
    )
    assert [row for row, _message in found] == [2, 3, 4, 7, 8]
    assert "not one of ours" in found[0][1]
    assert "revision is not a number" in found[1][1]
    assert "Column instruction: the cell holds a formula" in found[2][1]
    assert "row 5 already" in found[3][1]


def test_bytes_that_are_not_utf_8_are_named_with_their_row() -> None:
    data = f"id,revision,instruction,context,response\n{ID},1,".encode() + b"caf\xe9,,R\n"
    assert faults(io.BytesIO(data)) == [
        (2, "Column instruction: this is not valid UTF-8. Save the file as “CSV UTF-8”.")
    ]


def test_too_many_bad_rows_end_the_reading() -> None:
    rows = [["x", 1, "I", "", "R"]] * (limits.MAX_FAULTS + 1)
    with pytest.raises(UnreadableSheet, match="More than 100 rows"):
        list(read_sheet(workbook(list(limits.READ_BACK), *rows)))


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.sheets.reading.MAX_ROWS", 2)
    with pytest.raises(UnreadableSheet, match="more than 2 rows"):
        list(read_sheet(as_csv(*[replace(line(), id=str(uuid.uuid4())) for _row in range(3)])))


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _piece in range(xlsx_files.MAX_PART_BYTES // 2**20 + 1):
                part.write(b" " * 2**20)
    assert file.tell() < 2**20
    file.seek(0)
    with pytest.raises(UnreadableSheet, match="too large when unpacked"):
        list(read_sheet(file))


def test_a_document_type_is_refused() -> None:
    source = as_xlsx(line())
    file = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                data = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + data
            new.writestr(name, data)
    file.seek(0)
    with pytest.raises(UnreadableSheet, match="document type"):
        list(read_sheet(file))


def test_another_zip_file_is_no_workbook() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "hello")
    file.seek(0)
    with pytest.raises(UnreadableSheet, match="not a workbook"):
        list(read_sheet(file))


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_a_damaged_workbook_is_a_message_and_never_an_error(noise: bytes) -> None:
    data = bytearray(as_xlsx(line()).getvalue())
    if noise:
        at = int.from_bytes(noise[:2], "big") % len(data)
        data[at : at + len(noise)] = noise
    try:
        list(read_sheet(io.BytesIO(bytes(data))))
    except UnreadableSheet as refused:
        assert str(refused)  # noqa: PT017 - both ends are right, a crash is not

"""Opens a file, finds its format and yields its rows."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from collector.imports.containers import BOM, ArrayReader, read_json_line, read_json_lines, read_lines
from collector.imports.oasst import read_messages
from collector.imports.rows import BadRow, Found, Reject, Row, UnreadableFile
from collector.imports.shapes import SHAPES
from collector.imports.tables import header_of, read_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LOOK = 1024 * 1024  # bytes looked at to find the format
LOOK_LINES = 50
CHUNK_TO_TELL = 4096  # an array shows by its first sign
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ": "xz",
    b"PAR1": "Parquet",
}
UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Format(StrEnum):
    """The formats that can be read."""

    DOLLY = "dolly"
    ALPACA = "alpaca"
    OASST = "oasst"
    CHAT = "chat"
    CSV = "csv"


def open_dataset(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        UnreadableFile: missing, not a file, empty, not allowed, or of a kind that has to be unpacked first.
    """
    try:
        if path.is_dir():
            raise UnreadableFile(f"{path} is a directory. Name one file in it.")
        if not path.exists():
            raise UnreadableFile(f"There is no file {path}. Check the path.")
        if not path.is_file():
            raise UnreadableFile(f"{path} is not a regular file. Save it to one first.")
        file = path.open("rb")
    except (OSError, ValueError) as error:
        raise UnreadableFile(f"{path} can't be opened: {error}.") from error
    start = file.read(8)
    file.seek(0)
    problem = ""
    if not start:
        problem = f"{path} is empty."
    elif start.startswith(UTF16):
        problem = f"{path} is UTF-16. Save it as UTF-8 first."
    else:
        for magic, name in MAGIC.items():
            if start.startswith(magic):
                problem = f"{path} is a {name} file. Unpack or convert it to JSON lines first."
    if problem:
        file.close()
        raise UnreadableFile(problem)
    return file


def find_format(file: BinaryIO, name: str) -> Format:
    """Find the format by what the file begins with; leaves the file at its start.

    Raises:
        UnreadableFile: it looks like none of them.
    """
    file.seek(0)
    start = file.read(LOOK).removeprefix(BOM)
    if not start.strip():
        raise UnreadableFile(f"{name} holds nothing but white space.")
    file.seek(0)
    try:
        if start.lstrip().startswith((b"{", b"[")):
            values: Iterable[Found | Reject] = (
                ArrayReader(file)
                if is_array(start, name)
                else (read_json_line(line) for line in read_lines(file) if line.data.strip())
            )
            found = _by_values(islice(values, LOOK_LINES)) or _by_words(start)
        else:
            found = Format.CSV if header_of(start.split(b"\n", 1)[0]) else None
    finally:
        file.seek(0)
    if found is None:
        raise UnreadableFile(
            f"{name} looks like none of the known formats ({', '.join(Format)}). If it is one, name it with --format."
        )
    return found


def is_array(start: bytes, name: str) -> bool:
    """Say whether a JSON file is one array; a file of JSON lines may begin with a bad line that opens one."""
    return start.lstrip().startswith(b"[") and not name.lower().endswith((".jsonl", ".ndjson"))


def _by_values(values: Iterable[Found | Reject]) -> Format | None:
    for found in values:
        if isinstance(found, Found) and isinstance(found.value, dict) and (shape := _by_keys(found.value)):
            return shape
    return None


def _by_keys(value: dict[str, Any]) -> Format | None:
    if "messages" in value or "conversations" in value:
        return Format.CHAT
    if "message_id" in value or ("prompt" in value and "message_tree_id" in value):
        return Format.OASST
    if "instruction" in value:
        return Format.ALPACA if "response" not in value and ("output" in value or "input" in value) else Format.DOLLY
    return None


def _by_words(start: bytes) -> Format | None:
    """Judge a file in which no row can be parsed, such as one that was cut off, by the keys that show."""
    keys = ("messages", "conversations", "message_id", "instruction", "response", "output", "input")
    return _by_keys({key: None for key in keys if f'"{key}"'.encode() in start})


def read_rows(file: BinaryIO, *, format: Format, name: str) -> Iterator[Row | Reject]:
    """Yield every row of the file, or the reason why it is none; a bad row never ends the reading.

    Args:
        name: the file's name, whose ending tells JSON lines from an array where the first line is bad.
    """
    file.seek(0)
    if format is Format.CSV:
        yield from read_csv(file)
        return
    if format is Format.OASST:
        yield from read_messages(file)
        return
    start = file.read(CHUNK_TO_TELL).removeprefix(BOM)
    file.seek(0)
    values: Iterable[Found | Reject] = ArrayReader(file) if is_array(start, name) else read_json_lines(file)
    shape = SHAPES[format]
    for found in values:
        if isinstance(found, Reject):
            yield found
            continue
        try:
            yield shape(found)
        except BadRow as bad:
            yield Reject(line=found.line, raw=found.raw, reason=str(bad))

"""The formats that are written on request, beside Parquet and JSONL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.writers import preferences, tables
from exports.writers.configurations import TABLES
from exports.writers.text import JSONL, OPTIONAL_FORMATS, Frame, TextSplit

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from exports.writers.parquet import Table

FORMATS = {name: form.about for name, form in OPTIONAL_FORMATS.items()} | {
    preferences.FOLDER: preferences.ABOUT,
    tables.FOLDER: tables.ABOUT,
}
"""What each is, as the card says it."""


def open_format(root: Path, name: str, split: str, *, is_part: bool = False) -> TextSplit | tables.CsvSplit:
    """Begin the file of one split in a format; a part of a file has nothing around its rows."""
    if name == tables.FOLDER:
        return tables.CsvSplit(root, split, is_part=is_part)
    form = JSONL if name == "jsonl" else OPTIONAL_FORMATS[name]
    return TextSplit(root, name, split, form, is_part=is_part)


def frame(name: str) -> Frame:
    """Return what the files of a format have around their rows."""
    if name == tables.FOLDER:
        return Frame(tables.head())
    return OPTIONAL_FORMATS[name].frame if name in OPTIONAL_FORMATS else Frame()


def schema_of(name: str) -> pa.Schema:
    """Return the columns of a format's Parquet files."""
    return (preferences.TABLE if name == preferences.FOLDER else TABLES[name]).schema()


def configuration(name: str) -> Table | None:
    """Return the format as Parquet, which `load_dataset(path, name)` reads; None where it has none."""
    return TABLES.get(name)

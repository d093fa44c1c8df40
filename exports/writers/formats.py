"""The formats that are written on request, beside Parquet and JSONL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.writers.tables import ABOUT, FOLDER, CsvSplit
from exports.writers.text import OPTIONAL_FORMATS, TextSplit

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = {name: form.about for name, form in OPTIONAL_FORMATS.items()} | {FOLDER: ABOUT}
"""What each is, as the card says it."""


def open_format(root: Path, name: str, split: str) -> TextSplit | CsvSplit:
    """Begin the file of one split in a format."""
    if name == FOLDER:
        return CsvSplit(root, split)
    return TextSplit(root, name, split, OPTIONAL_FORMATS[name])

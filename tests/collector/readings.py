"""What the tests of the readers of imports share: bytes in, what was found out."""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import strategies as st

from collector.imports.reading import Format, find_format, read_rows
from collector.imports.rows import Reject, Row

DOLLY = {"instruction": "Why is the sky blue?", "context": "", "response": "Scattering.", "category": "open_qa"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


def read(data: bytes, format: Format | None = None, name: str = "data.jsonl") -> list[Row | Reject]:
    file = io.BytesIO(data)
    return list(read_rows(file, format=format or find_format(file, name), name=name))


def row(data: bytes, format: Format | None = None, name: str = "data.jsonl") -> Row:
    [found] = read(data, format, name)
    assert isinstance(found, Row), found
    return found


def reason(data: bytes, format: Format | None = None, name: str = "data.jsonl") -> str:
    [found] = read(data, format, name)
    assert isinstance(found, Reject), found
    return found.reason


def texts(found: Row | Reject) -> tuple[str, str, str]:
    assert isinstance(found, Row), found
    return found.instruction, found.context, found.response

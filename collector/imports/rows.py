"""What a reader yields: a row, or a place in the file with the reason why it is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.errors import Refused


class UnreadableFile(Refused):
    """The file as a whole can't be imported; ``str()`` says why and what to do."""

    code = "unreadable_file"


class BadRow(ValueError):
    """One row can't be a pair; ``str()`` is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A pair as the file says it; nothing is stripped or cut.

    ``line`` counts from 1 and is where the row begins; ``raw`` is that row's own text. ``category``, ``language``,
    ``licence`` and the source are "" where the file doesn't name them.
    """

    line: int
    raw: str
    instruction: str
    context: str
    response: str
    category: str = ""
    language: str = ""
    licence: str = ""
    source_title: str = ""
    source_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that can't be imported, and why."""

    line: int
    raw: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One JSON value of the file."""

    line: int
    raw: str
    value: Any

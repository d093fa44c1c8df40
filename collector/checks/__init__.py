"""Checks of a pair's text: pure functions, no database. They never forbid anything; people decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.checks import copied, language, markers, personal, secrets
from collector.checks.findings import LABELS, Finding

if TYPE_CHECKING:
    from collector.pairs import Pair, Text

__all__ = ["LABELS", "Finding", "codes", "find"]

FIELDS = ("instruction", "context", "response")


def find(text: Pair | Text, *, passage: str = "", language: str = "") -> list[Finding]:
    """Check a pair.

    Args:
        text: a Text, draft or revision.
        passage: the passage that the person works from; what stands in it is not held against them.
        language: the campaign's, as a BCP 47 tag; "" to leave the language alone.

    Returns:
        Findings in the order of the fields; at most one of each code for each field. Takes time in proportion to the
        length of the texts.
    """
    return [
        finding
        for field in FIELDS
        for finding in _of_field(field, getattr(text, field), text, passage=passage, tag=language)
    ]


def codes(findings: list[Finding]) -> list[str]:
    """Return the codes found, each once, in the order of the alphabet: what a revision keeps as its flags."""
    return sorted({finding.code for finding in findings})


def _of_field(field: str, value: str, text: Pair | Text, *, passage: str, tag: str) -> list[Finding]:
    if not value or value.isspace():
        return []
    found: list[Finding] = []
    if field == "response":
        # A context is mostly a piece of the passage, or the passage itself: no need to read it twice.
        source = passage if text.context in passage else f"{passage}\n{text.context}"
        found += copied.check(value, source)
    if field != "context":
        found += language.check(field, value, tag)
    found += personal.check(field, value, tag, known=passage)
    found += secrets.check(field, value)
    found += markers.check(field, value, known=passage)
    return found

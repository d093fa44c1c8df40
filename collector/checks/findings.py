"""What a check found: a code to keep, and words for the person who can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

MOST_EXCERPTS: Final = 3
EXCERPT_LENGTH: Final = 80

COPIED: Final = "copied"
LANGUAGE: Final = "language"
EMAIL: Final = "email"
PHONE: Final = "phone"
CARD: Final = "card"
SECRET: Final = "secret"  # noqa: S105 - the name of a finding, no secret
MARKER: Final = "marker"
INVISIBLE: Final = "invisible"

LABELS: dict[str, StrPromise] = {
    COPIED: _("Copied from the source"),
    LANGUAGE: _("Another language"),
    EMAIL: _("E-mail address"),
    PHONE: _("Phone number"),
    CARD: _("Card number"),
    SECRET: _("Password or key"),
    MARKER: _("Prompt-format marker"),
    INVISIBLE: _("Invisible characters"),
}
"""What each code is called where a list shows it, such as a reviewer's table."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to look at.

    ``field`` is ``instruction``, ``context`` or ``response``; ``message`` says what to do; ``excerpts`` are at most
    three short pieces of the text, masked where they are nobody's business.
    """

    code: str
    field: str
    message: str
    excerpts: tuple[str, ...] = ()


def excerpt(text: str) -> str:
    """Shorten a piece of text to one line that fits beside a message."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT_LENGTH else line[: EXCERPT_LENGTH - 1] + "…"


def first_few(texts: list[str]) -> tuple[str, ...]:
    """Return the first few different texts, shortened."""
    return tuple(dict.fromkeys(excerpt(text) for text in texts))[:MOST_EXCERPTS]

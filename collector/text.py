"""What counts as text here: kept exactly as written, or refused with the place of the fault."""

from __future__ import annotations

import hashlib
import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _

WEB = ("http", "https")
MOST_PRINTED = 64  # characters of what a client sent that an answer repeats


class TextRefused(ValidationError):
    """A text the database can't or won't keep; the message says what and where."""


def normalize_newlines(text: str) -> str:
    r"""Turn the ``\r\n`` that browsers send into ``\n``; everything else stays as typed."""
    return text.replace("\r\n", "\n")


def validate_text(text: str) -> None:
    """Refuse NUL, lone surrogates and texts over the limits.

    Raises:
        TextRefused: naming the position (from 1, in code points) or the length.
    """
    nul = text.find("\x00")
    if nul >= 0:
        raise TextRefused(
            _("Character %(position)d is a NUL character, which can't be stored. Remove it and try again.")
            % {"position": nul + 1},
            code="nul",
        )
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise TextRefused(
            _("Character %(position)d is half of a surrogate pair, not a character. Remove it and try again.")
            % {"position": error.start + 1},
            code="surrogate",
        ) from error
    if len(text) > settings.WOOLGATHER_MAX_CHARACTERS:
        raise TextRefused(
            _("This is %(length)s characters long; the limit is %(limit)s. Nothing was cut: please shorten it.")
            % {"length": f"{len(text):,}", "limit": f"{settings.WOOLGATHER_MAX_CHARACTERS:,}"},
            code="too_long",
        )
    if size > settings.WOOLGATHER_MAX_BYTES:
        raise TextRefused(
            _("This is %(length)s bytes long; the limit is %(limit)s. Nothing was cut: please shorten it.")
            % {"length": f"{size:,}", "limit": f"{settings.WOOLGATHER_MAX_BYTES:,}"},
            code="too_long",
        )


def validate_web_address(text: str) -> None:
    """Refuse what is no address of the web: it becomes a link, and a script can be one, too.

    Raises:
        ValidationError: it is another kind of address, or none.
    """
    URLValidator(schemes=WEB)(text)


def is_web_address(text: str) -> bool:
    """Say whether an address that was stored before it was checked may be shown as a link."""
    return text.lower().startswith(tuple(f"{scheme}://" for scheme in WEB))


def is_blank(text: str) -> bool:
    """Say whether nothing visible was written: only white space, format and control characters."""
    return all(character.isspace() or unicodedata.category(character) in {"Cc", "Cf"} for character in text)


def comparable(text: str) -> str:
    """Return the copy on which duplicates are compared: NFKC, case-folded, then NFKC again (UAX #15, UAX #31)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def fingerprint(*, instruction: str, context: str, response: str) -> str:
    """Return the SHA-256 (hex) of the three comparable texts; equal for duplicates, and only for them."""
    digest = hashlib.sha256()
    for text in (instruction, context, response):
        data = comparable(text).encode("utf-8")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def instruction_fingerprint(*, instruction: str, context: str) -> str:
    """Return the SHA-256 (hex) that two submissions share when they ask the same of the same text."""
    return fingerprint(instruction=instruction, context=context, response="")


def word_count(text: str) -> int:
    """Count words as runs between white space."""
    return len(text.split())


def first_free(stem: str, taken: set[str]) -> str:
    """Return ``stem``, or the first of ``stem-2``, ``stem-3``… that is not taken."""
    return next(name for name in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def token_hash(raw: str) -> str:
    """Return what is kept of a link's or a token's secret; whatever is sent in its place, surrogates too, has one."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def escaped(text: str) -> str:
    """Return text that can be encoded and shown: half characters and NUL as escapes, the rest as it is."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\x00")


def printable(text: str) -> str:
    """Return what a client sent so that it can stand in an answer: escaped, and cut where it is long."""
    return escaped(text[:MOST_PRINTED]) + ("…" if len(text) > MOST_PRINTED else "")

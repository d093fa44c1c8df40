"""The names that dataset directories may have: nothing here can leave the directory it is joined to."""

from __future__ import annotations

import re

NAME = re.compile(r"(?!\.)[a-z0-9._-]{1,64}")
VERSION = re.compile(r"v([1-9][0-9]{0,8})")
# Device names of Windows: a directory called so can't be copied there.
RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")


class BadName(ValueError):
    """The text can't name a dataset or a version; ``str()`` says what can."""


def valid_name(text: str) -> str:
    """Return ``text`` if it can name a dataset.

    Raises:
        BadName: it can't.
    """
    if not NAME.fullmatch(text) or RESERVED.fullmatch(text):
        raise BadName(
            f"{text!r} can't name a dataset: use 1 to 64 lower-case letters, digits, dots, hyphens or underscores, "
            "not beginning with a dot."
        )
    return text


def version_number(text: str) -> int:
    """Return 3 for ``v3``.

    Raises:
        BadName: it is no version.
    """
    match = VERSION.fullmatch(text)
    if match is None:
        raise BadName(f"{text!r} is no version: versions are called v1, v2, v3 and so on.")
    return int(match[1])

"""Log lines that user text can't forge."""

from __future__ import annotations

import logging


def escape_controls(text: str) -> str:
    """Write control characters and line separators as escapes, so that one record is one line and no ANSI code acts."""
    return "".join(
        character
        if character.isprintable() or character == " "
        else character.encode("unicode_escape", "backslashreplace").decode()
        for character in text
    )


class LineFormatter(logging.Formatter):
    """``time level logger message`` with the message's control characters escaped; tracebacks keep their lines."""

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Format one record on one line."""
        record.message = escape_controls(record.message)
        return super().formatMessage(record)

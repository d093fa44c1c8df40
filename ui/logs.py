"""Log lines that user text can't forge: for people by default, JSON where ``LOG_FORMAT=json``."""

from __future__ import annotations

import json
import logging
from typing import Any

import structlog
from structlog.contextvars import get_contextvars, merge_contextvars

NAMES = {"request_id": "request", "job_id": "job"}


def escape_controls(text: str) -> str:
    """Write control characters and line separators as escapes, so that one record is one line and no ANSI code acts."""
    return "".join(
        character
        if character.isprintable() or character == " "
        else character.encode("unicode_escape", "backslashreplace").decode()
        for character in text
    )


class LineFormatter(logging.Formatter):
    """``time level logger message [request=… job=…]``, the message's control characters escaped.

    Tracebacks keep their lines, indented: what an exception says can't pass for a line of the log either.
    """

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Format one record on one line."""
        bound = get_contextvars()
        known = " ".join(f"{shown}={bound[name]}" for name, shown in NAMES.items() if bound.get(name))
        record.message = escape_controls(f"{record.message} [{known}]" if known else record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        """Format a traceback, each line indented and without control characters."""
        return "\n".join(f"  {escape_controls(line)}" for line in super().formatException(ei).split("\n"))


class JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """One JSON object a line, tracebacks included; what is bound to the request or the job is in it."""

    def __init__(self) -> None:
        super().__init__(
            foreign_pre_chain=[
                merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                _add_facts,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_as_json),
            ],
        )


def _add_facts(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Take the facts of a request's line, for which its sentence is then superfluous."""
    facts = getattr(event.get("_record"), "facts", None)
    return {**event, "event": "request", **facts} if facts else event


def _as_json(event: Any, **_options: Any) -> str:
    # The standard library's, which escapes whatever is not ASCII: half a surrogate is no error, and no terminal acts.
    return json.dumps(event, default=repr)


def formatter(kind: str) -> dict[str, Any]:
    """Return the formatter of ``LOG_FORMAT``: "line" or "json". Raises ValueError for any other."""
    known = {"line": LineFormatter, "json": JsonFormatter}
    if kind not in known:
        raise ValueError(f"LOG_FORMAT is {kind!r}; it can be line or json.")
    return {"()": known[kind]}

"""OASST messages: one message a line, joined to pairs by their ids."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

from collector.imports.containers import Line, excerpt, read_json_line, read_lines
from collector.imports.rows import BadRow, Found, Reject, Row
from collector.imports.shapes import ASSISTANT_ROLES, USER_ROLES, as_object, oasst_tree, quoted, rank_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = """
CREATE TABLE message (
    id TEXT PRIMARY KEY, parent TEXT, prompter INTEGER, rank REAL, line INTEGER, at INTEGER, size INTEGER
);
CREATE INDEX message_parent ON message (parent);
"""
BEST_REPLY = """
SELECT line, at, size FROM message WHERE parent = ? AND NOT prompter ORDER BY rank, line LIMIT 1
"""
LOST_REPLIES = """
SELECT reply.line, reply.at, reply.size FROM message AS reply
LEFT JOIN message AS prompt ON prompt.id = reply.parent AND prompt.prompter
WHERE NOT reply.prompter AND prompt.id IS NULL ORDER BY reply.line
"""


def read_messages(file: BinaryIO) -> Iterator[Row | Reject]:
    """Yield each first prompt with its best-ranked reply.

    Later prompts of a conversation lean on what was said before and can't stand alone; they are rejected with that
    reason, and so is what is answered by nobody or answers nothing. Lower-ranked replies are passed over.

    Messages may come in any order, so the file is read twice: the first time only ids and places are noted, in a
    private temporary database which goes to disk when it grows.
    """
    with closing(sqlite3.connect("")) as index:
        index.executescript(SCHEMA)
        for line in read_lines(file):
            if not line.data.strip():
                continue
            found = read_json_line(line)
            if isinstance(found, Reject):
                yield found
                continue
            try:
                yield from _note(index, line, found)
            except BadRow as bad:
                yield Reject(line=line.number, raw=found.raw, reason=str(bad))
        yield from _pairs(index, file)


def _note(index: sqlite3.Connection, line: Line, found: Found) -> Iterator[Row | Reject]:
    value = as_object(found.value)
    if "prompt" in value and "message_id" not in value:
        yield oasst_tree(found)
        return
    _storable(key := text_of(value, "message_id"))
    _storable(parent := text_of(value, "parent_id", required=False))
    role = text_of(value, "role")
    text_of(value, "text")
    text_of(value, "lang", required=False)
    if role not in USER_ROLES | ASSISTANT_ROLES:
        raise BadRow(f"The role is {quoted(role)}; it has to be prompter or assistant.")
    if value.get("deleted") is True:
        raise BadRow("This message was deleted by its writer.")
    what = (key, parent or None, role in USER_ROLES, rank_of(value.get("rank")))
    where = (line.number, line.offset, len(line.data))
    try:
        index.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", what + where)
    except sqlite3.IntegrityError as error:
        raise BadRow(f"The message {quoted(key)} stands in the file twice.") from error


def _storable(key: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise BadRow("An id holds half of a surrogate pair, which is not a character.") from error


def _pairs(index: sqlite3.Connection, file: BinaryIO) -> Iterator[Row | Reject]:
    prompts = index.execute("SELECT line, at, size, id, parent FROM message WHERE prompter ORDER BY line")
    for line, at, size, key, parent in prompts:
        prompt, raw = _read(file, line, at, size)
        if parent is not None:
            yield Reject(line=line, raw=raw, reason="This prompt goes on from an earlier answer; it can't stand alone.")
            continue
        best = index.execute(BEST_REPLY, [key]).fetchone()
        if best is None:
            yield Reject(line=line, raw=raw, reason="Nobody answered this prompt.")
            continue
        reply, reply_raw = _read(file, *best)
        yield Row(
            line=line,
            raw=f"{raw}\n{reply_raw}",
            instruction=prompt["text"],
            context="",
            response=reply["text"],
            language=text_of(prompt, "lang", required=False),
        )
    for line, at, size in index.execute(LOST_REPLIES):
        _value, raw = _read(file, line, at, size)
        yield Reject(line=line, raw=raw, reason="The prompt that this answers is not in the file.")


def _read(file: BinaryIO, line: int, at: int, size: int) -> tuple[dict[str, Any], str]:
    file.seek(at)
    data = file.read(size)
    found = read_json_line(Line(line, at, data))
    if isinstance(found, Reject):
        raise BadRow(f"Line {line} changed while the file was read: {excerpt(data[:40])}")
    return as_object(found.value), found.raw

"""What one JSON value of each format says: dolly, Alpaca, chat messages and OASST trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.imports.rows import BadRow, Found, Row

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
QUOTED = 60  # characters of a wrong value that a reason repeats
USER_ROLES = {"user", "human", "prompter"}
ASSISTANT_ROLES = {"assistant", "gpt", "model"}
SYSTEM_ROLES = {"system", "developer"}


def as_object(value: Any) -> dict[str, Any]:
    """Return a JSON object, or say what stands there instead."""
    if not isinstance(value, dict):
        raise BadRow(f"A row is an object such as {{…}}; this is {kind(value)}.")
    return value


def kind(value: Any) -> str:
    """Name a JSON value's type in words."""
    return KINDS.get(type(value), "a text")


def quoted(value: Any) -> str:
    """Return a value for a message: a text's beginning, of anything else (which may be deep or long) its kind."""
    return repr(value[:QUOTED]) if isinstance(value, str) else kind(value)


def text_of(value: dict[str, Any], name: str, *, required: bool = True) -> str:
    """Return a field's text exactly as it stands; an optional one may be absent or null.

    Raises:
        BadRow: missing, or not a text.
    """
    found = value.get(name)
    if found is None and not required:
        return ""
    if name not in value:
        raise BadRow(f"The field {name!r} is missing.")
    if not isinstance(found, str):
        raise BadRow(f"The field {name!r} is {kind(found)}; it has to be a text.")
    return found


def _row(found: Found, value: dict[str, Any], *, instruction: str, context: str, response: str) -> Row:
    return Row(
        line=found.line,
        raw=found.raw,
        instruction=instruction,
        context=context,
        response=response,
        category=text_of(value, "category", required=False),
        language=text_of(value, "language", required=False),
        licence=text_of(value, "licence", required=False),
        source_title=text_of(value, "source_title", required=False),
        source_url=text_of(value, "source_url", required=False),
    )


def dolly(found: Found) -> Row:
    """``instruction, context, response, category``; our own records are a superset of it."""
    value = as_object(found.value)
    return _row(
        found,
        value,
        instruction=text_of(value, "instruction"),
        context=text_of(value, "context", required=False),
        response=text_of(value, "response"),
    )


def alpaca(found: Found) -> Row:
    """``instruction, input, output``."""
    value = as_object(found.value)
    return _row(
        found,
        value,
        instruction=text_of(value, "instruction"),
        context=text_of(value, "input", required=False),
        response=text_of(value, "output"),
    )


def chat(found: Found) -> Row:
    """``messages`` of one turn: the user's is the instruction, the system's the context, the assistant's the response.

    ShareGPT's ``conversations`` (``from``, ``value``) are read alike. A conversation of several turns is refused: its
    later turns can't stand alone, and a part of it would not be what its writer gave.
    """
    value = as_object(found.value)
    name = "messages" if "messages" in value else "conversations"
    if name not in value:
        raise BadRow("The field 'messages' is missing.")
    messages = value[name]
    if not isinstance(messages, list):
        raise BadRow(f"The field {name!r} is {kind(messages)}; it has to be a list.")
    said: dict[str, list[str]] = {"system": [], "user": [], "assistant": []}
    order: list[str] = []
    for message in messages:
        role, text = _message(message)
        said[role].append(text)
        order.append(role)
    spoken = [role for role in order if role != "system"]
    if len(spoken) > 2:  # noqa: PLR2004 - a question and its answer
        raise BadRow(f"This conversation has {len(spoken)} messages; a pair is one question and one answer.")
    if spoken != ["user", "assistant"] or len(said["system"]) > 1:
        raise BadRow(f"A pair needs a user's and then an assistant's message; this has: {', '.join(order) or 'none'}.")
    return _row(
        found,
        value,
        instruction=said["user"][0],
        context=said["system"][0] if said["system"] else "",
        response=said["assistant"][0],
    )


def _message(message: Any) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise BadRow(f"A message is an object; this is {kind(message)}.")
    role = message.get("role", message.get("from"))
    for name, roles in (("user", USER_ROLES), ("assistant", ASSISTANT_ROLES), ("system", SYSTEM_ROLES)):
        if isinstance(role, str) and role in roles:
            return name, _content(message.get("content", message.get("value")))
    raise BadRow(f"A message's role is {quoted(role)}; it has to be system, user or assistant.")


def _content(content: Any) -> str:
    """Return a message's text; the list form is accepted where it holds texts only."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(
        isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str) for part in content
    ):
        return "".join(part["text"] for part in content)
    raise BadRow(f"A message's content is {kind(content)}; it has to be a text.")


def oasst_tree(found: Found) -> Row:
    """Read one conversation tree: its first prompt and the best-ranked reply to it."""
    value = as_object(found.value)
    prompt = as_object(value.get("prompt"))
    replies = prompt.get("replies", [])
    if not isinstance(replies, list):
        raise BadRow(f"The field 'replies' is {kind(replies)}; it has to be a list.")
    answers = [
        reply
        for reply in replies
        if isinstance(reply, dict)
        and text_of(reply, "role", required=False) in ASSISTANT_ROLES
        and not reply.get("deleted")
    ]
    if not answers:
        raise BadRow("Nobody answered this prompt.")
    best = min(answers, key=lambda reply: rank_of(reply.get("rank")))
    return Row(
        line=found.line,
        raw=found.raw,
        instruction=text_of(prompt, "text"),
        context="",
        response=text_of(best, "text"),
        language=text_of(prompt, "lang", required=False),
    )


def rank_of(rank: Any) -> float:
    """Return what to sort replies by: 0 is best, an unranked one comes last.

    Raises:
        BadRow: a number beyond every rank.
    """
    try:
        return float(rank) if isinstance(rank, int | float) and not isinstance(rank, bool) else float("inf")
    except OverflowError as error:
        raise BadRow("The rank is a number of hundreds of digits; it has to be 0, 1, 2 and so on.") from error


SHAPES: dict[str, Callable[[Found], Row]] = {"dolly": dolly, "alpaca": alpaca, "chat": chat}

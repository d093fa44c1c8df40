"""JSON in which nothing is guessed: no NaN, no key twice, no half characters, no bottomless nesting."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from collector.imports.rows import BadRow


def decode(data: bytes) -> str:
    """Decode UTF-8.

    Raises:
        BadRow: naming the first byte, from 1, that is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRow(f"Byte {error.start + 1} of the row is not valid UTF-8. Save the file as UTF-8.") from error


def parse(text: str) -> Any:
    """Parse one JSON value.

    Raises:
        BadRow: it isn't JSON, names a key twice, holds NaN or Infinity, or is nested too deep.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadRow(f"Not valid JSON: {error.msg} (character {error.pos + 1}).") from error
    except RecursionError as error:
        raise BadRow("The JSON is nested too deep.") from error
    except BadRow:
        raise
    except ValueError as error:  # an integer of thousands of digits
        raise BadRow(f"Not usable JSON: {error}.") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _value in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add() is None: false
        raise BadRow(f"The key {twice!r} stands there twice.")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise BadRow(f"{name} is not JSON.")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_refuse_constant)

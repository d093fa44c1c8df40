"""The line and list formats: JSONL always; dolly, Alpaca, chat, ShareGPT and prompt/completion on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exports.schema import COLUMNS
from exports.writers.lines import joined, json_objects
from exports.writers.sink import FileEntry, Sink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from exports.writers.lines import Texts

Parts = list["str | pa.Array"]
BETWEEN = b",\n"


def _dolly(texts: Texts) -> Parts:
    return [
        *('{"instruction":"', texts["instruction"], '","context":"', texts["context"]),
        *('","response":"', texts["response"], '","category":"', texts["category"], '"}'),
    ]


def _alpaca(texts: Texts) -> Parts:
    return [
        *('{"instruction":"', texts["instruction"], '","input":"', texts["context"]),
        *('","output":"', texts["response"], '"}'),
    ]


def _chat(texts: Texts) -> Parts:
    return [
        *('{"messages":[{"role":"user","content":"', texts.prompt),
        *('"},{"role":"assistant","content":"', texts["response"], '"}]}'),
    ]


def _sharegpt(texts: Texts) -> Parts:
    return [
        *('{"id":"', texts["id"], '","conversations":[{"from":"human","value":"', texts.prompt),
        *('"},{"from":"gpt","value":"', texts["response"], '"}]}'),
    ]


def _prompt_completion(texts: Texts) -> Parts:
    return ['{"prompt":"', texts.prompt, '","completion":"', texts["response"], '"}']


class Frame(NamedTuple):
    """What a file has around its rows: before the first, between the pieces it is put together from, after the last."""

    head: bytes = b""
    between: bytes = b""
    tail: bytes = b""


class TextFormat(NamedTuple):
    """A format: how the JSON of its rows is put together, and whether the file is lines or one JSON list."""

    parts: Callable[[Texts], Parts] | None
    is_list: bool
    about: str

    @property
    def suffix(self) -> str:
        """The end of its files' names."""
        return "json" if self.is_list else "jsonl"

    @property
    def frame(self) -> Frame:
        """What its files have around their rows."""
        return Frame(b"[\n", BETWEEN, b"\n]\n") if self.is_list else Frame()

    def lines(self, texts: Texts) -> memoryview:
        """Return the rows as bytes, each with the line end (and comma) that may follow it."""
        if self.parts is None:
            return json_objects(texts, COLUMNS)
        return joined([*self.parts(texts), BETWEEN.decode() if self.is_list else "\n"])


JSONL = TextFormat(None, False, "every column, one JSON object a line")
# The originals of Alpaca and ShareGPT are one JSON list, so their tools expect one.
OPTIONAL_FORMATS = {
    "dolly": TextFormat(_dolly, False, "instruction, context, response and category, as databricks-dolly-15k has them"),
    "alpaca": TextFormat(_alpaca, True, "instruction, input and output, as Stanford Alpaca has them"),
    "chat": TextFormat(_chat, False, "messages with the roles user and assistant, as OpenAI's fine-tuning takes them"),
    "sharegpt": TextFormat(_sharegpt, True, "conversations from human and gpt, as ShareGPT has them"),
    "prompt_completion": TextFormat(_prompt_completion, False, "prompt and completion, as TRL's trainers take them"),
}


class TextSplit:
    """Writes the rows of one split, batch by batch, into ``<folder>/<split>.jsonl`` or ``.json``."""

    def __init__(self, root: Path, folder: str, split: str, form: TextFormat, *, is_part: bool = False) -> None:
        self._form = form
        self._frame = Frame() if is_part else form.frame
        self._sink = Sink(root, f"{folder}/{split}.{form.suffix}")
        self._sink.write(self._frame.head)

    def add(self, texts: Texts) -> None:
        """Write one batch."""
        lines = self._form.lines(texts)
        if self._form.is_list:
            if self._sink.rows:
                self._sink.write(BETWEEN)
            lines = lines[: -len(BETWEEN)]
        self._sink.write(lines)
        self._sink.rows += texts.rows

    def finish(self) -> list[FileEntry]:
        """Close the file and return its entry."""
        self._sink.write(self._frame.tail)
        self._sink.close()
        return [self._sink.entry()]

    def abandon(self) -> None:
        """Close the file after an error."""
        self._sink.close()

"""The file in which rejected rows are kept with their reasons."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    from collector.imports.rows import Reject


class RejectsFile:
    """``<PATH>.rejects.jsonl``, made at the first rejected row: ``{"line", "reason", "raw"}`` a line.

    A file that an earlier run left is removed first, so that what lies there is always the last run's. Where the
    data's own directory can't be written to, the file goes to ``fallback``.
    """

    def __init__(self, dataset: Path, fallback: Path) -> None:
        name = dataset.name + ".rejects.jsonl"
        self.places = [dataset.with_name(name), fallback / name]
        self.path: Path | None = None
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        """Remove what an earlier run left."""
        for place in self.places:
            with suppress(OSError):
                place.unlink()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close what was opened."""
        if self._file is not None:
            self._file.close()

    def add(self, reject: Reject) -> None:
        """Write one rejected row."""
        if self._file is None:
            self._file = self._open()
        line = {"line": reject.line, "reason": _writable(reject.reason), "raw": _writable(reject.raw)}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _open(self) -> TextIO:
        try:
            self.path = self.places[0]
            return self.path.open("w", encoding="utf-8", newline="\n")
        except OSError:
            self.path = self.places[1]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return self.path.open("w", encoding="utf-8", newline="\n")


def _writable(text: str) -> str:
    """Show half characters, which a reason may quote, as escapes: the report itself is UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()

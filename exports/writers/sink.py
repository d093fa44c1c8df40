"""A file that knows its own size and sha256 while it is written, and is on the disk when it is closed."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Self, TypedDict

if TYPE_CHECKING:
    from pathlib import Path


class FileEntry(TypedDict):
    """One file of a version, as its manifest lists it; ``rows`` is 0 for the papers."""

    path: str
    sha256: str
    bytes: int
    rows: int


class Sink:
    """A write-only binary file below a directory; hashing on the way spares a second reading of every byte."""

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self.rows = 0
        self._size = 0
        self._sha256 = hashlib.sha256()
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file = target.open("xb")

    def write(self, data: bytes | memoryview) -> int:
        """Append ``data``; returns its length in bytes. Raises OSError, for example when the disk is full."""
        view = memoryview(data)
        self._file.write(view)
        self._sha256.update(view)
        self._size += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._size

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        self._file.flush()

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._file.closed

    def close(self) -> None:
        """Make the file durable and close it; closing twice is closing once."""
        if self._file.closed:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def entry(self) -> FileEntry:
        """Return what the manifest says of this file."""
        return {"path": self.path, "sha256": self._sha256.hexdigest(), "bytes": self._size, "rows": self.rows}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def write_text(root: Path, path: str, text: str) -> FileEntry:
    """Write one UTF-8 file and return its entry."""
    with Sink(root, path) as sink:
        sink.write(text.encode("utf-8"))
    return sink.entry()

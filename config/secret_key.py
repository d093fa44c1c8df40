"""The key of an embedded installation."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def embedded_key(folder: Path) -> str:
    """Return this installation's own key, made at first start and kept with its data in ``folder``."""
    path = folder / "secret_key"
    if not path.exists():
        # Linked whole: a process that starts at the same moment never reads a half-written key.
        own = path.with_name(f"secret_key.{os.getpid()}")
        with os.fdopen(os.open(own, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_text(encoding="utf-8").strip()

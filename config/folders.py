"""The folders of an installation, made where that is possible."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from config.secret_key import embedded_key

if TYPE_CHECKING:
    from pathlib import Path


class Folders:
    """Makes folders, and remembers the first that could not be made: what needs none of them still works there."""

    def __init__(self) -> None:
        self.failure: OSError | None = None

    def make(self, folder: Path) -> Path:
        """Make a folder, if that is possible, and return it."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.failure = self.failure or error
        return folder

    def key(self, folder: Path) -> str:
        """Return the installation's key, or one that is good for nothing beyond this process."""
        try:
            return embedded_key(folder)
        except OSError as error:
            self.failure = self.failure or error
            return secrets.token_urlsafe(64)

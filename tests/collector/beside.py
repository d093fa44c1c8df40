"""What somebody else does to the database while a file is read or written."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Callable


class Interrupted(io.BytesIO):
    """A file in whose first use, and in whose first that holds ``mark``, somebody else writes to the database."""

    def __init__(self, act: Callable[[], object], data: bytes = b"", mark: bytes = b"") -> None:
        super().__init__(data)
        self.act, self.mark, self.acted = act, mark, False

    def read(self, *args: Any) -> bytes:
        self._beside(self.mark)
        return super().read(*args)

    def write(self, data: Any) -> int:
        self._beside(bytes(data))
        return super().write(data)

    def _beside(self, data: bytes) -> None:
        if self.acted or self.mark not in data:
            return
        self.acted = True
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self._act).result()

    def _act(self) -> None:
        try:
            with transaction.atomic():
                self.act()
        finally:
            connection.close()

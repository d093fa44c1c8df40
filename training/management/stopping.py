"""Ctrl-C and polite kills as a wish to save and stop, for the commands that train."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE_WISH = 1.0  # seconds


class Stop:
    """Turns the first Ctrl-C (or polite kill) into a request to save and stop; the second stops at once."""

    def __init__(self) -> None:
        """Not asked yet."""
        self.asked = False
        self._since = 0.0

    def __call__(self) -> bool:
        """Whether to stop after this step."""
        return self.asked

    def _ask(self, _number: int, _frame: object) -> None:
        if self.asked:
            # A launcher hands a terminal's Ctrl-C on to processes that had it already: that is one wish, not two.
            if time.monotonic() - self._since < ONE_WISH:
                return
            raise KeyboardInterrupt
        self.asked, self._since = True, time.monotonic()
        sys.stderr.write("Stopping after this step. Once more stops at once, without saving.\n")
        sys.stderr.flush()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to signals inside the block."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

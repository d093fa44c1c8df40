"""What a person sees while a run goes on, all of it on the error stream: the other is for the result."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from types import TracebackType

# Off a terminal, one line now and then: enough for a log file.
SECONDS_BETWEEN_LINES = 15.0


class Reporter:
    """Says things, and shows how far training is: a bar on a terminal, a line from time to time elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """``stream`` defaults to the error stream of the process."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._stream = stream or sys.stderr
        self._console = Console(file=self._stream, highlight=False, soft_wrap=True)
        self._bar: Progress | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("Training"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("loss {task.fields[loss]:.3f}  {task.fields[speed]:,.0f} tokens/s"),
                TimeRemainingColumn(),
                console=self._console,
            )
        self._last_line = 0.0

    def say(self, message: str) -> None:
        """Print one line."""
        self._console.print(message, markup=False)

    def warn(self, message: str) -> None:
        """Print one line that should not be missed."""
        self._console.print(f"Warning: {message}", style="yellow", markup=False)

    def __enter__(self) -> Self:
        """Start showing progress."""
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing progress."""
        if self._bar:
            self._bar.stop()

    def step(self, *, step: int, steps: int, loss: float, tokens_per_second: float, seconds_per_step: float) -> None:
        """Show that ``step`` of ``steps`` is done."""
        if self._bar:
            if not self._bar.tasks:
                self._bar.add_task("training", total=steps, completed=step, loss=loss, speed=tokens_per_second)
            self._bar.update(self._bar.task_ids[0], completed=step, loss=loss, speed=tokens_per_second)
            return
        if step < steps and time.monotonic() - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = time.monotonic()
        left = (steps - step) * seconds_per_step / 60
        self.say(f"step {step}/{steps}  loss {loss:.3f}  {tokens_per_second:,.0f} tokens/s  {left:.0f} min left")


class Silence(Reporter):
    """A reporter for callers that only want the result."""

    def say(self, message: str) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Warn of nothing."""

    def step(self, *, step: int, steps: int, loss: float, tokens_per_second: float, seconds_per_step: float) -> None:
        """Show nothing."""

"""What commands share that make something derived again, and say whether the stored was equal to it."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from django.core.management.base import CommandError

from collector.management.base import HouseCommand
from collector.management.progress import progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


class Result(Protocol):
    """A dataclass of figures that knows whether what is stored was right."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def is_right(self) -> bool:
        """Whether nothing had to be mended."""


class RebuildCommand(HouseCommand):
    """Rebuilds, or with ``--check`` only compares; exits 1 where a check found a difference."""

    verb: str
    """What the progress bar says."""
    what: str
    """What is compared with what, as “The boards differ from the ledger”."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whether to write."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where what is stored is wrong")
        parser.add_argument("--json", action="store_true", help="print one JSON line on stdout")

    @abstractmethod
    def total(self) -> int:
        """Return how many things are to be gone through."""

    @abstractmethod
    def rebuild(self, *, is_dry: bool, on_progress: Callable[[int], object]) -> Result:
        """Call the action."""

    @abstractmethod
    def in_words(self, outcome: Any) -> str:
        """Say what was found, such as “3 people: 1 badge missing”."""

    def act(self, **options: Any) -> None:
        """Rebuild, say what was found, and fail where a check found a difference."""
        began = time.monotonic()
        with progress(self.verb, self.total(), quiet=options["json"]) as done:
            outcome = self.rebuild(is_dry=options["check"], on_progress=done)
        seconds = round(time.monotonic() - began, 3)
        if options["json"]:
            self.answer(
                {**asdict(outcome), "is_right": outcome.is_right, "check": options["check"], "seconds": seconds}
            )
        else:
            self.stdout.write(f"{self.in_words(outcome)}, in {seconds:.1f} s.")
        if options["check"] and not outcome.is_right:
            name = type(self).__module__.rpartition(".")[2]
            raise CommandError(f"{self.what}. Run {name} without --check to mend that.")

"""Makes the standings again from the ledger and says whether the stored ones were equal to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.actions.standings import Rebuilt, rebuild_standings
from collector.management.rebuilding import RebuildCommand
from collector.models import Award

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = """Sum the whole ledger of awards again, and say how many rows of the boards were missing, changed or
superfluous; where they equal the ledger, nothing is written. They are kept up to date by themselves: run this after a
campaign's time zone was changed, or with --check to see that all is well.
Example: manage.py rebuild_standings --check"""


class Command(RebuildCommand):
    """`manage.py rebuild_standings`."""

    help = HELP
    verb = "Summing"
    what = "The boards differ from the ledger"

    def total(self) -> int:
        """Return how many there are."""
        return Award.objects.count()

    def rebuild(self, *, is_dry: bool, on_progress: Callable[[int], object]) -> Rebuilt:
        """Call the action."""
        return rebuild_standings(is_dry=is_dry, on_progress=on_progress)

    def in_words(self, outcome: Rebuilt) -> str:
        """Say what was found."""
        return (
            f"{outcome.rows:,} rows of the boards: {outcome.missing:,} missing, {outcome.changed:,} changed, "
            f"{outcome.superfluous:,} superfluous"
        )

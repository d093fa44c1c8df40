"""Makes the near-duplicate index again and says whether the stored one was right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.actions.near import Outcome, rebuild
from collector.management.rebuilding import RebuildCommand
from collector.models import Submission

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = """Make the near-duplicate index again from what all submissions say now, and say how many entries were missing,
changed or superfluous; where the stored index was right, nothing is written. The index is kept up to date by itself:
run this after an upgrade that says so, or with --check to see that all is well.
Example: manage.py rebuild_near --check"""


class Command(RebuildCommand):
    """`manage.py rebuild_near`."""

    help = HELP
    verb = "Indexing"
    what = "The stored index differs from the texts"

    def total(self) -> int:
        """Return how many there are."""
        return Submission.objects.count()

    def rebuild(self, *, is_dry: bool, on_progress: Callable[[int], object]) -> Outcome:
        """Call the action."""
        return rebuild(is_dry=is_dry, on_progress=on_progress)

    def in_words(self, outcome: Outcome) -> str:
        """Say what was found."""
        return (
            f"{outcome.submissions:,} submissions: {outcome.missing:,} missing, {outcome.changed:,} changed, "
            f"{outcome.superfluous:,} superfluous"
        )

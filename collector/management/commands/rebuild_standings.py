"""Makes the standings again from the ledger and says whether the stored ones were equal to it."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from collector.actions.standings import rebuild_standings
from collector.management.base import HouseCommand
from collector.management.progress import progress
from collector.models import Award

if TYPE_CHECKING:
    import argparse

HELP = """Sum the whole ledger of awards again, and say how many rows of the boards were missing, changed or
superfluous; where they equal the ledger, nothing is written. They are kept up to date by themselves: run this after a
campaign's time zone was changed, or with --check to see that all is well.
Example: manage.py rebuild_standings --check"""


class Command(HouseCommand):
    """`manage.py rebuild_standings`."""

    help = HELP

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whether to write."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the boards are wrong")
        parser.add_argument("--json", action="store_true", help="print one JSON line on stdout")

    def act(self, **options: Any) -> None:
        """Call the action."""
        began = time.monotonic()
        with progress("Summing", Award.objects.count(), quiet=options["json"]) as done:
            outcome = rebuild_standings(is_dry=options["check"], on_progress=done)
        seconds = round(time.monotonic() - began, 3)
        if options["json"]:
            self.answer(
                {**asdict(outcome), "is_right": outcome.is_right, "check": options["check"], "seconds": seconds}
            )
        else:
            self.stdout.write(
                f"{outcome.rows:,} rows of the boards in {seconds:.1f} s: {outcome.missing:,} missing, "
                f"{outcome.changed:,} changed, {outcome.superfluous:,} superfluous."
            )
        if options["check"] and not outcome.is_right:
            raise CommandError("The boards differ from the ledger. Run rebuild_standings without --check to mend them.")

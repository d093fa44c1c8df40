"""Makes the near-duplicate index again and says whether the stored one was right."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from collector.actions.near import rebuild
from collector.management.base import HouseCommand
from collector.management.progress import progress
from collector.models import Submission

if TYPE_CHECKING:
    import argparse

HELP = """Make the near-duplicate index again from what all submissions say now, and say how many entries were missing,
changed or superfluous; where the stored index was right, nothing is written. The index is kept up to date by itself:
run this after an upgrade that says so, or with --check to see that all is well.
Example: manage.py rebuild_near --check"""


class Command(HouseCommand):
    """`manage.py rebuild_near`."""

    help = HELP

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whether to write."""
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit 1 where the stored index is wrong"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON line on stdout")

    def act(self, **options: Any) -> None:
        """Call the action."""
        began = time.monotonic()
        with progress("Indexing", Submission.objects.count(), quiet=options["json"]) as done:
            outcome = rebuild(is_dry=options["check"], on_progress=done)
        seconds = round(time.monotonic() - began, 3)
        if options["json"]:
            self.answer(
                {**asdict(outcome), "is_right": outcome.is_right, "check": options["check"], "seconds": seconds}
            )
        else:
            self.stdout.write(
                f"{outcome.submissions:,} submissions in {seconds:.1f} s: {outcome.missing:,} missing, "
                f"{outcome.changed:,} changed, {outcome.superfluous:,} superfluous."
            )
        if options["check"] and not outcome.is_right:
            raise CommandError("The stored index differs from the texts. Run rebuild_near without --check to mend it.")

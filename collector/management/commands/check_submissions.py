"""Runs the text checks over what was not checked yet."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from collector.actions.flags import check_revisions
from collector.management.base import HouseCommand
from collector.management.progress import progress
from collector.models import Revision
from collector.models.submissions import CURRENT_REVISION

if TYPE_CHECKING:
    import argparse

HELP = """Check texts for what reviewers should look at: copied responses, another language, e-mail addresses, phone and
card numbers, keys, prompt-format markers, invisible characters. What people submit is checked at once; imported rows
are not, since that would make an import several times slower: run this after one. It may be stopped and run again.
Example: manage.py check_submissions --json"""


class Command(HouseCommand):
    """`manage.py check_submissions`."""

    help = HELP

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """What to check."""
        parser.add_argument("--again", action="store_true", help="check all, also what was checked before")
        parser.add_argument("--dry-run", action="store_true", help="count, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON line on stdout")

    def act(self, **options: Any) -> None:
        """Call the action."""
        began = time.monotonic()
        rows = Revision.objects.filter(CURRENT_REVISION)
        total = (rows if options["again"] else rows.filter(flags__isnull=True)).count()
        with progress("Checking", total, quiet=options["json"]) as done:
            outcome = check_revisions(again=options["again"], is_dry=options["dry_run"], on_progress=done)
        seconds = round(time.monotonic() - began, 3)
        if options["json"]:
            self.answer({**asdict(outcome), "dry_run": options["dry_run"], "seconds": seconds})
            return
        self.stdout.write(
            f"{outcome.revisions:,} texts in {seconds:.1f} s: {outcome.flagged:,} with findings; "
            f"{outcome.unchecked:,} had not been checked, {outcome.changed:,} had other findings stored."
        )

"""``sync_runs``: list runs and learning curves that were made where the database could not be reached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.utils import timezone

from jobs.management.base import OneLineCommand
from training import curve_listing, listing
from training.errors import TrainingError
from training.places import places

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from training.undertakings import Undertaking


class Command(OneLineCommand):
    """Read the runs' directories and make the list at /runs/ say the same."""

    help = (
        "List the runs and learning curves under var/runs at /runs/: those made without the database, copied from "
        "another machine, or changed since they were listed. What finetune and learning_curve make beside the database "
        "is there without this."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags."""
        parser.add_argument("--json", action="store_true", help="print one JSON line to standard output")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """List them and say which."""
        root = places().runs
        try:
            now = timezone.now()
            listed: list[Undertaking] = [*listing.list_all(root=root, now=now)]
            listed += curve_listing.list_all(root=root, now=now)
        except TrainingError as error:
            raise CommandError(str(error)) from error
        names = [entry.name for entry in listed]
        if flags["json"]:
            self.stdout.write(json.dumps({"listed": names}))
        elif names:
            self.stdout.write("\n".join(names))
        else:
            self.stdout.write(f"The list already says all that {root} does.")

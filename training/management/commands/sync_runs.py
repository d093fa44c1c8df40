"""``sync_runs``: list runs that were made where the database could not be reached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from training.errors import TrainingError
from training.listing import list_all
from training.places import places

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Read the runs' directories and make the list at /runs/ say the same."""

    help = (
        "List the runs under var/runs at /runs/: those made without the database, copied from another machine, or "
        "changed since they were listed. Runs that finetune makes beside the database are there without this."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags."""
        parser.add_argument("--json", action="store_true", help="print one JSON line to standard output")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """List them and say which."""
        root = places().runs
        try:
            listed = list_all(root=root, now=timezone.now())
        except TrainingError as error:
            raise CommandError(str(error)) from error
        names = [run.name for run in listed]
        if flags["json"]:
            self.stdout.write(json.dumps({"listed": names}))
        elif names:
            self.stdout.write("\n".join(names))
        else:
            self.stdout.write(f"The list already says all that {root} does.")

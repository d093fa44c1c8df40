"""Follows a list of everybody, so that who left the company has no access any more."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from collector.actions.people_lists import ListRefused, follow_list, read_list
from collector.management.base import HouseCommand

if TYPE_CHECKING:
    import argparse


class Command(HouseCommand):
    """`manage.py sync_people FILE.csv`."""

    help = (
        "Follow a CSV list of people: add who is new, change roles, teams and names, end the access of who left. The "
        "first line names the columns: email, and any of active, role, team, name; an empty cell leaves things as they "
        "are. All or nothing, and never the last admin. Example: manage.py sync_people people.csv --dry-run"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Which list, and how far to follow it."""
        parser.add_argument("file", help="A CSV file in UTF-8, separated by commas or semicolons.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")
        parser.add_argument(
            "--deactivate-missing", action="store_true", help="End the access of everybody whom the list doesn't name."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON line on stdout.")

    def act(self, **options: Any) -> None:
        """Call the actions."""
        plan = read_list(rows=_rows(Path(options["file"])), deactivate_missing=options["deactivate_missing"])
        changed = 0
        if not options["dry_run"]:
            changed = follow_list(plan=plan, by=None, now=timezone.now())
        if options["json"]:
            self.answer({"people": len(plan.lines), "changed": changed, "changes": plan.said})
            return
        for line in plan.said:
            self.stdout.write(line)
        if options["dry_run"]:
            self.say(f"{len(plan.said)} changes would be made; nothing was changed.")
        else:
            self.say(f"{changed} people changed, of {len(plan.lines)} in the list.")


def _rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ListRefused(f"{path} can't be read as UTF-8: {error}") from error
    first = text.partition("\n")[0]
    separator = ";" if ";" in first and "," not in first else ","
    try:
        return list(csv.reader(text.split("\n"), delimiter=separator, strict=True))
    except csv.Error as error:
        raise ListRefused(f"{path} is not a CSV file: {error}") from error

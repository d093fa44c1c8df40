"""``diff_datasets``: what was added, removed and edited between two versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exports import differences, manifest
from exports.management.terminal import find_directory

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

SHOWN = 20


class Command(BaseCommand):
    """Parse the flags, compare, print the answer."""

    help = (
        "Compare two dataset versions: the ids of records that were added, removed and edited from A to B, "
        "and how many records each category had before and has after. Needs no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the flags."""
        default = settings.WOOLGATHER_DATASET_NAME
        parser.add_argument("before", metavar="A", help="a version (v1), a name and version (extra/v1), or a directory")
        parser.add_argument("after", metavar="B", help="the version to compare it with")
        parser.add_argument("--name", default=default, help=f"the dataset's name (default: {default})")
        parser.add_argument("--root", metavar="DIR", help="where versions lie (default: var/datasets)")
        parser.add_argument("--json", action="store_true", help="print one JSON line with every id")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Compare; exit 1 where a version is missing or can't be read."""
        root = Path(flags["root"]) if flags["root"] else Path(settings.WOOLGATHER_DATASETS)
        paths = [find_directory(flags[name], root=root, name=flags["name"]) for name in ("before", "after")]
        try:
            before, after = (manifest.read(path)[0] for path in paths)
            found = differences.compare(*paths)
        except (manifest.NotAManifest, OSError, ValueError) as error:
            raise CommandError(f"The versions can't be compared: {error}") from error
        if flags["json"]:
            answer = {
                "before": before["version"],
                "after": after["version"],
                "added": found.added,
                "removed": found.removed,
                "edited": found.edited,
                "composition": {name: {"before": old, "after": new} for name, (old, new) in found.composition.items()},
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        self.stdout.write(f"{before['name']} {before['version']} → {after['name']} {after['version']}")
        for word in ("added", "removed", "edited"):
            ids = getattr(found, word)
            self.stdout.write(f"{word}: {len(ids):,}")
            for key in ids[:SHOWN]:
                self.stdout.write(f"  {key}")
            if len(ids) > SHOWN:
                self.stdout.write(f"  … and {len(ids) - SHOWN:,} more (--json prints them all)")
        for name, (old, new) in found.composition.items():
            self.stdout.write(f"{name}: {old:,} → {new:,} ({new - old:+,})")

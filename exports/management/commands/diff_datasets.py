"""``diff_datasets``: what was added, removed and edited between two versions."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError

from exports import differences, manifest, semver
from exports.edits import FIELDS
from exports.management.diff_print import Printer
from exports.management.terminal import find_directory
from exports.papers import reasons_on_disk
from jobs.management.base import OneLineCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from exports.manifest import Manifest

SHOWN = 20
KINDS = ("added", "removed", "edited")


class Command(OneLineCommand):
    """Parse the flags, compare, print the answer."""

    help = (
        "Compare two dataset versions: records that were added, removed (with the reason) and edited from A to B, with "
        "the words that changed; records by category, language, licence and split, before and after; and what the "
        "changes call for in a semantic version. Needs no database. "
        "diff_datasets v1 v2 --only edited --field response shows each response that was rewritten."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the flags."""
        default = settings.WOOLGATHER_DATASET_NAME
        parser.add_argument("before", metavar="A", help="a version (v1), a name and version (extra/v1), or a directory")
        parser.add_argument("after", metavar="B", help="the version to compare it with")
        parser.add_argument("--name", default=default, help=f"the dataset's name (default: {default})")
        parser.add_argument("--root", metavar="DIR", help="where versions lie (default: var/datasets)")
        parser.add_argument("--only", choices=KINDS, help="show these records alone")
        parser.add_argument("--field", choices=FIELDS, help="of the edited records, those in which this column changed")
        parser.add_argument(
            "--limit", type=_count, default=SHOWN, metavar="N", help=f"records of a kind; 0 for all (default: {SHOWN})"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON line with every id; no texts")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Compare; exit 1 where a version is missing or can't be read."""
        root = Path(flags["root"]) if flags["root"] else Path(settings.WOOLGATHER_DATASETS)
        paths = [find_directory(flags[name], root=root, name=flags["name"]) for name in ("before", "after")]
        kinds = [flags["only"]] if flags["only"] else ["edited"] if flags["field"] else list(KINDS)
        try:
            before, after = (manifest.read(path)[0] for path in paths)
            found = differences.compare(*paths)
            reasons = reasons_on_disk(*paths) if "removed" in kinds and found.removed else {}
            if flags["json"]:
                self.stdout.write(json.dumps(_answer(before, after, found, reasons, flags), ensure_ascii=False))
                return
            printer = Printer(self.stdout, colour=sys.stdout.isatty() and not flags["no_color"])
            printer.head(before, after, found)
            limit = flags["limit"] or None
            if "added" in kinds:
                printer.ids("Added", found.added, limit)
            if "removed" in kinds:
                unknown = f"not in {after['version']}"
                printer.ids("Removed", found.removed, limit, {key: reasons.get(key, unknown) for key in found.removed})
            if "edited" in kinds:
                edits = found.edits(only=flags["field"] or "")
                printer.edits(islice(edits, limit), len(found.edited), limit, flags["field"] or "")
            printer.composition(found.figures)
        except (manifest.NotAManifest, OSError, ValueError) as error:
            raise CommandError(f"The versions can't be compared: {error}") from error


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def semantic_version(of: Manifest) -> str:
    """Return what a manifest says, or what an older one would."""
    return semver.of(of, int(of["version"][1:]))


def _answer(
    before: Manifest, after: Manifest, found: differences.Difference, reasons: dict[str, str], flags: dict[str, Any]
) -> dict[str, Any]:
    field = flags["field"] or ""
    edits = [
        {
            "id": edit.id,
            "revision": {"before": edit.revisions[0], "after": edit.revisions[1]},
            "fields": edit.fields,
        }
        for edit in found.edits(only=field)
    ]
    wanted = flags["only"] or ("edited" if field else "")
    ids = {
        "added": found.added,
        "removed": found.removed,
        "edited": [edit["id"] for edit in edits] if field else found.edited,
    }
    both = {
        name: {value: {"before": old, "after": new} for value, (old, new) in lines.items()}
        for name, lines in found.figures.items()
    }
    return {
        "before": before["version"],
        "after": after["version"],
        "semantic_version": {
            "before": semantic_version(before),
            "after": semantic_version(after),
            "step": found.step,
            "why": semver.WHY[found.step],
        },
        **{kind: keys for kind, keys in ids.items() if wanted in ("", kind)},
        **({"reasons": {key: reasons.get(key, "") for key in found.removed}} if wanted in ("", "removed") else {}),
        **({"edits": edits} if wanted in ("", "edited") else {}),
        # Of the categories alone under its old name.
        "composition": both["categories"],
        **{name: both[name] for name in ("languages", "licences", "splits")},
    }

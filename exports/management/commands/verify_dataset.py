"""``verify_dataset``: read every file of a version again and compare it with the manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exports import manifest
from exports.management.terminal import find_directory

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Parse the flags, check, print the answer."""

    help = (
        "Read every file of a dataset version again and compare it with manifest.json: that it is there, its size, its "
        "sha256, its rows and columns, and that nothing else lies beside it. Names each fault. "
        "Exits 0 when every byte is "
        "as released, 1 when not. Needs no database: a copy on another machine can be checked by its path."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the flags."""
        default = settings.WOOLGATHER_DATASET_NAME
        parser.add_argument(
            "which", metavar="VERSION|PATH", help="a version (v2), a name and version (extra/v2), or a directory"
        )
        parser.add_argument("--name", default=default, help=f"the dataset's name (default: {default})")
        parser.add_argument("--root", metavar="DIR", help="where versions lie (default: var/datasets)")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON line: ok, version, path, files, rows, sha256, faults"
        )

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Check; exit 1 naming the faults where there are any."""
        root = Path(flags["root"]) if flags["root"] else Path(settings.WOOLGATHER_DATASETS)
        path = find_directory(flags["which"], root=root, name=flags["name"])
        report = manifest.verify(path)
        if flags["json"]:
            answer = {
                "ok": not report.faults,
                "version": report.version,
                "path": str(path),
                "files": report.files,
                "rows": report.rows,
                "sha256": report.sha256,
                "faults": report.faults,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        if not report.faults:
            if not flags["json"]:
                self.stdout.write(
                    f"{report.name} {report.version} is as released: {report.files} files, {report.rows:,} records.\n"
                    f"manifest sha256 {report.sha256}"
                )
            return
        if not flags["json"]:
            for fault in report.faults:
                self.stdout.write(fault)
        faults = "1 fault" if len(report.faults) == 1 else f"{len(report.faults)} faults"
        raise CommandError(
            f"{path} is not as released ({faults}). Build it again: export_dataset --version {path.name} --root DIR."
        )

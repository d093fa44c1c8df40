"""``verify_dataset``: read every file of a version again and compare it with the manifest."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError

from collector.errors import Refused
from exports import manifest, naming, places, store
from exports.management.terminal import bad_arguments, find_directory
from jobs.management.base import OneLineCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OneLineCommand):
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
        parser.add_argument(
            "--store", action="store_true", help="check what WOOLGATHER_DATASETS_STORE holds, not this machine's disk"
        )
        parser.add_argument("--root", metavar="DIR", help="where versions lie (default: var/datasets)")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON line: ok, version, path, files, rows, sha256, faults"
        )

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Check; exit 1 naming the faults where there are any."""
        if flags["store"]:
            # Fetched whole and checked as a directory is: Parquet is read, not only weighed.
            with TemporaryDirectory(prefix="woolgather-verify-") as temp:
                self._check(self._fetched(flags, Path(temp)), flags, shown=settings.WOOLGATHER_DATASETS_STORE)
            return
        root = Path(flags["root"]) if flags["root"] else Path(settings.WOOLGATHER_DATASETS)
        path = find_directory(flags["which"], root=root, name=flags["name"])
        self._check(path, flags, shown=str(path))

    def _fetched(self, flags: dict[str, Any], temp: Path) -> Path:
        head, _, tail = flags["which"].rpartition("/")
        if not settings.WOOLGATHER_DATASETS_STORE:
            raise CommandError("WOOLGATHER_DATASETS_STORE is not set: there is no store to check.", returncode=2)
        try:
            number = naming.version_number(tail)
            path = places.version_path(temp, head or flags["name"], number)
            path.mkdir(parents=True)
            store.fetch(head or flags["name"], number, path)
        except naming.BadName as error:
            raise bad_arguments(error) from error
        except Refused as error:
            raise CommandError(str(error)) from error
        return path

    def _check(self, path: Path, flags: dict[str, Any], *, shown: str) -> None:
        report = manifest.verify(path)
        if flags["json"]:
            answer = {
                "ok": not report.faults,
                "version": report.version,
                "path": shown,
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
            f"{shown} is not as released ({faults}). Build it again: export_dataset --version {path.name} --root DIR."
        )

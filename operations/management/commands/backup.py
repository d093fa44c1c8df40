"""``backup``: one file that holds the installation as it is at one moment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from collector.management.base import HouseCommand
from exports.management.terminal import progress_bar
from operations import backup

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

HELP = """Write the installation into one file, as it is at one moment, while people go on working: the database,
the files people uploaded, what the runs' folders say of them, the manifests of the dataset versions and, embedded, the
secret key. The files of the versions are left out, because they can be built again byte for byte (--with-datasets takes
them along), and so are model weights. The file appears when all of it is on the disk, and only its owner may read it:
it holds everybody's texts and password hashes. Keep copies on another machine, and try `restore FILE --check` now and
then.
Examples: manage.py backup --keep 14
          manage.py backup --output /mnt/backups/before-upgrade.tar --with-datasets"""


class Command(HouseCommand):
    """`manage.py backup`."""

    help = HELP

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the flags."""
        parser.add_argument(
            "--output", metavar="FILE|DIR", help="where to write (default: <var>/backups/woolgather-<time>.tar)"
        )
        parser.add_argument("--with-datasets", action="store_true", help="take the files of all dataset versions along")
        parser.add_argument(
            "--keep",
            type=int,
            default=settings.WOOLGATHER_BACKUP_KEEP,
            metavar="N",
            help="afterwards remove the oldest backups in that directory but for the newest N (0: remove none; "
            f"default: {settings.WOOLGATHER_BACKUP_KEEP})",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="print one JSON line: path, bytes, sha256, tables, ledger, left_out, seconds",
        )

    def act(self, **options: Any) -> None:
        """Back up."""
        now, began = timezone.now(), time.monotonic()
        target = Path(options["output"]).absolute() if options["output"] else backup.home()
        if target.is_dir() or not options["output"]:
            target /= backup.file_name(now)
        elif target.exists():
            raise CommandError(f"{target} exists and is not overwritten: name another file, or a directory.")
        if options["keep"] < 0:
            raise CommandError("--keep needs a number from 0 on.", returncode=2)
        try:
            with progress_bar(silent=options["json"], in_bytes=True) as progress:
                made = backup.back_up(
                    target=target,
                    by=None,
                    now=now,
                    with_datasets=options["with_datasets"],
                    keep=options["keep"],
                    progress=progress,
                )
        except backup.BackupFailed as error:
            raise CommandError(str(error)) from error
        seconds = round(time.monotonic() - began, 1)
        manifest = made.manifest
        if options["json"]:
            self.answer(
                {
                    "path": str(made.path),
                    "bytes": made.bytes,
                    "sha256": made.sha256,
                    "engine": manifest["engine"],
                    "tables": manifest["tables"],
                    "ledger": manifest["ledger"],
                    "datasets": manifest["datasets"],
                    "left_out": manifest["left_out"],
                    "removed": [str(path) for path in made.removed],
                    "seconds": seconds,
                }
            )
            return
        rows = sum(manifest["tables"].values())
        self.stdout.write(
            f"{made.path}\n{made.bytes:,} bytes, {rows:,} rows in {len(manifest['tables'])} tables, "
            f"{len(manifest['members'])} files, in {seconds:g} s\nsha256 {made.sha256}"
        )
        if manifest["holds_secret_key"]:
            self.stdout.write("It holds the secret key of this installation: keep it as you keep passwords.")
        if manifest["left_out"]:
            names = ", ".join(manifest["left_out"])
            self.stderr.write(
                f"Without {names}: the store of the versions did not give what it has of them. They can be built again "
                "from this backup; to have their manifests in it, see to WOOLGATHER_DATASETS_STORE and repeat this."
            )
        if made.removed:
            self.stdout.write(f"Older backups removed: {', '.join(path.name for path in made.removed)}")

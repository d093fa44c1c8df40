"""``restore``: put a backup in the place of an empty installation, or with ``--replace`` of any."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.utils import timezone

from collector.management.base import HouseCommand
from exports import actions
from exports.management.terminal import progress_bar
from exports.models import DatasetVersion
from exports.tasks import root
from operations import restore

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

HELP = """Restore what `backup` wrote. Stop web, worker and beat first. Every byte of the file is checked before
anything is touched; then the database takes the place of the one that is here, is counted and compared, brought to this
version's migrations, and the boards are compared with the ledger. Until all of that is right, what was here before
comes back by itself. Jobs that ran when the backup was made wait again, and everybody has to sign in anew.
A backup goes back to the kind of database it came from: SQLite to SQLite, PostgreSQL to PostgreSQL.
Examples: manage.py restore var/backups/woolgather-20261129T020000Z.tar --check
          manage.py restore /mnt/backups/woolgather-20261129T020000Z.tar --rebuild"""
WORD = "REPLACE"


class Command(HouseCommand):
    """`manage.py restore`."""

    help = HELP
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the flags."""
        parser.add_argument("file", metavar="FILE", help="the backup")
        parser.add_argument("--check", action="store_true", help="only read the file and say whether it is whole")
        parser.add_argument(
            "--replace", action="store_true", help=f"remove what is here; asks for the word {WORD} on a terminal"
        )
        parser.add_argument("--no-input", action="store_true", help="with --replace: don't ask")
        parser.add_argument("--keep-sessions", action="store_true", help="who was signed in then is signed in again")
        parser.add_argument("--rebuild", action="store_true", help="build the files of all dataset versions again")
        parser.add_argument(
            "--json",
            action="store_true",
            help="print one JSON line: made_at, tables, ledger, migrated, rebuilt, seconds",
        )

    def act(self, **options: Any) -> None:
        """Restore, then say what to do next."""
        path, began = Path(options["file"]), time.monotonic()
        try:
            with progress_bar(silent=options["json"], in_bytes=True) as progress:
                if options["check"]:
                    self._checked(path, restore.examine(path, progress), as_json=options["json"])
                    return
                if options["replace"] and not options["no_input"]:
                    self._ask()
                done = restore.restore(
                    path=path,
                    now=timezone.now(),
                    replace=options["replace"],
                    keep_sessions=options["keep_sessions"],
                    progress=progress,
                )
            rebuilt = self._rebuild(done.to_build) if options["rebuild"] else []
        except (restore.RestoreRefused, actions.BuildFailed) as error:
            raise CommandError(str(error)) from error
        seconds = round(time.monotonic() - began, 1)
        if options["json"]:
            self.answer(
                {
                    "made_at": done.manifest["made_at"],
                    "tables": done.manifest["tables"],
                    "ledger": done.manifest["ledger"],
                    "migrated": done.migrated,
                    "requeued": done.requeued,
                    "sessions_ended": done.sessions,
                    "files": done.files,
                    "rebuilt": rebuilt,
                    "to_build": [
                        f"{name}/{label}" for name, label in done.to_build if f"{name}/{label}" not in rebuilt
                    ],
                    "seconds": seconds,
                }
            )
            return
        self._tell(done, rebuilt, seconds)

    def _checked(self, path: Path, manifest: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.answer({"ok": True, **{key: value for key, value in manifest.items() if key != "members"}})
            return
        rows = sum(manifest["tables"].values())
        self.stdout.write(
            f"{path} is whole: made {manifest['made_at']} on {manifest['engine']}, {rows:,} rows in "
            f"{len(manifest['tables'])} tables, {len(manifest['members'])} files. It can be restored here."
        )

    def _ask(self) -> None:
        if not sys.stdin.isatty():
            return
        self.stderr.write("This removes everything in this installation and puts the backup in its place.")
        if input(f"Type {WORD} to go on: ").strip() != WORD:
            raise CommandError("Nothing was changed.")

    def _rebuild(self, versions: list[tuple[str, str]]) -> list[str]:
        """Build each version's files again; those whose bytes would differ are refused and named."""
        rebuilt = []
        for name, label in versions:
            version = DatasetVersion.objects.named(name).get(number=int(label[1:]))
            try:
                actions.rebuild_version(version=version, root=root())
            except actions.CannotRebuild as error:
                self.say(str(error))
            else:
                rebuilt.append(f"{name}/{label}")
        return rebuilt

    def _tell(self, done: restore.Restored, rebuilt: list[str], seconds: float) -> None:
        manifest = done.manifest
        rows = sum(manifest["tables"].values())
        migrated = f"; {len(done.migrated)} migrations were applied" if done.migrated else ""
        self.stdout.write(
            f"Restored as of {manifest['made_at']} in {seconds:g} s: {rows:,} rows and {done.files} files, all counts "
            f"equal, the boards equal the ledger{migrated}.\n"
            f"{done.requeued} jobs wait again; {done.sessions} sessions were ended.\n\nNext:"
        )
        steps = ["Start web, worker and beat, and look at /readyz."]
        waiting = [f"{name} {label}" for name, label in done.to_build if f"{name}/{label}" not in rebuilt]
        if waiting:
            steps.append(
                f"Build the files of {', '.join(waiting)} again: export_dataset --name NAME --version vN. "
                "The bytes are the same, or it is refused."
            )
        steps.append(
            "What happened after the backup is gone. Who was deactivated since, and which tokens were revoked, must be "
            "done again: see the audit of the old installation, if you have it."
        )
        if manifest["holds_secret_key"]:
            steps.append("The secret key came along; with SECRET_KEY in the environment, that one is used.")
        for number, step in enumerate(steps, 1):
            self.stdout.write(f"{number}. {step}")

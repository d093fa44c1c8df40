"""``seed_demo``: fill an empty database with demonstration content."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from collector.actions.demo import demo_admin, is_seeded, seed_demo
from collector.actions.people import sign_in_link
from collector.errors import Refused
from exports import actions, places
from exports.filters import Filter
from exports.management.terminal import progress_bar
from jobs.management.base import OneLineCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from exports.models import DatasetVersion

# The keys of the JSON line, as they are where nothing was added.
NOTHING: dict[str, Any] = {
    "seeded": False,
    "people": 0,
    "campaigns": 0,
    "submissions": 0,
    "approved": 0,
    "version": "",
    "admin": "",
    "sign_in_link": "",
}


class Command(OneLineCommand):
    """Seed, release a first version, say how to sign in."""

    help = (
        "Fill an empty database with demonstration content: two campaigns, 40 invented colleagues, three weeks of "
        "their work and a dataset version. Everything in it is marked as demonstration. Refuses where real people or "
        "submissions are; a second run changes nothing. `make demo` calls it on a database of its own."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the flags."""
        parser.add_argument(
            "--if-empty", action="store_true", help="do nothing, without an error, where the database is in use"
        )
        parser.add_argument("--force", action="store_true", help="add it although people are here (submissions never)")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the demonstration admin's password from standard input (default: a one-time sign-in link)",
        )
        parser.add_argument("--no-dataset", action="store_true", help="release no dataset version")
        parser.add_argument("--json", action="store_true", help=f"print one JSON line: {', '.join(NOTHING)}")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Seed; exit 1 with one line where that can't be."""
        if is_seeded():
            self._answer({**NOTHING, "admin": demo_admin().email}, "The demonstration is already here.", flags)
            return
        password = sys.stdin.readline().rstrip("\r\n") if flags["password_stdin"] else ""
        try:
            with progress_bar(silent=flags["json"]) as progress:
                summary = seed_demo(
                    now=timezone.now(),
                    # Nobody ever learns the random one; the link below sets another.
                    password=password or secrets.token_urlsafe(24),
                    force=flags["force"],
                    progress=lambda done, total: progress(done, total, "Writing pairs"),
                )
        except Refused as refused:
            if flags["if_empty"]:
                self.stderr.write(str(refused))
                if flags["json"]:
                    self._answer(NOTHING, "", flags)
                return
            raise CommandError(str(refused)) from refused
        version = None if flags["no_dataset"] else self._release()
        link = "" if password else sign_in_link(person=demo_admin(), base=settings.SITE_URL)
        result = {
            "seeded": True,
            "people": summary.people,
            "campaigns": summary.campaigns,
            "submissions": summary.submissions,
            "approved": summary.approved,
            "version": version.label if version else "",
            "admin": summary.admin,
            "sign_in_link": link,
        }
        said = (
            f"{summary.people} colleagues, {summary.campaigns} campaigns, {summary.submissions} pairs "
            f"({summary.approved} approved)" + (f", dataset {version.label}" if version else "") + ". "
            f"The admin is {summary.admin}"
            + (f"; this link signs in, once:\n{link}" if link else ", with the password you gave.")
        )
        self._answer(result, said, flags)

    def _release(self) -> DatasetVersion:
        """Make the version that the demonstration's datasets page shows."""
        home = Path(settings.WOOLGATHER_DATASETS)
        name = settings.WOOLGATHER_DATASET_NAME
        try:
            version = actions.request_version(
                name=name,
                filter=Filter(),
                formats=["dolly", "chat"],
                by=demo_admin(),
                now=timezone.now(),
                url=settings.SITE_URL,
                highest_on_disk=places.highest_number(home, name),
            )
            actions.build_version(version=version, root=home, clock=timezone.now)
        except (Refused, actions.BuildFailed) as error:
            raise CommandError(
                f"The people and pairs are here, the dataset version is not: {error} Repeat it with export_dataset."
            ) from error
        return version

    def _answer(self, result: dict[str, Any], said: str, flags: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(result, ensure_ascii=False) if flags["json"] else said)

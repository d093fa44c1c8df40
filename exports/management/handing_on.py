"""The flags of ``export_dataset`` that hand a version on, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.utils import timezone

from collector.errors import Refused
from exports import actions, destinations, hub
from exports.destinations import BadDestination, Destination
from exports.management.terminal import BAD_ARGUMENTS, progress_bar

if TYPE_CHECKING:
    from pathlib import Path

    from django.core.management.base import CommandParser

    from collector.models import Person
    from exports.delivery import Delivered
    from exports.models import DatasetVersion


@dataclass(frozen=True)
class HandingOn:
    """Where a version is to go, checked before anything is released."""

    by: Person | None
    destinations: tuple[Destination, ...] = ()
    check: bool = False
    repository: str = ""
    public: bool = False

    @staticmethod
    def add_arguments(parser: CommandParser) -> None:
        """Declare the flags."""
        parser.add_argument(
            "--to",
            action="append",
            default=[],
            metavar="DIR|URL",
            help="copy the version's files to a directory, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX, as <name>/v<N>/ "
            "below it; repeatable",
        )
        parser.add_argument(
            "--check", action="store_true", help="with --to: read every file back, also those that were there already"
        )
        parser.add_argument(
            "--push-to-hub",
            default="",
            metavar="ORG/NAME",
            help="push the files to this dataset repository of the Hugging Face Hub and tag them with the version; "
            "it is made, private, where there is none",
        )
        parser.add_argument(
            "--public", action="store_true", help="with --push-to-hub: everybody may read the repository"
        )

    @classmethod
    def parse(cls, flags: dict[str, Any], *, by: Person | None) -> HandingOn:
        """Read the flags; nothing is asked of any store yet.

        Raises:
            BadDestination, hub.BadRepository: a flag that makes no sense.
            Refused: a library is missing, or the person may not.
        """
        if flags["check"] and not flags["to"]:
            raise BadDestination("--check reads back what --to copied; give --to, too.")
        if flags["public"] and not flags["push_to_hub"]:
            raise BadDestination("--public is about the repository of --push-to-hub; give that, too.")
        wanted = cls(
            by=by,
            destinations=tuple(destinations.parse(text) for text in flags["to"]),
            check=flags["check"],
            repository=hub.repository_name(flags["push_to_hub"]) if flags["push_to_hub"] else "",
            public=flags["public"],
        )
        for destination in wanted.destinations:
            destination.require()
        if wanted.repository:
            hub.require()
        if wanted.asked:
            try:
                actions.require_may_deliver(by)
            except Refused as error:
                raise CommandError(str(error), returncode=BAD_ARGUMENTS) from error
        return wanted

    @property
    def asked(self) -> bool:
        """Whether the version is to go anywhere."""
        return bool(self.destinations or self.repository)

    def go(self, version: DatasetVersion, directory: Path) -> list[Delivered] | None:
        """Hand the version on to each place in turn; None where none was asked for.

        Raises:
            Refused: a place was not reached; those before it have the version.
        """
        if not self.asked:
            return None
        with progress_bar(in_bytes=True) as progress:
            done = [
                actions.deliver_version(
                    version=version,
                    directory=directory,
                    destination=destination,
                    by=self.by,
                    clock=timezone.now,
                    check=self.check,
                    progress=progress,
                )
                for destination in self.destinations
            ]
            if self.repository:
                done.append(
                    actions.push_version(
                        version=version,
                        directory=directory,
                        repository=self.repository,
                        public=self.public,
                        by=self.by,
                        clock=timezone.now,
                        progress=progress,
                    )
                )
        return done


def in_words(delivered: Delivered) -> str:
    """Return one line that says what was done."""
    if not delivered.sent:
        return f"{delivered.to}: already there, all {delivered.files} files."
    return f"{delivered.to}: {delivered.sent} of {delivered.files} files sent, {delivered.bytes:,} bytes in all."

"""``export_dataset``: release the next version, or build an existing one again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils import timezone

from collector.errors import Refused
from collector.models import Person
from exports import actions, naming, places
from exports.destinations import BadDestination
from exports.filters import BadFilter, Filter, budgets
from exports.hub import BadRepository
from exports.management.handing_on import HandingOn, in_words
from exports.management.terminal import BAD_ARGUMENTS, bad_arguments, progress_bar
from exports.models import DatasetVersion, Recipe
from exports.splits import DEFAULT, BadShares, Shares, missing_split_notes
from exports.writers.formats import FORMATS
from jobs.management.base import OneLineCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from exports.delivery import Delivered

EPILOG = """
examples:
  export_dataset                                    everything that is approved, as the next version
  export_dataset --category open_qa --category closed_qa --min-approvals 2
  export_dataset --format dolly --format chat       Parquet and JSONL are always written
  export_dataset --version v1 --root /mnt/copy      the files of v1 once more, the same bytes
  export_dataset --to s3://bucket/datasets          and copy them there, as <name>/v<N>/ below it
  export_dataset --version v1 --push-to-hub org/name   a private dataset repository, tagged v1

Nothing is made twice: if no record changed since the last version with the same filter, the command says which
version that is, prints it with --json, and exits 0.
"""


# The flags that choose what a new version holds; none of them goes with --version.
CHOOSING = (
    *("campaign", "category", "language", "min_approvals", "min_rating", "only_licence", "without_flag"),
    *("approved_from", "approved_until", "licence", "format", "without_duplicates", "most_from_one"),
    *("most_percent_from_one", "words", "tokenizer", "splits"),
)


def _only(flags: dict[str, Any], why: str) -> None:
    chosen = [name for name in CHOOSING if flags[name]]
    if chosen:
        raise CommandError(f"{why}; leave out --{chosen[0].replace('_', '-')}.", returncode=BAD_ARGUMENTS)


class Command(OneLineCommand):
    """Parse the flags, call the actions, print the answer."""

    help = (
        "Release the approved records that the filter chooses as the next dataset version: freeze them in the "
        "database, write Parquet, JSONL, card, manifest and licence into a hidden directory, and show it under its "
        "number only when "
        "every file is complete."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Let our --version (of a dataset) take the place of Django's."""
        from argparse import RawDescriptionHelpFormatter

        parser = super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EPILOG
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the flags."""
        default = settings.WOOLGATHER_DATASET_NAME
        parser.add_argument("--name", default=default, help=f"the dataset's name (default: {default})")
        parser.add_argument(
            "--campaign", action="append", default=[], metavar="SLUG", help="only this campaign; repeatable"
        )
        parser.add_argument(
            "--category", action="append", default=[], metavar="SLUG", help="only this category; repeatable"
        )
        parser.add_argument(
            "--language", action="append", default=[], metavar="TAG", help="only this language (BCP 47); repeatable"
        )
        parser.add_argument(
            "--min-approvals", type=int, default=0, metavar="N", help="only records that N reviewers approved"
        )
        parser.add_argument(
            "--min-rating", type=int, default=0, metavar="N", help="only records with a mean rating of at least N (1-5)"
        )
        parser.add_argument(
            "--only-licence", action="append", default=[], metavar="SPDX", help="only records under it; repeatable"
        )
        parser.add_argument(
            "--without-flag",
            action="append",
            default=[],
            metavar="CODE",
            help="leave out records in which the checks found this, such as copied or email; repeatable",
        )
        parser.add_argument(
            "--approved-from", default="", metavar="DAY", help="only records approved on this day (UTC) or later"
        )
        parser.add_argument(
            "--approved-until", default="", metavar="DAY", help="only records approved on this day (UTC) or earlier"
        )
        parser.add_argument(
            "--without-duplicates",
            choices=["exact", "near"],
            default="",
            help="leave out equal pairs, or all that ask nearly the same; the one approved first stays",
        )
        parser.add_argument(
            "--most-from-one", type=int, default=0, metavar="N", help="at most N records of one contributor"
        )
        parser.add_argument(
            "--most-percent-from-one",
            type=int,
            default=0,
            metavar="P",
            help="at most P percent of the records of one contributor",
        )
        parser.add_argument(
            "--words",
            action="append",
            default=[],
            metavar="CATEGORY=N",
            help="at most N words (of all three texts) of this category; repeatable",
        )
        parser.add_argument(
            "--tokenizer",
            default="",
            metavar="NAME",
            help="count --words in the tokens of this tokenizer, a directory of var/models with a tokenizer.json",
        )
        parser.add_argument(
            "--splits",
            default="",
            metavar="T/V/T",
            help="percents of train, validation and test for records that are new to the dataset (default: "
            f"{DEFAULT}); the others keep their split",
        )
        parser.add_argument(
            "--licence",
            default="",
            metavar="SPDX",
            help="the licence of the version (default: that of the campaigns); records that it can't hold are refused",
        )
        parser.add_argument(
            "--format",
            action="append",
            default=[],
            choices=sorted(FORMATS),
            help="write this format too; repeatable",
        )
        parser.add_argument("--recipe", metavar="NAME", help="choose as this recipe of the composer does")
        parser.add_argument(
            "--root", metavar="DIR", help="also write under DIR, as DIR/<name>/v<N>/ (default: var/datasets)"
        )
        parser.add_argument(
            "--version", metavar="vN", help="build this existing version again instead of making a new one"
        )
        parser.add_argument(
            "--by", metavar="EMAIL", help="who releases it: a lead or an admin (default: the installation)"
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="print one JSON line: version, path, rows, splits, sha256 (and delivered, where asked for)",
        )
        HandingOn.add_arguments(parser)

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Build; exit 1 with one line on failure, 2 on flags that make no sense."""
        home = Path(settings.WOOLGATHER_DATASETS)
        root = Path(flags["root"]).resolve() if flags["root"] else home
        said = ""
        try:
            naming.valid_name(flags["name"])
            handing_on = HandingOn.parse(flags, by=self._person(flags["by"]))
            if flags["version"]:
                version = self._existing(flags)
            else:
                version, said = self._next(flags, home)
            with progress_bar() as progress:
                built = self._build(version, root if flags["version"] else home, progress)
                if root != home and not flags["version"]:
                    # A version that is ready lies in the installation's own directory; --root gets the same bytes.
                    built = actions.rebuild_version(version=version, root=root, progress=progress)
            delivered = handing_on.go(version, built.path)
        except (naming.BadName, BadDestination, BadFilter, BadRepository, BadShares, ValidationError) as error:
            raise bad_arguments(error) from error
        except (Refused, actions.BuildFailed) as error:
            raise CommandError(str(error)) from error
        self._answer(version, built.path, built.sha256, said, delivered, as_json=flags["json"])

    def _existing(self, flags: dict[str, Any]) -> DatasetVersion:
        _only(flags, "--version builds an existing version as it was frozen")
        number = naming.version_number(flags["version"])
        versions = DatasetVersion.objects.named(flags["name"]).select_related("dataset")
        version = versions.filter(number=number).first()
        if version is None:
            known = ", ".join(f"v{number}" for number in versions.order_by("number").values_list("number", flat=True))
            raise CommandError(f"There is no {flags['name']} {flags['version']}. There are: {known or 'none yet'}.")
        return version

    def _next(self, flags: dict[str, Any], home: Path) -> tuple[DatasetVersion, str]:
        wanted = self._wanted(flags)
        try:
            version = actions.request_version(
                **wanted,
                by=self._person(flags["by"]),
                now=timezone.now(),
                url=settings.SITE_URL,
                highest_on_disk=places.highest_number(home, wanted["name"]),
            )
        except actions.NothingChanged as unchanged:
            return unchanged.version, str(unchanged)
        return version, ""

    def _wanted(self, flags: dict[str, Any]) -> dict[str, Any]:
        """Return what the flags, or the recipe, ask for."""
        if flags["recipe"]:
            _only(flags, "--recipe chooses by itself")
            recipe = Recipe.objects.filter(name=flags["recipe"]).first()
            if recipe is None:
                known = ", ".join(Recipe.objects.values_list("name", flat=True)) or "none yet"
                raise CommandError(
                    f"There is no recipe {flags['recipe']}. There are: {known}.", returncode=BAD_ARGUMENTS
                )
            return {
                "name": recipe.dataset,
                "filter": Filter.of(recipe.filter),
                "formats": recipe.formats,
                "licence": recipe.licence,
                "shares": Shares.parse(recipe.shares),
            }
        chosen = Filter(
            campaigns=tuple(flags["campaign"]),
            categories=tuple(flags["category"]),
            languages=tuple(flags["language"]),
            min_approvals=flags["min_approvals"],
            min_rating=flags["min_rating"],
            licences=tuple(flags["only_licence"]),
            without_flags=tuple(flags["without_flag"]),
            approved_from=flags["approved_from"],
            approved_until=flags["approved_until"],
            duplicates=flags["without_duplicates"],
            most_from_one=flags["most_from_one"],
            most_percent_from_one=flags["most_percent_from_one"],
            words=budgets(flags["words"]),
            tokenizer=flags["tokenizer"],
        )
        return {
            "name": flags["name"],
            "filter": chosen,
            "formats": flags["format"],
            "licence": flags["licence"],
            "shares": Shares.parse(flags["splits"]) if flags["splits"] else DEFAULT,
        }

    def _person(self, email: str | None) -> Person | None:
        if not email:
            return None
        person = Person.objects.filter(email__iexact=email, is_active=True).first()
        if person is None:
            raise CommandError(
                f"Nobody here has the address {email}. Leave --by out to release as the installation.",
                returncode=BAD_ARGUMENTS,
            )
        return person

    def _build(self, version: DatasetVersion, root: Path, progress: Any) -> Any:
        home = Path(settings.WOOLGATHER_DATASETS)
        if version.status == DatasetVersion.Status.FAILED:
            version = actions.restart_version(version=version, by=None, now=timezone.now())
        if version.is_building and root != home:
            actions.build_version(version=version, root=home, clock=timezone.now, progress=progress)
        return actions.build_version(version=version, root=root, clock=timezone.now, progress=progress)

    def _answer(
        self,
        version: DatasetVersion,
        path: Path,
        sha256: str,
        said: str,
        delivered: list[Delivered] | None,
        *,
        as_json: bool,
    ) -> None:
        splits = {split: rows for split, rows in version.splits.items() if rows}
        if as_json:
            if said:
                self.stderr.write(said)
            answer: dict[str, Any] = {
                "version": version.label,
                "path": str(path),
                "rows": version.rows,
                "splits": splits,
                "sha256": sha256,
            }
            if delivered is not None:
                answer["delivered"] = [each._asdict() for each in delivered]
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        if said:
            self.stdout.write(said)
        parts = ", ".join(f"{split} {rows:,}" for split, rows in splits.items())
        self.stdout.write(f"{version}: {version.rows:,} records ({parts})\n{path}\nmanifest sha256 {sha256}")
        if left_out := version.about.get("left_out"):
            self.stdout.write(f"Left out: {', '.join(f'{reason} {rows:,}' for reason, rows in left_out.items())}")
        for note in missing_split_notes(splits, Shares(*version.about.get("shares", DEFAULT))):
            self.stdout.write(note)
        for each in delivered or []:
            self.stdout.write(in_words(each))

"""Imports rows of other datasets."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.utils import timezone

from collector.actions.import_origins import Origin
from collector.actions.imports import UnknownCategory, import_rows
from collector.actions.people import get_person
from collector.actions.sources import find_campaign
from collector.imports.reading import Format, find_format, open_dataset, read_rows
from collector.imports.rejects import RejectsFile
from collector.management.base import HouseCommand
from collector.models import Licence

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from collector.actions.imports import Outcome
    from collector.imports.rows import Reject, Row

HELP = """Import a dataset: dolly JSONL (instruction, context, response, category), Alpaca JSON (instruction, input,
output), OASST messages (each first prompt with its best-ranked answer), chat JSONL (messages of one turn; the system
message becomes the context) or CSV with a header. A bad row never stops the import: it goes, with its line number and
the reason, to PATH.rejects.jsonl. Rows that the campaign already holds are counted as repeated, so the same file twice
adds nothing. Text is kept exactly; only CR LF becomes LF.
Example: manage.py import_dataset dolly.jsonl --as approved --licence CC-BY-SA-3.0 --source-title databricks-dolly"""


class Command(HouseCommand):
    """`manage.py import_dataset PATH`."""

    help = HELP

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The file, where it goes and what is known about it."""
        parser.add_argument("path", type=Path, metavar="PATH")
        formats = [kind.value for kind in Format]
        parser.add_argument("--format", choices=formats, help="default: found by the content")
        parser.add_argument("--campaign", default="", metavar="SLUG", help="default: the oldest open campaign")
        parser.add_argument(
            "--as",
            "--status",
            dest="status",
            choices=["submitted", "approved"],
            default="submitted",
            help="submitted rows wait for reviewers (the default), approved ones go into the next release",
        )
        parser.add_argument("--category", default="", metavar="SLUG", help="the category of rows that name none")
        parser.add_argument(
            "--category-map",
            action="append",
            default=[],
            metavar="THEIRS=OURS",
            help="read their category's name as one of ours; may be repeated",
        )
        parser.add_argument("--licence", choices=Licence.values, default="", help="default: the campaign's")
        parser.add_argument("--source-title", default="", metavar="TITLE", help="default: the file's name")
        parser.add_argument("--source-url", default="", metavar="URL")
        parser.add_argument("--language", default="", metavar="TAG", help="default: the row's, else the campaign's")
        parser.add_argument("--by", default="", metavar="EMAIL", help="who imports; they can't review these rows")
        parser.add_argument("--dry-run", action="store_true", help="count and write the rejects, add nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON line on stdout")

    def act(self, **options: Any) -> None:
        """Call the action."""
        path: Path = options["path"]
        aliases = _aliases(options["category_map"])
        began = time.monotonic()
        try:
            with (
                open_dataset(path) as file,
                RejectsFile(path, settings.WOOLGATHER_VAR / "imports") as rejects,
            ):
                kind = Format(options["format"]) if options["format"] else find_format(file, path.name)
                with _progress(file, path, quiet=options["json"]) as watched:
                    outcome = import_rows(
                        rows=watched(read_rows(file, format=kind, name=path.name)),
                        origin=Origin(
                            file_name=_shown(path.name),
                            format=kind,
                            title=options["source_title"] or _shown(path.stem),
                            url=options["source_url"],
                            licence=options["licence"],
                            language=options["language"],
                        ),
                        campaign=find_campaign(slug=options["campaign"]),
                        approved=options["status"] == "approved",
                        by=get_person(email=options["by"]) if options["by"] else None,
                        now=timezone.now(),
                        on_reject=rejects.add,
                        category=options["category"],
                        category_aliases=aliases,
                        dry_run=options["dry_run"],
                    )
        except UnknownCategory as error:
            raise CommandError(str(error), returncode=2) from error
        except (OSError, DatabaseError) as error:
            reason = " ".join(str(error).split())
            raise CommandError(f"{reason}. What was added stays; mend it and run the same command again.") from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped. What was added stays; the same command goes on from there.") from error
        seconds = time.monotonic() - began
        if options["json"]:
            self.answer(
                {
                    "rows": outcome.rows,
                    "added": outcome.added,
                    "repeated": outcome.repeated,
                    "rejected": outcome.rejected,
                    "rejects_path": _shown(str(rejects.path)) if rejects.path else "",
                    "seconds": round(seconds, 3),
                    "rows_per_second": round(outcome.rows / seconds) if seconds else 0,
                    "format": kind.value,
                    "status": options["status"],
                    "dry_run": options["dry_run"],
                }
            )
            return
        self._tell(outcome, options, rejects.path, seconds)

    def _tell(self, outcome: Outcome, options: dict[str, Any], rejects: Path | None, seconds: float) -> None:
        verb = "Would add" if options["dry_run"] else "Added"
        self.stdout.write(
            f"{verb} {outcome.added:,} as {options['status']}; {outcome.repeated:,} repeated, "
            f"{outcome.rejected:,} rejected; {outcome.rows:,} rows in {seconds:.1f} s "
            f"({outcome.rows / max(seconds, 1e-9):,.0f} rows/s)."
        )
        if rejects:
            self.stdout.write(f"Rejected rows, with line and reason: {_shown(str(rejects))}")
        if outcome.without_category:
            self.stdout.write(
                f"{outcome.without_category:,} rows name no category: they are filed as closed_qa where there is a "
                "context, else as general_qa. Choose with --category."
            )
        if outcome.added and options["status"] == "submitted":
            self.stdout.write("They wait in the review queue; --as approved imports rows that need no review.")


def _shown(name: str) -> str:
    """Return a file's name as text, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "replace")


def _aliases(pairs: list[str]) -> dict[str, str]:
    aliases = {}
    for pair in pairs:
        theirs, sign, ours = pair.rpartition("=")
        if not sign or not theirs or not ours:
            raise CommandError(f"--category-map takes THEIRS=OURS, not “{pair}”.", returncode=2)
        aliases[theirs] = ours
    return aliases


@contextmanager
def _progress(
    file: BinaryIO, path: Path, *, quiet: bool
) -> Iterator[Callable[[Iterator[Row | Reject]], Iterator[Row | Reject]]]:
    """Show how many bytes were read, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield lambda rows: rows
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Importing", total=path.stat().st_size)

        def watched(rows: Iterator[Row | Reject]) -> Iterator[Row | Reject]:
            for number, row in enumerate(rows):
                if number % 100 == 0:
                    bar.update(task, completed=file.tell())
                yield row
            bar.update(task, completed=path.stat().st_size)

        yield watched

"""What the commands share: a progress bar on a terminal, exits, and finding a version."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from exports import naming, places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAD_ARGUMENTS = 2


@contextmanager
def progress_bar(*, silent: bool = False, in_bytes: bool = False) -> Iterator[Callable[[int, int, str], None]]:
    """Yield a function that shows rows (or bytes) done, in all, and what is being done; on stderr, on a terminal."""
    if silent or not sys.stderr.isatty():
        yield lambda _done, _total, _message: None
        return
    count = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading" if in_bytes else "Freezing", total=None)

        def show(done: int, total: int, message: str) -> None:
            bar.update(task, completed=done, total=total, description=message)

        yield show


def bad_arguments(error: Exception) -> CommandError:
    """Return the error that ends a command with exit 2 and the messages on one line."""
    messages = error.messages if isinstance(error, ValidationError) else [str(error)]
    return CommandError(" ".join(messages), returncode=BAD_ARGUMENTS)


def find_directory(wanted: str, *, root: Path, name: str) -> Path:
    """Return the directory that ``wanted`` means: a version (``v2``), ``name/v2``, or a path.

    Raises:
        CommandError: there is none; the message lists those there are.
    """
    head, _, tail = wanted.rpartition("/")
    if naming.VERSION.fullmatch(tail) and not Path(wanted).is_dir():
        try:
            path = places.version_path(root, head or name, naming.version_number(tail))
        except naming.BadName as error:
            raise bad_arguments(error) from error
    else:
        path = Path(wanted)
    if path.is_dir():
        return path
    home = root / (head or name)
    known = (
        sorted(entry.name for entry in home.glob("v*") if naming.VERSION.fullmatch(entry.name)) if home.is_dir() else []
    )
    there = f"There are: {', '.join(known)}." if known else "There is none yet: make one with export_dataset."
    raise CommandError(f"There is no dataset version at {path}. {there}")

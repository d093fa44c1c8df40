"""What all of our commands share: whatever goes wrong around them ends in one line that says what to do, and exit 1."""

from __future__ import annotations

import errno
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}

MIGRATE = "The database is not set up for this version. Run `python manage.py migrate` (or `make run`) first."
SPACE = "Free some space, then run the command again."
# What SQLite says, and the beginnings of PostgreSQL's states, where the line can say more than to try again.
KNOWN = (
    (("no such table", "no such column", "has no column named"), ("42P01", "42703"), MIGRATE),
    (("disk is full",), ("53100",), f"The database's disk is full. {SPACE}"),
    (
        ("readonly database",),
        ("25006", "42501"),
        "The database may not be written. Let the user who runs this write to it, or look at DATABASE_URL.",
    ),
    (
        ("is locked",),
        ("55P03", "57014", "40"),
        "The database is busy with other work. Run the command again in a moment.",
    ),
    (
        ("unable to open database file",),
        ("08", "57P", "28", "3D", "53"),
        "The database can't be reached. See that it runs, and that DATABASE_URL (or WOOLGATHER_VAR) is right.",
    ),
)


class OneLineCommand(BaseCommand):
    """Turns what the database, the disk and Ctrl-C do to a command into one line; ``--traceback`` shows the rest."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command as Django does.

        Raises:
            CommandError: the database or the disk failed, or somebody pressed Ctrl-C.
        """
        # Those that ask for no checks need no database, nor anything else that would be written.
        if self.requires_system_checks and (failure := settings.WOOLGATHER_UNWRITABLE):
            raise CommandError(about_system(failure)) from failure
        try:
            return super().execute(*args, **options)
        except Error as error:
            raise CommandError(about_database(error)) from error
        except OSError as error:
            raise CommandError(about_system(error)) from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped. Run the same command to begin again.") from error


def about_database(error: Error) -> str:
    """Say in one line what the database did, and what to do."""
    said = _one_line(error)
    state = getattr(error.__cause__, "sqlstate", None)
    if state is None and type(error.__cause__).__module__.startswith("psycopg"):
        # psycopg gives no state to a connection that could not be made or was lost.
        state = "08" if type(error.__cause__).__name__ in {"OperationalError", "ConnectionTimeout"} else ""
    for words, states, advice in KNOWN:
        if (state and state.startswith(states)) or (not state and any(word in said.lower() for word in words)):
            return f"{advice} ({said})"
    return (
        f"The database refused: {said}. Add --traceback to see where, and look at `python manage.py migrate --check`."
    )


def about_system(error: OSError) -> str:
    """Say in one line what the disk or the network did, and what to do."""
    said = _one_line(error)
    if error.strerror and isinstance(error.filename, str):
        said = f"{error.filename}: {error.strerror}"
    if error.errno in FULL:
        return f"{said}. {SPACE}"
    if error.errno in FORBIDDEN:
        return (
            f"{said}. Give the user who runs this the right to it, or name another place (WOOLGATHER_VAR moves var/)."
        )
    return f"{said}. Mend that, then run the command again (--traceback shows where it happened)."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__

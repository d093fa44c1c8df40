"""However a command of ours fails, it says in one line what to do."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError

from jobs.management.base import OneLineCommand, about_database, about_system

ROOT = Path(__file__).resolve().parents[2]
APPS = ("collector", "exports", "jobs", "leaderboard", "operations", "training", "webhooks")
OURS = sorted(name for name, app in get_commands().items() if app in APPS)
FAILURES = [
    OperationalError("no such table: collector_person"),
    DatabaseError("of a kind that\nnobody expected"),
    InterfaceError("connection already closed"),
    OSError(errno.ENOSPC, "No space left on device", "/var/lib/woolgather"),
    KeyboardInterrupt(),
]


def fail(command: OneLineCommand, failure: BaseException, monkeypatch: pytest.MonkeyPatch) -> CommandError:
    def handle(*_args: object, **_options: object) -> None:
        raise failure

    monkeypatch.setattr(command, "handle", handle)
    with pytest.raises(CommandError) as refused:
        command.execute(no_color=False, force_color=False, skip_checks=True, stdout=None, stderr=None)
    return refused.value


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize("name", OURS)
def test_every_command_fails_in_one_line(name: str, failure: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    command = load_command_class(get_commands()[name], name)
    assert isinstance(command, OneLineCommand)
    refused = fail(command, failure, monkeypatch)
    assert refused.returncode == 1
    assert "\n" not in str(refused)
    assert len(str(refused).split()) > 4


def caused(error: DatabaseError, cause: Exception) -> DatabaseError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OperationalError("no such table: x"), "manage.py migrate"),
        (caused(ProgrammingError('relation "x" does not exist'), psycopg.errors.UndefinedTable()), "manage.py migrate"),
        (OperationalError("database or disk is full"), "Free some space"),
        (caused(OperationalError("could not extend file"), psycopg.errors.DiskFull()), "Free some space"),
        (OperationalError("attempt to write a readonly database"), "may not be written"),
        (OperationalError("database is locked"), "in a moment"),
        (caused(OperationalError("canceling statement"), psycopg.errors.LockNotAvailable()), "in a moment"),
        (OperationalError("unable to open database file"), "can't be reached"),
        (caused(OperationalError("connection refused"), psycopg.OperationalError()), "can't be reached"),
        (caused(OperationalError("terminating connection"), psycopg.errors.AdminShutdown()), "can't be reached"),
        (caused(ProgrammingError("no such table"), psycopg.errors.SyntaxError()), "--traceback"),
    ],
)
def test_the_line_says_what_to_do_about_the_database(error: DatabaseError, advice: str) -> None:
    assert advice in about_database(error)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "Free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "/proc/x"), "/proc/x: Permission denied. Give the user"),
        (ConnectionResetError("reset by peer"), "reset by peer. Mend that"),
    ],
)
def test_the_line_says_what_to_do_about_the_system(error: OSError, advice: str) -> None:
    assert advice in about_system(error)


def test_on_a_database_that_is_not_set_up_a_command_says_to_migrate(tmp_path: Path) -> None:
    surroundings = os.environ | {"WOOLGATHER_VAR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path / 'new.db'}"}
    done = subprocess.run(
        [sys.executable, "manage.py", "create_token", "ada@example.com", "--json"],
        cwd=ROOT,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "manage.py migrate" in done.stderr

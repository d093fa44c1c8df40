"""Copying the database at one moment, and putting a copy in its place: PostgreSQL by its own tools."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

SQLITE, POSTGRESQL = "sqlite", "postgresql"
# What is counted again when it is needed; it is neither copied nor missed.
PASSING = {"cache"}
# What libpq understands of Django's connection parameters; the password goes by the environment.
CONNINFO = re.compile(r"host|hostaddr|port|user|dbname|sslmode|ssl\w+|service|passfile|connect_timeout|gssencmode")
DEBIAN = Path("/usr/lib/postgresql")


class NotPossible(Exception):
    """The database can't be copied or replaced; ``str()`` says why and what to do."""


class Cursor(Protocol):
    """What both drivers' cursors can do."""

    def execute(self, sql: str, params: Any = None, /) -> object:
        """Run a query."""

    def fetchall(self) -> list[Any]:
        """Return its rows."""


def facts(cursor: Cursor, tables: list[str]) -> dict[str, Any]:
    """Return what a restored database must equal: rows of each table, the ledger's sums, and the migrations."""

    def one(sql: str) -> int:
        cursor.execute(sql)
        return int(cursor.fetchall()[0][0] or 0)

    counted = sorted(set(tables) - PASSING)
    found: dict[str, Any] = {"tables": {name: one(f'SELECT COUNT(*) FROM "{name}"') for name in counted}}  # noqa: S608 - names from the catalogue
    sums = {
        "awards": ("collector_award", "SELECT SUM(points) FROM collector_award"),
        "standings": (
            "collector_standing",
            "SELECT SUM(points) FROM collector_standing WHERE period = 'all' AND campaign = 0 AND category = 0",
        ),
        "characters": ("collector_revision", "SELECT SUM(LENGTH(response)) FROM collector_revision"),
    }
    found["ledger"] = {name: one(sql) for name, (table, sql) in sums.items() if table in counted}
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
    found["migrations"] = [f"{app}.{name}" for app, name in cursor.fetchall()]
    found["datasets"] = _versions(cursor) if "exports_datasetversion" in counted else []
    return found


def _versions(cursor: Cursor) -> list[dict[str, Any]]:
    """Describe each dataset version, so that what is built again can be compared."""
    cursor.execute(
        "SELECT d.name, v.number, v.status, v.rows, v.manifest_sha256 FROM exports_datasetversion v "
        "JOIN exports_dataset d ON d.id = v.dataset_id ORDER BY d.name, v.number"
    )
    names = ("name", "version", "status", "rows", "sha256")
    return [dict(zip(names, (name, f"v{number}", *rest), strict=True)) for name, number, *rest in cursor.fetchall()]


def sqlite_facts(path: Path) -> dict[str, Any]:
    """Return the facts of a SQLite file."""
    with closing(sqlite3.connect(path)) as opened:
        cursor = opened.cursor()
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        return facts(cursor, [name for (name,) in cursor.fetchall()])


def copy_sqlite(source: Path, target: Path) -> dict[str, Any]:
    """Copy a SQLite database that is being written to, as it is at one moment; returns its facts.

    Raises:
        NotPossible
    """
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=20)) as opened:
            # One reading transaction: writers go on, and the online backup's starting again at every write is spared.
            opened.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise NotPossible(_sqlite_said(error, target)) from error
    return sqlite_facts(target)


def _sqlite_said(error: sqlite3.Error, target: Path) -> str:
    if "full" in str(error) or "I/O" in str(error):
        return full(target.parent)
    return f"The database could not be copied ({error})."


def full(home: Path) -> str:
    """Say that there is no space, and what to do."""
    return (
        f"The disk that holds {home} is full, or a file may not grow so large there: nothing was written. "
        "Free some space or give another place with --output, then try again."
    )


# -- PostgreSQL -----------------------------------------------------------------------------------------------


def tool(name: str, server: int) -> str:
    """Return the path of ``pg_dump`` or ``pg_restore`` that is at least as new as the server.

    Raises:
        NotPossible: there is none; says what to install.
    """
    candidates = [shutil.which(name) or "", *(str(path) for path in sorted(DEBIAN.glob(f"*/bin/{name}"), reverse=True))]
    seen = []
    for candidate in filter(None, candidates):
        said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False).stdout
        major = re.search(r"\) (\d+)", said)
        if major and int(major[1]) >= server:
            return candidate
        seen.append(said.strip())
    there = f"; there is only {seen[0]}" if seen else ""
    raise NotPossible(
        f"PostgreSQL {server} needs {name} of version {server} or newer here{there}. Install it (Debian: "
        f"apt-get install postgresql-client-{server}; the image has it), then try again."
    )


def environment(connection: BaseDatabaseWrapper) -> tuple[str, dict[str, str]]:
    """Return the connection as libpq reads it, and an environment that holds the password."""
    from psycopg.conninfo import make_conninfo

    given = connection.get_connection_params()
    plain = {key: value for key, value in given.items() if CONNINFO.fullmatch(key)}
    password = {"PGPASSWORD": str(given["password"])} if given.get("password") else {}
    return make_conninfo("", **plain), {**os.environ, **password}


@contextmanager
def own_connection() -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection of its own, without the time limits that requests have."""
    opened = connections.create_connection("default")
    try:
        with opened.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        yield opened
    finally:
        opened.close()


def copy_postgresql(target: Path) -> dict[str, Any]:
    """Dump the database with pg_dump and count it, both as they are at one moment; returns the facts.

    Raises:
        NotPossible
    """
    with own_connection() as opened:
        opened.set_autocommit(False)
        with opened.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version_num')::int / 10000")
            snapshot, server = cursor.fetchall()[0]
            conninfo, variables = environment(opened)
            command = [
                *(tool("pg_dump", server), "--format=custom", "--compress=1", f"--snapshot={snapshot}"),
                *("--schema=public", "--no-owner", "--no-privileges", "--lock-wait-timeout=60000"),
                *(f"--exclude-table-data={name}" for name in sorted(PASSING)),
                *(f"--file={target}", f"--dbname={conninfo}"),
            ]
            _run(command, variables, target)
            found = facts(cursor, opened.introspection.table_names(cursor))
        opened.rollback()
    return found


def _run(command: list[str], variables: dict[str, str], target: Path) -> None:
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPossible(_tool_said(Path(command[0]).name, done, target))


def _tool_said(name: str, done: subprocess.CompletedProcess[str], target: Path) -> str:
    # pg_dump names the reason in the last line but for a full disk, where a signal may have ended it.
    if "No space left" in done.stderr or "File too large" in done.stderr or done.returncode < 0:
        return full(target.parent)
    said = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
    return f"{name} failed: {said[-1]}"


ASIDE = "woolgather_before_restore"
BACK = f"DROP SCHEMA public CASCADE; ALTER SCHEMA {ASIDE} RENAME TO public"


def put_back() -> bool:
    """Undo a restore that was killed in the middle; returns whether there was one.

    What was here before it still lies aside; what lies in its place was never compared with the backup.

    Raises:
        NotPossible: somebody uses the database.
    """
    if connections["default"].vendor == "sqlite":
        path = sqlite_path()
        aside = _aside(path)
        if not aside.exists():
            return False
        _take_away(path)
        aside.rename(path)
        return True
    with own_connection() as opened, opened.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [ASIDE])
        if cursor.fetchone() is None:
            return False
        _require_alone(cursor)
        cursor.execute(BACK)
    return True


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.before-restore")


def _take_away(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def replaced_postgresql(dump: Path) -> Iterator[dict[str, Any]]:
    """Restore a dump into a fresh schema and yield its facts; should the body raise, what was there comes back.

    Raises:
        NotPossible
    """
    with own_connection() as opened, opened.cursor() as cursor:
        _require_alone(cursor)
        server = opened.pg_version // 10000  # type: ignore[attr-defined]
        pg_restore = tool("pg_restore", server)
        cursor.execute(f"ALTER SCHEMA public RENAME TO {ASIDE}; CREATE SCHEMA public")
        try:
            conninfo, variables = environment(opened)
            command = [
                *(pg_restore, "--schema=public", "--no-owner", "--no-privileges", "--exit-on-error"),
                *(f"--jobs={min(4, os.cpu_count() or 1)}", f"--dbname={conninfo}", str(dump)),
            ]
            _run(command, variables, dump)
            cursor.execute("ANALYZE")
            yield facts(cursor, opened.introspection.table_names(cursor))
        except BaseException:
            cursor.execute(BACK)
            raise
        cursor.execute(f"DROP SCHEMA {ASIDE} CASCADE")


def _require_alone(cursor: Any) -> None:
    cursor.execute(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    if others := cursor.fetchall()[0][0]:
        raise NotPossible(
            f"{others} other connections use this database. Stop web, worker and beat first, then try again."
        )


def sqlite_path() -> Path:
    """Return where the SQLite database lies."""
    return Path(connections["default"].settings_dict["NAME"])


@contextmanager
def replaced_sqlite(copy: Path, path: Path) -> Iterator[dict[str, Any]]:
    """Put a copy in the database's place and yield its facts; should the body raise, what was there comes back.

    Raises:
        NotPossible
    """
    try:
        with closing(sqlite3.connect(copy)) as opened:
            fault = opened.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise NotPossible(f"The copy of the database can't be opened ({error}).") from error
    if fault != "ok":
        raise NotPossible(f"The copy of the database is damaged ({fault}).")
    found = sqlite_facts(copy)
    aside = _aside(path)
    if path.exists():
        _settle(path)
        path.rename(aside)
    try:
        os.link(copy, path)
        path.chmod(0o600)
        yield found
    except BaseException:
        connections["default"].close()
        _take_away(path)
        if aside.exists():
            aside.rename(path)
        raise
    aside.unlink(missing_ok=True)


def _settle(path: Path) -> None:
    """Write the log into the database and take the log away, which only the last one to have it open can do."""
    try:
        with closing(sqlite3.connect(path, timeout=2)) as opened:
            opened.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        raise NotPossible(
            "The database is in use. Stop Woolgather (Ctrl-C where `make run` runs), then try again."
        ) from error

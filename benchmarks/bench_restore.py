"""The restore drill: fill an installation, back it up, restore it elsewhere, and compare counts, ledger and versions.

Prints seconds and sizes of each step, the bytes a submission takes in the database, and how long the latest migrations
take on that many rows (backwards, then forwards again).

Usage: python benchmarks/bench_restore.py [--rows 200000] [--database postgres://…/name] (two, made and dropped)
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# Backwards to these, then forwards again: the schema changes that an upgrade from the version before would bring.
BEFORE = {"collector": "0010", "exports": "0007", "training": "zero"}
APPLIED = re.compile(r"Applying (\S+)\.\.\. OK \(([\d.]+)s\)")


class Installation:
    """One installation of the drill."""

    def __init__(self, home: Path, database: str) -> None:
        self.home = home
        home.mkdir()
        self.variables = {
            **os.environ,
            "WOOLGATHER_VAR": str(home),
            "DATABASE_URL": database or f"sqlite:///{home / 'db.sqlite3'}",
            "WOOLGATHER_EMBEDDED": "1",
            "REDIS_URL": "",
            "LOG_LEVEL": "WARNING",
        }

    def manage(self, *arguments: str) -> str:
        """Run a command; returns what it printed."""
        return self.run(["manage.py", *arguments])

    def run(self, arguments: list[str]) -> str:
        """Run Python; returns what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{arguments} failed:\n{done.stderr[-3000:]}")
        return done.stdout


def timed(said: str, work: Any) -> Any:
    """Do, and print how long it took."""
    began = time.monotonic()
    result = work()
    print(f"{said:<44} {time.monotonic() - began:8.1f} s", flush=True)
    return result


def migrations(installation: Installation) -> None:
    """Take the latest migrations back and apply them again, and print what each took."""
    for app, name in BEFORE.items():
        installation.manage("migrate", app, name, "-v", "0")
    applied = APPLIED.findall(installation.manage("migrate", "-v", "2", "--no-color"))
    for name, seconds in sorted(applied, key=lambda pair: -float(pair[1])):
        print(f"  forward {name:<36} {float(seconds):8.2f} s")


def sizes() -> None:
    """Print what the database takes, the largest tables with their indexes first; runs inside the installation."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM collector_submission")
        rows = cursor.fetchone()[0]
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' "
                "AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC LIMIT 8"
            )
            tables = cursor.fetchall()
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            tables = []
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        total = cursor.fetchone()[0]
    print(f"  database {total / 2**20:,.0f} MiB, {total / rows:,.0f} bytes a submission with all that belongs to it")
    for name, size in tables:
        print(f"  {name:<36} {size / 2**20:8,.0f} MiB {size / rows:8,.0f} bytes a submission")


def drill(rows: int, databases: tuple[str, str], home: Path) -> None:
    """Fill, back up, restore, compare."""
    here, there = Installation(home / "here", databases[0]), Installation(home / "there", databases[1])
    here.manage("migrate", "-v", "0")
    here.manage("createcachetable")
    timed(f"fill with {rows:,} submissions", lambda: here.run([__file__, "--step", "fill", "--rows", str(rows)]))
    print(here.run([__file__, "--step", "sizes"]), end="")
    version = timed("export_dataset", lambda: json.loads(here.manage("export_dataset", "--json")))
    print(f"  {version['rows']:,} records, manifest {version['sha256'][:16]}…")
    made = timed("backup", lambda: json.loads(here.manage("backup", "--json")))
    print(f"  {made['bytes'] / 2**20:,.0f} MiB, {made['engine']}, the command itself {made['seconds']} s")
    timed("restore --check", lambda: there.manage("restore", made["path"], "--check"))
    restored = timed("restore", lambda: json.loads(there.manage("restore", made["path"], "--json")))
    print(f"  the command itself {restored['seconds']} s")
    assert restored["tables"] == made["tables"], "the counts differ"
    assert restored["ledger"] == made["ledger"], "the ledger differs"
    print(
        f"  {sum(made['tables'].values()):,} rows in {len(made['tables'])} tables equal; ledger {made['ledger']} equal"
    )
    checked = json.loads(there.manage("rebuild_standings", "--check", "--json"))
    assert checked["is_right"], checked
    print(f"  {checked['rows']:,} rows of the boards equal the ledger")
    again = timed("export_dataset --version v1 there", lambda: rebuilt(there))
    assert again["sha256"] == version["sha256"], "the version differs"
    print("  the version built there has the same bytes")
    timed("the latest migrations, back and forward", lambda: migrations(there))


def rebuilt(installation: Installation) -> dict[str, Any]:
    """Build the version again."""
    said: dict[str, Any] = json.loads(installation.manage("export_dataset", "--version", "v1", "--json"))
    return said


def inside(step: str, rows: int) -> None:
    """Do one step in this process, within the installation that the environment names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    if step == "fill":
        from benchmarks.bulk import fill

        fill(rows)
    else:
        sizes()


def main() -> None:
    """Parse the flags and run the drill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rows", type=int, default=20_000, help="submissions (20,000; the drill of the guide: 200,000)"
    )
    parser.add_argument("--database", default="", help="a PostgreSQL server; default: SQLite")
    parser.add_argument("--step", choices=["fill", "sizes"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        inside(options.step, options.rows)
        return
    with tempfile.TemporaryDirectory(prefix="woolgather-drill-") as home:
        if not options.database:
            drill(options.rows, ("", ""), Path(home))
            return
        import psycopg

        server, _, name = options.database.rpartition("/")
        names = (f"{name}_drill_here", f"{name}_drill_there")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as opened:
            for each in names:
                opened.execute(f'DROP DATABASE IF EXISTS "{each}" WITH (FORCE)'.encode())
                opened.execute(f'CREATE DATABASE "{each}"'.encode())
            try:
                drill(options.rows, (f"{server}/{names[0]}", f"{server}/{names[1]}"), Path(home))
            finally:
                for each in names:
                    opened.execute(f'DROP DATABASE "{each}" WITH (FORCE)'.encode())


if __name__ == "__main__":
    main()

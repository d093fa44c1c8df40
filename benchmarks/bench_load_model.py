"""What one request, one record and one version cost here: the measured inputs of docs/scaling.md.

A process of its own fills an installation (SQLite, or the PostgreSQL that is named) and asks its hot pages through
Django's own client, without network and web server: the processor time that the application itself needs, beside which
a database of another process needs its own. Texts have dolly's length.

Usage: python benchmarks/bench_load_model.py [--rows 5000] [--requests 60] [--database postgres://…/name]
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def asked(said: str, times: int, ask: Callable[[], Any], fine: tuple[int, ...] = (200,)) -> None:
    """Ask so many times, and print the processor time and the time on the clock of one."""
    ask()
    cpu, clock = [], []
    for _number in range(times):
        before, began = time.process_time(), time.perf_counter()
        answer = ask()
        clock.append(time.perf_counter() - began)
        cpu.append(time.process_time() - before)
        assert answer.status_code in fine, (said, answer.status_code, answer.content[:300])
    print(f"{said:<26} CPU {1000 * median(cpu):7.1f} ms   clock {1000 * median(clock):7.1f} ms", flush=True)


def measure(rows: int, requests: int) -> None:
    """Fill, ask, export; within the installation that the environment names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from benchmarks import bulk
    from benchmarks.bench_export import texts
    from benchmarks.bench_restore import sizes
    from collector.actions.campaigns import accept_terms
    from collector.models import Campaign, Category, Person

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    bulk.fill(rows, people=200, reviewers=10)
    sizes()
    campaign = Campaign.objects.get(slug="first-campaign")
    terms = campaign.terms.get()
    author = Person.objects.get(handle="bulk-0")
    judge = Person.objects.get(handle="bulk-205")
    for person in (author, judge):
        if not terms.acceptances.filter(person=person).exists():
            accept_terms(terms=terms, by=person, now=django_now())
    category = Category.objects.get(slug="open_qa")

    def client(person: Person) -> Client:
        made = Client(headers={"host": "localhost"})
        made.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        return made

    writer, reader = client(author), client(judge)
    write, text = f"/write/{category.slug}/", texts(random.Random(5), 1)
    words = {name: text[name] for name in ("instruction", "context", "response")}
    key = str(uuid.uuid4())
    version = iter(range(10_000))

    def autosave() -> Any:
        return writer.post(f"{write}draft/", {**words, "id": key, "version": next(version), "language": "en"})

    def submit() -> Any:
        own = {**words, "instruction": f"{uuid.uuid4()} {words['instruction']}"}
        return writer.post(write, {**own, "id": str(uuid.uuid4()), "version": 0, "language": "en"})

    asked("home", requests, lambda: writer.get("/"))
    asked("write, the form", requests, lambda: writer.get(write))
    asked("autosave", requests, autosave)
    asked("submit", requests, submit, (302,))
    asked("review, next item", requests, lambda: reader.get("/review/", follow=True))
    asked("leaderboard", requests, lambda: writer.get("/leaderboard/"))
    asked("mine", requests, lambda: writer.get("/mine/"))
    asked("API, submissions", requests, lambda: writer.get("/api/v1/submissions/"))
    before, began = time.process_time(), time.perf_counter()
    call_command("export_dataset", json=True)
    cpu, clock = time.process_time() - before, time.perf_counter() - began
    print(f"export: {rows / clock:,.0f} records/s on the clock, {1e6 * cpu / rows:,.0f} µs of CPU a record")
    from django.conf import settings

    held = sum(path.stat().st_size for path in Path(settings.WOOLGATHER_DATASETS).rglob("*") if path.is_file())
    print(f"a version: {held / rows:,.0f} bytes a record on the disk (Parquet and JSONL)")


def django_now() -> Any:
    """Return the time as the app sees it."""
    from django.utils import timezone

    return timezone.now()


def main() -> None:
    """Make an installation, and measure in a process that has it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000, help="submissions that are there (5,000)")
    parser.add_argument("--requests", type=int, default=60, help="of each kind (60)")
    parser.add_argument("--database", default="", help="a PostgreSQL server; default: SQLite")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        measure(options.rows, options.requests)
        return
    server, _, name = options.database.rpartition("/")
    with tempfile.TemporaryDirectory(prefix="woolgather-model-") as home:
        variables = {
            **os.environ,
            "WOOLGATHER_VAR": home,
            "WOOLGATHER_EMBEDDED": "1",
            "DATABASE_URL": f"{server}/{name}_model" if server else f"sqlite:///{home}/db.sqlite3",
            "REDIS_URL": "",
            "LOG_LEVEL": "ERROR",
        }
        if server:
            administer(
                server, f'DROP DATABASE IF EXISTS "{name}_model" WITH (FORCE)', f'CREATE DATABASE "{name}_model"'
            )
        try:
            arguments = ["--inside", "--rows", str(options.rows), "--requests", str(options.requests)]
            subprocess.run([sys.executable, __file__, *arguments], cwd=ROOT, env=variables, check=True)
        finally:
            if server:
                administer(server, f'DROP DATABASE "{name}_model" WITH (FORCE)')


def administer(server: str, *commands: str) -> None:
    """Run commands on the server itself."""
    import psycopg

    with psycopg.connect(f"{server}/postgres", autocommit=True) as opened:
        for command in commands:
            opened.execute(command.encode())


if __name__ == "__main__":
    main()

"""Release of generated rows: rows per second and peak memory of each step, beside COPY and a plain ORM build.

Each step is a process of its own, so that its peak memory is its own. The rows have about 917 bytes, as dolly's have.

Usage: python benchmarks/bench_export.py [--rows 15015 100000] [--database postgres://…/name] (made and dropped)
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
MIB = 1024
VOCABULARY = [f"w{number:x}rd" for number in range(20_000)]
CATEGORIES = ("brainstorming", "classification", "closed_qa", "open_qa")


# -- The rows ---------------------------------------------------------------------------------------------


def fill(rows: int) -> None:
    """Put approved submissions with one revision each straight into the tables."""
    from django.db import connection, transaction

    from collector.models import Campaign, Category, Person, Revision, Submission

    author = Person.objects.create_user("bench@example.com", display_name="Bench", handle="bench")
    campaign = Campaign.objects.get(slug="first-campaign")
    terms = campaign.terms.first()
    categories = list(Category.objects.filter(slug__in=CATEGORIES))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    batch = 5_000

    def submissions(first: int) -> Iterator[Submission]:
        for number in range(first, min(first + batch, rows)):
            yield Submission(
                id=uuid.UUID(int=chance.getrandbits(128), version=4),
                author=author,
                campaign=campaign,
                category=categories[number % len(categories)],
                terms=terms,
                status="approved",
                revision_number=1,
                created_at=now,
                submitted_at=now,
                approved_at=now,
                updated_at=now,
            )

    chance = random.Random(7)
    for first in range(0, rows, batch):
        with transaction.atomic():
            made = Submission.objects.bulk_create(submissions(first))
            Revision.objects.bulk_create(
                Revision(submission=submission, number=1, created_at=now, **texts(chance, first + number))
                for number, submission in enumerate(made)
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def texts(chance: random.Random, number: int) -> dict[str, Any]:
    """Return the texts of one row; one in four has a context."""
    from collector.pairs import Text

    def words(count: int) -> str:
        return " ".join(chance.choices(VOCABULARY, k=count))

    text = Text(
        instruction=f"{words(12)}?",
        context=f"“{words(100)}”\n\n{words(100)}" if number % 4 == 2 else "",
        response=f"{words(30)}\n- {words(30)}\n- “{words(20)}”",
    )
    fingerprint = f"{chance.getrandbits(256):064x}"
    return {
        **asdict(text),
        **text.words(),
        "language": "en",
        "fingerprint": fingerprint,
        "instruction_fingerprint": fingerprint,
    }


# -- The steps --------------------------------------------------------------------------------------------

COLUMNS = (
    *("submission_id", "revision__instruction", "revision__context", "revision__response", "category"),
    *("revision__language", "campaign", "licence", "source_title", "source_url", "contributor"),
    *("revision__number", "approvals", "approved_at"),
)


def copy(_directory: Path) -> None:
    """PostgreSQL's COPY of the frozen rows to nowhere; on SQLite, the driver's own tuples."""
    from django.db import connection

    from exports.models import DatasetRecord

    sql, params = DatasetRecord.objects.order_by("position").values_list(*COLUMNS).query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute(sql, params)
            while cursor.fetchmany(1_000):
                pass
            return
        with cursor.copy(f"COPY ({sql}) TO STDOUT") as reader:
            for _data in reader:
                pass


def plain(directory: Path) -> None:
    """The same files as an ordinary ORM programme writes them: .iterator(), a Parquet writer, JSON lines, hashes."""
    import hashlib

    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq

    from exports.models import DatasetRecord
    from exports.schema import Record, arrow_schema, as_json

    directory.mkdir()
    records = DatasetRecord.objects.order_by("position").select_related("revision")
    pending: list[Record] = []
    with (
        pq.ParquetWriter(directory / "all.parquet", arrow_schema(), compression="zstd", compression_level=3) as parquet,
        (directory / "all.jsonl").open("wb") as lines,
    ):

        def flush() -> None:
            columns: Any = list(zip(*pending, strict=True))
            arrays = [pa.array(column, field.type) for column, field in zip(columns, arrow_schema(), strict=True)]
            parquet.write_batch(pa.record_batch(arrays, schema=arrow_schema()))
            pending.clear()

        for row in records.iterator(chunk_size=2_000):
            text = row.revision
            record = Record(
                *(str(row.submission_id), text.instruction, text.context, text.response, row.category, text.language),
                *(row.campaign, row.licence, row.source_title, row.source_url, row.contributor, text.number),
                *(row.approvals, row.approved_at),
            )
            lines.write(orjson.dumps(as_json(record)) + b"\n")
            pending.append(record)
            if len(pending) == 5_000:
                flush()
        if pending:
            flush()
    for path in directory.iterdir():
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")


def freeze(_directory: Path) -> None:
    """Choose, number and hash the membership of a version in one transaction."""
    from exports import actions
    from exports.filters import Filter

    actions.request_version(name="bench", filter=Filter(), formats=[], by=None, now=datetime.now(UTC))


def build(directory: Path) -> None:
    """Write the whole version: Parquet, JSON lines, papers, hashes, and read every file again before it appears."""
    from exports import actions
    from exports.models import DatasetVersion

    version = DatasetVersion.objects.get()
    actions.build_version(version=version, root=directory, clock=lambda: datetime.now(UTC))


def verify(directory: Path) -> None:
    """Read every file again and compare it with the manifest."""
    from exports import manifest

    report = manifest.verify(directory.with_name("build") / "bench" / "v1")
    assert not report.faults, report.faults


STEPS = {step.__name__: step for step in (freeze, copy, plain, build, verify)}


def run_step(name: str, rows: int, directory: Path) -> None:
    """In a process of its own: set Django up, do one step, print seconds and peak memory in MiB."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    begin = time.perf_counter()
    if name == "fill":
        fill(rows)
    else:
        STEPS[name](directory / name)
    print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB)


# -- The table --------------------------------------------------------------------------------------------


def measure(database: str, rows: int) -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"WOOLGATHER_VAR": folder, "DATABASE_URL": database, "WOOLGATHER_EMBEDDED": "1"}
        if not database:
            environment.pop("DATABASE_URL")
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
        kind = "PostgreSQL" if database else "SQLite"
        print(
            f"\n{kind}, {rows:,} rows\n{'step':10} {'rows/s':>12} {'seconds':>9} {'peak MiB':>9} {'against COPY':>13}"
        )
        figures: dict[str, float] = {}
        for name in ("fill", *STEPS):
            command = [sys.executable, __file__, "--step", name, "--rows", str(rows), "--into", folder]
            done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
            seconds, peak = map(float, done.stdout.split())
            figures[name] = rows / seconds
            share = f"{figures[name] / figures['copy']:13.2f}" if "copy" in figures and name != "copy" else ""
            print(f"{name:10} {figures[name]:12,.0f} {seconds:9.2f} {peak:9.0f} {share}", flush=True)
        print(
            f"build: {figures['build'] / figures['copy']:.2f} of COPY, "
            f"{figures['build'] / figures['plain']:.1f} times the plain ORM build"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[15_015, 100_000])
    parser.add_argument("--database", default="", help="a PostgreSQL URL whose database is made here and dropped")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.rows[0], options.into)
        return
    for rows in options.rows:
        measure("", rows)
        if options.database:
            with made(options.database):
                measure(options.database, rows)


class made:  # noqa: N801 - reads as what it does
    """Make a PostgreSQL database and drop it afterwards."""

    def __init__(self, url: str) -> None:
        self._server, _slash, self._name = url.rpartition("/")

    def _run(self, statement: str) -> None:
        import psycopg
        from psycopg import sql

        with psycopg.connect(f"{self._server}/postgres", autocommit=True) as server:
            server.execute(sql.SQL(statement).format(sql.Identifier(self._name)))

    def __enter__(self) -> None:
        self._run("DROP DATABASE IF EXISTS {}")
        self._run("CREATE DATABASE {}")

    def __exit__(self, *_error: object) -> None:
        self._run("DROP DATABASE {}")


if __name__ == "__main__":
    main()

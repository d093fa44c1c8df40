"""The near-duplicate look-up: time at growing size, recall and precision on planted pairs, and the speed of the checks.

Measured on SQLite and, where WOOLGATHER_TEST_DATABASE_URL or DATABASE_URL names a PostgreSQL server, on a database of
its own there, which is made and dropped. The baseline, in the same run, is what there would be without an index: to
read all instructions and compare each.

Usage: python benchmarks/bench_near.py [--sizes 1000 10000 100000] [--crowd 50000] [--data dolly-15k.jsonl]
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # started by its path, so that only this folder is there

from benchmarks import near_texts  # noqa: E402 - found by the line above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLANTED = 300
BASELINE_RUNS = 3
CROWD_TEXT = "Name three rivers of northern Italy and say into which sea each of them flows."


class Planted(NamedTuple):
    """A text to look up, the instruction that it was made of ("" for none), and how."""

    kind: str
    origin: str
    asked: str


def plant(texts: list[str], unseen: list[str], chance: random.Random) -> list[Planted]:
    """Make what is looked up: half edited copies, and texts that nobody has asked."""
    some = [text for text in texts if len(text.split()) >= 4 and len(text) < 600]
    planted = []
    for text in chance.sample(some, PLANTED):
        planted.append(Planted("typing errors", text, near_texts.with_typing_errors(text, chance)))
        planted.append(Planted("paraphrase", text, near_texts.paraphrased(text, chance)))
    planted += [Planted("not asked yet", "", text) for text in unseen]
    return [one for one in planted if one.origin != one.asked]


def timed(work: Callable[..., object], *arguments: object) -> float:
    """Return milliseconds."""
    begin = time.perf_counter()
    work(*arguments)
    return (time.perf_counter() - begin) * 1000


def quantile(values: list[float], share: float) -> float:
    """Return the value below which this share lies (nearest rank)."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def add(texts: list[str], start: int) -> float:
    """Import the instructions as approved pairs, and return the rows per second."""
    from django.utils import timezone

    from collector.actions.import_origins import Origin
    from collector.actions.imports import import_rows
    from collector.imports.rows import Row
    from collector.models import Campaign

    campaign = Campaign.objects.open().earliest("created_at")
    begin = time.perf_counter()
    outcome = import_rows(
        rows=(
            Row(line=at, raw="", instruction=text, context="", response=f"Answer {start + at}.")
            for at, text in enumerate(texts)
        ),
        origin=Origin(file_name="bench", format="dolly", title="bench"),
        campaign=campaign,
        approved=True,
        by=None,
        now=timezone.now(),
        on_reject=lambda reject: sys.exit(f"rejected: {reject.reason}"),
        category="general_qa",
    )
    if outcome.added != len(texts):
        sys.exit(f"{outcome.added} of {len(texts)} rows were added")
    return len(texts) / (time.perf_counter() - begin)


def compare_all(asked: str) -> list[tuple[float, int]]:
    """Return the three nearest by reading and comparing every instruction: the baseline."""
    from collector.checks.words import likeness, runs
    from collector.models import Revision

    said = runs(asked)
    rows = Revision.objects.order_by().values_list("pk", "instruction").iterator(chunk_size=5000)
    return sorted(((likeness(said, runs(text)), pk) for pk, text in rows), reverse=True)[:3]


def look_up(name: str, size: int, planted: list[Planted], speed: float) -> None:
    """Print a line of times, and one of what was found for each kind."""
    from collector.near_queries import nearest

    for one in planted[:20]:
        nearest(instruction=one.asked)  # the first ones prepare statements and fill caches
    times: list[float] = []
    hits: dict[str, list[int]] = {}
    for one in planted:
        begin = time.perf_counter()
        neighbours = nearest(instruction=one.asked)
        times.append((time.perf_counter() - begin) * 1000)
        found = [neighbour.revision.instruction for neighbour in neighbours]
        hit, right, shown, asked = hits.setdefault(one.kind, [0, 0, 0, 0])
        hits[one.kind] = [
            hit + (one.origin in found if one.origin else bool(found)),
            right + found.count(one.origin),
            shown + len(found),
            asked + 1,
        ]
    p50, p95 = quantile(times, 0.5), quantile(times, 0.95)
    base = quantile([timed(compare_all, one.asked) for one in planted[:BASELINE_RUNS]], 0.5)
    print(
        f"{name:11}{size:9,} {p50:9.1f} {p95:9.1f} {max(times):9.1f} {base:12,.0f} {base / p50:10,.0f} {speed:12,.0f}"
    )
    for kind, (hit, right, shown, asked) in hits.items():
        if kind == "not asked yet":
            print(f"{'':11}  {kind:15} {asked:4} asked, {hit / asked:6.1%} with a note")
        else:
            precision = right / shown if shown else 0.0
            print(f"{'':11}  {kind:15} {asked:4} asked, recall {hit / asked:6.1%}, precision {precision:6.1%}")


def measure(name: str, sizes: list[int], crowd: int, data: Path | None) -> None:
    """Fill the database that the environment names, step by step, and print the figures of each step."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, skip_checks=True)
    chance = random.Random(20230412)
    wanted = max(sizes) + PLANTED
    texts = near_texts.from_file(data, wanted, PLANTED, chance) if data else near_texts.generated(wanted, chance)
    # Taken from the front, where a file's real instructions are; what is looked up for nothing is never stored.
    unseen, texts = texts[:PLANTED], texts[PLANTED:]
    stored = 0
    for size in sorted(sizes):
        speed = add(texts[stored:size], stored)
        stored = size
        look_up(name, size, plant(texts[: min(sizes)], unseen, random.Random(5)), speed)
    if crowd:
        add([CROWD_TEXT] * crowd, stored)
        asked = [Planted("crowd", CROWD_TEXT, CROWD_TEXT.replace("three", str(number))) for number in range(4, 104)]
        print(f"{'':11}  with {crowd:,} equal instructions more, looked for:")
        look_up(name, stored + crowd, asked, 0)


def check_speed() -> None:
    """Print the time of each check on texts that a careless pattern would search back and forth in."""
    import django

    django.setup()
    from collector import checks
    from collector.checks import copied, language, markers, personal, secrets
    from collector.pairs import Text

    hostile = ["a", "a ", "1 ", "+1", "a@", "a.", "<|", "eyJ", "\n### ", "4111 ", "030 123456 ", "password=", "漢"]
    work: dict[str, Callable[[str], object]] = {
        "copied, from itself": lambda text: copied.check(text, text),
        "language": lambda text: language.check("response", text, "de"),
        "e-mail": personal.emails,
        "phone": lambda text: personal.phones(text, "en"),
        "card": personal.cards,
        "secret": secrets.secrets,
        "marker": markers.markers,
        "invisible": markers.invisible,
    }
    print(f"\n{'check, 100,000 characters':28} {'of “a”, ms':>12} {'worst, ms':>12}  of")
    for name, check in work.items():
        check("An ordinary sentence comes first, as the tables are read once. +1 415 555 2671")
        times = {text: timed(check, text * (100_000 // len(text))) for text in hostile}
        worst = max(times, key=lambda text: times[text])
        print(f"{name:28} {times['a']:12.1f} {times[worst]:12.1f}  {worst!r}")
    long = " ".join(near_texts.generated(12_000, random.Random(3)))[:1_000_000]
    pair = Text(instruction="Repeat it.", context=long, response=long)
    took = timed(lambda: checks.find(pair, language="en"))
    print(f"all, context and response of {len(long):,} characters each: {took:,.0f} ms")


@contextmanager
def made(url: str) -> Iterator[str]:
    """Make a PostgreSQL database beside the one that the address names, and drop it afterwards."""
    import psycopg
    from psycopg import sql

    own = f"woolgather_bench_near_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(own)))
        try:
            yield f"{url.rpartition('/')[0]}/{own}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(own)))


def run_in(environment: dict[str, str], name: str) -> None:
    """Measure in a process of its own, whose settings name the database."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"WOOLGATHER_VAR": folder, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, __file__, *sys.argv[1:], "--name", name]
        subprocess.run(command, cwd=ROOT, env=environment | settings, check=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--crowd", type=int, default=50_000, help="so many equal instructions at the end; 0 for none")
    parser.add_argument("--data", type=Path, help="a dolly file, whose instructions are used instead of invented ones")
    parser.add_argument("--name", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.name == "checks":
        check_speed()
    elif options.name:
        measure(options.name, options.sizes, options.crowd, options.data)
    else:
        url = os.environ.get("WOOLGATHER_TEST_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
        rest = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "WOOLGATHER_EMBEDDED"}}
        print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
        columns = (
            ("stored", 9),
            ("p50 ms", 9),
            ("p95 ms", 9),
            ("max ms", 9),
            ("all, ms", 12),
            ("times", 10),
            ("import/s", 12),
        )
        print(f"{'database':11}" + " ".join(f"{name:>{width}}" for name, width in columns), flush=True)
        run_in(rest, "SQLite")
        if url.startswith("postgres"):
            with made(url) as own:
                run_in(rest | {"DATABASE_URL": own, "WOOLGATHER_EMBEDDED": "1"}, "PostgreSQL")
        run_in(rest, "checks")


if __name__ == "__main__":
    main()

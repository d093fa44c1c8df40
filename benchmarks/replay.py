"""The Dolly replay: a whole dataset written, reviewed and released through the site's own pages, by 200 people at once.

Usage: python benchmarks/replay.py dolly-15k.jsonl --database postgres://… --redis redis://…/8
       python benchmarks/replay.py dolly-15k.jsonl --sqlite --minutes 5     # the embedded shape, 25 people

Each row is written as a person with the editor does (the page, one or two autosaves, the form with its token, the page
that says it was sent) and approved by one of 50 reviewers who take the next item of the queue. At the end everything
that was acknowledged is looked for in the database, and the released files are compared with the source row by row.
Beside it, on the same server and with the same generator, stands a bare view that inserts one row.

The people first take the time that the editor itself takes: it saves two seconds after the last key. That part answers
how long a page takes with 200 people. Then nobody pauses at all: that part answers how much the machine can do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "client" / "src"))

from benchmarks.crowd import outcome, people, probes, stage  # noqa: E402
from benchmarks.crowd.meter import Meter, cpu_of, cpu_of_machine  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.crowd.stage import Server

Row = dict[str, str]
Visits = list[tuple[str, list[tuple[int, Row]]]]
AIM_AUTOSAVE, AIM_SUBMIT, AIM_PAGE = 250, 400, 800  # ms at the 95th percentile, with 200 people
AIM_SHARE = 0.6  # of the bare view's rate
AIM_RATE = 120  # next items and lists a second


def read_rows(path: Path, number: int) -> list[Row]:
    """Read the first rows of the source; lines end with LF alone."""
    lines = path.read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line.strip()]
    return rows[:number] if number else rows


def visits_of(rows: list[Row], sessions: list[str]) -> Visits:
    """Give each account its rows: it comes by once and writes them one after the other."""
    shares: defaultdict[str, list[tuple[int, Row]]] = defaultdict(list)
    for number, row in enumerate(rows):
        shares[sessions[number % len(sessions)]].append((number, row))
    return list(shares.items())


class Load:
    """Runs crowds against a server and says what they saw."""

    def __init__(self, server: Server, *, crowd_size: int, reviewers: list[str], think: float = 0.0) -> None:
        self.server = server
        self.think = think
        self.crowd_size = crowd_size
        self.reviewers = reviewers
        self.acknowledged: dict[str, Row] = {}
        self.refused: Counter[str] = Counter()
        self.odd: Counter[tuple[str, int]] = Counter()
        self.decided = 0

    async def run(self, title: str, visits: Visits, *, think: float, deadline: float = float("inf")) -> Meter:
        """Let everybody write and review until all is done or the time is up."""
        meter = Meter()
        began, machine = time.perf_counter(), cpu_of_machine()
        own, servers = time.process_time(), cpu_of(self.server.leaders)
        async with people.pool(self.crowd_size) as session:
            crowd = people.Crowd(
                self.server.address,
                meter,
                session,
                is_forwarded=not self.server.is_embedded,
                think=think,
                deadline=deadline,
            )
            await self._together(crowd, iter(visits))
        seconds = time.perf_counter() - began
        own, servers = time.process_time() - own, cpu_of(self.server.leaders) - servers
        machine = cpu_of_machine() - machine
        print(f"\n{title}: {self.crowd_size} people, {seconds:.0f} s")
        print(
            f"  {len(crowd.acknowledged) / seconds:.1f} records written a second,"
            f" {crowd.decided / seconds:.1f} reviewed"
        )
        print(meter.table(seconds))
        print(f"  answers   {meter.statuses()}; sent again: {crowd.resent}")
        cores = os.cpu_count() or 1
        print(
            f"  processor servers {servers / seconds / cores:.0%}, generator {own / seconds / cores:.0%},"
            f" whole machine {machine / seconds / cores:.0%}",
            flush=True,
        )
        self.acknowledged |= crowd.acknowledged
        self.decided += crowd.decided
        self.refused.update(crowd.refused)
        self.odd.update(meter.odd)
        return meter

    async def _together(self, crowd: people.Crowd, visits: Iterator[Any]) -> None:
        writing = asyncio.TaskGroup()
        is_written = False
        async with asyncio.TaskGroup() as reviewing:
            for sessionid in self.reviewers:
                reviewing.create_task(people.reviewer(crowd, sessionid, lambda: is_written))
            async with writing:
                for _number in range(max(1, self.crowd_size - len(self.reviewers))):
                    writing.create_task(people.writer(crowd, visits))
            is_written = True


def split(visits: Visits, rows: int) -> tuple[Visits, Visits]:
    """Part the visits after about so many rows."""
    count = 0
    for place, (_session, share) in enumerate(visits):
        if count >= rows:
            return visits[:place], visits[place:]
        count += len(share)
    return visits, []


def replay(options: argparse.Namespace) -> int:
    """Run everything; returns 0 where nothing was lost, doubled or answered wrongly."""
    rows = read_rows(options.source, options.rows)
    with tempfile.TemporaryDirectory() as var, stage.shape(options, var) as server:
        ceiling = probes.ceiling(server, rows, clients=8, port=options.port + 10) if not options.sqlite else 0.0
        writers = stage.accounts(options.people, role="contributor")
        reviewers = stage.accounts(options.reviewers, role="reviewer")
        print(f"{len(rows):,} rows, {len(writers):,} accounts, {len(reviewers)} reviewers, {os.cpu_count()} processors")
        server.open()
        load = Load(server, crowd_size=options.crowd, reviewers=reviewers)
        paced, rest = split(visits_of(rows, writers), options.paced)
        meters = []
        deadline = time.monotonic() + options.minutes * 60 if options.minutes else float("inf")
        if paced:
            title = f"With the editor's pauses ({options.pause:g} s)"
            meters.append(asyncio.run(load.run(title, paced, think=options.pause, deadline=deadline)))
        if rest:
            asyncio.run(load.run("Without any pause", rest, think=0.0, deadline=deadline))
        is_right = outcome.compare(load, server, rows, var=var, is_whole=not options.minutes)
        if options.sqlite:
            locked = server.said("database is locked")
            print(f"  the server's log says “database is locked” {locked} times")
            is_right &= not locked
        else:
            judges = stage.accounts(1500, role="reviewer", name="judge")
            probes.run(server, rows, writers=writers, judges=judges, ceiling=ceiling, share=AIM_SHARE, rate=AIM_RATE)
        for meter in meters:
            for kinds, aim in ((["autosave"], AIM_AUTOSAVE), (["submit"], AIM_SUBMIT), (PAGES, AIM_PAGE)):
                for kind in filter(meter.count, kinds):
                    held = "held" if meter.p95(kind) <= aim else "MISSED"
                    print(f"  p95 {kind:12} {meter.p95(kind):6.0f} ms  (aim {aim} ms: {held})")
        return 0 if is_right else 1


PAGES = ["home", "write page", "sent page", "board", "next item", "review page"]


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="JSONL with instruction, context, response, category")
    parser.add_argument("--rows", type=int, default=0, metavar="N", help="only the first N rows")
    parser.add_argument("--people", type=int, default=5000, metavar="N", help="accounts that write (5000)")
    parser.add_argument("--reviewers", type=int, default=50, metavar="N", help="accounts that review (50)")
    parser.add_argument("--crowd", type=int, default=200, metavar="N", help="people at the same time (200)")
    parser.add_argument("--paced", type=int, default=2000, metavar="N", help="rows written with pauses, first (2000)")
    parser.add_argument("--pause", type=float, default=2.0, metavar="SECONDS", help="of these, before each step (2)")
    parser.add_argument("--minutes", type=float, default=0, metavar="M", help="stop writing after M minutes")
    parser.add_argument(
        "--database", default=os.environ.get("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
    )
    parser.add_argument("--redis", default=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/8"))
    parser.add_argument("--port", type=int, default=8108, help="of the site; the bare view takes the one ten above")
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir()) / "woolgather-replay.log")
    parser.add_argument("--sqlite", action="store_true", help="the embedded shape, as `make run` serves it")
    return replay(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())

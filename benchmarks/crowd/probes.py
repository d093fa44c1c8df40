"""Single requests, one kind at a time, from eight clients: the bare view's rate, and the site's beside it."""

from __future__ import annotations

import asyncio
import time
import uuid
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any

from benchmarks.crowd import people
from benchmarks.crowd.meter import Meter, cpu_of
from benchmarks.crowd.stage import Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

Row = dict[str, str]
MOST = 3000  # requests of a kind
SECONDS = 12.0  # or so long
CLIENTS = 8


def ceiling(server: Server, rows: list[Row], *, clients: int, port: int) -> float:
    """Measure the bare view: inserts a second."""
    import psycopg

    from benchmarks import bare_table

    with psycopg.connect(server.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(bare_table.CREATE)
    bare = Server(server.environment, port=port, log=server.log)
    try:
        bare.web("benchmarks.bare:application")
        rate = asyncio.run(_bare(bare, rows, clients))
    finally:
        bare.stop()
    print(f"Bare view, one insert, {clients} clients: {rate:.0f} a second", flush=True)
    return rate


async def _bare(server: Server, rows: list[Row], clients: int) -> float:
    async with people.pool(clients) as session:

        async def insert(row: Row) -> None:
            async with session.post(server.address + "/", data=row) as answer:
                assert answer.status == 201, answer.status

        await people.hammer((partial(insert, row) for row in rows[:200]), clients)
        made, seconds = 0, time.monotonic() + SECONDS

        def requests() -> Iterator[Callable[[], Awaitable[Any]]]:
            nonlocal made
            for row in cycle(rows):
                if time.monotonic() > seconds or made >= 2 * MOST:
                    return
                made += 1
                yield partial(insert, row)

        taken = await people.hammer(requests(), clients)
        return made / taken


def run(
    server: Server,
    rows: list[Row],
    *,
    writers: list[str],
    judges: list[str],
    ceiling: float,
    share: float,
    rate: float,
) -> None:
    """Measure the site's own requests, each kind alone, with the database as full as the replay left it."""
    print(f"\nOne kind at a time, {CLIENTS} clients, the replay's records there")
    rates = asyncio.run(_all(server, rows, writers, judges))
    for kind, (found, p95, cores) in rates.items():
        print(f"  {kind:22}{found:8.1f} a second   p95 {p95:5.0f} ms   servers {cores:4.0%}")
    found = rates["submit"][0] / ceiling
    print(f"\nSubmits {rates['submit'][0]:.0f} of {ceiling:.0f} a second: {found:.2f} of the bare view")
    print(f"  (aim {share}: {'held' if found >= share else 'MISSED'})")
    for kind in ("next item", "list: my submissions", "list: leaderboard"):
        print(f"  {kind:22}{rates[kind][0]:8.1f}  (aim {rate}: {'held' if rates[kind][0] >= rate else 'MISSED'})")


async def _all(
    server: Server, rows: list[Row], writers: list[str], judges: list[str]
) -> dict[str, tuple[float, float, float]]:
    rates = {}
    async with people.pool(CLIENTS) as session:
        crowd = people.Crowd(server.address, Meter(), session)
        authors = [people.Browser(crowd, sessionid) for sessionid in writers[:200]]
        for author in authors:
            await author.ask("set-up", "/terms-of-nobody/")  # wakes the session
            author.csrf = "a" * 32
        fresh = [people.Browser(crowd, sessionid) for sessionid in judges]
        plans: dict[str, Callable[[], Iterator[Callable[[], Awaitable[Any]]]]] = {
            "autosave": lambda: _posts(authors, rows, "draft/"),
            "submit": lambda: _posts(authors, rows, ""),
            "next item": lambda: _gets_once(fresh, "/review/"),
            "list: my submissions": lambda: _gets(authors, "/mine/"),
            "list: leaderboard": lambda: _gets(authors, "/leaderboard/"),
            "home": lambda: _gets(authors, "/"),
            "write page": lambda: _gets(authors, "/write/open_qa/"),
        }
        for kind, plan in plans.items():
            crowd.meter = Meter()
            before = cpu_of(server.leaders)
            seconds = await people.hammer(_limited(plan()), CLIENTS)
            meter = crowd.meter
            done = meter.count("probe")
            if meter.odd:
                print(f"  {kind}: {dict(meter.odd)}")
            rates[kind] = (done / seconds, meter.p95("probe"), (cpu_of(server.leaders) - before) / seconds)
    return rates


def _limited(requests: Iterator[Any]) -> Iterator[Any]:
    ends = time.monotonic() + SECONDS
    for number, request in enumerate(requests):
        if number >= MOST or time.monotonic() > ends:
            return
        yield request


def _posts(browsers: list[people.Browser], rows: list[Row], action: str) -> Iterator[Callable[[], Awaitable[Any]]]:
    for browser, row in zip(cycle(browsers), cycle(rows), strict=False):
        form = {name: row[name] for name in ("instruction", "context", "response")}
        form |= {"id": str(uuid.uuid4()), "version": "0", "csrfmiddlewaretoken": browser.csrf}
        path = f"/write/{row['category']}/{action}"
        yield partial(browser.ask, "probe", path, form)


def _gets(browsers: list[people.Browser], path: str) -> Iterator[Callable[[], Awaitable[Any]]]:
    for browser in cycle(browsers):
        yield partial(browser.ask, "probe", path)


def _gets_once(browsers: list[people.Browser], path: str) -> Iterator[Callable[[], Awaitable[Any]]]:
    """Each reviewer asks once: who holds an item gets it again, which is less work."""
    for browser in browsers:
        yield partial(browser.ask, "probe", path)

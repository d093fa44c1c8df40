"""The replay while everything around it fails: PostgreSQL restarted, Redis gone or mute, workers killed.

Usage: python benchmarks/chaos.py dolly-15k.jsonl [--rows 3000]

Starts its own PostgreSQL and Redis on ports of their own, with a proxy before Redis that can refuse connections or take
them and never answer. While people write and review, PostgreSQL is restarted at once (`-m immediate`), Redis is stopped
and turned into a black hole, and processes of web server and worker are killed with -9. Clients send again, with the
same ids, what was answered with 503 or not at all. At the end nothing that was acknowledged may be missing or there
twice, and no answer may be another 5xx.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "client" / "src"))

from benchmarks import replay  # noqa: E402
from benchmarks.crowd import outcome, people, stage  # noqa: E402
from benchmarks.crowd.meter import Meter, family  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.crowd.stage import Server

LONGEST_PAGE = 2.0  # seconds, while Redis takes connections and never answers


class Gate:
    """A proxy before Redis: open, shut (refuses), or mute (takes connections and never answers)."""

    def __init__(self, *, port: int, target: int) -> None:
        self.port, self.target = port, target
        self.is_mute = False
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Pass everything on."""
        self.is_mute = False
        if self._server is None:
            self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Cut all connections and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut()

    def mute(self) -> None:
        """Cut all connections; take new ones and never answer."""
        self.is_mute = True
        self._cut()

    def _cut(self) -> None:
        for writer in list(self._open):
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self.is_mute:
                while await reader.read(65536):
                    pass
                return
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            self._open.add(back)
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
            self._open.discard(back)
        except (OSError, asyncio.CancelledError):
            pass  # cut off; nobody waits for this connection's end
        finally:
            self._open.discard(writer)
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Postgres:
    """A PostgreSQL of our own, in a directory of its own."""

    def __init__(self, folder: Path, *, port: int) -> None:
        self.folder, self.port = folder, port
        found = shutil.which("pg_ctl") or next(
            iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")))), ""
        )
        if not found:
            raise SystemExit("No pg_ctl found: install PostgreSQL's server.")
        self._programs = Path(found).resolve().parent
        # PostgreSQL refuses to run as root.
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """Make its data directory and start it."""
        self.folder.mkdir(parents=True)
        if self._as:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "-D", str(self.folder), "-U", "postgres", "--auth", "trust", "--no-sync", "-E", "UTF8")
        self._control("start", "-o", f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1")

    def restart(self) -> None:
        """Restart it as after a power cut."""
        self._control("restart", "-m", "immediate")

    def stop(self) -> None:
        """End it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._control("stop", "-m", "immediate")

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-l", str(self.folder / "log"), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as, str(self._programs / program), *arguments],
            check=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


class Chaos:
    """What happens, in an order drawn by lot, spread over the replay."""

    def __init__(self, *, server: Server, postgres: Postgres, gate: Gate, options: argparse.Namespace) -> None:
        self.server, self.postgres, self.gate = server, postgres, gate
        self.pause = options.every
        self.done: dict[str, int] = {}
        self.longest_in_crowd = self.longest_alone = 0.0
        plan = {
            self.restart: options.restarts,
            self.refuse: options.stops,
            self.mute: options.mutes,
            self.kill_web: (options.kills + 1) // 2,
            self.kill_worker: options.kills // 2,
        }
        self.plan: list[Callable[[], object]] = [act for act, times in plan.items() for _time in range(times)]
        random.Random(options.seed).shuffle(self.plan)

    async def run(self, browser: people.Browser) -> None:
        """Let it all happen, one after the other."""
        keeper = asyncio.create_task(self._keep_web())
        try:
            await self._let_happen(browser)
            await asyncio.sleep(2)
        finally:
            keeper.cancel()

    async def _keep_web(self) -> None:
        """Start the web server again where it ended, as Compose does: granian gives up after two quick kills."""
        while True:
            await asyncio.sleep(0.5)
            if self.server.processes["web"].poll() is not None:
                self.done["web server started again"] = self.done.get("web server started again", 0) + 1
                await asyncio.to_thread(self.server.web)

    async def _let_happen(self, browser: people.Browser) -> None:
        for act in self.plan:
            await asyncio.sleep(self.pause)
            name = getattr(act, "__name__", "")
            self.done[name] = self.done.get(name, 0) + 1
            if act == self.mute:
                self.longest_in_crowd = max(self.longest_in_crowd, await self._muted(browser))
            elif asyncio.iscoroutinefunction(act):
                await act()
            else:
                await asyncio.to_thread(act)

    def restart(self) -> None:
        """Restart PostgreSQL without a farewell."""
        self.postgres.restart()

    async def refuse(self) -> None:
        """Let Redis be gone for two seconds."""
        await self.gate.shut()
        await asyncio.sleep(2)
        await self.gate.open()

    def mute(self) -> None:
        """Let Redis take connections and never answer."""
        self.gate.mute()

    async def alone(self, browser: people.Browser) -> None:
        """Mute Redis once more when everybody has left: what a page takes then, Redis alone can have caused."""
        await asyncio.sleep(5)
        self.longest_alone = await self._muted(browser)

    async def _muted(self, browser: people.Browser) -> float:
        self.gate.mute()
        longest, until = 0.0, time.monotonic() + 4
        while time.monotonic() < until:
            for path in ("/mine/", "/"):
                began = time.perf_counter()
                answer = await browser.ask("page, Redis mute", path)
                assert answer.status == 200
                longest = max(longest, time.perf_counter() - began)
            await asyncio.sleep(0.2)
        await self.gate.open()
        return longest

    def kill_web(self) -> None:
        """Kill one of the web server's workers; the server starts another."""
        self._kill("web")

    def kill_worker(self) -> None:
        """Kill the worker's process that runs jobs, or the sweeper, which is started again as a supervisor would."""
        self._kill("worker")

    def _kill(self, name: str) -> None:
        leader = self.server.processes[name].pid
        children = sorted(family([leader]) - {leader})
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(children), signal.SIGKILL)


async def perform(load: replay.Load, visits: replay.Visits, chaos: Chaos, watcher: str) -> Meter:
    """Let people work while it happens."""
    await chaos.gate.open()
    async with people.pool(2) as session:
        browser = people.Browser(people.Crowd(load.server.address, Meter(), session), watcher)
        happening = asyncio.create_task(chaos.run(browser))
        meter = await load.run("While everything fails", visits, think=load.think)
        if not happening.done():
            print("  the people were done before the chaos was: give it more rows or a shorter --every")
        await happening
        await chaos.alone(browser)
    await chaos.gate.shut()
    await asyncio.sleep(0.2)  # what it passed on ends by itself
    return meter


@contextlib.contextmanager
def own_services(options: argparse.Namespace, folder: Path) -> Iterator[Postgres]:
    """Start PostgreSQL and Redis; yields the former."""
    postgres = Postgres(folder / "postgres", port=options.postgres_port)
    redis = subprocess.Popen(
        [
            "redis-server",
            "--port",
            str(options.redis_port + 1),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(folder),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        postgres.make()
        yield postgres
    finally:
        postgres.stop()
        redis.terminate()
        redis.wait()


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="JSONL with instruction, context, response, category")
    parser.add_argument("--rows", type=int, default=3000, metavar="N")
    parser.add_argument("--people", type=int, default=1000, metavar="N", help="accounts that write (1000)")
    parser.add_argument("--reviewers", type=int, default=50, metavar="N")
    parser.add_argument("--crowd", type=int, default=200, metavar="N", help="people at the same time (200)")
    parser.add_argument(
        "--think", type=float, default=1.0, metavar="SECONDS", help="a person's pause before a step (1)"
    )
    parser.add_argument("--restarts", type=int, default=10, help="of PostgreSQL (10)")
    parser.add_argument("--stops", type=int, default=10, help="of Redis (10)")
    parser.add_argument("--mutes", type=int, default=5, help="black holes in the place of Redis (5)")
    parser.add_argument("--kills", type=int, default=20, help="of processes of web server and worker (20)")
    parser.add_argument("--every", type=float, default=1.5, metavar="SECONDS", help="between two troubles (1.5)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the troubles")
    parser.add_argument("--port", type=int, default=8108)
    parser.add_argument("--postgres-port", type=int, default=5434)
    parser.add_argument("--redis-port", type=int, default=6381, help="of the proxy; Redis itself takes the next one")
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir()) / "woolgather-chaos.log")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        folder.chmod(0o755)
        postgres = stack.enter_context(own_services(options, folder))
        options.sqlite, options.database = False, postgres.url
        options.redis = f"redis://127.0.0.1:{options.redis_port}/0"
        server = stack.enter_context(stage.shape(options, str(folder / "var")))
        writers = stage.accounts(options.people, role="contributor")
        reviewers = stage.accounts(options.reviewers, role="reviewer")
        server.open()
        rows = replay.read_rows(options.source, options.rows)
        load = replay.Load(server, crowd_size=options.crowd, reviewers=reviewers, think=options.think)
        gate = Gate(port=options.redis_port, target=options.redis_port + 1)
        chaos = Chaos(server=server, postgres=postgres, gate=gate, options=options)
        asyncio.run(perform(load, replay.visits_of(rows, writers), chaos, writers[0]))
        from django.db import connection

        connection.close()  # from before the restarts
        is_right = outcome.compare(load, server, rows, var=str(folder / "var"), is_whole=False)
        print(f"  what happened: {', '.join(f'{name} {times}' for name, times in chaos.done.items())}")
        print(f"  longest page while Redis was mute: {chaos.longest_in_crowd:.2f} s in the crowd, which waits anyhow;")
        print(f"  {chaos.longest_alone:.2f} s with nobody else there (at most {LONGEST_PAGE:g} s)")
        return 0 if is_right and chaos.longest_alone < LONGEST_PAGE else 1


if __name__ == "__main__":
    sys.exit(main())

"""Runs web, worker and sweeper beside each other and ends them together: ``python -m config.supervisor``.

Each child is a process group of its own, so that what it started goes with it. A guard process holds the
other end of a pipe; if the supervisor dies without a word (kill -9), the pipe closes and the guard ends all groups.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

BASE_DIR = Path(__file__).resolve().parent.parent
TICK = 0.2  # seconds between two looks at the children
START_DEADLINE = 60.0  # seconds the web server has to answer for the first time
GRACE = 8.0  # seconds between the polite and the other signal
HEALTHY_AFTER = 30.0  # seconds after which a child's earlier crashes are forgotten
BACKOFF_CAP = 30.0


@dataclass(kw_only=True)
class Child:
    """One supervised program and its state."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    crashes: int = 0
    restart_at: float = 0.0
    readers: list[threading.Thread] = field(default_factory=list)

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None


class PortTaken(Exception):
    """Something else listens where the web server should."""


def check_port(*, host: str, port: int) -> None:
    """Raise PortTaken when the web server could not listen on ``host``:``port``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise PortTaken(
            f"Port {port} on {host} can't be used ({error.strerror or error}). Stop the program that has it, "
            f"or choose another port, for example: make run PORT={port + 1}"
        ) from error


def stack(*, host: str, port: int, concurrency: int, sweep_every: float) -> list[Child]:
    """Return the web server, the worker and the sweeper, not yet started."""
    python = sys.executable
    return [
        Child(
            name="web",
            command=[
                *(python, "-m", "config.web", "--host", host, "--port", str(port)),
                *("--workers", "1", "--blocking-threads", "4", "--no-ws"),
            ],
        ),
        Child(
            name="worker",
            command=[
                *(python, "-m", "celery", "-A", "config", "--quiet", "worker", "--pool", "prefork"),
                *("--concurrency", str(concurrency), "--queues", "default,exports,train"),
                *("--hostname", f"woolgather-{os.getpid()}@%h", "--loglevel", "INFO"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ],
        ),
        Child(
            name="sweeper",
            command=[python, "manage.py", "sweep_jobs", "--watch", "--every", str(sweep_every)],
        ),
    ]


class Guard:
    """A process that ends all groups when the supervisor is gone, however it went."""

    def __init__(self) -> None:
        read_end, self._write_end = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(BASE_DIR / "config" / "guard.py"), str(read_end)],
            cwd=BASE_DIR,
            pass_fds=(read_end,),
            start_new_session=True,
        )
        os.close(read_end)

    def add(self, group: int) -> None:
        """Watch over a process group."""
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Forget a group that has ended."""
        self._tell(f"-{group}\n")

    def dismiss(self) -> None:
        """Let go of the pipe; the guard ends what is left, then itself."""
        os.close(self._write_end)
        self._process.wait()

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._write_end, line.encode())


class Supervisor:
    """Starts the children, restarts the crashed with growing pauses, ends all."""

    def __init__(self, *, children: list[Child], host: str, port: int, output: IO[str]) -> None:
        self.children = children
        self.host = host
        self.port = port
        self._output = output
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._guard = Guard()
        self._web_was_up = False
        self._width = max(len(child.name) for child in children)

    def say(self, name: str, text: str) -> None:
        """Print one line under a child's name."""
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._output.write(f"{name:<{self._width}} | {text}\n")
            self._output.flush()

    def run(self) -> int:
        """Run until told to stop or the web server can't start; returns the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        began = time.monotonic()
        failed = ""
        try:
            for child in self.children:
                self._start(child)
            while not self._stopping.is_set() and not failed:
                failed = self._look(began)
                self._stopping.wait(TICK)
        finally:
            self._end_all()
        if failed:
            self.say("stack", failed)
            return 1
        return 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _start(self, child: Child) -> None:
        process = subprocess.Popen(
            list(child.command),
            cwd=BASE_DIR,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        self._guard.add(process.pid)
        child.process, child.started, child.restart_at = process, time.monotonic(), 0.0
        reader = threading.Thread(target=self._relay, args=(child.name, process), daemon=True)
        reader.start()
        child.readers = [reader]
        self.say(child.name, f"started (process {process.pid})")

    def _relay(self, name: str, process: subprocess.Popen[bytes]) -> None:
        for line in process.stdout or ():
            self.say(name, line.decode(errors="replace").rstrip())

    def _look(self, began: float) -> str:
        """Restart who crashed; returns why all must end, or nothing."""
        now = time.monotonic()
        for child in self.children:
            if child.running:
                if child.crashes and now - child.started > HEALTHY_AFTER:
                    child.crashes = 0
            elif child.restart_at == 0.0:
                if child.name == "web" and not self._web_was_up:
                    return "The web server could not start; its words are above."
                self._bury(child, now)
            elif now >= child.restart_at:
                self._start(child)
        if not self._web_was_up:
            if self._web_answers():
                self._web_was_up = True
                names = ", ".join(child.name for child in self.children if child.running)
                self.say("stack", f"Up: {names}. Open http://{self.host}:{self.port}/ – Ctrl-C ends all.")
            elif now - began > START_DEADLINE:
                return f"The web server did not answer within {START_DEADLINE:.0f} s."
        return ""

    def _bury(self, child: Child, now: float) -> None:
        if child.process is None:
            return
        # What the crashed child has left behind must not run beside its successor.
        self._signal(child, signal.SIGKILL)
        self._guard.remove(child.process.pid)
        child.crashes += 1
        pause = min(BACKOFF_CAP, 0.5 * 2**child.crashes)
        child.restart_at = now + pause
        self.say(child.name, f"ended with status {child.process.returncode}; starting again in {pause:g} s")

    def _web_answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=TICK):
            return True
        return False

    def _end_all(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for child in self.children:
            # Only the leader: the worker tells its pool itself, and lets a job that is nearly done finish.
            if child.process is not None and child.running:
                child.process.terminate()
        deadline = time.monotonic() + GRACE
        while any(child.running for child in self.children) and time.monotonic() < deadline:
            time.sleep(TICK / 4)
        for child in self.children:
            if child.running:
                self.say(child.name, "did not end in time and is killed; its job goes on at the next start")
            # Also for those that ended: their group may hold processes they left behind.
            self._signal(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
                self._guard.remove(child.process.pid)
            for reader in child.readers:
                reader.join(1.0)
        self._guard.dismiss()
        self.say("stack", "All ended.")

    def _signal(self, child: Child, number: signal.Signals) -> None:
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; returns 0 when asked to stop, 1 when the web server could not start."""
    parser = argparse.ArgumentParser(
        prog="python -m config.supervisor",
        description="Serve Woolgather on this machine: web server, worker and sweeper, ended together.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
    parser.add_argument("--concurrency", type=int, default=2, help="jobs that run at the same time (2)")
    parser.add_argument("--sweep-every", type=float, default=5.0, metavar="SECONDS", help="between sweeps (5)")
    options = parser.parse_args(arguments)
    try:
        check_port(host=options.host, port=options.port)
    except PortTaken as error:
        sys.stderr.write(f"{error}\n")
        return 1
    children = stack(
        host=options.host,
        port=options.port,
        concurrency=options.concurrency,
        sweep_every=options.sweep_every,
    )
    return Supervisor(children=children, host=options.host, port=options.port, output=sys.stdout).run()


if __name__ == "__main__":
    sys.exit(main())

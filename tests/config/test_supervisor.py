"""The supervisor and its guard, over small programs that listen, crash, or will not end."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from config import supervisor
from config.supervisor import Child, PortTaken, check_port, main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 30.0
LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"
IDLE = "import time; time.sleep(600)"
# A program with a child of its own, and ears closed to a polite word: the worst one to end.
STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print('grandchild', grandchild.pid, flush=True)\n"
    "time.sleep(600)\n"
)
# Runs main() with other children, so that the whole process can be killed from outside.
HARNESS = """
import sys
from config import supervisor
from config.supervisor import Child
LISTEN, STUBBORN, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
supervisor.GRACE = 0.5
children = [
    Child(name="web", command=[sys.executable, "-c", LISTEN, str(port)]),
    Child(name="worker", command=[sys.executable, "-c", STUBBORN]),
]
sys.exit(supervisor.Supervisor(children=children, host="127.0.0.1", port=port, output=sys.stdout).run())
"""


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter when it ends between open and read
        return False


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Running:
    """A supervisor in a process of its own, its output, and the processes it started."""

    def __init__(self, port: int) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", HARNESS, LISTEN, STUBBORN, str(port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def started(self) -> set[int]:
        """Return every process id the output names."""
        return {int(number) for number in re.findall(r"(?:process |grandchild )(\d+)", self.output)}

    def until_up(self) -> None:
        until(lambda: "Up: web, worker" in self.output and len(self.started()) == 3)

    def finish(self) -> None:
        self._reader.join(DEADLINE)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def running(port: int) -> Iterator[Running]:
    stack = Running(port)
    stack.until_up()
    yield stack
    for process in (stack.process.pid, *stack.started()):
        if lives(process):
            os.kill(process, signal.SIGKILL)
    stack.process.wait()
    stack.finish()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_children_and_what_they_started(running: Running, number: signal.Signals) -> None:
    started = running.started()
    running.process.send_signal(number)
    assert running.process.wait(DEADLINE) == 0
    assert not [process for process in started if lives(process)]
    running.finish()
    assert "worker | did not end in time and is killed" in running.output


def test_a_killed_supervisor_leaves_nothing_behind(running: Running) -> None:
    started = running.started()
    running.process.kill()
    running.process.wait(DEADLINE)
    until(lambda: not [process for process in started if lives(process)])


def test_a_crashed_child_is_started_again_and_its_leftovers_are_ended(running: Running) -> None:
    worker, grandchild = (
        int(re.search(pattern, running.output)[1])  # type: ignore[index]
        for pattern in (r"worker \| started \(process (\d+)", r"grandchild (\d+)")
    )
    os.kill(worker, signal.SIGKILL)
    until(lambda: running.output.count("worker | started") == 2)
    assert not lives(grandchild)
    assert "ended with status -9; starting again in 1 s" in running.output


def test_a_web_server_that_cannot_start_ends_the_stack_with_an_error(port: int) -> None:
    output = io.StringIO()
    children = [
        Child(name="web", command=[sys.executable, "-c", "raise SystemExit('no such setting')"]),
        Child(name="worker", command=[sys.executable, "-c", IDLE]),
    ]
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        status = supervisor.Supervisor(children=children, host="127.0.0.1", port=port, output=output).run()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert status == 1
    assert "web    | no such setting" in output.getvalue()
    assert "The web server could not start" in output.getvalue()
    assert not children[1].running


def test_a_taken_port_is_told_with_another_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert main(["--port", str(taken)]) == 1
    error = capsys.readouterr().err
    assert f"Port {taken}" in error
    assert f"make run PORT={taken + 1}" in error


def test_a_free_port_is_fine(port: int) -> None:
    check_port(host="127.0.0.1", port=port)


def test_a_host_of_another_machine_is_refused() -> None:
    with pytest.raises(PortTaken):
        check_port(host="192.0.2.1", port=8123)

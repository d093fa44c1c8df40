"""Handlers for the tests of background work. What they did is told by files under ``PROBE_DIR``."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.registry import JobContext, JobResult, LeaseLost, register

if TYPE_CHECKING:
    from jobs.registry import JobPayload


def _mark(name: str) -> None:
    folder = os.environ.get("PROBE_DIR")
    if folder:
        (Path(folder) / name).touch()


@register("probe.wait")
def wait_for_go(context: JobContext) -> JobResult:
    """Tell that the attempt runs, wait until somebody says go, then return."""
    _mark(f"started-{context.attempt}")
    go = Path(os.environ["PROBE_DIR"]) / "go"
    while not go.exists():
        if context.lost.wait(0.02):
            raise LeaseLost
        context.progress(1, 2, "waiting")
    return {"attempt": context.attempt}


@register("probe.poison")
def kill_myself(context: JobContext) -> JobResult:
    """Take the process down, as running out of memory would."""
    _mark(f"poisoned-{context.attempt}")
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


failures: list[tuple[dict[str, object], str]] = []


def note_failure(payload: JobPayload, reason: str) -> None:
    """Remember how a job ended."""
    failures.append((dict(payload), reason))


@register("probe.work", on_failure=note_failure)
def work(context: JobContext) -> JobResult:
    """Do what the test's payload says."""
    return {"did": context.payload.get("item")}

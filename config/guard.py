"""Ends process groups once the supervisor at the other end of a pipe is gone; config.supervisor starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

GRACE = 3.0  # seconds a group has to end by itself


def main(read_end: int) -> None:
    """Read ``+GROUP`` and ``-GROUP`` lines until the pipe closes, then end the groups that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    with os.fdopen(read_end) as pipe:
        for line in pipe:
            group = int(line[1:])
            if line.startswith("+"):
                groups.add(group)
            else:
                groups.discard(group)
    _signal_all(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and _signal_all(groups, 0):
        time.sleep(0.05)
    _signal_all(groups, signal.SIGKILL)


def _signal_all(groups: set[int], number: int) -> bool:
    """Send a signal to each group; returns whether any group is still there."""
    left = False
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            left = True
    return left


if __name__ == "__main__":
    main(int(sys.argv[1]))

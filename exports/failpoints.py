"""Places where a test ends the process as a power cut would: ``WOOLGATHER_FAILPOINT=<name>`` in the environment."""

from __future__ import annotations

import os
import signal

FAILPOINTS = (
    "after-freeze",
    "temp-made",
    "half-written",
    "papers-written",
    "before-rename",
    "after-rename",
    "after-ready",
)
# Reached only where versions are kept in a store.
WITH_STORE = ("after-store",)


def reach(name: str) -> None:
    """Kill this process here (SIGKILL: nothing is tidied up) if the environment names this place."""
    if os.environ.get("WOOLGATHER_FAILPOINT") == name:
        os.kill(os.getpid(), signal.SIGKILL)

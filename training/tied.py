"""Run a program that ends when the one that started it does: ``python -m training.tied PROGRAM ARGUMENT…``.

A worker that is killed cannot stop the training it started. Linux can: the program is then asked to stop, and saves.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie() -> None:
    """Have this process asked to stop when its parent ends, however it ends. Elsewhere than on Linux, do nothing."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:  # it ended before we asked
        sys.exit(1)


if __name__ == "__main__":
    tie()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - becoming another program is what this is for

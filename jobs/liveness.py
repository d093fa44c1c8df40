"""Whether a process of this machine lives, for the health checks of its container: ``python -m jobs.liveness NAME``.

A worker and beat touch a file now and then, whatever the database does: starting them again would not bring it back.
Nothing of Django is loaded, so that asking every few seconds costs nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

FRESH = 90.0  # seconds
WEB = "http://127.0.0.1:8000/healthz"


def path(name: str) -> Path:
    """Return the file that a process touches."""
    return Path(tempfile.gettempdir()) / f"woolgather-{name}"


def show(name: str) -> None:
    """Say that the process lives; a disk that refuses is no reason to stop."""
    with suppress(OSError):
        path(name).touch()


def lives(name: str, *, now: float | None = None) -> bool:
    """Say whether the process touched its file lately, or, of ``web``, whether it answers."""
    if name == "web":
        return _answers()
    try:
        return (time.time() if now is None else now) - path(name).stat().st_mtime < FRESH
    except OSError:
        return False


def _answers() -> bool:
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    request = urllib.request.Request(WEB, headers={"Host": "localhost" if host in {"", "*"} else host})
    try:
        with urllib.request.urlopen(request, timeout=3) as answer:  # noqa: S310
            return bool(answer.status == 200)  # noqa: PLR2004 - OK
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if lives(sys.argv[1]) else 1)

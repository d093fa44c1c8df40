"""Starts the web server: ``python -m config.web --port 8000 --workers 2``; every option is granian's.

Its processes share what they count through files, which /metrics adds up. The files of the last start are removed here,
once, before there are processes: none of them can know whether it is the first.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_DIR = Path(__file__).resolve().parent.parent
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
THREADS = "WOOLGATHER_WEB_THREADS"
KEPT_FOR = 2 * 24 * 3600  # seconds; hosts that share var/ come and go, as containers do


def counts_dir(*, var: Path, host: str, port: str) -> Path:
    """Return an empty directory for what this server's processes count. Raises OSError."""
    root = var / "metrics"
    own = root / re.sub(r"[^A-Za-z0-9.-]", "_", f"{host}-{port}")
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    for other in root.iterdir():
        newest = max((file.stat().st_mtime for file in other.glob("*.db")), default=other.stat().st_mtime)
        if other != own and time.time() - newest > KEPT_FOR:
            shutil.rmtree(other, ignore_errors=True)
    return own


def main(arguments: Sequence[str]) -> None:
    """Become the web server."""
    port = arguments[arguments.index("--port") + 1] if "--port" in arguments[:-1] else "8000"
    var = Path(os.environ.get("WOOLGATHER_VAR") or BASE_DIR / "var")
    try:
        os.environ[VARIABLE] = str(counts_dir(var=var, host=socket.gethostname(), port=port))
    except OSError as error:
        os.environ.pop(VARIABLE, None)
        sys.stderr.write(f"Each process will count its requests for itself ({error}).\n")
    if "--blocking-threads" in arguments[:-1]:
        os.environ[THREADS] = arguments[arguments.index("--blocking-threads") + 1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", *arguments, "config.wsgi:application"]
    os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])

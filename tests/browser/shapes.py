"""How Chromium is found and started, for the tests and the screenshots."""

from __future__ import annotations

import shutil

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def find_chromium() -> str | None:
    """Return the system's Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")

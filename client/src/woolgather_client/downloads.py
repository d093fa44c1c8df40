"""Fetching files: in pieces, going on after a break, and never in place before they are whole and right."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import httpx

from woolgather_client.errors import Damaged, Unavailable, problem_of
from woolgather_client.wire import AGAIN, pause

if TYPE_CHECKING:
    from pathlib import Path

    from woolgather_client.wire import Wire

PARTIAL = 206
OUTSIDE = 416


def fetch(wire: Wire, url: str, target: Path, *, sha256: str) -> Path:
    """Write the file behind a URL to ``target``, going on with what an earlier attempt left in ``target.part``.

    Raises:
        Damaged: the bytes are not those that the SHA-256 stands for; nothing was left behind.
        ProblemError, Unavailable: as for every request.
    """
    if target.exists() and _digest(target) == sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    for attempt in range(wire.retries + 1):
        try:
            _go_on(wire, url, part, tag=f'"{sha256}"')
            break
        except (httpx.TransportError, Unavailable) as error:
            if attempt == wire.retries:
                raise Unavailable(f"GET {url}: {str(error) or type(error).__name__}") from error
            wire.sleep(pause(attempt))
    if _digest(part) != sha256:
        part.unlink()
        raise Damaged(f"{url}: its SHA-256 is not {sha256}. Fetch it again.")
    os.replace(part, target)  # noqa: PTH105 - over a file that is there, on every system
    return target


def _go_on(wire: Wire, url: str, part: Path, *, tag: str) -> None:
    """Fetch what is missing of the part, or all of it where the server has another file now."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-", "If-Range": tag} if have else {}
    with wire.http.stream("GET", url, headers=headers) as response:
        if response.status_code == OUTSIDE:
            return  # the part is whole, or longer than the file: its digest tells
        if response.status_code in AGAIN:
            raise Unavailable(f"{response.status_code} {response.reason_phrase}")
        if not response.is_success:
            response.read()
            raise problem_of(response)
        with part.open("ab" if response.status_code == PARTIAL else "wb") as file:
            for piece in response.iter_bytes():
                file.write(piece)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

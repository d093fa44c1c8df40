"""One POST to one checked address: no redirect, no proxy, no second look-up, bounded in time and in size."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from webhooks import targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhooks.conf import Place

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
MOST_READ = 2_000  # bytes of the answer; the rest is never read
SUCCESS = range(200, 300)
GONE = 410


@dataclass(frozen=True)
class Answer:
    """What came back: a status and the beginning of the body, or why nothing did."""

    code: int | None
    excerpt: str
    error: str
    seconds: float

    @property
    def is_success(self) -> bool:
        """Whether the other side took the message."""
        return self.code in SUCCESS


def post(*, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a message; whatever goes wrong is in the answer."""
    began = time.monotonic()
    try:
        target = targets.parse(url)
        code, excerpt = _exchange(target, body, headers)
    except targets.Forbidden as error:
        return Answer(None, "", str(error), time.monotonic() - began)
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error.reason or _("unknown")
        said = _("No secure connection: %(why)s.") % {"why": why}
        return Answer(None, "", said, time.monotonic() - began)
    except (OSError, http.client.HTTPException) as error:
        why = _("No answer (%(why)s).") % {"why": getattr(error, "strerror", None) or type(error).__name__}
        return Answer(None, "", why, time.monotonic() - began)
    refused = ""
    if code not in SUCCESS:
        refused = _("Redirects are not followed.") if code in range(300, 400) else _("It did not take the message.")
    return Answer(code, excerpt, refused, time.monotonic() - began)


def _exchange(target: targets.Target, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    with _connected(target.place) as sock, _ended_after(sock, TOTAL_SECONDS):
        connection = http.client.HTTPConnection(target.place.host, target.place.port, timeout=CONNECT_SECONDS)
        connection.sock = sock  # there already, so that http.client looks nothing up and connects nowhere
        connection.request("POST", target.path, body, {"Connection": "close", **headers})
        response = connection.getresponse()
        excerpt = response.read(MOST_READ).decode("utf-8", errors="replace")
        return response.status, _shown(excerpt)


@contextlib.contextmanager
def _connected(place: Place) -> Iterator[socket.socket]:
    last: OSError | None = None
    for address in targets.resolve(place):
        try:
            plain = socket.create_connection((address, place.port), timeout=CONNECT_SECONDS)
        except OSError as error:
            last = error
            continue
        with plain:
            if place.scheme == "http":
                yield plain
            else:
                # The certificate is asked for, and checked against, the name; the connection is to the address.
                with _context().wrap_socket(plain, server_hostname=place.host) as secure:
                    yield secure
        return
    raise last or ConnectionError("no address")


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@contextlib.contextmanager
def _ended_after(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Close the connection under whoever answers a byte at a time: no time-out of a socket covers that."""

    def end() -> None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shown(text: str) -> str:
    """Return what can be kept and shown of an answer: no character that a database or a terminal stumbles over."""
    return "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in text)

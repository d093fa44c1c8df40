"""Where a request comes from, for those who write it down or count by it."""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

_current: ContextVar[str | None] = ContextVar("address", default=None)


def current_address() -> str | None:
    """Return the address of the request being answered; None for a command or a job."""
    return _current.get()


def client_address(request: HttpRequest) -> str | None:
    """Return the address of whoever asks: behind proxies of our own, what the first of them saw.

    A client can send any ``X-Forwarded-For``; each of our proxies appends who asked it, so that the last entries are
    theirs, as many as ``ALLAUTH_TRUSTED_PROXY_COUNT`` says.
    """
    raw = request.META.get("REMOTE_ADDR", "")
    hops = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    if settings.SECURE_PROXY_SSL_HEADER and hops and "X-Forwarded-For" in request.headers:
        seen = request.headers["X-Forwarded-For"].split(",")
        raw = seen[max(0, len(seen) - hops)].strip()
    try:
        return str(ipaddress.ip_address(raw.partition("%")[0]))
    except ValueError:
        return None


class AddressMiddleware:
    """Lets an audit entry say where the request came from, without every action being told."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Keep the address for as long as the request is answered."""
        token = _current.set(client_address(request))
        try:
            return self.get_response(request)
        finally:
            _current.reset(token)

"""How much one person, or one address without a person, may ask for in a while; more is answered with 429.

The counts lie in the cache ``limits``. Where it is away, saving stays open and signing in is closed: a lost count must
cost nobody their words, and must not give anybody more guesses at a password.
"""

from __future__ import annotations

import hashlib
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.core.cache import caches

from ui import errors
from ui.addresses import client_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)

ViewT = TypeVar("ViewT", bound="Callable[..., Any]")
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
# Where people sign in; closed while nobody counts the attempts.
ENTRANCES = ("/accounts/", "/sign-in/")
# After a store that failed, requests don't wait for it again for so many seconds.
PAUSE = 5.0


def limited(kind: str) -> Callable[[ViewT], ViewT]:
    """Count a view's writes under a kind of ``WOOLGATHER_LIMITS`` of its own."""

    def remember(view: ViewT) -> ViewT:
        view.limit_kind = kind  # type: ignore[attr-defined]  # read by the middleware below
        return view

    return remember


def parse(rate: str) -> tuple[int, int]:
    """Return how many in how many seconds "600/minute" means; an empty rate is (0, 0), which limits nothing."""
    if not rate:
        return 0, 0
    count, _slash, unit = rate.partition("/")
    return int(count), SECONDS[unit.strip()]


class StoreDown(Exception):
    """The counts can't be had."""


class RateLimitMiddleware:
    """Counts a request before its view runs."""

    _down_until = 0.0

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; a token that opened nothing counts against its address."""
        response = self.get_response(request)
        if response.status_code == HTTPStatus.UNAUTHORIZED and "Authorization" in request.headers:
            try:
                self._count("stranger", _stranger(request))
            except StoreDown:
                logger.debug("a refused token was not counted")
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: object, _options: object
    ) -> HttpResponse | None:
        """Let the request on to its view, or say when to come again."""
        is_api = request.path.startswith("/api/")
        if not is_api and request.method not in UNSAFE:
            return None
        kind = "api" if is_api else getattr(view, "limit_kind", "write")
        who = self._who(request, is_api=is_api)
        try:
            wait = self._count(kind, who) if who else self._count("stranger", _stranger(request))
            if is_api and who.startswith("token"):
                wait = wait or self._look("stranger", _stranger(request))
        except StoreDown:
            is_entrance = request.path.startswith(ENTRANCES) and not request.user.is_authenticated
            return errors.closed_for_now(request, wait=int(PAUSE)) if is_entrance else None
        return errors.too_many(request, wait=wait) if wait else None

    @staticmethod
    def _who(request: HttpRequest, *, is_api: bool) -> str:
        scheme, _space, token = request.headers.get("Authorization", "").strip().partition(" ")
        # What opens nothing is no name to count under: it would be a new one each time.
        if is_api and scheme.lower() == "bearer" and token.strip():
            return "token:" + hashlib.sha256(token.strip().encode("utf-8", "replace")).hexdigest()[:32]
        return f"person:{request.user.pk}" if request.user.is_authenticated else ""

    def _count(self, kind: str, who: str) -> int:
        """Count one more; returns 0, or for how many seconds there is no more."""
        most, seconds = parse(settings.WOOLGATHER_LIMITS.get(kind, ""))
        if not most:
            return 0
        key, left = _window(kind, who, seconds)
        cache = caches["limits"]

        def count() -> int:
            if cache.add(key, 1, timeout=seconds):
                return 1
            try:
                return int(cache.incr(key))
            except ValueError:  # ran out between the two
                return 1

        return left if self._asked(count) > most else 0

    def _look(self, kind: str, who: str) -> int:
        most, seconds = parse(settings.WOOLGATHER_LIMITS.get(kind, ""))
        if not most:
            return 0
        key, left = _window(kind, who, seconds)
        return left if self._asked(lambda: int(caches["limits"].get(key, 0))) > most else 0

    def _asked(self, ask: Callable[[], int]) -> int:
        if time.monotonic() < RateLimitMiddleware._down_until:
            raise StoreDown
        try:
            return ask()
        except Exception as error:
            RateLimitMiddleware._down_until = time.monotonic() + PAUSE
            logger.warning("rate limits are off, and signing in is closed: %s", error)
            raise StoreDown from error


def _window(kind: str, who: str, seconds: int) -> tuple[str, int]:
    number, passed = divmod(int(time.time()), seconds)
    return f"limit:{kind}:{who}:{number}", max(1, seconds - passed)


def _stranger(request: HttpRequest) -> str:
    return f"address:{client_address(request)}"

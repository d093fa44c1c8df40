"""Requests and when they are tried again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx

from woolgather_client.errors import Unavailable, problem_of

if TYPE_CHECKING:
    from collections.abc import Callable

AGAIN = frozenset({502, 503, 504})
LIMITED = 429
LONGEST_PAUSE = 30.0


class Wire:
    """Sends requests, and sends again what was not answered and may be repeated.

    Args:
        http: what sends them.
        retries: how often a request is repeated.
        sleep: waits for some seconds.
    """

    def __init__(self, http: httpx.Client, *, retries: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self.http = http
        self.retries = retries
        self.sleep = sleep

    def ask(self, method: str, path: str, *, is_repeatable: bool = True, **options: Any) -> httpx.Response:
        """Send a request; returns a success.

        Args:
            is_repeatable: doing it twice is the same as doing it once.

        Raises:
            ProblemError: the server refused it.
            Unavailable: no answer in any attempt.
        """
        for attempt in range(self.retries + 1):
            try:
                response = self.http.request(method, path, **options)
            except httpx.TransportError as error:
                if not is_repeatable or attempt == self.retries:
                    raise Unavailable(f"{method} {path}: {str(error) or type(error).__name__}") from error
                self.sleep(pause(attempt))
                continue
            if response.is_success:
                return response
            # 429 was refused before anything was done; after 5xx nobody knows, so only what may be repeated is.
            may_repeat = response.status_code == LIMITED or (is_repeatable and response.status_code in AGAIN)
            if not may_repeat or attempt == self.retries:
                if response.status_code in AGAIN:
                    raise Unavailable(str(problem_of(response)))
                raise problem_of(response)
            self.sleep(pause(attempt, response.headers.get("Retry-After", "")))
        raise AssertionError  # the last attempt returned or raised


def pause(attempt: int, asked: str = "") -> float:
    """Return how long to wait: what the server asked for, else half a second, doubled with each attempt."""
    if asked.isascii() and asked.isdecimal():
        return min(float(asked), LONGEST_PAUSE)
    return min(0.5 * 2.0**attempt, LONGEST_PAUSE)

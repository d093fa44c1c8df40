"""Keeps downloads from taking all threads of the web server.

A thread is busy for as long as whoever it sends to takes their time, and a process has a few of them: some colleagues
on slow lines would close the site for everybody else. So only half of a process's threads ever send files; whoever
comes then is told when to try again. Pages, and files of up to ``WHOLE`` bytes, are handed to the server in one piece
and keep no thread.
"""

from __future__ import annotations

import threading
import weakref
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.request import Request

from ui import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.http import HttpResponse, HttpResponseBase

P = ParamSpec("P")

WHOLE = 2**20  # bytes
WAIT = 5  # seconds until it is worth asking again


@cache
def _slots(count: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(count)


class _Stream:
    """What is sent, and the slot that goes with it; closed, exhausted or forgotten, it gives the slot back once."""

    def __init__(self, pieces: Iterable[bytes], slots: threading.BoundedSemaphore) -> None:
        self._pieces = iter(pieces)
        # The server closes what it sends; should one forget it, the slot comes back with the memory.
        self.close = weakref.finalize(self, slots.release)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self.close()
            raise


def takes_a_thread(view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """Answer 503 with Retry-After, before anything is done, where enough of this process's threads send files already.

    For views, and for methods of a class of views, that make what they send: they return a ``StreamingHttpResponse``,
    or a page, which costs nothing.
    """

    @wraps(view)
    def bounded(*args: P.args, **options: P.kwargs) -> HttpResponseBase:
        slots = _slots(settings.WOOLGATHER_STREAMS)
        if not slots.acquire(blocking=False):
            return busy(_request(args))
        try:
            answer = view(*args, **options)
        except BaseException:
            slots.release()
            raise
        if not answer.streaming:
            slots.release()
            return answer
        return _keeping(answer, slots)  # type: ignore[arg-type]  # what streaming says

    return bounded


class NoRoomError(Exception):
    """Enough of this process's threads send files already."""


def stream(pieces: Iterable[bytes], *, content_type: str) -> StreamingHttpResponse:
    """Return an answer that keeps a thread while it is sent, for files that lie ready; see :func:`busy`.

    Raises:
        NoRoomError: no thread is left for it.
    """
    slots = _slots(settings.WOOLGATHER_STREAMS)
    if not slots.acquire(blocking=False):
        raise NoRoomError
    return _keeping(StreamingHttpResponse(pieces, content_type=content_type), slots)


def _keeping(answer: StreamingHttpResponse, slots: threading.BoundedSemaphore) -> StreamingHttpResponse:
    # What was to be sent before stays among what the answer closes.
    answer.streaming_content = _Stream(answer.streaming_content, slots)  # type: ignore[arg-type]  # no async view
    return answer


def busy(request: HttpRequest) -> HttpResponse:
    """Return 503 with Retry-After, for whom there was no room."""
    return errors.busy_sending(request, wait=WAIT)


def _request(args: tuple[Any, ...]) -> HttpRequest:
    # The API's wraps Django's, and hands its attributes on.
    return next(one for one in args if isinstance(one, (HttpRequest, Request)))

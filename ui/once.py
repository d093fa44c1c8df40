"""What is read once while a page is made, however many parts of the page ask for it."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

P = ParamSpec("P")
T = TypeVar("T")

_read: ContextVar[dict[Any, Any] | None] = ContextVar("read", default=None)


def once_a_page(function: Callable[P, T]) -> Callable[P, T]:
    """Keep what a function returns until the page is made; its arguments are hashable and all it depends on.

    Only for what no GET changes, and only while one is answered: a form, a job or a command reads anew each time.
    """

    @wraps(function)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        kept = _read.get()
        if kept is None:
            return function(*args, **kwargs)
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in kept:
            kept[key] = function(*args, **kwargs)
        found: T = kept[key]
        return found

    return read


class ReadOnceMiddleware:
    """Begins each page with nothing kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; a request that may write keeps nothing."""
        if request.method not in {"GET", "HEAD"}:
            return self.get_response(request)
        token = _read.set({})
        try:
            return self.get_response(request)
        finally:
            _read.reset(token)

"""When the database can't answer: 503 that says so and keeps what was sent, after trying again where that helps.

A restart of PostgreSQL, a lock that nobody lets go of, a full disk, a deadlock: none of them is a fault of the request,
and nothing of it was kept, since an answer is given only after the commit. So it is 503 with ``Retry-After``, on pages,
in fragments and over the API. A deadlock or a serialisation failure is first tried again here, with the whole view.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ui import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

logger = logging.getLogger(__name__)

RETRY_AFTER = 2  # seconds
ATTEMPTS = 3
# serialization_failure, deadlock_detected: the database chose this transaction as the one to begin again.
AGAIN = {"40001", "40P01"}
# SQLite has one class for these and for an error in a statement; only these pass.
SQLITE = ("database is locked", "database table is locked", "disk is full", "unable to open database", "disk i/o error")
MOST_KEPT = 4 * 2**20  # characters of a form that the answer carries back
# Forms with passwords, codes and answers of providers, which no page says back.
NEVER_KEPT = ("/accounts/", "/sign-in/", "/admin/")


def is_passing(error: BaseException | None) -> bool:
    """Say whether an error is the database's trouble, which passes, rather than a fault of ours."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    return connection.vendor != "sqlite" or any(words in str(error).lower() for words in SQLITE)


def is_worth_another_try(error: BaseException) -> bool:
    """Say whether the same transaction, begun again at once, is likely to get through."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", "") in AGAIN


def answer(request: HttpRequest) -> HttpResponse:
    """503 without a look at the database, at the session or at who is signed in."""
    title = _("The database can't be reached right now")
    if request.path.startswith("/api/"):
        detail = _("Nothing was stored. Send the same request again in a moment.")
        response: HttpResponse = errors.problem(status=503, title=title, detail=detail, code="unavailable")
    else:
        context = {
            "status": 503,
            "title": title,
            "detail": _("This usually takes a few seconds. Nothing was saved, and nothing of what you wrote is lost."),
            "address": request.get_full_path(),
            "resend": _sent(request),
        }
        # Without the request: the frame around a page asks who is signed in, and that is in the database.
        response = HttpResponse(render_to_string("error.html", context), status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    response.headers["Cache-Control"] = "no-store"
    return response


def _sent(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields of a form that was sent, so that the page can send them again without any script."""
    if request.method != "POST" or request.content_type != "application/x-www-form-urlencoded":
        return []
    if request.path.startswith(NEVER_KEPT):
        return []
    fields = [(name, value) for name, values in request.POST.lists() for value in values]
    return fields if sum(len(value) for _name, value in fields) <= MOST_KEPT else []


class AnotherTryMiddleware:
    """Calls a view again whose transaction lost a deadlock or could not be serialised, three times in all.

    The view's one action was rolled back as a whole, so it is as if it had not been called.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: Callable[..., Any], _args: object, _options: object
    ) -> HttpResponse | None:
        """Keep the JSON that a program sent, which would be read only once, as a stream; 413 if it is too much."""
        if not request.path.startswith("/api/") or request.content_type != "application/json":
            return None
        try:
            len(request.body)
        except RequestDataTooBig:
            return errors.too_large(request)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Try again, or leave the exception to the handler of the site, which answers 503."""
        match = request.resolver_match
        if match is None or not is_worth_another_try(exception) or not _can_be_read_again(request):
            return None
        if connection.in_atomic_block:
            return None  # the transaction is somebody else's, and lost
        for attempt in range(1, ATTEMPTS):
            logger.warning("%s lost a deadlock; attempt %d", match.view_name, attempt + 1)
            try:
                response: HttpResponse = match.func(request, *match.args, **match.kwargs)
            except OperationalError as error:
                if not is_worth_another_try(error):
                    return answer(request) if is_passing(error) else None
            else:
                return response
        return answer(request)


def _can_be_read_again(request: HttpRequest) -> bool:
    """Say whether the body, which may have been read as a stream, can be read from its beginning."""
    return request.method in {"GET", "HEAD"} or hasattr(request, "_body") or hasattr(request, "_post")

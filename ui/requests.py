"""The id that a request has in every log line, on its answer and on error pages."""

from __future__ import annotations

import logging
import re
import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError
from django_structlog.middlewares import RequestMiddleware as StructlogRequestMiddleware
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("woolgather.request")

# What a proxy in front may hand down; anything else is replaced, since it stands in logs and on pages.
ACCEPTED = re.compile(r"\A[A-Za-z0-9](?:[A-Za-z0-9._-]{6,62}[A-Za-z0-9])\Z")
HEADER = "X-Request-ID"
NO_ROUTE = "none"
# What asks every few seconds, and files, which have no route.
ROUTINE = {"healthz", "readyz", "metrics", NO_ROUTE}


def route_of(request: HttpRequest) -> str:
    """Return the name of the request's route, never its path: paths hold ids, handles and one-time tokens."""
    match = request.resolver_match
    return match.view_name or NO_ROUTE if match else NO_ROUTE


def current_id() -> str:
    """Return the id of the request that is being answered, or "" outside of one."""
    return str(get_contextvars().get("request_id", ""))


class RequestMiddleware(StructlogRequestMiddleware):
    """Gives each request an id, binds it to what is logged meanwhile, and logs one line when it is answered."""

    async_capable = False

    def prepare(self, request: HttpRequest) -> None:
        """Take the proxy's id if it is one, else make one."""
        given = request.headers.get(HEADER, "")
        request_id = given if ACCEPTED.match(given) else uuid.uuid4().hex
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        request.request_id = request_id  # type: ignore[attr-defined]  # for error pages
        request.began = time.perf_counter()  # type: ignore[attr-defined]

    def handle_response(self, request: HttpRequest, response: HttpResponse) -> None:
        """Put the id on the answer, and log route, status, time and who asked; by key, never by name or address."""
        response.headers[HEADER] = request.request_id  # type: ignore[attr-defined]
        milliseconds = round(1000 * (time.perf_counter() - request.began), 1)  # type: ignore[attr-defined]
        person, route = _person(request), route_of(request)
        facts: dict[str, Any] = {
            "method": request.method if str(request.method).isalpha() else "?",
            "route": route,
            "status": response.status_code,
            "milliseconds": milliseconds,
            "person": person,
        }
        level = _level(route, response.status_code)
        logger.log(
            level,
            "%s %s %s %s ms person=%s",
            facts["method"],
            route,
            response.status_code,
            milliseconds,
            person or "-",
            extra={"facts": facts},
        )
        clear_contextvars()

    def process_got_request_exception(self, sender: type[Any], request: HttpRequest, **kwargs: Any) -> None:
        """Leave the traceback to Django's own log, which has the id as well."""


def _level(route: str, status: int) -> int:
    """Return how loudly to log: probes and static files are heard only by who asks for everything."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return logging.WARNING
    is_routine = status < HTTPStatus.BAD_REQUEST and route in ROUTINE
    return logging.DEBUG if is_routine else logging.INFO


def _person(request: HttpRequest) -> int | None:
    """Return the key of who is signed in; no query, as whoever needed to know has asked already."""
    try:
        return getattr(getattr(request, "user", None), "pk", None)
    except DatabaseError:
        return None

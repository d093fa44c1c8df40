"""Error pages that say what happened and what to do; JSON for the API."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def problem(*, status: int, title: str, detail: str, **extra: object) -> JsonResponse:
    """Return a problem-details answer (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def _later(request: HttpRequest, *, status: int, title: str, detail: str, wait: int, address: str = "") -> HttpResponse:
    """Answer with the seconds after which it is worth asking again; a page has a button for the address."""
    response = _answer(request, status=status, title=title, detail=detail, address=address)
    response.headers["Retry-After"] = str(wait)
    return response


def _answer(request: HttpRequest, *, status: int, title: str, detail: str, address: str = "") -> HttpResponse:
    request_id = getattr(request, "request_id", "")
    if request.path.startswith("/api/"):
        return problem(status=status, title=title, detail=detail, **({"request_id": request_id} if request_id else {}))
    context = {"status": status, "title": title, "detail": detail, "request_id": request_id, "address": address}
    return render(request, "error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request itself can't be read."""
    return _answer(
        request,
        status=400,
        title=_("That request can't be read"),
        detail=_(
            "Something in it isn't valid. Go back, reload the page and try again; "
            "text you were writing is kept in this browser."
        ),
    )


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: signed in, but not allowed."""
    own = _("Your account doesn't have the role for this page. A campaign lead or an admin can give it to you.")
    detail = str(exception) if exception and str(exception) else own
    return _answer(request, status=403, title=_("This page isn't open to you"), detail=detail)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing here, or nothing that this person may see."""
    return _answer(
        request,
        status=404,
        title=_("Nothing here"),
        detail=_("The address may be mistyped, or the page belongs to somebody else."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault; or 503, where the database has trouble that passes (``ui.unavailable``)."""
    from ui import unavailable

    # Django calls this while it handles the exception, whether a view or a middleware raised it.
    if unavailable.is_passing(sys.exc_info()[1]):
        return unavailable.answer(request)
    return _answer(
        request,
        status=500,
        title=_("Something went wrong on our side"),
        detail=_("It has been logged. Text you were writing is kept in this browser; try again in a moment."),
    )


def too_large(request: HttpRequest) -> HttpResponse:
    """413: more than the server takes in one request."""
    return _answer(
        request,
        status=413,
        title=_("That is too much text for one request"),
        detail=_("Nothing was saved or cut. Your text is kept in this browser: go back, shorten it and send it again."),
    )


def too_many(request: HttpRequest, *, wait: int) -> HttpResponse:
    """429: more than one person asks for in a while."""
    if request.path.startswith("/api/"):
        detail = ngettext(
            "Nothing was stored. Send the same request again in %(count)d second.",
            "Nothing was stored. Send the same request again in %(count)d seconds.",
            wait,
        )
    else:
        detail = ngettext(
            "Nothing was saved or lost. Your text is kept in this browser: go back and try again in %(count)d second.",
            "Nothing was saved or lost. Your text is kept in this browser: go back and try again in %(count)d seconds.",
            wait,
        )
    title = _("That was a lot at once")
    return _later(request, status=429, title=title, detail=detail % {"count": wait}, wait=wait)


def closed_for_now(request: HttpRequest, *, wait: int) -> HttpResponse:
    """503: attempts to sign in can't be counted, so there are none."""
    return _later(
        request,
        status=503,
        title=_("Signing in is closed for a moment"),
        detail=_("Whoever is signed in can go on working. Try again in a minute."),
        wait=wait,
    )


def busy_sending(request: HttpRequest, *, wait: int) -> HttpResponse:
    """503: other downloads keep as many threads as downloads may have."""
    return _later(
        request,
        status=503,
        title=_("Other downloads are under way"),
        detail=_("Nothing is wrong with the file. Ask for it again in a few seconds."),
        wait=wait,
        # A file that was asked for by a form is asked for by the form again.
        address=request.get_full_path() if request.method == "GET" else "",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose security token is out of date, as after signing in from another tab."""
    return _answer(
        request,
        status=403,
        title=_("This page was open for too long"),
        detail=_(
            "You signed in again elsewhere, so the form's security token changed. "
            "Your text is kept in this browser: reload the page and send it again."
        ),
    )

"""What every request passes through."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangoLoginRequiredMiddleware
from django.core.exceptions import RequestDataTooBig
from django.utils import timezone

from ui import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
    from django.http.response import HttpResponseBase

    GetResponse = Callable[[HttpRequest], HttpResponse]

ViewT = TypeVar("ViewT", bound="Callable[..., Any]")
REPLACEMENT = "\ufffd"


def bounds_its_body(view: ViewT) -> ViewT:
    """Mark a view that looks at the length by itself before anything is read, and says more than 413."""
    view.bounds_its_body = True  # type: ignore[attr-defined]  # read by the middleware below
    return view


class EncodingMiddleware:
    """Refuses more than any page takes, and text that isn't UTF-8 or holds NUL where no form can explain it.

    Django would turn invalid bytes into U+FFFD silently, and PostgreSQL fails on a NUL in a filter. Django's own limit
    holds for forms alone: the API reads a body of any size, and a file of any size is put on the disk.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Check the address, and the body of a url-encoded form, before anything reads them."""
        query = request.META.get("QUERY_STRING", "")
        raw_path = request.META.get("PATH_INFO", "")
        if not _is_clean(unquote_to_bytes(query)) or "\x00" in raw_path or "\ufffd" in raw_path:
            return errors.bad_request(request)
        if request.content_type == "application/x-www-form-urlencoded" and request.method in {
            "POST",
            "PUT",
            "PATCH",
        }:
            try:
                body = request.body
            except RequestDataTooBig:
                return errors.too_large(request)
            if not _is_utf8(unquote_to_bytes(body)):
                return errors.bad_request(request)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: object, _options: object
    ) -> HttpResponse | None:
        """Check the size, and the other kind of form, unless its view reads an upload by itself."""
        if _length(request) > settings.WOOLGATHER_MAX_REQUEST_BYTES and not getattr(view, "bounds_its_body", False):
            return errors.too_large(request)
        if request.content_type != "multipart/form-data" or getattr(view, "csrf_exempt", False):
            return None
        try:
            return None if _is_as_sent(request) else errors.bad_request(request)
        except RequestDataTooBig:
            return errors.too_large(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 413 where a body of another kind turns out too large while it is read."""
        return errors.too_large(request) if isinstance(exception, RequestDataTooBig) else None


def _length(request: HttpRequest) -> int:
    # A body without a length is none to Django: it reads as many bytes as the length says.
    said = request.META.get("CONTENT_LENGTH") or "0"
    return int(said) if said.isdecimal() else 0


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_as_sent(request: HttpRequest) -> bool:
    """Say whether each U+FFFD among a multipart form's texts was sent as such: Django puts it for invalid bytes, too.

    Files may hold any bytes. A body so large that a file of its size would leave the memory stays a stream; its texts
    can't be compared with it, so they must not hold the character at all.
    """
    is_small = _length(request) <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    sent = request.body.count(REPLACEMENT.encode()) if is_small else 0
    shown = sum(text.count(REPLACEMENT) for name, texts in request.POST.lists() for text in (name, *texts))
    if not shown or not sent:
        return not shown
    for _name, files in request.FILES.lists():
        for file in files:
            sent -= file.read().count(REPLACEMENT.encode())
            file.seek(0)
    return shown <= sent


def _is_clean(data: bytes) -> bool:
    return b"\x00" not in data and _is_utf8(data)


class LoginRequiredMiddleware(DjangoLoginRequiredMiddleware):
    """Asks for a sign-in everywhere; an htmx fragment is told to move the whole page to the sign-in form."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """Redirect, or for htmx answer 401 with ``HX-Redirect``: a 302 would be swapped into the fragment."""
        response = super().handle_no_permission(request, view_func)
        if request.headers.get("HX-Request") == "true":
            response.headers["HX-Redirect"] = response.headers["Location"]
            del response.headers["Location"]
            response.status_code = 401
        return response


class TimeZoneMiddleware:
    """Shows times in the signed-in person's own zone."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate the person's zone for this request alone."""
        name = getattr(request.user, "time_zone", "") or settings.TIME_ZONE
        with timezone.override(zoneinfo.ZoneInfo(name)):
            return self.get_response(request)


class PermissionsPolicyMiddleware:
    """Tells the browser which of its powers no page here ever asks for."""

    NONE = ", ".join(
        f"{name}=()" for name in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")
    )

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the header."""
        response = self.get_response(request)
        response.headers["Permissions-Policy"] = self.NONE
        return response


class PrivateCacheMiddleware:
    """Keeps pages of a signed-in person out of every cache, shared or not."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add ``Cache-Control: private, no-store`` where the view said nothing stricter."""
        response = self.get_response(request)
        if request.user.is_authenticated:
            response.headers["Cache-Control"] = "private, no-store"
        return response

"""What every request passes through."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING
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


class EncodingMiddleware:
    """Refuses requests whose text isn't UTF-8 or holds NUL where no form can explain it.

    Django would turn invalid bytes into U+FFFD silently, and PostgreSQL fails on a NUL in a filter.
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

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 413 where a body of another kind turns out too large while it is read."""
        return errors.too_large(request) if isinstance(exception, RequestDataTooBig) else None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


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

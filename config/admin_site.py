"""The admin's frame; what it shows is registered by each app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

ViewT = TypeVar("ViewT", bound="Callable[..., HttpResponseBase]")


class WoolgatherAdminSite(admin.AdminSite):
    """Signs in where everybody signs in, so that its limits and second factors hold here too."""

    site_header = site_title = "Woolgather"
    index_title = _("Set up and look after")

    def admin_view(self, view: ViewT, cacheable: bool = False) -> ViewT:
        """Let in by the site's rules, and answer no method that the admin doesn't use as if it were a GET."""
        return super().admin_view(require_http_methods(["GET", "HEAD", "POST"])(view), cacheable)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002 - as Django calls it
        """Send a stranger to the site's own sign-in."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.get_full_path())

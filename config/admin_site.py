"""The admin's frame; what it shows is registered by each app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class WoolgatherAdminSite(admin.AdminSite):
    """Signs in where everybody signs in, so that its limits and second factors hold here too."""

    site_header = site_title = "Woolgather"
    index_title = _("Set up and look after")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002 - as Django calls it
        """Send a stranger to the site's own sign-in."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.get_full_path())

"""Django's admin under Woolgather's name."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class WoolgatherAdminConfig(AdminConfig):
    """Uses our site instead of Django's own."""

    default_site = "config.admin_site.WoolgatherAdminSite"

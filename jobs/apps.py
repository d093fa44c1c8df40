"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    """Background work as rows; knows no domain, other apps register their handlers with it."""

    name = "jobs"
    verbose_name = _("background work")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import each app's ``tasks`` module, so that every process knows every handler."""
        autodiscover_modules("tasks")

"""The app's name and label."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    """Dataset versions and their writers."""

    name = "exports"
    label = "exports"
    verbose_name = _("Dataset versions")

    def ready(self) -> None:
        """Have the store's address checked at the start."""
        import_module("exports.store")

"""The app's name and label."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    """Dataset versions and their writers."""

    name = "exports"
    label = "exports"
    verbose_name = _("Dataset versions")

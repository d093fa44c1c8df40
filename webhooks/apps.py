"""The app's name, and the check of what the operator allowed."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    """Events, endpoints and deliveries; knows no domain, other apps record what happened with it."""

    name = "webhooks"
    label = "webhooks"
    verbose_name = _("Webhooks")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have ``manage.py check`` read the allow-list."""
        register(check_allowed)


def check_allowed(**_options: Any) -> list[CheckMessage]:
    """Say which entry of the allow-list can't be read."""
    from webhooks import conf

    try:
        conf.allowed_hosts()
        conf.allowed_networks()
    except ValueError as error:
        return [Error(str(error), id="webhooks.E001")]
    return []

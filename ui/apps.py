"""The house style's app: template tags, middleware, errors; no models."""

from __future__ import annotations

from django.apps import AppConfig


class UiConfig(AppConfig):
    """House style."""

    name = "ui"

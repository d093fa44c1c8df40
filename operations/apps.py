"""The app's name and label."""

from __future__ import annotations

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """What whoever runs an installation needs: it looks at every floor below, and none looks at it."""

    name = "operations"
    label = "operations"
    verbose_name = "Operations"

    def ready(self) -> None:
        """Begin to report errors and traces, in every process, where the settings say where to."""
        from operations import observing

        observing.start()

"""The app's name and label."""

from __future__ import annotations

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """What whoever runs an installation needs: it looks at every floor below, and none looks at it."""

    name = "operations"
    label = "operations"
    verbose_name = "Operations"

    def ready(self) -> None:
        """Begin to report errors and traces, where the settings say where to, and to note what people do with jobs."""
        from jobs.actions import asked
        from operations import job_audit, observing

        observing.start()
        asked.connect(job_audit.note, dispatch_uid="job_audit")

"""The core's app."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class CollectorConfig(AppConfig):
    """Sets the roles up after each migration, as Django does with permissions."""

    name = "collector"

    def ready(self) -> None:
        """Connect the set-up of roles and, on an empty installation, of a first campaign."""
        pre_migrate.connect(_lift_guard, sender=self)
        post_migrate.connect(_set_up, sender=self)
        post_migrate.connect(_guard_audit, sender=self)


def _set_up(**_kwargs: object) -> None:
    from django.utils import timezone

    from collector.actions.setup import ensure_installation

    ensure_installation(now=timezone.now())


def _lift_guard(*, using: str, plan: list[object], **_kwargs: object) -> None:
    from django.db import connections

    from collector import audit_guard

    if plan:
        audit_guard.lift(connections[using])


def _guard_audit(*, using: str, **_kwargs: object) -> None:
    from django.db import connections

    from collector import audit_guard

    connection = connections[using]
    if audit_guard.TABLE in connection.introspection.table_names():
        audit_guard.install(connection)

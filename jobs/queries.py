"""Reads over jobs and workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import conf
from jobs.models import WorkerHeartbeat

if TYPE_CHECKING:
    from datetime import datetime


def a_worker_lives(*, now: datetime) -> bool:
    """Return whether any worker showed itself recently enough."""
    return WorkerHeartbeat.objects.filter(seen_at__gt=now - conf.worker_fresh()).exists()

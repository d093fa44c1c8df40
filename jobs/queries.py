"""Reads over jobs and workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import conf
from jobs.models import Job, WorkerHeartbeat

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

SWEEPER = "sweeper@"


def status_of(job_id: uuid.UUID) -> str | None:
    """Return a job's status; None where there is no such job."""
    return Job.objects.filter(pk=job_id).values_list("status", flat=True).first()


def a_worker_lives(*, now: datetime) -> bool:
    """Return whether any worker showed itself recently enough; a sweeper is none."""
    fresh = WorkerHeartbeat.objects.filter(seen_at__gt=now - conf.worker_fresh())
    return fresh.exclude(worker__startswith=SWEEPER).exists()


def is_sweeper(heartbeat: WorkerHeartbeat) -> bool:
    """Say whether a sign of life is a sweeper's."""
    return heartbeat.worker.startswith(SWEEPER)


def is_fresh(heartbeat: WorkerHeartbeat, now: datetime) -> bool:
    """Say whether a sign of life is recent enough."""
    return heartbeat.seen_at > now - conf.worker_fresh()

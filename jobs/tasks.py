"""The Celery side: what the doorbell starts, and how it is rung."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from celery import shared_task
from django.db import transaction

from jobs import actions, bell, queries, registry, runner

if TYPE_CHECKING:
    from jobs.models import Job


@shared_task(name=bell.TASK)
def run_job(job_id: str) -> str:
    """Run one attempt of the job with this id, unless somebody else has it."""
    return runner.execute(job_id=uuid.UUID(job_id), worker=runner.worker_name())


@shared_task(name="jobs.sweep")
def sweep() -> int:
    """Sweep once, and return how many jobs were rung for; for an installation that runs Celery's beat."""
    actions.show_worker(worker=f"{queries.SWEEPER}beat", now=datetime.now(UTC))
    return sweep_and_ring()


def ring(job: Job) -> None:
    """Ring for ``job`` once the current transaction has committed. Never raises, never blocks for long."""
    transaction.on_commit(lambda: bell.send(job_id=job.pk, queue=job.queue), robust=True)


def sweep_and_ring() -> int:
    """Queue what is due, end exhausted jobs and ring for those nobody came for; returns how many rings were taken."""
    now = datetime.now(UTC)
    jobs = [*_queue_what_is_due(now), *actions.sweep(now=now)]
    return sum(bell.send(job_id=job.pk, queue=job.queue) for job in jobs)


# The period each kind was last looked at by this process, so that a sweep every five seconds asks once a period.
_looked: dict[str, int] = {}


def _queue_what_is_due(now: datetime) -> list[Job]:
    queued = []
    for periodic in registry.periodic():
        period = periodic.period(now)
        if _looked.get(periodic.kind) == period:
            continue
        job = actions.enqueue_periodic(periodic=periodic, now=now)
        _looked[periodic.kind] = period
        if job is not None:
            queued.append(job)
    return queued

"""A large version written by many workers at once: its parts are jobs, which any worker of the queue may take."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from exports import actions, columnar, places
from exports.models import DatasetVersion
from exports.writers.parquet import SHARD_ROWS
from jobs.actions import JobStateError, cancel, enqueue
from jobs.models import Job
from jobs.registry import JobContext, JobError
from jobs.runner import execute, worker_name
from jobs.tasks import ring

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

logger = logging.getLogger(__name__)
PART = "exports.part"
LOOK_EVERY = 0.5  # seconds


def is_worth_it(version: DatasetVersion) -> bool:
    """Say whether a version is large enough to be shared among the workers."""
    least: int = settings.WOOLGATHER_FAN_OUT_ROWS
    return 0 < least < version.rows


def write_part(context: JobContext, root: Path) -> dict[str, Any]:
    """Write the part of a version that the payload names, unless the version no longer needs it."""
    number, key = int(context.payload["part"] or 0), int(context.payload["version"] or 0)
    version = DatasetVersion.objects.select_related("dataset", "parent__dataset").get(pk=key)
    part = columnar.parts(version.splits, SHARD_ROWS)[number]
    if version.is_building:
        try:
            actions.write_part(version=version, part=part, root=root, progress=context.progress)
        except OSError as error:
            raise JobError(places.disk_message(error, root)) from error
    return {"rows": part.rows}


def written_in_parts(context: JobContext, version: DatasetVersion, root: Path) -> list[columnar.Part]:
    """Have every part of a version written, by all workers that are free and by this one; returns the parts.

    This one goes through the parts too and takes those that nobody has, so that it also comes to an end alone.

    Raises:
        JobError: a part could not be written; the others are called off.
        OSError: the disk refuses.
    """
    parts = columnar.parts(version.splits, SHARD_ROWS)
    waiting: dict[columnar.Part, Job] = {}
    for number, part in enumerate(parts):
        if actions.has_part(version=version, part=part, root=root):
            continue  # of an attempt before this one
        payload, key = {"version": version.pk, "part": number}, f"part:{version.pk}:{number}"
        waiting[part] = enqueue(kind=PART, payload=payload, by=None, now=timezone.now(), key=key, queue="exports")
        ring(waiting[part])
    try:
        while waiting:
            for part, job in list(waiting.items()):
                execute(job_id=job.pk, worker=worker_name())
                if _is_done(job, version, part, root):
                    del waiting[part]
                _tell(context, version, waiting)
            if waiting:
                context.lost.wait(LOOK_EVERY)
    except JobError:
        _call_off(waiting.values())
        raise
    return parts


def _is_done(job: Job, version: DatasetVersion, part: columnar.Part, root: Path) -> bool:
    job.refresh_from_db()
    if job.status != Job.Status.SUCCEEDED:
        if not job.is_active:
            raise JobError(job.error)
        return False
    if not actions.has_part(version=version, part=part, root=root):
        logger.warning("%s: %s was written where this worker does not see it; it writes it again", version, part)
        actions.write_part(version=version, part=part, root=root)
    return True


def _tell(context: JobContext, version: DatasetVersion, waiting: dict[columnar.Part, Job]) -> None:
    jobs = Job.objects.filter(pk__in=[job.pk for job in waiting.values()])
    under_way = jobs.aggregate(rows=Sum("progress"))["rows"] or 0
    done = version.rows - sum(part.rows for part in waiting) + under_way
    context.progress(min(version.rows, done), version.rows, "Writing records")


def _call_off(jobs: Iterable[Job]) -> None:
    for job in jobs:
        with contextlib.suppress(JobStateError):  # it ended by itself
            cancel(job_id=job.pk, by=None, now=timezone.now())

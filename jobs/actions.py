"""Every write of a job. Each is atomic; a worker's writes pass the fence of their attempt number."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.dispatch import Signal
from django.utils.translation import gettext as _
from structlog.contextvars import get_contextvars

from jobs import conf, registry
from jobs.models import Job, Queue, WorkerHeartbeat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser

logger = logging.getLogger(__name__)

ATTEMPTS = 3
MAX_ID_LENGTH = 200
MESSAGE_LENGTH = 300  # Job.message
SWEEP_BATCH = 200
REQUEST_ID = "request_id"
# A person started a job again or cancelled it: ``job``, ``act`` ("retried" or "cancelled"), ``by`` and ``now``. Sent in
# the transaction of the act: whoever keeps records of people's acts, of whom this floor knows nothing, keeps both.
asked = Signal()
IdValue = int | str | bool | uuid.UUID | None


class PayloadNotIds(ValueError):
    """A payload carries something other than ids: text and files belong in rows, the payload names them."""


class JobStateError(Exception):
    """The job's state forbids what was asked; the text says so to a person."""


def _ids_only(payload: Mapping[str, IdValue]) -> dict[str, int | str | bool | None]:
    ids: dict[str, int | str | bool | None] = {}
    for name, value in payload.items():
        plain = str(value) if isinstance(value, uuid.UUID) else value
        if not isinstance(plain, int | str | None):
            raise PayloadNotIds(f"{name!r} is a {type(value).__name__}; a job's payload holds ids only.")
        if isinstance(plain, str) and (len(plain) > MAX_ID_LENGTH or "\0" in plain):
            raise PayloadNotIds(f"{name!r} is no id: over {MAX_ID_LENGTH} characters, or with a NUL.")
        ids[name] = plain
    return ids


def enqueue(
    *,
    kind: str,
    payload: Mapping[str, IdValue],
    by: AbstractBaseUser | None,
    now: datetime,
    key: str = "",
    queue: str = Queue.DEFAULT,
) -> Job:
    """Queue one job in the caller's transaction, without ringing for it, and return it.

    With a ``key``, an unfinished job of the same kind and key is returned instead of a second one.
    Raises PayloadNotIds, and UnknownKind when no handler is registered.
    """
    registry.registration(kind)
    ids = _ids_only(payload)
    if asked := get_contextvars().get("request_id"):
        ids[REQUEST_ID] = asked  # so that the log leads from a request to what it had done in the background
    while True:
        if key and (known := Job.objects.active().for_key(kind, key).first()):
            return known
        try:
            with transaction.atomic():
                return Job.objects.create(
                    kind=kind,
                    payload=ids,
                    key=key,
                    queue=Queue(queue),
                    max_attempts=ATTEMPTS,
                    requested_by_id=None if by is None else by.pk,
                    created_at=now,
                    next_ring_at=now + conf.first_ring_grace(),
                )
        except IntegrityError:
            # Another request queued the same key between our look and our insert: look again, it is there
            # unless it has finished meanwhile. Any other broken constraint is not ours to swallow.
            if not key or not Job.objects.for_key(kind, key).exists():
                raise


def enqueue_periodic(*, periodic: registry.Periodic, now: datetime) -> Job | None:
    """Queue this period's job of a kind; None where there was one already, or nothing is to be done."""
    key = f"period:{periodic.period(now)}"
    if Job.objects.for_key(periodic.kind, key).exists() or not periodic.is_due(now):
        return None
    return enqueue(kind=periodic.kind, payload={}, by=None, now=now, key=key)


def claim(*, job_id: uuid.UUID, worker: str, now: datetime) -> Job | None:
    """Make ``worker`` the owner of a free job for one lease, as its next attempt; None if it can't be had.

    Free is a queued job, or a running one whose lease ran out. One without attempts left is ended as failed.
    """
    with transaction.atomic():
        # One conditional UPDATE decides between workers; its row count is the answer.
        claimed = (
            Job.objects.free(now)
            .with_attempts_left()
            .filter(pk=job_id)
            .update(
                status=Job.Status.RUNNING,
                attempt=F("attempt") + 1,
                worker=worker,
                lease_expires_at=now + conf.lease(),
                heartbeat_at=now,
                started_at=now,
                next_ring_at=now + conf.lease(),
                rings=0,
                progress=0,
                total=None,
                message="",
                error="",
            )
        )
        if claimed:
            return Job.objects.get(pk=job_id)
    _end_exhausted(job_id=job_id, now=now)
    return None


def heartbeat(
    *,
    job_id: uuid.UUID,
    attempt: int,
    now: datetime,
    progress: int | None = None,
    total: int | None = None,
    message: str | None = None,
) -> bool:
    """Renew the lease, and say how far the work is; False when this attempt no longer owns the job."""
    lease_ends = now + conf.lease()
    changes: dict[str, Any] = {
        "heartbeat_at": now,
        "lease_expires_at": lease_ends,
        "next_ring_at": lease_ends,
    }
    if progress is not None:
        changes["progress"] = max(0, progress)
    if total is not None:
        changes["total"] = max(0, total)
    if message is not None:
        changes["message"] = message[:MESSAGE_LENGTH]
    return Job.objects.held_by(job_id, attempt).update(**changes) == 1


def hold(*, job_id: uuid.UUID, attempt: int) -> bool:
    """Lock the job's row in the caller's transaction; False when this attempt no longer owns the job."""
    return Job.objects.held_by(job_id, attempt).select_for_update().first() is not None


def succeed(*, job_id: uuid.UUID, attempt: int, now: datetime, result: Mapping[str, Any] | None = None) -> bool:
    """End the job as done; False when this attempt no longer owns it."""
    changes: dict[str, Any] = {"status": Job.Status.SUCCEEDED, "finished_at": now, "lease_expires_at": None}
    changes["result"] = dict(result or {})
    # Atomic, so that a result JSON can't hold leaves a caller's transaction usable.
    with transaction.atomic():
        return Job.objects.held_by(job_id, attempt).update(**changes) == 1


def fail(*, job_id: uuid.UUID, attempt: int, now: datetime, error: str) -> bool:
    """End the job as failed for the reason ``error``; False when this attempt no longer owns it."""
    with transaction.atomic():
        job = Job.objects.held_by(job_id, attempt).select_for_update().first()
        if job is None:
            return False
        _end_without_success(job=job, status=Job.Status.FAILED, reason=error, now=now)
        return True


def release(*, job_id: uuid.UUID, attempt: int, now: datetime, reason: str) -> bool:
    """Give the job back to be tried again, or end it as failed after its last attempt; False as in fail."""
    with transaction.atomic():
        job = Job.objects.held_by(job_id, attempt).select_for_update().first()
        if job is None:
            return False
        if job.attempt >= job.max_attempts:
            _end_without_success(job=job, status=Job.Status.FAILED, reason=reason, now=now)
            return True
        job.status = Job.Status.QUEUED
        job.lease_expires_at = None
        job.message = reason[:MESSAGE_LENGTH]
        # The pause before the sweeper's ring is the back-off between attempts.
        job.next_ring_at = now + conf.first_ring_grace() * job.attempt
        job.rings = 0
        job.save()
        return True


def retry(*, job_id: uuid.UUID, by: AbstractBaseUser | None, now: datetime) -> Job:
    """Queue a failed or cancelled job again, with fresh attempts; raises JobStateError.

    The attempt number goes on counting, so that a worker left over from before stays behind the fence.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        if job.status not in {Job.Status.FAILED, Job.Status.CANCELLED}:
            raise JobStateError(_("Only a failed or cancelled job can be started again."))
        job.status = Job.Status.QUEUED
        job.max_attempts = job.attempt + ATTEMPTS
        job.finished_at = None
        job.error = job.message = ""
        job.rings = 0
        job.next_ring_at = now + conf.first_ring_grace()
        try:
            with transaction.atomic():
                job.save()
        except IntegrityError:
            raise JobStateError(_("The same work is already waiting or running.")) from None
        asked.send(Job, job=job, act="retried", by=by, now=now)
    logger.info("job %s (%s) queued again by %s", job.pk, job.kind, getattr(by, "pk", None))
    return job


def cancel(*, job_id: uuid.UUID, by: AbstractBaseUser | None, now: datetime) -> Job:
    """End an unfinished job; a running attempt learns of it at its next heartbeat. Raises JobStateError."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        if not job.is_active:
            raise JobStateError(_("This job has already finished."))
        _end_without_success(job=job, status=Job.Status.CANCELLED, reason=_("Cancelled."), now=now)
        asked.send(Job, job=job, act="cancelled", by=by, now=now)
    logger.info("job %s (%s) cancelled by %s", job.pk, job.kind, getattr(by, "pk", None))
    return job


def sweep(*, now: datetime) -> list[Job]:
    """End what used up its attempts, and return the jobs to ring for, each handed to one sweeper only."""
    exhausted = Job.objects.abandoned(now).out_of_attempts().values_list("pk", flat=True)
    for job_id in exhausted[:SWEEP_BATCH]:
        _end_exhausted(job_id=job_id, now=now)
    WorkerHeartbeat.objects.filter(seen_at__lt=now - 20 * conf.worker_fresh()).delete()
    to_ring: list[Job] = []
    for job in Job.objects.due_to_ring(now).order_by("created_at")[:SWEEP_BATCH]:
        wait = min(conf.RING_CAP, conf.first_ring_grace() * 2 ** min(job.rings, 16))
        # Two sweepers may see the same job; only one of them moves its next ring.
        mine = Job.objects.due_to_ring(now).filter(pk=job.pk, next_ring_at=job.next_ring_at)
        if mine.update(next_ring_at=now + wait, rings=F("rings") + 1):
            to_ring.append(job)
    return to_ring


def _end_exhausted(*, job_id: uuid.UUID, now: datetime) -> None:
    with transaction.atomic():
        job = Job.objects.free(now).out_of_attempts().filter(pk=job_id).select_for_update().first()
        if job is None:
            return
        reason = _("The worker stopped %(count)s times in the middle of this job, so it is not tried again.")
        _end_without_success(job=job, status=Job.Status.FAILED, reason=reason % {"count": ATTEMPTS}, now=now)
    logger.error("job %s (%s) used up its attempts", job.pk, job.kind)


def _end_without_success(*, job: Job, status: Job.Status, reason: str, now: datetime) -> None:
    """End ``job``, whose row the caller has locked, and tell its app in the same transaction."""
    job.status = status
    job.finished_at = now
    job.lease_expires_at = None
    job.error = reason or _("No reason was given.")
    job.save()
    try:
        hook = registry.registration(job.kind).on_failure
    except registry.UnknownKind:
        return
    if hook is None:
        return
    try:
        with transaction.atomic():
            hook(job.payload, job.error)
    except Exception:
        # The job's end must stand even if its app stumbles over it, or the job would be swept for ever.
        logger.exception("the failure hook of %s broke for job %s", job.kind, job.pk)


def requeue_interrupted(*, now: datetime) -> int:
    """Give back every running job, as when a copy of the database is put in place: its workers know another one.

    An attempt that the copying interrupted does not count against the job. Returns how many there were; workers' signs
    of life go too.
    """
    with transaction.atomic():
        WorkerHeartbeat.objects.all().delete()
        return Job.objects.filter(status=Job.Status.RUNNING).update(
            status=Job.Status.QUEUED,
            lease_expires_at=None,
            max_attempts=F("attempt") + ATTEMPTS,
            next_ring_at=now,
            rings=0,
            message="",
        )


def show_worker(*, worker: str, now: datetime) -> None:
    """Record a worker's sign of life."""
    WorkerHeartbeat.objects.update_or_create(
        worker=worker, defaults={"seen_at": now}, create_defaults={"seen_at": now, "started_at": now}
    )


def forget_worker(*, worker: str) -> None:
    """Remove a worker that said good-bye."""
    WorkerHeartbeat.objects.filter(worker=worker).delete()

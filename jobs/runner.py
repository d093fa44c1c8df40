"""Runs one attempt of one job: claim, renew the lease beside the work, end it behind the fence."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from django.db import DatabaseError, OperationalError, connection
from django.utils.translation import gettext as _
from structlog.contextvars import bound_contextvars

from jobs import actions, conf, queries, registry

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from jobs.models import Job

logger = logging.getLogger(__name__)

Outcome = Literal["succeeded", "failed", "again", "lost", "skipped"]
PROGRESS_EVERY = 0.5  # seconds between two writes of a handler's progress


def _now() -> datetime:
    return datetime.now(UTC)


class Attempt:
    """One attempt's hold on its job: the context its handler gets."""

    def __init__(self, job: Job) -> None:
        self.job_id = job.pk
        self.kind = job.kind
        self.payload: registry.JobPayload = {
            name: value for name, value in job.payload.items() if name != actions.REQUEST_ID
        }
        self.attempt = job.attempt
        self.requested_by_id = job.requested_by_id
        self.lost = threading.Event()
        self._lock = threading.Lock()
        self._pending: dict[str, Any] = {}
        self._changed = threading.Event()
        self._beside = False

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Note how far the work is; the heartbeat writes it. Raises LeaseLost when this attempt must stop."""
        with self._lock:
            self._pending = {"progress": done, "total": total, "message": message}
        self._changed.set()
        if not self._beside:
            self.beat()
        if self.lost.is_set():
            raise registry.LeaseLost(f"attempt {self.attempt} no longer owns job {self.job_id}")

    def hold(self) -> None:
        """Lock the job's row until the caller's transaction ends; raises LeaseLost."""
        if not actions.hold(job_id=self.job_id, attempt=self.attempt):
            self.lost.set()
            raise registry.LeaseLost(f"attempt {self.attempt} no longer owns job {self.job_id}")

    def beat(self) -> None:
        """Renew the lease and write the latest progress; sets ``lost`` when the job is no longer ours."""
        with self._lock:
            pending, self._pending = self._pending, {}
            self._changed.clear()
        if not actions.heartbeat(job_id=self.job_id, attempt=self.attempt, now=_now(), **pending):
            self.lost.set()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Renew the lease from a thread, over a database connection of its own, while the body runs."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat_until, args=(stop,), name=f"heartbeat-{self.job_id}", daemon=True)
        self._beside = True
        thread.start()
        try:
            yield
        finally:
            stop.set()
            self._changed.set()
            thread.join(conf.heartbeat_seconds())
            self._beside = False

    def _beat_until(self, stop: threading.Event) -> None:
        last = time.monotonic()
        try:
            while not stop.is_set() and not self.lost.is_set():
                due = last + conf.heartbeat_seconds()
                if self._changed.wait(max(0.0, due - time.monotonic())):
                    stop.wait(PROGRESS_EVERY)
                if stop.is_set():
                    break
                try:
                    self.beat()
                except DatabaseError as error:
                    # A locked or absent database: try again soon. Should the lease end, the fence holds.
                    logger.warning("heartbeat of job %s: %s", self.job_id, error)
                    connection.close()
                    last = time.monotonic() - 0.75 * conf.heartbeat_seconds()
                else:
                    last = time.monotonic()
        finally:
            connection.close()

    def finish(self, result: registry.JobResult | None) -> bool:
        """Write the last progress and the result; False when the job is no longer ours."""
        with self._lock:
            pending, self._pending = self._pending, {}
        if pending:
            actions.heartbeat(job_id=self.job_id, attempt=self.attempt, now=_now(), **pending)
        return actions.succeed(job_id=self.job_id, attempt=self.attempt, now=_now(), result=result)


def worker_name() -> str:
    """Return what this process is called in the jobs it takes."""
    return f"{socket.gethostname()}:{os.getpid()}"


def execute(*, job_id: uuid.UUID, worker: str, beat: bool = True) -> Outcome:
    """Claim the job and run its handler here; "skipped" when it is not to be had.

    ``beat=False`` renews the lease only as progress is reported, over the caller's own connection.
    """
    job = actions.claim(job_id=job_id, worker=worker, now=_now())
    if job is None:
        # Usual where a ring was doubled; of a job that nobody knows, or that still waits, somebody should hear.
        logger.info("job %s is not to be had: %s", job_id, queries.status_of(job_id) or "there is none")
        return "skipped"
    with bound_contextvars(job_id=str(job.pk), request_id=job.payload.get(actions.REQUEST_ID, "")):
        return _run(job, beat=beat)


def _run(job: Job, *, beat: bool) -> Outcome:
    attempt = Attempt(job)
    logger.info("job %s (%s) attempt %d starts", job.pk, job.kind, job.attempt)
    try:
        handler = registry.registration(job.kind).handler
        if beat:
            with attempt.beating():
                result = handler(attempt)
        else:
            result = handler(attempt)
        ours = attempt.finish(result)
        outcome: Outcome = "succeeded"
    except registry.LeaseLost as lost:
        logger.warning("job %s (%s): %s", job.pk, job.kind, lost)
        return "lost"
    except (registry.TryAgain, OperationalError) as error:
        logger.warning("job %s (%s) attempt %d gave up: %s", job.pk, job.kind, job.attempt, error)
        reason = str(error) if isinstance(error, registry.TryAgain) else _("The database did not answer.")
        ours = actions.release(job_id=job.pk, attempt=job.attempt, now=_now(), reason=reason)
        outcome = "failed" if job.attempt >= job.max_attempts else "again"
    except Exception as error:
        logger.exception("job %s (%s) attempt %d failed", job.pk, job.kind, job.attempt)
        ours = actions.fail(job_id=job.pk, attempt=job.attempt, now=_now(), error=_told(error))
        outcome = "failed"
    if not ours:
        logger.warning("job %s (%s) attempt %d finished after losing its lease", job.pk, job.kind, job.attempt)
        return "lost"
    logger.info("job %s (%s) attempt %d %s", job.pk, job.kind, job.attempt, outcome)
    return outcome


def _told(error: Exception) -> str:
    """Return what a person is told of a failure: its own words if they were written for people."""
    if isinstance(error, registry.JobError) or getattr(error, "for_people", False):
        return str(error)
    return _("Something unexpected went wrong (%(name)s). The log has the details.") % {"name": type(error).__name__}

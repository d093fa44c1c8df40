"""A job is a row: what is to be done, who holds it until when, and which attempt may still write."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from datetime import datetime


class Queue(models.TextChoices):
    """Which line a job waits in; a worker names the queues it serves."""

    DEFAULT = "default", _("default")
    EXPORTS = "exports", _("exports")
    TRAIN = "train", _("training")


class JobQuerySet(models.QuerySet["Job"]):
    """Reads of jobs, in words."""

    def active(self) -> JobQuerySet:
        """Return jobs that are not finished."""
        return self.filter(status__in=Job.ACTIVE)

    def for_key(self, kind: str, key: str) -> JobQuerySet:
        """Return every job of this kind and idempotency key, newest first."""
        return self.filter(kind=kind, key=key).order_by("-created_at")

    def abandoned(self, now: datetime) -> JobQuerySet:
        """Return running jobs whose lease ran out: their worker was killed, cut off or stalled."""
        return self.filter(status=Job.Status.RUNNING, lease_expires_at__lte=now)

    def free(self, now: datetime) -> JobQuerySet:
        """Return jobs that nobody holds: queued, or abandoned."""
        return self.filter(Q(status=Job.Status.QUEUED) | Q(status=Job.Status.RUNNING, lease_expires_at__lte=now))

    def with_attempts_left(self) -> JobQuerySet:
        """Return jobs that may be started once more."""
        return self.filter(attempt__lt=F("max_attempts"))

    def out_of_attempts(self) -> JobQuerySet:
        """Return jobs that were started as often as they may be."""
        return self.filter(attempt__gte=F("max_attempts"))

    def due_to_ring(self, now: datetime) -> JobQuerySet:
        """Return free jobs that no worker came for: the ring was lost, refused, or still waits in line."""
        return self.free(now).with_attempts_left().filter(next_ring_at__lte=now)

    def held_by(self, job_id: uuid.UUID, attempt: int) -> JobQuerySet:
        """Return the job if this attempt still owns it: the fence every write of a worker passes."""
        return self.filter(pk=job_id, status=Job.Status.RUNNING, attempt=attempt)


class Job(models.Model):
    """One piece of background work. The broker only rings for it; this row is the truth."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    ACTIVE = (Status.QUEUED, Status.RUNNING)
    FINISHED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=100)
    payload = models.JSONField(_("payload"), default=dict)
    key = models.CharField(_("idempotency key"), max_length=200, blank=True, default="")
    queue = models.CharField(_("queue"), max_length=20, choices=Queue, default=Queue.DEFAULT)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.QUEUED)
    attempt = models.PositiveIntegerField(_("attempt"), default=0)
    max_attempts = models.PositiveIntegerField(_("attempts allowed"), default=3)
    lease_expires_at = models.DateTimeField(_("lease ends"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True, default="")
    progress = models.PositiveBigIntegerField(_("progress"), default=0)
    total = models.PositiveBigIntegerField(_("total"), null=True, blank=True)
    message = models.CharField(_("message"), max_length=300, blank=True, default="")
    result: models.JSONField[Any, Any] = models.JSONField(_("result"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True, default="")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    created_at = models.DateTimeField(_("queued"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    rings = models.PositiveIntegerField(_("rings by the sweeper"), default=0)
    next_ring_at = models.DateTimeField(_("next ring"))

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["status", "next_ring_at"],
                condition=Q(status__in=["queued", "running"]),
                name="jobs_job_to_ring",
            ),
            models.Index(fields=["kind", "key"], name="jobs_job_kind_key"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"],
                condition=Q(status__in=["queued", "running"]) & ~Q(key=""),
                name="jobs_job_one_active_per_key",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "succeeded", "failed", "cancelled"]),
                name="jobs_job_status_known",
            ),
            models.CheckConstraint(condition=Q(queue__in=["default", "exports", "train"]), name="jobs_job_queue_known"),
            models.CheckConstraint(
                condition=(
                    Q(status="running", lease_expires_at__isnull=False, heartbeat_at__isnull=False)
                    & Q(started_at__isnull=False, attempt__gte=1)
                    & ~Q(worker="")
                )
                | (~Q(status="running") & Q(lease_expires_at__isnull=True)),
                name="jobs_job_running_means_leased",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["succeeded", "failed", "cancelled"], finished_at__isnull=False)
                | Q(status__in=["queued", "running"], finished_at__isnull=True),
                name="jobs_job_finished_has_a_time",
            ),
            models.CheckConstraint(condition=~Q(status="failed") | ~Q(error=""), name="jobs_job_failed_says_why"),
            models.CheckConstraint(
                condition=Q(status="succeeded") | Q(result__isnull=True), name="jobs_job_result_means_success"
            ),
            models.CheckConstraint(condition=Q(attempt__lte=F("max_attempts")), name="jobs_job_attempts_are_bounded"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def is_active(self) -> bool:
        """Whether the job still waits or runs."""
        return self.status in self.ACTIVE

    @property
    def percent(self) -> int | None:
        """Progress from 0 to 100, or None while the total is unknown."""
        if not self.total:
            return None
        return min(100, 100 * self.progress // self.total)


class WorkerHeartbeat(models.Model):
    """A worker's latest sign of life, so that readiness is a query and not a question to the broker."""

    worker = models.CharField(_("worker"), max_length=200, primary_key=True)
    started_at = models.DateTimeField(_("started"))
    seen_at = models.DateTimeField(_("last seen"), db_index=True)

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return self.worker

"""How an installation is doing, in a fixed number of queries; the status page and the metrics share it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Sum

from collector.models import Delivery, Submission
from exports.models import DatasetVersion
from jobs import queries as job_queries
from jobs.models import Job, Queue, WorkerHeartbeat
from training.models import TrainingRun
from webhooks import queries as webhook_queries

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any


WEEK = timedelta(days=7)
MOST_SHOWN = 5


@dataclass
class Line:
    """One queue of jobs."""

    queue: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("queued", "running", "failed"), 0))
    oldest: datetime | None = None

    @property
    def label(self) -> str:
        """What people call it."""
        return str(Queue(self.queue).label)


@dataclass
class Builds:
    """The dataset versions, and how long they took."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(DatasetVersion.Status.values, 0))
    finished: int = 0
    seconds: float = 0.0
    last_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class State:
    """What one reading found."""

    now: datetime
    queues: list[Line]
    workers: list[WorkerHeartbeat]
    submissions: dict[str, int]
    backlog_since: datetime | None
    builds: Builds
    runs: dict[str, int]
    webhooks: dict[str, Any]
    endpoints: dict[str, int]
    mails_refused: int

    def age(self, moment: datetime | None) -> float:
        """Return how long ago a moment was, in seconds; 0 for none."""
        return max(0.0, (self.now - moment).total_seconds()) if moment else 0.0

    @property
    def backlog(self) -> int:
        """How many submissions wait for review."""
        return self.submissions[Submission.Status.SUBMITTED]

    @property
    def workers_alive(self) -> list[WorkerHeartbeat]:
        """Workers that showed themselves lately."""
        return [one for one in self.workers if not job_queries.is_sweeper(one) and job_queries.is_fresh(one, self.now)]

    @property
    def sweepers_alive(self) -> list[WorkerHeartbeat]:
        """Sweepers that did."""
        return [one for one in self.workers if job_queries.is_sweeper(one) and job_queries.is_fresh(one, self.now)]


def read(now: datetime) -> State:
    """Count; nine queries, however much there is."""
    submissions, backlog_since = _submissions()
    runs = dict.fromkeys(TrainingRun.Status.values, 0)
    runs |= dict(TrainingRun.objects.order_by().values_list("status").annotate(Count("pk")))
    return State(
        now=now,
        queues=_queues(),
        workers=list(WorkerHeartbeat.objects.order_by("worker")),
        submissions=submissions,
        backlog_since=backlog_since,
        builds=_builds(),
        runs=runs,
        webhooks=webhook_queries.figures(),
        endpoints=webhook_queries.endpoint_figures(),
        mails_refused=Delivery.objects.filter(status=Delivery.Status.FAILED, done_at__gt=now - WEEK).count(),
    )


def _queues() -> list[Line]:
    lines = {queue: Line(queue) for queue in Queue.values}
    counted = Job.objects.filter(status__in=[*Job.ACTIVE, Job.Status.FAILED]).order_by().values("queue", "status")
    for row in counted.annotate(count=Count("pk"), oldest=Min("created_at")):
        line = lines[row["queue"]]
        line.counts[row["status"]] = row["count"]
        if row["status"] == Job.Status.QUEUED:
            line.oldest = row["oldest"]
    return list(lines.values())


def _submissions() -> tuple[dict[str, int], datetime | None]:
    counts, since = dict.fromkeys(Submission.Status.values, 0), None
    rows = Submission.objects.order_by().values("status").annotate(count=Count("pk"), oldest=Min("submitted_at"))
    for row in rows:
        counts[row["status"]] = row["count"]
        if row["status"] == Submission.Status.SUBMITTED:
            since = row["oldest"]
    return counts, since


def _builds() -> Builds:
    found = Builds()
    took = ExpressionWrapper(F("ready_at") - F("frozen_at"), output_field=DurationField())
    rows = DatasetVersion.objects.order_by().values("status")
    for row in rows.annotate(count=Count("pk"), ready=Count("ready_at"), took=Sum(took)):
        found.counts[row["status"]] = row["count"]
        found.finished += row["ready"]
        found.seconds += (row["took"] or timedelta(0)).total_seconds()
    last = DatasetVersion.objects.filter(ready_at__isnull=False).order_by("-ready_at")
    times = last.values_list("ready_at", "frozen_at").first()
    if times is not None and times[0] is not None:
        found.last_seconds = (times[0] - times[1]).total_seconds()
    return found


def last_failed_jobs() -> list[Job]:
    """Return the jobs that failed last."""
    return list(Job.objects.filter(status=Job.Status.FAILED).order_by("-finished_at")[:MOST_SHOWN])


def last_versions() -> list[DatasetVersion]:
    """Return the newest dataset versions, with how long each took to build."""
    took = ExpressionWrapper(F("ready_at") - F("frozen_at"), output_field=DurationField())
    return list(
        DatasetVersion.objects.select_related("dataset").annotate(took=took).order_by("-created_at")[:MOST_SHOWN]
    )

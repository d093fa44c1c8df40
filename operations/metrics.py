"""What Prometheus reads: requests, as this server's processes counted them, and the state of things in the database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.middleware import PrometheusAfterMiddleware, PrometheusBeforeMiddleware
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from operations import state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from django.http import HttpRequest
    from prometheus_client.metrics_core import Metric


class CountMiddleware(PrometheusBeforeMiddleware):
    """Counts requests and measures them whole, whatever became of them."""


class MeasureMiddleware(PrometheusAfterMiddleware):
    """Counts and measures by route, method and status; stands outside the others, so that it sees their answers too."""

    def process_request(self, request: HttpRequest) -> None:
        """Begin to measure; a length that is no number is for the server to refuse."""
        if not str(request.META.get("CONTENT_LENGTH") or "0").isdecimal():
            request.META["CONTENT_LENGTH"] = ""
            request.__dict__.pop("headers", None)  # they were read already, and are kept
        super().process_request(request)

    def label_metric(
        self, metric: Any, request: HttpRequest, response: HttpResponse | None = None, **labels: Any
    ) -> Any:
        """Bound what a stranger could make up: a label's every value is kept for ever."""
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer who shows the token of ``WOOLGATHER_METRICS_TOKEN``; without that setting there is nothing here."""
    wanted = settings.WOOLGATHER_METRICS_TOKEN
    if not wanted:
        raise Http404
    scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(given, wanted):
        return HttpResponse(
            "Send the token of the metrics.\n", "text/plain", 401, headers={"WWW-Authenticate": "Bearer"}
        )
    now = timezone.now()
    page = generate_latest(_counted()) + generate_latest(_OneCollector(StateCollector(now)))
    return HttpResponse(page, CONTENT_TYPE_LATEST)


def _counted() -> CollectorRegistry:
    """Return what all processes of this server counted, where they share it; else what this one did."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's
    return registry


class _OneCollector(CollectorRegistry):
    """A registry of a collector that is asked once: registering it for good would ask it twice."""

    def __init__(self, collector: Collector) -> None:
        super().__init__(auto_describe=False)
        self.register(collector)


class StateCollector(Collector):
    """The state of things, counted in the database when it is asked for; none of it is kept anywhere."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand, so that registering asks no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give the figures, and whether the database answered."""
        up = GaugeMetricFamily("woolgather_database_up", "Whether the database answered.")
        try:
            found = list(_figures(state.read(self._now)))
        except DatabaseError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from found


def _figures(seen: state.State) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("woolgather_jobs", "Background jobs.", labels=["queue", "status"])
    for line in seen.queues:
        for status, count in line.counts.items():
            jobs.add_metric([line.queue, status], count)
    yield jobs
    oldest = GaugeMetricFamily(
        "woolgather_jobs_oldest_waiting_seconds", "How long the oldest waiting job has waited.", labels=["queue"]
    )
    for line in seen.queues:
        oldest.add_metric([line.queue], seen.age(line.oldest))
    yield oldest
    yield _gauge("woolgather_workers", "Workers that showed themselves lately.", len(seen.workers_alive))
    yield _gauge("woolgather_sweepers", "Sweepers that showed themselves lately.", len(seen.sweepers_alive))
    submissions = GaugeMetricFamily("woolgather_submissions", "Submissions.", labels=["status"])
    for status, count in seen.submissions.items():
        submissions.add_metric([status], count)
    yield submissions
    yield _gauge("woolgather_review_backlog", "Submissions that wait for review.", seen.backlog)
    yield _gauge(
        "woolgather_review_oldest_waiting_seconds",
        "How long the oldest of them has waited.",
        seen.age(seen.backlog_since),
    )
    builds = GaugeMetricFamily("woolgather_dataset_versions", "Dataset versions.", labels=["status"])
    for status, count in seen.builds.counts.items():
        builds.add_metric([status], count)
    yield builds
    yield SummaryMetricFamily(
        "woolgather_export_build_seconds",
        "From freezing a dataset version to its being ready.",
        count_value=seen.builds.finished,
        sum_value=seen.builds.seconds,
    )
    yield _gauge("woolgather_export_last_build_seconds", "The same for the last version.", seen.builds.last_seconds)
    runs = GaugeMetricFamily("woolgather_runs", "Training runs.", labels=["status"])
    for status, count in seen.runs.items():
        runs.add_metric([status], count)
    yield runs
    yield _gauge("woolgather_webhook_deliveries_waiting", "Webhook messages that wait.", seen.webhooks["waiting"])
    yield _gauge(
        "woolgather_webhook_deliveries_failed", "Webhook messages given up this month.", seen.webhooks["failed"]
    )
    yield _gauge(
        "woolgather_mails_refused", "Mails that the mail server refused for good this week.", seen.mails_refused
    )
    yield _gauge("woolgather_webhooks_off", "Webhooks that are turned off.", seen.endpoints["off"])


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)

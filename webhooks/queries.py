"""Reads over endpoints and deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, Max, Min, Q

from webhooks import conf
from webhooks.models import Delivery, Endpoint

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from django.db.models import QuerySet

Status = Delivery.Status


def endpoints() -> QuerySet[Endpoint, Endpoint]:
    """Return the endpoints that are there, with the figures of their log."""
    return Endpoint.objects.present().annotate(
        waiting=Count("deliveries", filter=Q(deliveries__status=Status.WAITING)),
        delivered=Count("deliveries", filter=Q(deliveries__status=Status.DELIVERED)),
        failed=Count("deliveries", filter=Q(deliveries__status=Status.FAILED)),
        last_delivered_at=Max("deliveries__done_at", filter=Q(deliveries__status=Status.DELIVERED)),
    )


def log_of(endpoint: Endpoint) -> QuerySet[Delivery, Delivery]:
    """Return an endpoint's deliveries, the newest first."""
    return Delivery.objects.filter(endpoint=endpoint).select_related("event")


def endpoints_due(now: datetime) -> list[int]:
    """Return the endpoints for which something can be sent now; no query where webhooks are off."""
    if not conf.is_on():
        return []
    return list(Delivery.objects.due(now).order_by().values_list("endpoint_id", flat=True).distinct())


def due_for(endpoint_id: int, now: datetime, most: int) -> list[int]:
    """Return an endpoint's due deliveries, the oldest first."""
    due = Delivery.objects.due(now).filter(endpoint_id=endpoint_id)
    return list(due.order_by("created_at", "pk").values_list("pk", flat=True)[:most])


def turned_off_untold() -> QuerySet[Endpoint, Endpoint]:
    """Return endpoints that were turned off by themselves and of which no admin was told."""
    return Endpoint.objects.present().filter(disabled_at__isnull=False, told_at=None)


def figures() -> dict[str, Any]:
    """Return how many messages wait, were given up and how long the oldest has waited, in one query."""
    return Delivery.objects.filter(endpoint__removed_at=None).aggregate(
        waiting=Count("pk", filter=Q(status=Status.WAITING)),
        failed=Count("pk", filter=Q(status=Status.FAILED)),
        oldest=Min("created_at", filter=Q(status=Status.WAITING)),
    )


def endpoint_figures() -> dict[str, int]:
    """Return how many endpoints are on, failing and off, in one query."""
    return Endpoint.objects.present().aggregate(
        on=Count("pk", filter=Q(disabled_at=None)),
        failing=Count("pk", filter=Q(disabled_at=None, failing_since__isnull=False)),
        off=Count("pk", filter=Q(disabled_at__isnull=False)),
    )


def has_old(before: datetime) -> bool:
    """Say whether a delivery that is done was made before a moment."""
    return Delivery.objects.exclude(status=Status.WAITING).filter(created_at__lt=before).exists()

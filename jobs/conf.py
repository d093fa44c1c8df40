"""The durations background work runs by, in seconds, each overridable in the settings."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings


def lease() -> timedelta:
    """Return how long an attempt owns its job without renewing (``JOBS_LEASE_SECONDS``)."""
    return timedelta(seconds=float(getattr(settings, "JOBS_LEASE_SECONDS", 30)))


def heartbeat_seconds() -> float:
    """Return how often a running attempt renews its lease, in seconds (``JOBS_HEARTBEAT_SECONDS``)."""
    return float(getattr(settings, "JOBS_HEARTBEAT_SECONDS", 8))


def first_ring_grace() -> timedelta:
    """Return how long the sweeper leaves a new job to the ring of the edge that queued it."""
    return timedelta(seconds=float(getattr(settings, "JOBS_RING_GRACE_SECONDS", 10)))


def worker_fresh() -> timedelta:
    """Return how old a worker's sign of life may be before it counts as gone."""
    return timedelta(seconds=3 * heartbeat_seconds() + 6)


# A queued job is rung again after grace, 2 x grace, 4 x grace ... and never more rarely than this. The cap
# keeps a flushed broker's recovery under two minutes; the growth keeps a long queue from filling the broker.
RING_CAP = timedelta(seconds=100)
# How long one ring may hold up the request that queued the job, in seconds, whatever the broker does.
RING_BUDGET = 1.0
# After a ring that failed, rings are left to the sweeper for this long, in seconds.
RING_PAUSE = 5.0

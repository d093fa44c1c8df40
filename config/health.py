"""Is the process alive, and is what it needs there? Public, so it says nothing that helps an intruder."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from jobs import bell, queries

if TYPE_CHECKING:
    from collections.abc import Callable

BUDGET = 1.5  # seconds until an answer counts as none
FRESH = 1.0  # seconds for which an answer is given again: everybody may ask, and a flood must not make us look unwell

# A hung check keeps its thread; the small pool keeps a flood of questions from piling up threads.
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="readyz")
_asking = threading.Lock()
_last: tuple[float, dict[str, str]] = (-FRESH, {})


@login_not_required
@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that this process answers; asks nothing else."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Say whether the database, the broker and a worker are there.

    ``unavailable`` (503) without the database; ``degraded`` (200) without broker or worker, as people can go
    on writing and reviewing, and their jobs wait in the database.
    """
    checks = fresh()
    if checks["database"] != "ok":
        status = "unavailable"
    elif set(checks.values()) != {"ok"}:
        status = "degraded"
    else:
        status = "ok"
    return JsonResponse({"status": status, "checks": checks}, status=503 if status == "unavailable" else 200)


def fresh() -> dict[str, str]:
    """Return what was found in the last second, or look; one at a time."""
    global _last  # noqa: PLW0603 - what one process found
    with _asking:
        if time.monotonic() - _last[0] >= FRESH:
            _last = (time.monotonic(), check_all())
        return _last[1]


def check_all() -> dict[str, str]:
    """Return "ok", "missing" or "down" for database, broker and worker, within ``BUDGET`` seconds."""
    probes: dict[str, Callable[[], str]] = {"database": database, "broker": broker, "worker": worker}
    futures = {name: _pool.submit(probe) for name, probe in probes.items()}
    wait(futures.values(), timeout=BUDGET)
    answers: dict[str, str] = {}
    for name, future in futures.items():
        done = future.done() and future.exception() is None
        answers[name] = future.result() if done else "down"
        future.cancel()
    return answers


def database() -> str:
    """Ask the database for a row, over a connection of its own."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError:
        return "down"
    finally:
        connection.close()
    return "ok"


def broker() -> str:
    """Ask the broker for an answer."""
    return "ok" if bell.broker_answers(budget=1.0) else "down"


def worker() -> str:
    """Look for a worker's recent sign of life."""
    try:
        return "ok" if queries.a_worker_lives(now=datetime.now(UTC)) else "missing"
    except DatabaseError:
        return "down"
    finally:
        connection.close()

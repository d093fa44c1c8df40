"""Rings a worker through Celery's broker. A ring may be lost, late or doubled: the job's row is the truth.

A broker that is down, or that accepts and never answers, must not hold up the person who waits for a page.
So a ring has its own short-lived connection with short time-outs, runs in a thread that the request gives up
on, and after one failure the broker is left alone for a few seconds while the sweeper takes over.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery import current_app

from jobs import conf

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

logger = logging.getLogger(__name__)

TASK = "jobs.run_job"
SOCKET_TIMEOUT = 0.8


@dataclass
class _Breaker:
    """Leaves a broker that failed alone for a while; one a process."""

    paused_until: float = 0.0

    @property
    def open(self) -> bool:
        return time.monotonic() < self.paused_until


_breaker = _Breaker()


def _transport_options() -> dict[str, Any]:
    return {
        "socket_timeout": SOCKET_TIMEOUT,
        "socket_connect_timeout": SOCKET_TIMEOUT,
        "retry_on_timeout": False,
        "max_retries": 0,
    }


def _within(seconds: float, work: Callable[[], None]) -> Exception | None:
    """Run ``work`` in a thread for at most ``seconds``; return what went wrong, or None."""
    outcome: list[Exception | None] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever a broker raises, the caller logs it
            outcome.append(error)
        else:
            outcome.append(None)

    # A thread, because no time-out of a socket covers the look-up of a host name.
    thread = threading.Thread(target=run, name="ring", daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else TimeoutError(f"no answer within {seconds} s")


def send(*, job_id: uuid.UUID, queue: str, budget: float = conf.RING_BUDGET) -> bool:
    """Ring for one job; False when the broker did not take it within ``budget`` seconds. Never raises."""
    if _breaker.open:
        return False

    def publish() -> None:
        with current_app.connection_for_write(
            connect_timeout=SOCKET_TIMEOUT, transport_options=_transport_options()
        ) as connection:
            current_app.send_task(
                TASK, args=[str(job_id)], queue=queue, connection=connection, retry=False, ignore_result=True
            )

    if (error := _within(budget, publish)) is None:
        return True
    _breaker.paused_until = time.monotonic() + conf.RING_PAUSE
    logger.warning("could not ring for job %s (%s); the sweeper will", job_id, type(error).__name__)
    return False


def broker_answers(*, budget: float = conf.RING_BUDGET) -> bool:
    """Return whether the broker takes connections and answers, within ``budget`` seconds."""

    def ask() -> None:
        with current_app.connection_for_write(
            connect_timeout=SOCKET_TIMEOUT, transport_options=_transport_options()
        ) as connection:
            channel: Any = connection.default_channel
            if connection.transport.driver_type == "redis":
                channel.client.ping()
            elif connection.transport.driver_type == "filesystem":
                _check_folders(connection.transport_options or {})

    return _within(budget, ask) is None


def _check_folders(options: dict[str, Any]) -> None:
    for name in ("data_folder_in", "data_folder_out"):
        if not os.access(options[name], os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(f"{name} is not writable")


def forget_failures() -> None:
    """Close the circuit breaker at once, as if no ring had failed."""
    _breaker.paused_until = 0.0

"""The Celery application: a doorbell and a pool of processes. What is to be done stands in the jobs' rows."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_ready, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

logger = logging.getLogger(__name__)

app = Celery("woolgather")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

PR_SET_PDEATHSIG = 1
_writing = threading.Lock()


@setup_logging.connect
def log_as_everywhere(**_: Any) -> None:
    """Leave logging as the settings made it (LOG_LEVEL, LOG_FORMAT): being connected keeps Celery from its own."""


@worker_process_init.connect
def die_with_parent(**_: Any) -> None:
    """End a pool process with its worker, even one that was killed: nobody else could stop it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def fork_between_writes() -> None:
    """Let this process fork only while its sign of life isn't being written.

    SQLite keeps in memory what its process has locked. A pool process that is forked in the middle of another thread's
    write believes for ever that its own process is writing, and finds the database locked at each job.
    """
    os.register_at_fork(before=_writing.acquire, after_in_parent=_writing.release, after_in_child=_writing.release)


@worker_ready.connect
def show_life(sender: Any, **_: Any) -> None:
    """Write the worker's sign of life now and then, on the worker's own timer."""
    from jobs import conf

    fork_between_writes()
    name = str(sender.hostname)
    _show(name)
    sender.timer.call_repeatedly(conf.heartbeat_seconds(), _show, (name,))


@worker_shutdown.connect
def say_goodbye(sender: Any, **_: Any) -> None:
    """Remove the worker's sign of life, so that readiness tells at once."""
    from django.db import DatabaseError, connection

    from jobs import actions

    try:
        actions.forget_worker(worker=str(getattr(sender, "hostname", sender)))
    except DatabaseError as error:
        logger.warning("could not say good-bye: %s", error)
    finally:
        connection.close()


def _show(name: str) -> None:
    from django.db import DatabaseError, connection

    from jobs import actions, liveness

    liveness.show("worker")
    with _writing:
        try:
            actions.show_worker(worker=name, now=datetime.now(UTC))
        except DatabaseError as error:
            logger.warning("could not show that the worker lives: %s", error)
        finally:
            connection.close()

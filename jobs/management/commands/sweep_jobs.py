"""Ring again for jobs that nobody came for."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connection

from jobs import actions, liveness, queries
from jobs.management.base import OneLineCommand
from jobs.tasks import sweep_and_ring

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from types import FrameType

logger = logging.getLogger(__name__)


class Command(OneLineCommand):
    """Sweep once, or go on sweeping."""

    help = (
        "Ring the worker again for jobs that nobody came for: queued ones whose ring was lost, and running "
        "ones whose worker was killed. Jobs that were started three times without an end become failed. "
        "Running it twice, or two of it at once, does no harm. With --watch it goes on until it is stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--watch", action="store_true", help="go on sweeping until stopped")
        parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="pause between sweeps (5)")
        parser.add_argument("--json", action="store_true", help="print one JSON line: how many jobs were rung for")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Sweep."""
        if not options["watch"]:
            rung = sweep_and_ring()
            self.stdout.write(json.dumps({"rung": rung}) if options["json"] else f"Rang for {rung} jobs.")
            return
        self._watch(every=max(0.1, options["every"]))

    def _watch(self, *, every: float) -> None:
        stop = threading.Event()

        def end(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        logger.info("sweeping every %g s", every)
        name = f"{queries.SWEEPER}{socket.gethostname()}-{os.getpid()}"
        while not stop.is_set():
            try:
                actions.show_worker(worker=name, now=datetime.now(UTC))
                if rung := sweep_and_ring():
                    logger.info("rang again for %d jobs", rung)
            except DatabaseError as error:
                # The database is away; it will be back, and the jobs in it are not lost.
                logger.warning("could not sweep: %s", error)
            finally:
                connection.close()
            liveness.show("beat")
            stop.wait(every)
        with contextlib.suppress(DatabaseError):
            actions.forget_worker(worker=name)
        connection.close()

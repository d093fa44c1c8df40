"""What a request had done in the background is logged under the request's id."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from jobs import runner
from jobs.registry import JobContext, register, unregister
from ui.logs import LineFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.models import Job

pytestmark = pytest.mark.django_db
seen: list[JobContext] = []


@pytest.fixture(autouse=True)
def kind() -> Iterator[None]:
    @register("probe.logs")
    def log(context: JobContext) -> None:
        seen.append(context)
        logging.getLogger("probe").info("at work")

    yield
    unregister("probe.logs")
    seen.clear()


class Lines(logging.Handler):
    """Formats at once, as a real handler does: later, nothing is bound any more."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(LineFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def test_the_job_logs_its_own_id_and_the_requests(queued: Callable[..., Job]) -> None:
    with bound_contextvars(request_id="0af7651916cd43dd"):
        job = queued("probe.logs", version=5)
    handler, logger = Lines(), logging.getLogger("probe")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        assert runner.execute(job_id=job.pk, worker="w", beat=False) == "succeeded"
    finally:
        logger.removeHandler(handler)
    [line] = handler.lines
    assert line.endswith(f"at work [request=0af7651916cd43dd job={job.pk}]")
    assert seen[0].payload == {"version": 5}, "the handler gets what was asked for"
    assert "job_id" not in get_contextvars()


def test_outside_of_a_request_nothing_is_added(queued: Callable[..., Job]) -> None:
    assert queued("probe.logs", version=5).payload == {"version": 5}

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError

from jobs import actions, registry
from jobs.models import Job
from jobs.runner import execute

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.fixtures import Settings

    from jobs.registry import Handler, JobContext, JobResult

    Queued = Callable[..., Job]


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Callable[[Handler], None]:
    """Let another function do the probe's work."""

    def replace(function: Handler) -> None:
        monkeypatch.setitem(registry._registrations, "probe.work", registry.Registration(handler=function))

    return replace


def test_a_handlers_result_is_the_jobs(queued: Queued) -> None:
    job = queued(item=5)
    assert execute(job_id=job.pk, worker="w", beat=False) == "succeeded"
    job.refresh_from_db()
    assert (job.status, job.result) == (Job.Status.SUCCEEDED, {"did": 5})


def test_the_same_ring_twice_does_the_work_once(queued: Queued) -> None:
    job = queued()
    execute(job_id=job.pk, worker="w", beat=False)
    assert execute(job_id=job.pk, worker="w", beat=False) == "skipped"


def test_a_ring_for_nothing_is_told_with_its_reason(queued: Queued, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="jobs.runner")
    job, unknown = queued(), uuid.uuid4()
    for number in (job.pk, job.pk, unknown):
        execute(job_id=number, worker="w", beat=False)
    assert f"job {job.pk} is not to be had: succeeded" in caplog.text
    assert f"job {unknown} is not to be had: there is none" in caplog.text


def test_a_reason_for_people_is_kept_word_for_word(queued: Queued, handler: Callable[[Handler], None]) -> None:
    def refuse(context: JobContext) -> JobResult:
        raise registry.JobError("Nothing is approved yet. Review something first.")

    handler(refuse)
    job = queued()
    assert execute(job_id=job.pk, worker="w", beat=False) == "failed"
    job.refresh_from_db()
    assert job.error == "Nothing is approved yet. Review something first."


def test_an_unexpected_error_shows_no_insides_and_is_not_repeated(
    queued: Queued, handler: Callable[[Handler], None]
) -> None:
    def break_down(context: JobContext) -> JobResult:
        raise KeyError("secret-token")

    handler(break_down)
    job = queued()
    assert execute(job_id=job.pk, worker="w", beat=False) == "failed"
    job.refresh_from_db()
    assert "KeyError" in job.error
    assert "secret-token" not in job.error


@pytest.mark.parametrize("error", [registry.TryAgain("The hub is away."), OperationalError("gone")])
def test_passing_trouble_is_tried_again(queued: Queued, handler: Callable[[Handler], None], error: Exception) -> None:
    def give_up(context: JobContext) -> JobResult:
        raise error

    handler(give_up)
    job = queued()
    assert [execute(job_id=job.pk, worker="w", beat=False) for _ in range(4)] == [
        "again",
        "again",
        "failed",
        "skipped",
    ]


def test_a_result_json_cannot_hold_is_a_failure_and_no_hang(queued: Queued, handler: Callable[[Handler], None]) -> None:
    handler(lambda context: {"what": object()})
    job = queued()
    assert execute(job_id=job.pk, worker="w", beat=False) == "failed"


def test_a_cancelled_handler_is_stopped_at_its_next_progress(
    queued: Queued, handler: Callable[[Handler], None]
) -> None:
    reached: list[str] = []

    def work(context: JobContext) -> JobResult:
        actions.cancel(job_id=context.job_id, by=None, now=job.created_at)
        context.progress(1)
        reached.append("too far")
        return {}

    handler(work)
    job = queued()
    assert execute(job_id=job.pk, worker="w", beat=False) == "lost"
    assert reached == []


def test_work_that_was_cancelled_meanwhile_cannot_publish(queued: Queued, handler: Callable[[Handler], None]) -> None:
    reached: list[str] = []

    def publish(context: JobContext) -> JobResult:
        actions.cancel(job_id=context.job_id, by=None, now=job.created_at)
        context.hold()
        reached.append("published")
        return {}

    handler(publish)
    job = queued()
    assert execute(job_id=job.pk, worker="w", beat=False) == "lost"
    assert reached == []


def test_progress_and_lease_are_written_beside_the_work(
    threads_share_the_database: None,
    queued: Queued,
    handler: Callable[[Handler], None],
    settings: Settings,
) -> None:
    settings.JOBS_HEARTBEAT_SECONDS = 0.1
    seen: list[Job] = []

    def work(context: JobContext) -> JobResult:
        first = Job.objects.get(pk=context.job_id)
        context.progress(4, 8, "Half way")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            now = Job.objects.get(pk=context.job_id)
            if now.progress == 4 and now.lease_expires_at > first.lease_expires_at:  # type: ignore[operator]
                seen.append(now)
                break
            context.lost.wait(0.02)
        return {}

    handler(work)
    job = queued()
    assert execute(job_id=job.pk, worker="w") == "succeeded"
    assert [(row.percent, row.message) for row in seen] == [(50, "Half way")]


def test_a_cancelled_handler_that_waits_learns_of_it(
    threads_share_the_database: None,
    queued: Queued,
    handler: Callable[[Handler], None],
    settings: Settings,
) -> None:
    settings.JOBS_HEARTBEAT_SECONDS = 0.1

    def wait(context: JobContext) -> JobResult:
        actions.cancel(job_id=context.job_id, by=None, now=job.created_at)
        if context.lost.wait(10):
            raise registry.LeaseLost
        return {}

    handler(wait)
    job = queued()
    assert execute(job_id=job.pk, worker="w") == "lost"


def test_two_handlers_cannot_have_one_name() -> None:
    with pytest.raises(registry.KindTaken):
        registry.register("probe.work")(lambda context: {})

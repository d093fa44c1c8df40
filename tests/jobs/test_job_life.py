"""The life of one job, driven at random by two workers, a sweeper, a person and the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs import actions, conf
from jobs.models import Job
from tests.jobs.conftest import NOW
from tests.jobs.probe import tasks as probe

attempts = st.integers(1, 9)


class JobLife(RuleBasedStateMachine):
    """Keeps a model of the job beside it: who holds it, until when, and how it ended."""

    @initialize()
    def queue(self) -> None:
        self.now = NOW
        self.holder: int | None = None
        self.lease_ends = NOW
        self.starts_left = 3
        self.last_attempt = 0
        self.ended: str | None = None
        self.told = 0
        probe.failures.clear()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.job = actions.enqueue(kind="probe.work", payload={}, by=None, now=NOW, key="life")

    def teardown(self) -> None:
        if hasattr(self, "atomic"):
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    @property
    def free(self) -> bool:
        return self.ended is None and (self.holder is None or self.lease_ends <= self.now)

    def finish(self, how: str) -> None:
        self.ended, self.holder = how, None
        self.told += how != "succeeded"

    @rule(seconds=st.sampled_from([0.1, 5, 29, 31, 300]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(worker=st.sampled_from(["one", "two"]))
    def a_worker_comes(self, worker: str) -> None:
        claimed = actions.claim(job_id=self.job.pk, worker=worker, now=self.now)
        if self.free and self.starts_left:
            assert claimed is not None
            assert claimed.attempt == self.last_attempt + 1
            self.holder = self.last_attempt = claimed.attempt
            self.starts_left -= 1
            self.lease_ends = self.now + conf.lease()
        else:
            assert claimed is None
            if self.free:
                self.finish("failed")

    @rule(attempt=attempts)
    def an_attempt_shows_life(self, attempt: int) -> None:
        kept = actions.heartbeat(job_id=self.job.pk, attempt=attempt, now=self.now, progress=attempt)
        assert kept == (attempt == self.holder)
        if kept:
            self.lease_ends = self.now + conf.lease()

    @rule(attempt=attempts)
    def an_attempt_succeeds(self, attempt: int) -> None:
        done = actions.succeed(job_id=self.job.pk, attempt=attempt, now=self.now, result={"by": attempt})
        assert done == (attempt == self.holder)
        if done:
            self.finish("succeeded")

    @rule(attempt=attempts)
    def an_attempt_fails(self, attempt: int) -> None:
        done = actions.fail(job_id=self.job.pk, attempt=attempt, now=self.now, error="no")
        assert done == (attempt == self.holder)
        if done:
            self.finish("failed")

    @rule(attempt=attempts)
    def an_attempt_gives_it_back(self, attempt: int) -> None:
        done = actions.release(job_id=self.job.pk, attempt=attempt, now=self.now, reason="later")
        assert done == (attempt == self.holder)
        if done:
            self.holder = None
            if not self.starts_left:
                self.finish("failed")

    @rule()
    def the_sweeper_sweeps(self) -> None:
        rung = actions.sweep(now=self.now)
        if self.free and not self.starts_left and self.holder is not None:
            self.finish("failed")
        assert not rung or (self.free and self.starts_left)

    @precondition(lambda self: self.ended is None)
    @rule()
    def a_person_cancels(self) -> None:
        actions.cancel(job_id=self.job.pk, by=None, now=self.now)
        self.finish("cancelled")

    @precondition(lambda self: self.ended in {"failed", "cancelled"})
    @rule()
    def a_person_retries(self) -> None:
        actions.retry(job_id=self.job.pk, by=None, now=self.now)
        self.ended, self.holder, self.starts_left = None, None, 3

    @invariant()
    def row_and_model_agree(self) -> None:
        if not hasattr(self, "job"):
            return
        job = Job.objects.get(pk=self.job.pk)
        assert job.status == (self.ended or ("queued" if self.holder is None else "running"))
        assert job.attempt == self.last_attempt
        assert len(probe.failures) == self.told
        if self.holder is not None:
            assert (job.attempt, job.lease_expires_at) == (self.holder, self.lease_ends)


@pytest.mark.django_db
def test_no_order_of_events_breaks_a_job() -> None:
    run_state_machine_as_test(
        JobLife,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

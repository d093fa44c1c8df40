from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import TypeVar

import pytest
from django.db import IntegrityError, connection, transaction

from jobs import actions, conf, registry
from jobs.models import Job, WorkerHeartbeat
from tests.jobs.conftest import NOW
from tests.jobs.probe import tasks as probe

Queued = Callable[..., Job]
T = TypeVar("T")
LATER = NOW + timedelta(seconds=1)
AFTER_LEASE = NOW + timedelta(minutes=2)


def test_the_same_key_queues_one_job(queued: Queued) -> None:
    assert queued(key="v1").pk == queued(key="v1").pk


def test_without_a_key_each_call_queues_a_job(queued: Queued) -> None:
    assert queued().pk != queued().pk


def test_a_key_is_free_again_once_its_job_has_finished(queued: Queued) -> None:
    first = queued(key="v1")
    actions.claim(job_id=first.pk, worker="w", now=NOW)
    actions.succeed(job_id=first.pk, attempt=1, now=LATER)
    assert queued(key="v1").pk != first.pk


def test_a_payload_carries_ids_only(db: None) -> None:
    with pytest.raises(actions.PayloadNotIds, match="'text'"):
        actions.enqueue(kind="probe.work", payload={"text": "x" * 201}, by=None, now=NOW)
    with pytest.raises(actions.PayloadNotIds, match="'rows' is a list"):
        actions.enqueue(kind="probe.work", payload={"rows": [1]}, by=None, now=NOW)  # type: ignore[dict-item]


def test_a_uuid_in_a_payload_becomes_text(db: None) -> None:
    ident = uuid.uuid4()
    job = actions.enqueue(kind="probe.work", payload={"item": ident}, by=None, now=NOW)
    job.refresh_from_db()
    assert job.payload == {"item": str(ident)}


def test_an_unknown_kind_is_refused_when_it_is_queued(db: None) -> None:
    with pytest.raises(registry.UnknownKind, match=r"probe\.nothing"):
        actions.enqueue(kind="probe.nothing", payload={}, by=None, now=NOW)


def test_a_rolled_back_request_queues_nothing(queued: Queued) -> None:
    class Stop(Exception):
        pass

    def request() -> None:
        with transaction.atomic():
            queued()
            raise Stop

    with pytest.raises(Stop):
        request()
    assert not Job.objects.exists()


def test_a_claim_starts_the_first_attempt(queued: Queued) -> None:
    job = actions.claim(job_id=queued().pk, worker="w", now=NOW)
    assert job is not None
    assert (job.status, job.attempt, job.worker) == (Job.Status.RUNNING, 1, "w")
    assert job.lease_expires_at == NOW + conf.lease()


def test_a_running_job_is_not_claimed_twice(queued: Queued) -> None:
    job = queued()
    actions.claim(job_id=job.pk, worker="first", now=NOW)
    assert actions.claim(job_id=job.pk, worker="second", now=LATER) is None


def test_an_abandoned_job_is_claimed_by_the_next_worker(queued: Queued) -> None:
    job = queued()
    actions.claim(job_id=job.pk, worker="killed", now=NOW)
    again = actions.claim(job_id=job.pk, worker="next", now=AFTER_LEASE)
    assert again is not None
    assert (again.attempt, again.worker) == (2, "next")


def test_a_heartbeat_keeps_the_lease(queued: Queued) -> None:
    job = queued()
    actions.claim(job_id=job.pk, worker="w", now=NOW)
    assert actions.heartbeat(job_id=job.pk, attempt=1, now=AFTER_LEASE, progress=3, total=9, message="m" * 999)
    assert actions.claim(job_id=job.pk, worker="second", now=AFTER_LEASE + conf.lease() / 2) is None
    job.refresh_from_db()
    assert (job.progress, job.total, len(job.message), job.percent) == (3, 9, 300, 33)


@pytest.mark.parametrize("write", ["heartbeat", "succeed", "fail", "release", "hold"])
def test_an_attempt_that_was_overtaken_writes_nothing(queued: Queued, write: str) -> None:
    job = queued()
    actions.claim(job_id=job.pk, worker="stalled", now=NOW)
    actions.claim(job_id=job.pk, worker="next", now=AFTER_LEASE)
    before = Job.objects.values().get(pk=job.pk)
    writes: dict[str, Callable[[], bool]] = {
        "heartbeat": lambda: actions.heartbeat(job_id=job.pk, attempt=1, now=AFTER_LEASE, progress=7),
        "succeed": lambda: actions.succeed(job_id=job.pk, attempt=1, now=AFTER_LEASE, result={"a": 1}),
        "fail": lambda: actions.fail(job_id=job.pk, attempt=1, now=AFTER_LEASE, error="late"),
        "release": lambda: actions.release(job_id=job.pk, attempt=1, now=AFTER_LEASE, reason="late"),
        "hold": lambda: _hold(job, 1),
    }
    assert writes[write]() is False
    assert Job.objects.values().get(pk=job.pk) == before


def _hold(job: Job, attempt: int) -> bool:
    with transaction.atomic():
        return actions.hold(job_id=job.pk, attempt=attempt)


def test_a_job_that_kills_its_worker_ends_after_three_attempts(queued: Queued) -> None:
    job, now, started = queued(item=7), NOW, 0
    for _round in range(10):
        actions.sweep(now=now)
        started += actions.claim(job_id=job.pk, worker="w", now=now) is not None
        now += timedelta(minutes=2)
    job.refresh_from_db()
    assert (started, job.status) == (3, Job.Status.FAILED)
    assert "3 times" in job.error
    assert probe.failures == [({"item": 7}, job.error)]


def test_a_failed_job_says_why_and_tells_its_app(queued: Queued) -> None:
    job = queued(item=1)
    actions.claim(job_id=job.pk, worker="w", now=NOW)
    assert actions.fail(job_id=job.pk, attempt=1, now=LATER, error="The disk is full.")
    job.refresh_from_db()
    assert (job.status, job.error, job.finished_at) == (Job.Status.FAILED, "The disk is full.", LATER)
    assert probe.failures == [({"item": 1}, "The disk is full.")]


def test_a_broken_failure_hook_does_not_keep_the_job_alive(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(payload: registry.JobPayload, reason: str) -> None:
        Job.objects.create(kind="x", created_at=NOW, next_ring_at=NOW, status="failed")

    monkeypatch.setitem(
        registry._registrations, "probe.work", registry.Registration(handler=probe.work, on_failure=stumble)
    )
    job = queued()
    actions.cancel(job_id=job.pk, by=None, now=LATER)
    job.refresh_from_db()
    assert job.status == Job.Status.CANCELLED
    assert Job.objects.count() == 1


def test_cancelling_ends_a_running_attempt_at_its_next_heartbeat(queued: Queued) -> None:
    job = queued()
    actions.claim(job_id=job.pk, worker="w", now=NOW)
    actions.cancel(job_id=job.pk, by=None, now=LATER)
    assert actions.heartbeat(job_id=job.pk, attempt=1, now=LATER) is False


def test_a_finished_job_cannot_be_cancelled(queued: Queued) -> None:
    job = queued()
    actions.cancel(job_id=job.pk, by=None, now=NOW)
    with pytest.raises(actions.JobStateError, match="already finished"):
        actions.cancel(job_id=job.pk, by=None, now=LATER)


def test_a_retry_gives_new_attempts_behind_the_same_fence(queued: Queued) -> None:
    job = queued()
    actions.claim(job_id=job.pk, worker="w", now=NOW)
    actions.fail(job_id=job.pk, attempt=1, now=LATER, error="no")
    actions.retry(job_id=job.pk, by=None, now=LATER)
    claimed = actions.claim(job_id=job.pk, worker="w", now=LATER)
    assert claimed is not None
    assert (claimed.attempt, claimed.max_attempts) == (2, 4)
    assert actions.succeed(job_id=job.pk, attempt=1, now=LATER) is False


def test_a_retry_beside_the_same_work_is_refused(queued: Queued) -> None:
    old = queued(key="v1")
    actions.cancel(job_id=old.pk, by=None, now=NOW)
    queued(key="v1")
    with pytest.raises(actions.JobStateError, match="already waiting"):
        actions.retry(job_id=old.pk, by=None, now=LATER)


def test_the_sweeper_leaves_a_new_job_to_its_first_ring(queued: Queued) -> None:
    queued()
    assert actions.sweep(now=LATER) == []


def test_the_sweeper_rings_for_a_job_nobody_came_for(queued: Queued) -> None:
    job = queued()
    assert actions.sweep(now=NOW + timedelta(seconds=11)) == [job]


def test_the_sweeper_rings_for_an_abandoned_job(queued: Queued) -> None:
    job = queued()
    actions.claim(job_id=job.pk, worker="killed", now=NOW)
    assert actions.sweep(now=NOW + conf.lease() - timedelta(seconds=1)) == []
    assert actions.sweep(now=NOW + conf.lease() + timedelta(seconds=1)) == [job]


def test_a_second_sweep_at_the_same_time_rings_for_nothing(queued: Queued) -> None:
    queued()
    moment = NOW + timedelta(seconds=11)
    assert len(actions.sweep(now=moment)) == 1
    assert actions.sweep(now=moment) == []


def test_a_waiting_job_is_rung_for_at_least_every_two_minutes_but_ever_more_rarely(queued: Queued) -> None:
    queued()
    rings = [second for second in range(0, 1200, 5) if actions.sweep(now=NOW + timedelta(seconds=second))]
    pauses = [later - earlier for earlier, later in pairwise(rings)]
    assert rings[0] <= 15
    assert max(pauses) <= 120
    assert len(rings) < 20


def test_a_released_job_waits_longer_each_time_and_then_fails(queued: Queued) -> None:
    job, now, waits = queued(), NOW, []
    for attempt in (1, 2, 3):
        assert actions.claim(job_id=job.pk, worker="w", now=now) is not None
        assert actions.release(job_id=job.pk, attempt=attempt, now=now, reason="The hub is away.")
        job.refresh_from_db()
        waits.append(job.next_ring_at - now)
        now += timedelta(minutes=5)
    assert waits[0] < waits[1]
    assert (job.status, job.error) == (Job.Status.FAILED, "The hub is away.")


@pytest.mark.parametrize(
    "state",
    [
        {"status": "running"},
        {"status": "succeeded"},
        {"status": "failed", "finished_at": NOW},
        {"status": "asleep"},
        {"queue": "elsewhere"},
        {"lease_expires_at": NOW},
        {"result": {"a": 1}},
        {"attempt": 4},
    ],
)
def test_the_database_refuses_an_illegal_state(queued: Queued, state: dict[str, object]) -> None:
    job = queued()
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**state)


def test_a_worker_shows_itself_and_says_goodbye(db: None) -> None:
    actions.show_worker(worker="w", now=NOW)
    actions.show_worker(worker="w", now=LATER)
    assert list(WorkerHeartbeat.objects.values_list("worker", "started_at", "seen_at")) == [("w", NOW, LATER)]
    actions.forget_worker(worker="w")
    assert not WorkerHeartbeat.objects.exists()


def test_of_many_workers_at_once_one_gets_the_job(threads_share_the_database: None, queued: Queued) -> None:
    for _round in range(5):
        job = queued()
        won = _at_once(8, partial(_claim, job))
        assert len([claimed for claimed in won if claimed]) == 1
        job.refresh_from_db()
        assert job.attempt == 1


def test_of_many_requests_at_once_one_queues_the_job(threads_share_the_database: None) -> None:
    made = _at_once(
        8,
        lambda _number: actions.enqueue(kind="probe.work", payload={}, by=None, now=NOW, key="same"),
    )
    assert len({job.pk for job in made}) == 1
    assert Job.objects.count() == 1


def test_two_sweepers_share_the_jobs(threads_share_the_database: None, queued: Queued) -> None:
    jobs = {queued().pk for _ in range(20)}
    swept = _at_once(4, lambda _number: actions.sweep(now=NOW + timedelta(seconds=11)))
    rung = [job.pk for part in swept for job in part]
    assert sorted(rung) == sorted(jobs)


def _claim(job: Job, number: int) -> Job | None:
    return actions.claim(job_id=job.pk, worker=f"w{number}", now=NOW)


def _at_once(count: int, act: Callable[[int], T]) -> list[T]:
    barrier = threading.Barrier(count, timeout=30)

    def one(number: int) -> T:
        try:
            barrier.wait()
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))

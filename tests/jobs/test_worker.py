"""Workers that really run, and are really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.db import connection
from django.utils import timezone

from jobs import bell
from jobs.actions import enqueue
from jobs.models import Job, WorkerHeartbeat
from tests.jobs.brokers import point_celery_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django.fixtures import Settings

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0  # seconds; reached only when something is broken
REDIS_URL = os.environ.get("WOOLGATHER_TEST_REDIS_URL", "redis://127.0.0.1:6379/13")
# Both empty and read the same Redis database: in two processes at once, one's worker takes the other's message.
one_at_a_time = pytest.mark.xdist_group("redis")

pytestmark = pytest.mark.usefixtures("threads_share_the_database", "short_grace")


@pytest.fixture
def short_grace(settings: Settings) -> None:
    """Let the sweeper ring early for what this process queues."""
    settings.JOBS_RING_GRACE_SECONDS = 0.3


class Stack:
    """A broker, and the processes of a test that use it."""

    def __init__(self, folder: Path, url: str, options: dict[str, Any]) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.jobs.worker_settings",
            "PROBE_SETTINGS": os.environ["DJANGO_SETTINGS_MODULE"],
            "PROBE_DATABASE": str(connection.settings_dict["NAME"]),
            "PROBE_BROKER": url,
            "PROBE_BROKER_OPTIONS": json.dumps(options),
            "PROBE_DIR": str(folder),
        }

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a process in a group of its own."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        self.processes.append(process)
        return process

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it has shown itself."""
        process = self.start(
            name,
            *("-m", "celery", "-A", "config", "--quiet", "worker", "--pool", "prefork", "--concurrency", "1"),
            *("--queues", "default,exports,train", "--hostname", f"{name}@test", "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        )
        self.until(lambda: WorkerHeartbeat.objects.filter(worker=f"{name}@test").exists())
        return process

    def sweeper(self) -> None:
        """Start a sweeper that looks often."""
        self.start("sweeper", "manage.py", "sweep_jobs", "--watch", "--every", "0.2")

    def until(self, happened: Callable[[], object]) -> None:
        """Look until something has happened; fails with the processes' logs at the deadline."""
        deadline = time.monotonic() + DEADLINE
        while not happened():
            if time.monotonic() > deadline:
                logs = "\n".join(f"== {path.name}\n{path.read_text()}" for path in self.folder.glob("*.log"))
                rows = "\n".join(
                    str(row) for row in Job.objects.values("pk", "kind", "status", "attempt", "worker", "error")
                )
                pytest.fail(f"it never happened\n{logs}\n{rows}")
            time.sleep(0.03)

    def until_marked(self, name: str) -> None:
        """Wait for a file that a handler makes."""
        self.until((self.folder / name).exists)

    def until_finished(self, job: Job) -> Job:
        """Wait for the end of a job and return it."""
        self.until(lambda: not Job.objects.get(pk=job.pk).is_active)
        return Job.objects.get(pk=job.pk)

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def on_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack over filesystem://."""
    for name in ("queue", "control"):
        (tmp_path / name).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "queue"),
        "data_folder_out": str(tmp_path / "queue"),
        "control_folder": str(tmp_path / "control"),
    }
    stack = Stack(tmp_path, "filesystem://", options)
    point_celery_at(monkeypatch, "filesystem://", **options)
    yield stack
    stack.end()


@pytest.fixture
def on_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack over redis://, in a database of its own number."""
    client = redis.Redis.from_url(REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        client.flushdb()
    except redis.RedisError as error:
        if os.environ.get("WOOLGATHER_REQUIRE_REDIS") == "1":
            pytest.fail(f"Redis is required and not there: {error}")
        pytest.skip(f"no Redis at {REDIS_URL}")
    options = {"socket_timeout": 10.0, "socket_connect_timeout": 2.0, "socket_keepalive": True}
    stack = Stack(tmp_path, REDIS_URL, options)
    point_celery_at(monkeypatch, REDIS_URL, **options)
    yield stack
    stack.end()
    client.flushdb()
    client.close()


def _queue(kind: str) -> Job:
    return enqueue(kind=kind, payload={}, by=None, now=timezone.now())


def _ring(stack: Stack, job: Job) -> None:
    """Ring until the broker has it: on a busy machine a single ring may be given up, which is the sweeper's part."""

    def taken() -> bool:
        bell.forget_failures()
        return bell.send(job_id=job.pk, queue=job.queue, budget=DEADLINE)

    stack.until(taken)


def _a_killed_workers_job_is_finished_by_the_next(stack: Stack) -> None:
    first = stack.worker("first")
    stack.sweeper()
    job = _queue("probe.wait")
    _ring(stack, job)
    stack.until_marked("started-1")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    (stack.folder / "go").touch()
    stack.worker("second")
    done = stack.until_finished(job)
    assert (done.status, done.result) == (Job.Status.SUCCEEDED, {"attempt": 2})


def test_without_redis_a_killed_workers_job_is_finished_by_the_next(on_folders: Stack) -> None:
    _a_killed_workers_job_is_finished_by_the_next(on_folders)


@one_at_a_time
@pytest.mark.redis
def test_with_redis_a_killed_workers_job_is_finished_by_the_next(on_redis: Stack) -> None:
    _a_killed_workers_job_is_finished_by_the_next(on_redis)


@one_at_a_time
@pytest.mark.redis
def test_a_flushed_redis_loses_no_job(on_redis: Stack) -> None:
    job = _queue("probe.wait")
    _ring(on_redis, job)
    with redis.Redis.from_url(REDIS_URL) as client:
        assert client.llen("default")
        client.flushdb()
    (on_redis.folder / "go").touch()
    on_redis.worker("only")
    on_redis.sweeper()
    assert on_redis.until_finished(job).status == Job.Status.SUCCEEDED


def test_a_job_that_kills_its_process_fails_after_three_attempts_and_the_worker_lives(on_folders: Stack) -> None:
    worker = on_folders.worker("only")
    poison, healthy = _queue("probe.poison"), _queue("probe.wait")
    (on_folders.folder / "go").touch()
    on_folders.sweeper()
    failed = on_folders.until_finished(poison)
    assert (failed.status, failed.attempt) == (Job.Status.FAILED, 3)
    assert sorted(path.name for path in on_folders.folder.glob("poisoned-*")) == [
        "poisoned-1",
        "poisoned-2",
        "poisoned-3",
    ]
    assert on_folders.until_finished(healthy).status == Job.Status.SUCCEEDED
    assert worker.poll() is None


def test_a_pool_process_does_not_outlive_its_killed_worker(on_folders: Stack) -> None:
    worker = on_folders.worker("only")
    job = _queue("probe.wait")
    _ring(on_folders, job)
    on_folders.until_marked("started-1")
    pool_process = int(Job.objects.get(pk=job.pk).worker.rpartition(":")[2])
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    on_folders.until(lambda: not _lives(pool_process))


def test_a_worker_that_ends_says_goodbye(on_folders: Stack) -> None:
    worker = on_folders.worker("only")
    worker.terminate()
    on_folders.until(lambda: worker.poll() is not None)
    assert not WorkerHeartbeat.objects.exists()


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter when it ends between open and read
        return False

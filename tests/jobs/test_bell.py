from __future__ import annotations

import base64
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import transaction

from jobs import bell, tasks
from tests.jobs.brokers import point_celery_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

    from jobs.models import Job

FAST = 1.5  # seconds a ring may take, whatever the broker does


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Point Celery at another broker."""

    def point(url: str, **options: Any) -> None:
        point_celery_at(monkeypatch, url, **options)

    return point


@pytest.fixture
def folder_broker(broker: Callable[..., None], tmp_path: Path) -> Path:
    (tmp_path / "queue").mkdir()
    (tmp_path / "control").mkdir()
    queue = str(tmp_path / "queue")
    broker("filesystem://", data_folder_in=queue, data_folder_out=queue, control_folder=str(tmp_path / "control"))
    return tmp_path / "queue"


def timed_ring() -> tuple[bool, float]:
    start = time.monotonic()
    taken = bell.send(job_id=uuid.uuid4(), queue="default")
    return taken, time.monotonic() - start


def test_a_ring_reaches_the_queue_of_the_job(folder_broker: Path) -> None:
    assert bell.send(job_id=uuid.uuid4(), queue="exports")
    assert [path.name.split(".")[-2] for path in folder_broker.iterdir()] == ["exports"]


def test_a_ring_carries_the_id_only_as_json(folder_broker: Path) -> None:
    ident = uuid.uuid4()
    bell.send(job_id=ident, queue="default")
    (message,) = folder_broker.iterdir()
    text = message.read_text()
    assert '"content-type": "application/json"' in text
    assert current_app.conf.accept_content == ["json"]
    args, kwargs, _embed = json.loads(base64.b64decode(json.loads(text)["body"]))
    assert (args, kwargs) == ([str(ident)], {})


def test_a_broker_that_refuses_costs_no_time_and_no_error(broker: Callable[..., None], refused_port: int) -> None:
    broker(f"redis://127.0.0.1:{refused_port}/0")
    taken, seconds = timed_ring()
    assert not taken
    assert seconds < FAST


def test_a_broker_that_never_answers_costs_little_time(broker: Callable[..., None], black_hole: int) -> None:
    broker(f"redis://127.0.0.1:{black_hole}/0")
    taken, seconds = timed_ring()
    assert not taken
    assert seconds < FAST


def test_after_a_failure_the_next_rings_cost_nothing(broker: Callable[..., None], black_hole: int) -> None:
    broker(f"redis://127.0.0.1:{black_hole}/0")
    timed_ring()
    assert sum(timed_ring()[1] for _ in range(20)) < 0.2


def test_a_broker_that_never_answers_is_told_from_one_that_does(
    broker: Callable[..., None], black_hole: int, folder_broker: Path
) -> None:
    assert bell.broker_answers()
    broker(f"redis://127.0.0.1:{black_hole}/0")
    assert not bell.broker_answers()


def test_a_job_is_rung_for_only_after_the_commit(
    folder_broker: Path,
    queued: Callable[..., Job],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        tasks.ring(queued())
        assert not list(folder_broker.iterdir())
    assert len(list(folder_broker.iterdir())) == 1


def test_the_sweep_command_rings_again(folder_broker: Path, queued: Callable[..., Job], capsys: Any) -> None:
    queued()
    call_command("sweep_jobs", "--json")
    assert capsys.readouterr().out == '{"rung": 1}\n'
    assert len(list(folder_broker.iterdir())) == 1

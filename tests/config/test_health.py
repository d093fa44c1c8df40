from __future__ import annotations

import socket
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from config import health
from jobs import actions, bell
from tests.jobs.brokers import point_celery_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client
    from pytest_django.fixtures import DjangoAssertNumQueries

# The checks look from threads of their own, at what has been committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def a_worker() -> None:
    actions.show_worker(worker="w", now=timezone.now())


@pytest.fixture
def a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "broker_answers", lambda budget: True)


def test_alive_needs_nobody_signed_in_and_no_database(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_with_everything_there(client: Client, a_worker: None, a_broker: None) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "broker": "ok", "worker": "ok"}}


def test_degraded_without_a_worker(client: Client, a_broker: None) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["worker"] == "missing"


def test_a_worker_last_seen_long_ago_is_missing(client: Client, a_broker: None) -> None:
    actions.show_worker(worker="w", now=timezone.now() - timedelta(hours=1))
    assert client.get("/readyz").json()["checks"]["worker"] == "missing"


def test_degraded_in_time_when_the_broker_hangs(
    client: Client, a_worker: None, monkeypatch: pytest.MonkeyPatch, black_hole_broker: None
) -> None:
    start = time.monotonic()
    answer = client.get("/readyz")
    assert time.monotonic() - start < 2
    assert (answer.status_code, answer.json()["checks"]["broker"]) == (200, "down")


def test_unavailable_without_the_database(client: Client, a_broker: None, monkeypatch: pytest.MonkeyPatch) -> None:

    def no_cursor(*_args: Any) -> None:
        raise OperationalError("password authentication failed for user postgres at 10.0.0.5")

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", no_cursor)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert "10.0.0.5" not in answer.content.decode()


def test_unavailable_in_time_when_the_database_hangs(
    client: Client, a_broker: None, monkeypatch: pytest.MonkeyPatch
) -> None:

    let_go, gave_up = threading.Event(), threading.Event()

    def hanging() -> str:
        if let_go.wait(30):
            return "ok"
        gave_up.set()
        return "late"

    monkeypatch.setattr(health, "database", hanging)
    answer = client.get("/readyz")
    assert not gave_up.is_set(), "the answer waited for the database"
    let_go.set()
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "down")


@pytest.fixture
def black_hole_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Redis that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        point_celery_at(monkeypatch, url)
        yield


def test_a_flood_of_questions_is_looked_into_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look() -> dict[str, str]:
        looks.append(1)
        return {"database": "ok"}

    monkeypatch.setattr(health, "FRESH", 60.0)
    monkeypatch.setattr(health, "_last", (-60.0, {}))
    monkeypatch.setattr(health, "check_all", look)
    assert [client.get("/readyz").status_code for _question in range(20)] == [200] * 20
    assert len(looks) == 1

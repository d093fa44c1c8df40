"""Fixtures of the jobs' tests."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import connection

from jobs import bell
from jobs.actions import enqueue
from tests.jobs.probe import tasks as probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.models import Job

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh_bell() -> Iterator[None]:
    """A ring that failed in one test must not silence the next."""
    bell.forget_failures()
    probe.failures.clear()
    yield
    bell.forget_failures()


@pytest.fixture
def queued(db: None) -> Callable[..., Job]:
    """Queue a probe job."""

    def queue(kind: str = "probe.work", key: str = "", **payload: int) -> Job:
        return enqueue(kind=kind, payload=payload, by=None, now=NOW, key=key)

    return queue


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


@pytest.fixture
def refused_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def threads_share_the_database(transactional_db: None) -> None:
    """Skip nothing: make sure that the database is one that several connections can use, and that they see all."""
    assert not connection.in_atomic_block, "an earlier test left its transaction open"
    assert "memory" not in str(connection.settings_dict["NAME"]), settings.DATABASES["default"]

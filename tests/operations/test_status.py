"""The status page: who sees it, what it says, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from collector.models import AuditEntry
from jobs import bell
from jobs.actions import show_worker
from jobs.models import Job
from jobs.queries import SWEEPER
from operations import surroundings
from operations.backup import BACKED_UP
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from pytest_django.fixtures import DjangoAssertNumQueries, Settings

    from collector.models import Campaign, Person

pytestmark = pytest.mark.django_db
PATH = "/operations/status/"


@pytest.fixture(autouse=True)
def surroundings_of_a_test(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    monkeypatch.setattr(bell, "broker_answers", lambda budget: True)
    settings.WOOLGATHER_VAR = tmp_path


@pytest.fixture
def page(admin: Person, sign_in: Callable[[Person], Client]) -> Callable[[], str]:
    client = sign_in(admin)

    def page() -> str:
        answer = client.get(PATH)
        assert answer.status_code == 200
        return answer.content.decode()

    return page


def all_at_work() -> None:
    show_worker(worker="woolgather-1@host", now=timezone.now())
    show_worker(worker=f"{SWEEPER}host-2", now=timezone.now())


@pytest.mark.parametrize("role", ["contributor", "reviewer", "lead"])
def test_others_see_nothing(role: str, sign_in: Callable[[Person], Client]) -> None:
    assert sign_in(factories.PersonFactory.create(roles=[role])).get(PATH).status_code == 403


def test_a_stranger_is_asked_to_sign_in(client: Client) -> None:
    assert client.get(PATH).status_code == 302


def test_all_is_well(page: Callable[[], str]) -> None:
    all_at_work()
    text = page()
    assert "All is well." in text
    for words in ("woolgather-1@host", "host-2", "Django", "none yet", "None was released yet."):
        assert words in text


def test_what_is_wrong_is_said(page: Callable[[], str]) -> None:
    now = timezone.now()
    show_worker(worker="woolgather-1@host", now=now - timedelta(hours=1))
    waiting = {"created_at": now - timedelta(minutes=20), "next_ring_at": now}
    Job.objects.create(kind="a", queue="train", **waiting)
    Job.objects.create(kind="exports.build", status="failed", error="<b>disk full</b>", finished_at=now, **waiting)
    assert "Sweeper: none." in page()
    text = page()
    assert "In the queue training, work has waited for 20 minutes." in text
    assert "1 job has failed." in text
    assert "The last one was seen at" in text
    assert "&lt;b&gt;disk full" in text
    assert "?status__exact=failed&amp;queue__exact=default" in text
    assert "All is well." not in text


def test_a_broker_that_is_silent_is_a_warning(page: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "broker_answers", lambda budget: False)
    assert "work waits in the database" in page()


def test_the_last_backup_is_told_wherever_it_was_made(page: Callable[[], str]) -> None:
    assert surroundings.last_backup() is None
    now = timezone.now()
    AuditEntry.objects.create(verb=BACKED_UP, target="monday.tar", at=now - timedelta(days=3), detail={"sha256": "0"})
    assert "The last backup is older than two days." in page()
    AuditEntry.objects.create(
        verb=BACKED_UP, target="today.tar", at=now, detail={"sha256": "1", "bytes": 2048, "left_out": ["set v1"]}
    )
    text = page()
    assert "today.tar, 2.0\xa0KB" in text
    assert "older than two days" not in text
    assert "lacks the manifest of 1 dataset version" in text


def test_pending_migrations_and_a_full_disk_are_said(page: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "pending_migrations", lambda: ["collector.0099_more"])
    monkeypatch.setattr(surroundings, "disk", lambda: surroundings.Disk("/var", 5, 100))
    text = page()
    assert "1 migration is pending" in text
    assert "Less than a tenth of the disk is free." in text


def test_nothing_is_pending_here() -> None:
    assert surroundings.pending_migrations() == []


def test_htmx_gets_the_figures_alone(admin: Person, sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(admin).get(PATH, headers={"HX-Request": "true", "HX-Target": "status"})
    text = answer.content.decode()
    assert text.strip().startswith('<div id="status"')
    assert "<html" not in text


def test_it_costs_the_same_for_much_and_for_little(
    page: Callable[[], str], campaign: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    all_at_work()
    page()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        page()
    now = timezone.now()
    for _number in range(8):
        factories.make_submission(campaign=campaign)
        Job.objects.create(kind="a", status="failed", error="e", finished_at=now, created_at=now, next_ring_at=now)
    with CaptureQueriesContext(connection) as many:
        page()
    assert len(many) == len(few) <= 24

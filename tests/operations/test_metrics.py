"""What Prometheus is told: by whom, how bounded, and added up over the processes of a server."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from config import web
from jobs.actions import show_worker
from jobs.models import Job
from jobs.queries import SWEEPER
from operations import state
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.fixtures import DjangoAssertNumQueries, Settings

    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 300  # seconds; reached only when something is broken
TOKEN = "a token that only the scraper has"


@pytest.fixture
def scrape(settings: Settings) -> Callable[[], dict[tuple[str, str], float]]:
    """Read the page as Prometheus does: figures by name and labels."""
    settings.WOOLGATHER_METRICS_TOKEN = TOKEN

    def scrape() -> dict[tuple[str, str], float]:
        answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        return {
            (sample.name, ",".join(value for _label, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.content.decode())
            for sample in family.samples
        }

    return scrape


def test_without_a_token_in_the_settings_there_is_nothing(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    "given", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN} ", "Bearer ünïcode"]
)
def test_a_stranger_is_told_nothing(client: Client, settings: Settings, given: str | None) -> None:
    settings.WOOLGATHER_METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"Authorization": given} if given else {})
    assert answer.status_code == 401
    assert b"woolgather" not in answer.content


def test_the_state_of_things(
    scrape: Callable[[], dict[tuple[str, str], float]], campaign: Campaign, category: Category
) -> None:
    now = timezone.now()
    for status in ("submitted", "submitted", "approved", "draft"):
        factories.make_submission(campaign=campaign, category=category, status=status, now=now - timedelta(minutes=5))
    show_worker(worker="w1", now=now)
    show_worker(worker="w2", now=now - timedelta(hours=1))
    show_worker(worker=f"{SWEEPER}s", now=now)
    waiting = {"created_at": now - timedelta(minutes=2), "next_ring_at": now}
    Job.objects.create(kind="a", queue="exports", **waiting)
    Job.objects.create(kind="a", queue="exports", created_at=now, next_ring_at=now)
    Job.objects.create(kind="b", status="failed", error="Why.", finished_at=now, **waiting)
    Job.objects.create(kind="b", status="succeeded", finished_at=now, **waiting)
    seen = scrape()
    assert seen[("woolgather_database_up", "")] == 1
    assert seen[("woolgather_submissions", "submitted")] == seen[("woolgather_review_backlog", "")] == 2
    assert seen[("woolgather_submissions", "approved")] == 1
    assert 300 <= seen[("woolgather_review_oldest_waiting_seconds", "")] < 400
    assert (seen[("woolgather_workers", "")], seen[("woolgather_sweepers", "")]) == (1, 1)
    assert (seen[("woolgather_jobs", "exports,queued")], seen[("woolgather_jobs", "default,failed")]) == (2, 1)
    assert 120 <= seen[("woolgather_jobs_oldest_waiting_seconds", "exports")] < 200
    assert seen[("woolgather_jobs_oldest_waiting_seconds", "train")] == 0
    assert seen[("woolgather_runs", "running")] == seen[("woolgather_webhook_deliveries_waiting", "")] == 0


def test_how_long_builds_took(scrape: Callable[[], dict[tuple[str, str], float]]) -> None:
    from exports.models import Dataset, DatasetVersion

    dataset, now = Dataset.objects.create(name="pairs"), timezone.now()
    for number, seconds in ((1, 10), (2, 30)):
        DatasetVersion.objects.create(
            dataset=dataset,
            number=number,
            status="ready",
            frozen_at=now + timedelta(hours=number),
            ready_at=now + timedelta(hours=number, seconds=seconds),
            created_at=now,
            rows=1,
            manifest_sha256="0" * 64,
        )
    seen = scrape()
    assert seen[("woolgather_export_build_seconds_count", "")] == 2
    assert seen[("woolgather_export_build_seconds_sum", "")] == 40
    assert seen[("woolgather_export_last_build_seconds", "")] == 30


def test_the_state_takes_a_fixed_number_of_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries, campaign: Campaign
) -> None:
    for _number in range(3):
        factories.make_submission(campaign=campaign)
    with django_assert_max_num_queries(9):
        state.read(timezone.now())


def test_without_a_database_requests_are_told_all_the_same(
    scrape: Callable[[], dict[tuple[str, str], float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_now: object) -> None:
        raise OperationalError("password authentication failed for user postgres")

    monkeypatch.setattr(state, "read", gone)
    seen = scrape()
    assert seen[("woolgather_database_up", "")] == 0
    assert any(name.startswith("django_http_requests_total") for name, _labels in seen)
    assert not any(name == "woolgather_jobs" for name, _labels in seen)


def test_labels_are_names_of_routes_and_known_methods(
    scrape: Callable[[], dict[tuple[str, str], float]], client: Client
) -> None:
    before = scrape()
    client.get("/people/somebody-secret/")
    client.get("/no-such-page-secret/")
    client.generic("SECRET", "/healthz")
    client.generic("POST", "/healthz", "secret", CONTENT_LENGTH="secret")
    after = scrape()
    assert "secret" not in " ".join(labels for _name, labels in after).lower()
    name = "django_http_responses_total_by_status_view_method_total"
    added = {labels: count - before.get((name, labels), 0) for (found, labels), count in after.items() if found == name}
    assert {labels: count for labels, count in added.items() if count and "metrics" not in labels} == {
        "GET,302,person": 1,
        "GET,404,<unnamed view>": 1,
        "<invalid method>,405,healthz": 1,
        "POST,405,healthz": 1,
    }


PROCESS = """
import django
django.setup()
from django.test import Client
for _number in range({count}):
    assert Client().get("/healthz", SERVER_NAME="localhost").status_code == 200
"""


def test_two_processes_are_added_up(
    scrape: Callable[[], dict[tuple[str, str], float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = web.counts_dir(var=tmp_path, host="web", port="8000")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        web.VARIABLE: str(directory),
        "WOOLGATHER_VAR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'none.sqlite3'}",
    }
    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS.format(count=count)], cwd=ROOT, env=environment)
        for count in (2, 3)
    ]
    assert [process.wait(DEADLINE) for process in processes] == [0, 0]
    monkeypatch.setenv(web.VARIABLE, str(directory))
    seen = scrape()
    assert seen[("django_http_responses_total_by_status_view_method_total", "GET,200,healthz")] == 5
    assert seen[("django_http_requests_latency_seconds_by_view_method_count", "GET,healthz")] == 5


def test_a_start_begins_with_no_counts_and_takes_old_ones_of_others_away(tmp_path: Path) -> None:
    first = web.counts_dir(var=tmp_path, host="web/../x", port="8000")
    assert first.parent == tmp_path / "metrics"
    (first / "counter_1.db").write_bytes(b"")
    gone = web.counts_dir(var=tmp_path, host="gone", port="8000")
    (gone / "counter_1.db").write_bytes(b"")
    os.utime(gone / "counter_1.db", (0, 0))
    assert list(web.counts_dir(var=tmp_path, host="web/../x", port="8000").iterdir()) == []
    assert not gone.exists()


def test_the_web_server_gets_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[Any] = []
    monkeypatch.setattr(os, "execv", lambda program, command: became.append(command))
    monkeypatch.setenv("WOOLGATHER_VAR", str(tmp_path))
    monkeypatch.setenv(web.VARIABLE, "")
    web.main(["--port", "8106", "--workers", "2"])
    assert became[0][1:] == [
        *("-m", "granian", "--interface", "wsgi", "--port", "8106", "--workers", "2", "config.wsgi:application")
    ]
    assert Path(os.environ[web.VARIABLE]).name.endswith("-8106")


def test_a_request_without_a_view_is_measured() -> None:
    from django.http import HttpResponse

    from operations.metrics import MeasureMiddleware

    answer = MeasureMiddleware(lambda _request: HttpResponse("x"))(RequestFactory().get("/"))
    assert answer.status_code == 200

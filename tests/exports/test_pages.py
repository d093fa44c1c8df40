"""The pages and the API: who may start, see and fetch what."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from collector.models import AuditEntry
from exports import actions, tasks
from exports.filters import Filter
from exports.models import DatasetVersion
from jobs.models import Job
from jobs.runner import execute
from tests import factories
from tests.exports.helpers import NOW, approve, release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries
    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(db: None) -> Person:
    """A campaign lead."""
    return factories.PersonFactory.create(roles=["lead"])


@pytest.fixture(autouse=True)
def _quiet_bell(monkeypatch: pytest.MonkeyPatch, root: Path, settings: Settings) -> None:
    """No broker in these tests: the job's row is enough."""
    settings.WOOLGATHER_DATASET_NAME = "set"
    monkeypatch.setattr(tasks, "ring", lambda _job: None)


def body(response: Any) -> bytes:
    """Return the bytes of an answer, streamed or not."""
    return b"".join(response)


def test_a_lead_starts_a_build_and_the_worker_finishes_it(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category, 3)
    client = sign_in(lead)
    answer = client.post(reverse("datasets"), {"name": "set", "min_approvals": "0", "min_rating": "0"})
    assert (answer.status_code, answer["Location"]) == (302, "/datasets/v1/")
    version = DatasetVersion.objects.get()
    assert version.is_building
    waiting = client.get("/datasets/v1/", headers={"HX-Request": "true", "HX-Target": "progress"}).content.decode()
    assert "every 2s" in waiting
    assert "<html" not in waiting
    assert version.job is not None
    assert execute(job_id=version.job, worker="test", beat=False) == "succeeded"
    done = client.get("/datasets/v1/", headers={"HX-Request": "true", "HX-Target": "progress"}).content.decode()
    assert "every 2s" not in done
    assert "manifest.json" in done


def test_a_failed_job_marks_the_version_and_a_lead_takes_it_up_again(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, category: Category, root: Path
) -> None:
    approve(campaign, category)
    (root / "set" / "v1").mkdir(parents=True)
    (root / "set" / "v1" / "theirs").write_text("")
    client = sign_in(lead)
    version = actions.request_version(name="set", filter=Filter(), formats=[], by=lead, now=NOW)
    tasks._queue(version, lead, NOW)
    assert version.job is not None
    assert execute(job_id=version.job, worker="test", beat=False) == "failed"
    version.refresh_from_db()
    assert "Move it away" in version.failure
    assert "Move it away" in Job.objects.get(pk=version.job).error
    (root / "set" / "v1" / "theirs").unlink()
    (root / "set" / "v1").rmdir()
    assert "Build it again" in client.get("/datasets/v1/").content.decode()
    client.post("/datasets/v1/retry/")
    version.refresh_from_db()
    assert version.job is not None
    assert execute(job_id=version.job, worker="test", beat=False) == "succeeded"
    version.refresh_from_db()
    assert version.is_ready


def test_bounds_and_shares_are_chosen_on_the_page(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    sent = {"name": "set", "duplicates": "near", "most_from_one": "7", "words": f"{category.slug}=900\n"}
    sign_in(lead).post(reverse("dataset-compose"), sent | {"splits": "80/10/10", "build": "1"})
    version = DatasetVersion.objects.get()
    assert version.filter["duplicates"] == "near"
    assert (version.filter["most_from_one"], version.filter["words"]) == (7, {category.slug: 900})
    assert version.about["shares"] == [80, 10, 10]


def test_what_cannot_be_read_is_said_at_its_field(sign_in: Callable[[Person], Client], lead: Person) -> None:
    sent = {"name": "set", "words": "many", "splits": "90/90/90", "build": "1"}
    answer = sign_in(lead).post(reverse("dataset-compose"), sent)
    assert answer.status_code == 400
    assert "such as open_qa=50000" in answer.content.decode()
    assert "together 100" in answer.content.decode()


def test_nothing_approved_is_said_on_the_form(sign_in: Callable[[Person], Client], lead: Person) -> None:
    answer = sign_in(lead).post(reverse("datasets"), {"name": "set", "min_approvals": "0"})
    assert answer.status_code == 400
    assert "There is nothing to release" in answer.content.decode()


def test_a_contributor_sees_versions_but_starts_none(
    sign_in: Callable[[Person], Client], author: Person, campaign: Campaign, category: Category, root: Path
) -> None:
    approve(campaign, category)
    release(root)
    client = sign_in(author)
    page = client.get(reverse("datasets")).content.decode()
    assert "v1" in page
    assert "Freeze and build" not in page
    assert client.post(reverse("datasets"), {"name": "set"}).status_code == 403


def test_a_download_is_the_file_and_is_noted(
    sign_in: Callable[[Person], Client], author: Person, campaign: Campaign, category: Category, root: Path
) -> None:
    approve(campaign, category, 2)
    version = release(root)
    client = sign_in(author)
    for entry in version.files:
        answer = client.get(f"/datasets/v1/files/{entry['path']}")
        assert hashlib.sha256(body(answer)).hexdigest() == entry["sha256"]
    assert hashlib.sha256(body(client.get("/datasets/v1/files/manifest.json"))).hexdigest() == version.manifest_sha256
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert AuditEntry.objects.filter(verb="dataset.downloaded", by=author).count() == len(version.files) + 1


@pytest.mark.parametrize(
    "path",
    [
        "../v1/README.md",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/db.sqlite3",
        "..\\..\\secret",
        "/etc/passwd",
        "data/../README.md",
        "README.md%00.txt",
        "CON",
        "data/",
        "data",
        ".",
        "README.md/lib.js",
    ],
)
def test_no_path_leaves_the_list(
    sign_in: Callable[[Person], Client], author: Person, campaign: Campaign, category: Category, root: Path, path: str
) -> None:
    approve(campaign, category)
    release(root)
    client = sign_in(author)
    for prefix in ("/datasets/v1/files/", "/api/v1/datasets/v1/files/"):
        assert client.get(prefix + path).status_code in {400, 404}
    assert not AuditEntry.objects.filter(verb="dataset.downloaded").exists()


@pytest.mark.parametrize("version", ["v0", "v01", "..", "%2e%2e", "v1%00", "CON", "v99", "v1%2f.."])
def test_no_version_leaves_the_numbers(sign_in: Callable[[Person], Client], author: Person, version: str) -> None:
    client = sign_in(author)
    assert client.get(f"/datasets/{version}/").status_code in {400, 404}
    assert client.get(f"/datasets/{version}/files/README.md").status_code in {400, 404}


def test_a_stranger_gets_no_file(client: Client, campaign: Campaign, category: Category, root: Path) -> None:
    approve(campaign, category)
    release(root)
    assert client.get("/datasets/v1/files/README.md").status_code == 302
    assert client.get("/api/v1/datasets/v1/files/README.md").status_code == 401


@pytest.mark.parametrize("status", ["building", "failed", "withdrawn"])
def test_only_a_ready_version_serves_its_files(
    sign_in: Callable[[Person], Client],
    author: Person,
    admin: Person,
    campaign: Campaign,
    category: Category,
    root: Path,
    status: str,
) -> None:
    approve(campaign, category)
    version = release(root)
    if status == "withdrawn":
        actions.withdraw_version(version=version, reason="A licence was wrong.", by=admin, now=NOW)
    else:
        DatasetVersion.objects.filter(pk=version.pk).update(
            status=status, ready_at=None, manifest_sha256="", failure="Full." if status == "failed" else ""
        )
    client = sign_in(author)
    assert client.get("/datasets/v1/files/README.md").status_code == 404
    assert client.get("/datasets/v1/all.zip").status_code == 404
    there = ["manifest.json"] if status == "withdrawn" else []
    assert [entry["path"] for entry in client.get("/api/v1/datasets/v1/").json()["files"]] == there
    assert client.get("/datasets/v1/").status_code == 200


def test_the_manifest_of_a_withdrawn_version_stays(
    sign_in: Callable[[Person], Client],
    author: Person,
    admin: Person,
    campaign: Campaign,
    category: Category,
    root: Path,
) -> None:
    approve(campaign, category)
    actions.withdraw_version(version=release(root), reason="A licence was wrong.", by=admin, now=NOW)
    client = sign_in(author)
    page = client.get("/datasets/v1/").content.decode()
    assert "A licence was wrong." in page
    assert "/datasets/v1/files/manifest.json" in page
    assert json.loads(b"".join(client.get("/datasets/v1/files/manifest.json")))["version"] == "v1"


def test_the_list_costs_the_same_for_one_version_and_many(
    sign_in: Callable[[Person], Client],
    author: Person,
    campaign: Campaign,
    category: Category,
    root: Path,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _number in range(6):
        approve(campaign, category)
        release(root)
    client = sign_in(author)
    # Session, person, roles, versions counted, versions, campaigns, bell.
    with django_assert_max_num_queries(7):
        assert client.get(reverse("datasets")).content.decode().count("dataset-number") == 6
    with django_assert_max_num_queries(6):
        assert len(client.get("/api/v1/datasets/").json()["results"]) == 6


def test_the_api_starts_a_build_and_says_where_to_look(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    client = sign_in(lead)
    answer = client.post("/api/v1/datasets/", {"formats": ["dolly"]}, content_type="application/json")
    assert (answer.status_code, answer["Location"], answer.json()["status"]) == (
        202,
        "/api/v1/datasets/v1/",
        "building",
    )
    version = DatasetVersion.objects.get()
    assert version.job is not None
    execute(job_id=version.job, worker="test", beat=False)
    ready = client.get("/api/v1/datasets/v1/").json()
    assert ready["status"] == "ready"
    assert "dolly/" in "".join(entry["path"] for entry in ready["files"])
    assert client.post("/api/v1/datasets/", {}, content_type="application/json").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"filter": {"author__password": "x"}},
        {"filter": {"categories": ["nonsense"]}},
        {"filter": {"min_rating": 9}},
        {"name": "../up"},
        {"formats": ["exe"]},
        {"filter": "all"},
        {"filter": {"duplicates": "some"}},
        {"filter": {"words": {"nonsense": 5}}},
        {"splits": "90/10"},
        {"filter": {"approved_until": "9999-12-31"}},
        {"licence": "\ud800"},
        {"formats": ["\ud800"]},
        {"name": "\ud800"},
        {"splits": "\ud800"},
        {"filter": {"duplicates": "\ud800"}},
        {"filter": {"tokenizer": "\ud800"}},
        {"filter": {"languages": ["\ud800"]}},
        {"filter": {"\ud800": 1}},
        {"filter": {"words": {"\ud800": 5}}},
        {"filter": {"words": {"\ud800": "many"}}},
    ],
    ids=ascii,
)
def test_the_api_refuses_what_can_not_be(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, category: Category, sent: dict[str, object]
) -> None:
    approve(campaign, category)
    answer = sign_in(lead).post("/api/v1/datasets/", sent, content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"]


def test_the_api_lets_no_contributor_start_a_build(
    sign_in: Callable[[Person], Client], author: Person, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    assert sign_in(author).post("/api/v1/datasets/", {}, content_type="application/json").status_code == 403
    assert not DatasetVersion.objects.exists()

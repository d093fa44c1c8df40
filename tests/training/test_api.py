from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from tests.training import material
from training import listing
from training.models import TrainingRun
from training.runs import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client

    from collector.models import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(author: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(author)


def listed(root: Path, name: str, **given: Any) -> TrainingRun:
    return listing.list_run(run=Run(material.make_run(root, name, **given)), now=timezone.now())


def queued(person: Person, name: str, **options: Any) -> TrainingRun:
    return listing.request_run(name=name, options=options, by=person, now=timezone.now())


def results(client: Client, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/runs/{query}").json()["results"]
    return found


def test_a_run_says_what_it_learns_from_what_it_came_to_and_what_it_cost(member: Client, tmp_path: Path) -> None:
    run = listed(tmp_path, "first")
    (found,) = results(member)
    assert (found["id"], found["name"], found["status"]) == (str(run.pk), "first", "complete")
    assert (found["dataset"], found["base_model"], found["requested_by"]) == ("animals v1", "tiny", None)
    assert (found["step"], found["steps"]) == (4, 4)
    assert (found["loss_before"], found["loss_after"]) == (2.5, 2.25)
    assert found["cost"] == {"price_per_hour": 3.0, "estimated": None, "measured": 0.25}

    whole = member.get(f"/api/v1/runs/{run.pk}/").json()
    assert {name: whole[name] for name in found} == found
    assert whole["settings"] == {"method": "lora", "steps": 4, "lora_r": 16}
    assert [(line["step"], line["loss"], line["rows"]) for line in whole["evaluations"]] == [(0, 2.5, 4), (4, 2.25, 4)]
    assert whole["evaluations"][0]["by_category"] == {"closed_qa": 2.0, "open_qa": 3.0}
    assert (whole["tokens_trained"], whole["tokens_per_second"], whole["train_seconds"]) == (4000, 260.0, 15.4)


def test_a_run_that_waits_says_what_was_asked_for(member: Client, author: Person) -> None:
    run = queued(author, "later", dataset="animals/v2", model="company/tiny", steps=50, price_per_hour=2.5)
    whole = member.get(f"/api/v1/runs/{run.pk}/").json()
    assert (whole["status"], whole["requested_by"], whole["steps"]) == ("queued", author.handle, 50)
    assert whole["cost"] == {"price_per_hour": 2.5, "estimated": None, "measured": None}
    assert (whole["loss_before"], whole["evaluations"], whole["tokens_trained"]) == (None, [], None)


def test_filters_are_an_allow_list(member: Client, author: Person, tmp_path: Path) -> None:
    queued(author, "later")
    listed(tmp_path, "first")
    assert [run["name"] for run in results(member, "?status=complete")] == ["first"]
    assert {run["name"] for run in results(member, "?status=complete&status=queued")} == {"first", "later"}
    assert "queued" in member.get("/api/v1/runs/?status=over").json()["errors"]["status"][0]
    for query in ("requested_by__password__startswith=a", "page=-1", "page=1000000000", "ordering=requested_by"):
        answer = member.get(f"/api/v1/runs/?{query}")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [query.partition("=")[0]])
    assert member.get("/api/v1/runs/?cursor=cD1hYmM%3D").status_code == 404
    assert member.get(f"/api/v1/runs/{uuid.uuid4()}/").status_code == 404


def test_pages_go_from_the_newest_to_the_oldest_and_are_bounded(member: Client, author: Person) -> None:
    names = [f"run-{number}" for number in range(5)]
    for name in names:
        queued(author, name)
    address, seen = "/api/v1/runs/?page_size=2", []
    while address:
        page = member.get(address).json()
        seen += [run["name"] for run in page["results"]]
        address = page["next"]
    assert seen == names[::-1]
    assert len(results(member, "?page_size=1000000")) == 5


def test_nothing_can_be_written(member: Client, author: Person) -> None:
    run = queued(author, "later")
    for address in ("/api/v1/runs/", f"/api/v1/runs/{run.pk}/"):
        for method in (member.post, member.put, member.patch, member.delete):
            assert method(address, {"status": "complete"}, content_type="application/json").status_code == 405
    run.refresh_from_db()
    assert run.status == "queued"


def test_the_queries_stay_the_same_however_many_runs_there_are(
    member: Client, author: Person, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    queued(author, "first")
    with django_assert_max_num_queries(5) as few:
        assert len(results(member)) == 1
    for number in range(50):
        queued(author, f"run-{number}")
    with django_assert_max_num_queries(5) as many:
        assert len(results(member)) == 50
    assert len(many) == len(few)
    with django_assert_max_num_queries(5):
        member.get(f"/api/v1/runs/{TrainingRun.objects.first().pk}/")  # type: ignore[union-attr]  # there are some

"""The page and the API of what changed: who reads which texts, what is found, and that texts stay texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from exports import actions, change_views
from exports.models import DatasetVersion
from tests import factories
from tests.exports.helpers import NOW, approve, freeze, release, rewrite, take_back

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries
    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category, Person, Submission

pytestmark = pytest.mark.django_db
PAGE = "/datasets/v2/changes/"
API = "/api/v1/datasets/v2/changes/"


@pytest.fixture(autouse=True)
def _own_dataset(root: Path, settings: Settings) -> None:
    settings.WOOLGATHER_DATASET_NAME = "set"


@pytest.fixture
def reader(campaign: Campaign) -> Person:
    """A contributor with no further role."""
    return factories.contributor_in(campaign)


@pytest.fixture
def client(sign_in: Callable[[Person], Client], reader: Person) -> Client:
    """The reader's browser."""
    return sign_in(reader)


@pytest.fixture
def pairs(root: Path, campaign: Campaign, category: Category) -> list[Submission]:
    """Two versions: one record stayed, one was rewritten, one was filtered out, one came."""
    kept, rewritten, gone = approve(campaign, category, 3)
    release(root)
    rewrite(rewritten, response="Because light of long wavelength is scattered least.")
    take_back(gone)
    (new,) = approve(campaign, category, response="It is a zebra.")
    release(root)
    return [kept, rewritten, gone, new]


def shown(client: Client, address: str = PAGE, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def listed(client: Client, address: str = API, **query: str) -> list[dict[str, Any]]:
    answer = client.get(address, query)
    assert answer.status_code == 200
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def withdraw(label: str) -> None:
    version = DatasetVersion.objects.get(number=int(label[1:]))
    admin = factories.PersonFactory.create(roles=["admin"])
    actions.withdraw_version(version=version, reason="wrong", by=admin, now=NOW)


def test_the_page_tells_figures_step_and_composition(client: Client, pairs: list[Submission]) -> None:
    said = shown(client)
    assert "Since v1: 1 added, 1 removed, 1 edited." in said
    assert "A major step: 1.0.0 → 2.0.0" in said
    assert f'href="{reverse("dataset-detail", args=["v2"])}"' in said
    assert 'class="change-bar"' in said
    assert "semantic version 2.0.0" in shown(client, "/datasets/v2/")
    assert f'href="{PAGE}"' in shown(client, "/datasets/v2/")


def test_each_kind_is_a_tab_with_its_records(client: Client, pairs: list[Submission]) -> None:
    kept, rewritten, gone, new = (str(pair.pk) for pair in pairs)
    by_kind = {kind: shown(client, kind=kind) for kind in ("added", "removed", "edited")}
    assert new in by_kind["added"]
    assert "It is a zebra." in by_kind["added"]
    assert gone in by_kind["removed"]
    assert "Withdrawn by its author." in by_kind["removed"]
    assert rewritten in by_kind["edited"]
    assert "<del>" in by_kind["edited"]
    assert "long </ins>" in by_kind["edited"].replace('<span class="visually-hidden"> end] </span>', "")
    assert not [said for said in by_kind.values() if kept in said]


def test_a_pair_that_its_author_withdrew_is_neither_shown_nor_found(client: Client, pairs: list[Submission]) -> None:
    gone = pairs[2]
    text = factories.current_revision(gone).instruction
    assert text not in shown(client, kind="removed")
    assert "Nothing found" in shown(client, kind="removed", q=text)
    assert listed(client, kind="removed", q=text) == []
    (entry,) = listed(client, kind="removed")
    assert (entry["id"], entry["reason"], entry["texts"]) == (str(gone.pk), "withdrawn", {})


def test_words_are_found_in_any_case_also_those_that_went(client: Client, pairs: list[Submission]) -> None:
    _kept, rewritten, _gone, new = (str(pair.pk) for pair in pairs)
    assert [entry["id"] for entry in listed(client, q="ZEBRA it")] == [new]
    assert listed(client, q="giraffe") == []
    assert [entry["id"] for entry in listed(client, kind="edited", q="short")] == [rewritten]
    assert [entry["id"] for entry in listed(client, kind="edited", q="least")] == [rewritten]
    assert "Nothing found" in shown(client, q="giraffe")
    assert new in shown(client, q="zebra")


def test_the_category_narrows(client: Client, root: Path, pairs: list[Submission], campaign: Campaign) -> None:
    other = factories.CategoryFactory.create()
    (new,) = approve(campaign, other)
    release(root)
    address = "/api/v1/datasets/v3/changes/"
    assert [entry["id"] for entry in listed(client, address, category=other.slug)] == [str(new.pk)]
    assert listed(client, address, category="none") == []
    assert f'value="{other.slug}" selected' in shown(client, "/datasets/v3/changes/", category=other.slug)


def test_any_earlier_version_can_be_chosen(
    client: Client, root: Path, pairs: list[Submission], campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    release(root)
    address = "/datasets/v3/changes/"
    assert "Since v2: 1 added, 0 removed, 0 edited." in shown(client, address)
    said = shown(client, address, against="v1")
    assert "Since v1: 2 added, 1 removed, 1 edited." in said
    assert "The number was given against the parent" in said
    assert "Withdrawn by its author." in shown(client, address, against="v1", kind="removed")
    for wrong in ("v3", "v9", "latest"):
        assert client.get(address, {"against": wrong}).status_code == 404
        assert client.get(f"/api/v1{address}", {"against": wrong}).status_code == 404


def test_the_first_version_is_all_new(client: Client, pairs: list[Submission]) -> None:
    said = shown(client, "/datasets/v1/changes/")
    assert "The first version under this name" in said
    assert "Compare with" not in said
    assert "Nothing was edited" in shown(client, "/datasets/v1/changes/", kind="edited")
    assert len(listed(client, "/api/v1/datasets/v1/changes/")) == 3
    assert listed(client, "/api/v1/datasets/v1/changes/", kind="removed") == []


@pytest.mark.parametrize(
    ("withdrawn", "readable"),
    [("v1", {"added"}), ("v2", set())],
)
def test_a_withdrawn_version_shows_ids_and_no_texts(
    client: Client,
    sign_in: Callable[[Person], Client],
    root: Path,
    pairs: list[Submission],
    withdrawn: str,
    readable: set[str],
) -> None:
    withdraw(withdrawn)
    lead = factories.PersonFactory.create(roles=["lead"])
    for kind in ("added", "edited"):
        for browser in (client, sign_in(lead)):
            (entry,) = listed(browser, kind=kind)
            assert bool(entry["texts"] or entry["words"]) is (kind in readable)
            # What can't be read isn't searched: an answer would tell what it says.
            assert len(listed(browser, kind=kind, q="giraffe")) == (0 if kind in readable else 1)
            said = shown(browser, kind=kind)
            assert entry["id"] in said
            assert ("aren't shown here" in said or "aren&#x27;t shown here" in said) is (kind not in readable)


def test_what_is_being_built_is_read_by_leads_alone(
    client: Client,
    sign_in: Callable[[Person], Client],
    root: Path,
    pairs: list[Submission],
    campaign: Campaign,
    category: Category,
) -> None:
    approve(campaign, category, response="A secret so far.")
    freeze()
    address = "/datasets/v3/changes/"
    assert "A secret so far." not in shown(client, address)
    assert listed(client, f"/api/v1{address}")[0]["texts"] == {}
    lead = factories.PersonFactory.create(roles=["lead"])
    assert "A secret so far." in shown(sign_in(lead), address)


def test_only_who_may_see_a_submission_gets_a_link_to_it(
    client: Client, sign_in: Callable[[Person], Client], pairs: list[Submission]
) -> None:
    link = f'href="{reverse("submission-detail", args=[pairs[3].pk])}"'
    assert link not in shown(client)
    assert link in shown(sign_in(factories.reviewer()))
    assert link in shown(sign_in(pairs[3].author))


def test_texts_stay_texts(client: Client, root: Path, campaign: Campaign, category: Category) -> None:
    nasty = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e"
    (pair,) = approve(campaign, category, response=nasty)
    release(root)
    rewrite(pair, response=f"{nasty} <b>more</b>")
    approve(campaign, category, instruction=f"{nasty}?")
    release(root)
    for kind in ("added", "edited"):
        said = shown(client, kind=kind, q="<script>")
        assert "&lt;script&gt;" in said
        assert "<script>alert" not in said
        assert "<img src=x" not in said
        assert "<b>more" not in said
        assert "\u202e" not in said


def test_pages_go_on_where_the_last_ended(
    client: Client, root: Path, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_views, "PAGE_SIZE", 2)
    pairs = approve(campaign, category, 5)
    release(root)
    keys = sorted(str(pair.pk) for pair in pairs)
    first = shown(client, "/datasets/v1/changes/")
    assert [key for key in keys if key in first.replace(f"from={keys[1]}", "")] == keys[:2]
    assert f"from={keys[1]}" in first
    last = shown(client, "/datasets/v1/changes/", **{"from": keys[3]})
    assert [key for key in keys if key in last.replace(f"from={keys[3]}", "")] == keys[4:]
    assert "From the beginning" in last
    assert shown(client, "/datasets/v1/changes/", **{"from": "nonsense"})


def test_the_api_pages_by_cursor(client: Client, root: Path, campaign: Campaign, category: Category) -> None:
    pairs = approve(campaign, category, 5)
    release(root)
    answer = client.get("/api/v1/datasets/v1/changes/", {"page_size": "2"}).json()
    found = [entry["id"] for entry in answer["results"]]
    while answer["next"]:
        answer = client.get(answer["next"]).json()
        found += [entry["id"] for entry in answer["results"]]
    assert found == sorted(str(pair.pk) for pair in pairs)


def test_the_api_tells_columns_and_words(client: Client, root: Path, pairs: list[Submission]) -> None:
    (entry,) = listed(client, kind="edited")
    assert (entry["fields"], entry["details"]) == (
        ["response", "revision"],
        {"revision": {"before": "1", "after": "2"}},
    )
    assert entry["words"]["response"]["after"] == "Because light of long wavelength is scattered least."
    assert client.get(API, {"kind": "other"}).status_code == 400
    assert client.get("/api/v1/datasets/v2/").json()["semantic_version"] == "2.0.0"


def test_htmx_gets_the_records_alone(client: Client, pairs: list[Submission]) -> None:
    headers = {"HX-Request": "true", "HX-Target": "records"}
    said = client.get(PAGE, {"q": "zebra"}, headers=headers).content.decode()
    assert str(pairs[3].pk) in said
    assert "<html" not in said
    assert "Composition" not in said


def test_nobody_reads_it_without_signing_in(client: Client, pairs: list[Submission]) -> None:
    client.logout()
    assert client.get(PAGE).status_code == 302
    assert client.get(API).status_code in (401, 403)


@pytest.mark.parametrize("kind", ["added", "removed", "edited"])
@pytest.mark.parametrize("count", [1, 12])
def test_a_page_asks_as_much_for_many_records_as_for_one(
    client: Client,
    root: Path,
    campaign: Campaign,
    category: Category,
    kind: str,
    count: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    old, gone = approve(campaign, category, count), approve(campaign, category, count)
    release(root)
    for pair in old:
        rewrite(pair, response=f"Other words for {pair.pk}.")
    for pair in gone:
        take_back(pair)
    approve(campaign, category, count)
    release(root)
    shown(client)  # counts and figures are looked up from here on
    # Session, person, groups; version, earlier ones; the records; which may be opened; then the line and the
    # reasons of what left, or what the edited ones were; and what the frame around every page asks.
    with django_assert_max_num_queries(14):
        shown(client, kind=kind, q="e")

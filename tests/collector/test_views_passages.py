from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from collector.actions.passages import skip_passage
from collector.models import Passage
from tests import factories
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Campaign, Category, Person

PAGE = "/passages/"


@pytest.fixture
def lead(sign_in: Callable[[Person], Client], db: None) -> Client:
    return sign_in(factories.PersonFactory.create(roles=["lead"]))


@pytest.fixture
def passage(db: None) -> Passage:
    Passage.objects.all().delete()
    return factories.PassageFactory.create(title="How tides work")


def skip(passage: Passage, campaign: Campaign, category: Category, *, reason: str = "unclear", note: str = "") -> None:
    person = factories.contributor_in(campaign, display_name="Sam Skipper")
    skip_passage(passage=passage, campaign=campaign, category=category, reason=reason, note=note, by=person, now=NOW)


@pytest.mark.parametrize("roles", [[], ["reviewer"]])
def test_it_does_not_exist_for_others(sign_in: Callable[[Person], Client], db: None, roles: list[str]) -> None:
    client = sign_in(factories.PersonFactory.create(roles=roles))
    assert client.get(reverse("passages")).status_code == 404


def test_an_admin_sees_it(sign_in: Callable[[Person], Client], admin: Person) -> None:
    assert sign_in(admin).get(PAGE).status_code == 200


def test_it_counts_uses_and_skips_apart(lead: Client, passage: Passage, campaign: Campaign, category: Category) -> None:
    for _time in range(2):
        skip(passage, campaign, category)
    skip(passage, campaign, category, reason="wrong")
    for status in ("approved", "submitted", "withdrawn"):
        factories.make_submission(
            campaign=campaign, category=category, status=status, context=passage.text, passage=passage
        )
    row = lead.get(PAGE).context["rows"][0]
    assert (row.passage.used, row.passage.skipped) == (2, 3)
    assert row.reasons == [("Unclear or badly written", 2), ("Something in it is wrong or outdated", 1)]


def test_a_note_is_shown_with_its_writer_and_as_text(
    lead: Client, passage: Passage, campaign: Campaign, category: Category
) -> None:
    skip(passage, campaign, category, note="<b>Who</b> is “he”?")
    page = lead.get(PAGE).content.decode()
    assert "&lt;b&gt;Who&lt;/b&gt; is “he”?" in page
    assert "Sam Skipper" in page


def test_those_skipped_most_come_first(lead: Client, passage: Passage, campaign: Campaign, category: Category) -> None:
    disliked = factories.PassageFactory.create(title="Zeno")
    skip(disliked, campaign, category)
    assert [row.passage for row in lead.get(PAGE).context["rows"]] == [disliked, passage]


def test_without_passages_it_says_where_they_come_from(lead: Client, passage: Passage) -> None:
    passage.delete()
    assert "No passages yet" in lead.get(PAGE).content.decode()


def test_the_number_of_queries_does_not_grow_with_the_rows(
    lead: Client, passage: Passage, campaign: Campaign, category: Category
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            lead.get(PAGE)
        return len(queries)

    skip(passage, campaign, category, note="One.")
    one = count()
    for number in range(12):
        other = factories.PassageFactory.create()
        for _time in range(3):
            skip(other, campaign, category, note=f"Note {number}.")
    assert count() == one

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from collector.actions.comments import add_comment
from collector.models import Campaign
from tests import factories
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Category, Person


@pytest.fixture
def client(sign_in: Callable[[Person], Client], author: Person) -> Client:
    return sign_in(author)


def test_an_empty_list_says_how_to_begin(client: Client) -> None:
    assert "Nothing here yet" in client.get(reverse("mine")).content.decode()


def test_only_ones_own_submissions_are_listed(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    own = factories.make_submission(campaign=campaign, category=category, author=author)
    factories.make_submission(campaign=campaign, category=category)
    assert client.get(reverse("mine")).context["items"] == [own]


def test_the_reviewers_words_are_there(client: Client, campaign: Campaign, category: Category, author: Person) -> None:
    factories.make_submission(campaign=campaign, category=category, author=author, status="rejected")
    assert "Please say more." in client.get(reverse("mine")).content.decode()


def test_the_tabs_choose_a_state(client: Client, campaign: Campaign, category: Category, author: Person) -> None:
    factories.make_submission(campaign=campaign, category=category, author=author)
    approved = factories.make_submission(campaign=campaign, category=category, author=author, status="approved")
    assert client.get(reverse("mine"), {"status": "approved"}).context["items"] == [approved]


def test_a_state_that_does_not_exist_is_not_there(client: Client) -> None:
    assert client.get(reverse("mine"), {"status": "nonsense"}).status_code == 404


@pytest.mark.parametrize("number", ["-1", "0", "1000000000", "x", "1e9", "９"])
def test_a_page_out_of_range_is_no_server_error(client: Client, number: str) -> None:
    assert client.get(reverse("mine"), {"page": number}).status_code == 200


def test_the_number_of_queries_does_not_grow(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("mine"))
        return len(captured)

    def write(status: str) -> None:
        item = factories.make_submission(campaign=campaign, category=category, author=author, status=status)
        if status != "draft":
            add_comment(submission=item, text="Thank you.", by=author, now=NOW)

    write("changes_requested")
    few = queries()
    for status in ("changes_requested", "draft", "approved") * 10:
        write(status)
    assert queries() == few


def test_a_list_of_beginnings_fetches_no_responses(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    factories.make_submission(author=author, campaign=campaign, category=category)
    with CaptureQueriesContext(connection) as captured:
        client.get("/mine/")
    asked = " ".join(query["sql"] for query in captured.captured_queries)
    assert '"instruction"' in asked
    assert '"response"' not in asked


def test_an_empty_tab_leads_back(client: Client, campaign: Campaign, category: Category, author: Person) -> None:
    factories.make_submission(campaign=campaign, category=category, author=author)
    page = client.get(reverse("mine"), {"status": "rejected"}).content.decode()
    assert "None in this state" in page


def test_reasons_stand_where_there_are_no_words(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    item = factories.make_submission(campaign=campaign, category=category, author=author)
    factories.decide(item, "reject", by=factories.reviewer(), reasons=["inaccurate"], comment="")
    assert "Something is not correct" in client.get(reverse("mine")).content.decode()


def test_messages_are_counted(client: Client, campaign: Campaign, category: Category, author: Person) -> None:
    item = factories.make_submission(campaign=campaign, category=category, author=author)
    for number in range(3):
        add_comment(submission=item, text=f"Message {number}", by=author, now=NOW)
    assert client.get(reverse("mine")).context["items"][0].messages == 3


def test_what_independent_reviewers_said_waits_for_the_verdict(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    Campaign.objects.update(reviews_per_item=2)
    campaign.refresh_from_db()
    item = factories.make_submission(campaign=campaign, category=category, author=author)
    factories.decide(item, "reject", by=factories.reviewer(), comment="My secret view.")
    assert "My secret view." not in client.get(reverse("mine")).content.decode()

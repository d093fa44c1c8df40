from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from collector.models import Campaign, CampaignCategory
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Category, Person


@pytest.fixture
def client(sign_in: Callable[[Person], Client], author: Person) -> Client:
    return sign_in(author)


def test_a_visitor_is_asked_to_sign_in(db: None) -> None:
    from django.test import Client

    assert Client().get(reverse("home"))["Location"].startswith(reverse("account_login"))


@pytest.mark.django_db
def test_without_a_campaign_it_says_what_to_do(sign_in: Callable[[Person], Client]) -> None:
    Campaign.objects.all().delete()
    page = sign_in(factories.PersonFactory.create()).get(reverse("home")).content.decode()
    assert "No campaign yet" in page


def test_the_need_counts_what_is_approved_and_what_waits(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    for status in ("approved", "approved", "submitted", "rejected"):
        factories.make_submission(campaign=campaign, category=category, author=author, status=status)
    [need] = client.get(reverse("home")).context["needs"]
    assert (need.approved, need.waiting, need.target, need.missing) == (2, 1, 10, 8)


def test_the_work_of_another_campaign_does_not_count(client: Client, campaign: Campaign, category: Category) -> None:
    factories.make_submission(campaign=factories.CampaignFactory.create(), category=category, status="approved")
    [need] = client.get(reverse("home"), {"campaign": campaign.slug}).context["needs"]
    assert need.approved == 0


def test_my_numbers_are_mine(client: Client, campaign: Campaign, category: Category, author: Person) -> None:
    factories.make_submission(campaign=campaign, category=category, author=author, status="approved")
    factories.make_submission(campaign=campaign, category=category, status="approved")
    numbers = client.get(reverse("home")).context["numbers"]
    assert (numbers["approved"], numbers["points"]) == (1, 10)


def test_what_the_reviewer_asks_for_stands_first(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    factories.make_submission(campaign=campaign, category=category, author=author, status="changes_requested")
    page = client.get(reverse("home")).content.decode()
    assert page.index("Please say more.") < page.index("Pick a category")


def test_a_draft_can_be_continued(client: Client, campaign: Campaign, category: Category, author: Person) -> None:
    draft = factories.make_submission(campaign=campaign, category=category, author=author, status="draft")
    assert f"?draft={draft.pk}" in client.get(reverse("home")).content.decode()


def test_the_chosen_campaign_is_remembered(client: Client, campaign: Campaign) -> None:
    other = factories.CampaignFactory.create()
    for chosen in (other, campaign):
        client.get(reverse("home"), {"campaign": chosen.slug})
        assert client.get(reverse("home")).context["campaign"] == chosen


def test_a_campaign_in_preparation_is_not_shown(client: Client, campaign: Campaign) -> None:
    hidden = factories.CampaignFactory.create(status="draft")
    assert client.get(reverse("home"), {"campaign": hidden.slug}).context["campaign"] == campaign


def test_the_demonstration_says_that_it_is_one(client: Client, campaign: Campaign) -> None:
    campaign.is_demo = True
    campaign.save()
    assert "are invented" in client.get(reverse("home")).content.decode()


def test_the_number_of_queries_does_not_grow(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    def fill(times: int) -> None:
        for status in ("changes_requested", "draft", "approved") * times:
            other = factories.CategoryFactory.create()
            CampaignCategory.objects.create(campaign=campaign, category=other)
            factories.make_submission(campaign=campaign, category=other, author=author, status=status)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("home"))
        return len(captured)

    fill(1)
    few = queries()
    fill(3)
    assert queries() == few


@pytest.mark.parametrize("name", ["home", "mine", "profile"])
def test_pages_are_kept_out_of_caches(client: Client, campaign: Any, name: str) -> None:
    assert client.get(reverse(name))["Cache-Control"] == "private, no-store"

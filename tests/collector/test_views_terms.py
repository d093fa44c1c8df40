from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from collector.actions.campaigns import publish_terms
from collector.models import TermsAcceptance
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Campaign, Person


@pytest.fixture
def client(sign_in: Callable[[Person], Client], campaign: Campaign) -> Client:
    return sign_in(factories.PersonFactory.create())


def test_accepting_records_the_version_and_goes_on(client: Client, campaign: Campaign) -> None:
    response = client.post(reverse("terms", args=[campaign.slug]), {"terms": "1", "next": "/write/x/?draft=1"})
    assert response["Location"] == "/write/x/?draft=1"
    assert TermsAcceptance.objects.get().terms.number == 1


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_it_leads_to_no_other_host(client: Client, campaign: Campaign, target: str) -> None:
    response = client.post(reverse("terms", args=[campaign.slug]), {"terms": "1", "next": target})
    assert response["Location"] == "/"


def test_terms_that_changed_while_reading_are_shown_again(client: Client, campaign: Campaign) -> None:
    publish_terms(campaign=campaign, text="New words.", by=None, now=timezone.now())
    response = client.post(reverse("terms", args=[campaign.slug]), {"terms": "1"})
    assert "New words." in response.content.decode()
    assert not TermsAcceptance.objects.exists()


def test_looking_accepts_nothing(client: Client, campaign: Campaign) -> None:
    client.get(reverse("terms", args=[campaign.slug]))
    assert not TermsAcceptance.objects.exists()


def test_an_unknown_campaign_is_not_there(client: Client) -> None:
    assert client.get(reverse("terms", args=["nonsense"])).status_code == 404

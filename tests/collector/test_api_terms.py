from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collector.actions.campaigns import publish_terms
from collector.models import Submission, TermsAcceptance
from tests import factories
from tests.collector.callers import SUBMISSIONS, Caller, a_pair

if TYPE_CHECKING:
    from collector.models import Campaign, Category, Person


@pytest.fixture
def newcomer(campaign: Campaign) -> Person:
    return factories.PersonFactory.create()


def address(campaign: Campaign) -> str:
    return f"/api/v1/campaigns/{campaign.slug}/terms/"


def test_the_terms_can_be_read_before_they_are_accepted(campaign: Campaign, newcomer: Person) -> None:
    body = Caller(newcomer, "read").get(address(campaign)).json()
    assert (body["number"], body["text"], body["accepted_at"]) == (1, "Write your own words.", None)


def test_a_program_accepts_the_terms_and_then_submits(campaign: Campaign, category: Category, newcomer: Person) -> None:
    caller = Caller(newcomer)
    refusal = caller.post(SUBMISSIONS, a_pair(campaign, category))
    assert (refusal.status_code, refusal.json()["terms"]) == (403, address(campaign))
    assert f"GET {address(campaign)}" in refusal.json()["detail"]
    number = caller.get(refusal.json()["terms"]).json()["number"]
    assert caller.post(refusal.json()["terms"], {"number": number}).json()["accepted_at"]
    assert caller.post(SUBMISSIONS, a_pair(campaign, category)).status_code == 201
    assert Submission.objects.get().terms == campaign.terms.get()


def test_accepting_twice_is_accepting_once(campaign: Campaign, newcomer: Person) -> None:
    caller = Caller(newcomer)
    first = caller.post(address(campaign), {"number": 1}).json()
    assert caller.post(address(campaign), {"number": 1}).json() == first
    assert TermsAcceptance.objects.filter(person=newcomer).count() == 1


def test_replaced_terms_are_not_accepted_unread(campaign: Campaign, newcomer: Person) -> None:
    publish_terms(campaign=campaign, text="New words.", by=None, now=factories.NOW)
    answer = Caller(newcomer).post(address(campaign), {"number": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_terms")
    assert not TermsAcceptance.objects.filter(person=newcomer).exists()


@pytest.mark.parametrize("body", [{}, {"number": "x"}, {"number": 0}, {"number": 2**40}, {"number": None}])
def test_a_number_that_is_none_is_refused_at_the_field(campaign: Campaign, newcomer: Person, body: dict) -> None:
    answer = Caller(newcomer).post(address(campaign), body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["number"])


@pytest.mark.parametrize("name", ["accepted_at", "text", "person", "version"])
def test_nothing_but_the_number_is_taken(campaign: Campaign, newcomer: Person, name: str) -> None:
    answer = Caller(newcomer).post(address(campaign), {"number": 1, name: 1})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])
    assert not TermsAcceptance.objects.filter(person=newcomer).exists()


def test_reading_is_not_enough_to_accept(campaign: Campaign, newcomer: Person) -> None:
    assert Caller(newcomer, "read").post(address(campaign), {"number": 1}).status_code == 403


def test_a_draft_campaign_shows_no_terms(newcomer: Person) -> None:
    hidden = factories.CampaignFactory.create(status="draft")
    assert Caller(newcomer).get(address(hidden)).status_code == 404


def test_a_campaign_without_terms_says_so(campaign: Campaign, newcomer: Person) -> None:
    campaign.terms.all().delete()
    answer = Caller(newcomer).get(address(campaign))
    assert answer.status_code == 404
    assert "no contributor terms" in answer.json()["detail"]


def test_where_there_are_no_terms_no_address_of_them_is_named(
    campaign: Campaign, category: Category, newcomer: Person
) -> None:
    campaign.terms.all().delete()
    answer = Caller(newcomer).post(SUBMISSIONS, a_pair(campaign, category))
    assert (answer.status_code, answer.json()["code"]) == (403, "terms_not_accepted")
    assert "terms" not in answer.json()

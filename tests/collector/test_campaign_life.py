"""A campaign is made, settled, opened, paused and closed; a closed one's records stay as they are."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from collector.actions import (
    submissions,
)
from collector.actions.campaign_life import (
    NotALead,
    NotReady,
    NotThere,
    Settings,
    StaleSettings,
    change_status,
    create_campaign,
    edit_campaign,
)
from collector.actions.campaigns import OtherTeams, current_terms
from collector.models import AuditEntry, Campaign, Category, ReviewLease, Submission
from collector.pairs import Text
from tests.factories import (
    NOW,
    CampaignFactory,
    CategoryFactory,
    PersonFactory,
    TeamFactory,
    contributor_in,
    make_submission,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Person

pytestmark = pytest.mark.django_db
TEXT = Text.of("Name a tree.", "", "Oak.")


@pytest.fixture
def lead() -> Person:
    return PersonFactory.create(roles=["lead"])


def wanted(**fields: Any) -> Settings:
    said: dict[str, Any] = {
        "name": "Spring",
        "description": "",
        "guidelines": "Be **clear**.",
        "data_licence": "CC-BY-SA-4.0",
        "language": "en",
        "more_languages": [],
        "time_zone": "Europe/Berlin",
        "starts_on": None,
        "ends_on": None,
        "approvals_required": 1,
        "reviews_per_item": 1,
        "is_blind": True,
        "queue_order": "oldest",
        "gold_percent": 0,
        "lease_minutes": 15,
        "targets": {},
        "teams": [],
        "terms": "Write your own words.",
    }
    return Settings(**(said | fields))


def ready(lead: Person, **fields: Any) -> Campaign:
    settings = wanted(targets={CategoryFactory.create(): 10}, **fields)
    return create_campaign(settings=settings, by=lead, now=NOW)


# -- Making and settling --------------------------------------------------------------------------------------


def test_a_new_campaign_is_a_draft_with_its_targets_and_terms(lead: Person) -> None:
    made = ready(lead)
    terms = current_terms(made)
    assert (made.status, made.slug, made.targets.get().target) == ("draft", "spring", 10)
    assert terms is not None
    assert terms.text == "Write your own words."


def test_two_campaigns_of_a_name_have_two_addresses(lead: Person) -> None:
    assert [ready(lead).slug, ready(lead).slug] == ["spring", "spring-2"]


def test_others_make_none(author: Person) -> None:
    with pytest.raises(NotALead):
        create_campaign(settings=wanted(), by=author, now=NOW)


def test_the_same_terms_are_no_new_version(lead: Person) -> None:
    made = ready(lead)
    settings = wanted(targets={made.categories.get(): 10})
    edit_campaign(campaign=made, settings=settings, version=1, by=lead, now=NOW)
    assert made.terms.count() == 1
    edit_campaign(campaign=made, settings=replace(settings, terms="Other words."), version=2, by=lead, now=NOW)
    assert made.terms.count() == 2


def test_settings_that_were_read_before_anothers_are_refused(lead: Person) -> None:
    made = ready(lead)
    settings = wanted(targets={made.categories.get(): 10})
    edit_campaign(campaign=made, settings=settings, version=1, by=lead, now=NOW)
    with pytest.raises(StaleSettings):
        edit_campaign(campaign=made, settings=settings, version=1, by=lead, now=NOW)


def test_a_category_with_submissions_stays(lead: Person) -> None:
    pair = make_submission()
    with pytest.raises(ValidationError, match="keep a target"):
        edit_campaign(campaign=pair.campaign, settings=wanted(), version=1, by=lead, now=NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\x00b"),
        ("guidelines", "a\x00b"),
        ("terms", "\ud800"),
        ("language", "not a tag"),
        ("more_languages", ["en"]),
        ("more_languages", ["x y"]),
        ("time_zone", "Moon/Base"),
        ("approvals_required", 6),
        ("gold_percent", 51),
        ("data_licence", "mine"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(lead: Person, field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        create_campaign(settings=wanted(**{field: value}), by=lead, now=NOW)
    assert list(caught.value.message_dict) == [field]
    assert not Campaign.objects.filter(slug="spring").exists()


def test_a_campaign_cannot_end_before_it_starts(lead: Person) -> None:
    with pytest.raises(ValidationError, match="before it starts"):
        ready(lead, starts_on=NOW.date(), ends_on=NOW.date() - timedelta(days=1))


# -- Its life -------------------------------------------------------------------------------------------------


STATES = ("draft", "open", "paused", "closed")
STEPS = {("draft", "open"), ("open", "paused"), ("open", "closed"), ("paused", "open"), ("paused", "closed")}


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_a_lead_takes_just_the_legal_steps(lead: Person, before: str, after: str) -> None:
    made = ready(lead)
    Campaign.objects.filter(pk=made.pk).update(status=before)
    if before == after or (before, after) in STEPS:
        assert change_status(campaign=made, to=after, by=lead, now=NOW).status == after
    else:
        with pytest.raises((NotThere, NotALead)):
            change_status(campaign=made, to=after, by=lead, now=NOW)
        made.refresh_from_db()
        assert made.status == before


def test_an_admin_opens_a_closed_one_again_as_a_pause(lead: Person, admin: Person) -> None:
    made = ready(lead)
    Campaign.objects.filter(pk=made.pk).update(status="closed")
    assert change_status(campaign=made, to="paused", by=admin, now=NOW).status == "paused"


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({"targets": {}}, "a category with a target"),
        ({"terms": ""}, "contributor terms"),
        ({"ends_on": NOW.date() - timedelta(days=1)}, "an end that is not over yet"),
    ],
)
def test_it_opens_only_with_all_it_needs(lead: Person, fields: dict[str, Any], lacks: str) -> None:
    made = create_campaign(
        settings=wanted(**({"targets": {CategoryFactory.create(): 5}} | fields)), by=lead, now=NOW - timedelta(days=9)
    )
    with pytest.raises(NotReady, match=lacks):
        change_status(campaign=made, to="open", by=lead, now=NOW)


def test_steps_are_written_down(lead: Person) -> None:
    made = ready(lead)
    change_status(campaign=made, to="open", by=lead, now=NOW)
    entry = AuditEntry.objects.get(verb="campaign.status")
    assert (entry.by, entry.detail) == (lead, {"before": "draft", "after": "open"})


def test_closing_gives_what_reviewers_hold_back(lead: Person, reviewer: Person) -> None:
    from collector.actions.queue import lease_next

    pair = make_submission()
    lease_next(by=reviewer, now=NOW)
    change_status(campaign=pair.campaign, to="closed", by=lead, now=NOW)
    assert not ReviewLease.objects.exists()


# -- Teams ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_member", [True, False])
def test_only_the_teams_it_is_for_write_in_it(campaign: Campaign, category: Category, is_member: bool) -> None:
    team = TeamFactory.create()
    campaign.teams.add(team)
    author = contributor_in(campaign, team=team if is_member else TeamFactory.create())

    def send() -> Submission:
        return submissions.submit(id=uuid.uuid4(), campaign=campaign, category=category, text=TEXT, by=author, now=NOW)

    if is_member:
        assert send().status == "submitted"
    else:
        with pytest.raises(OtherTeams, match=team.name):
            send()


# -- Pages ----------------------------------------------------------------------------------------------------


def form(category: Category, **fields: Any) -> dict[str, Any]:
    said = {
        "version": 0,
        "name": "Summer",
        "description": "",
        "guidelines": "",
        "terms": "Your own words.",
        "data_licence": "CC-BY-SA-4.0",
        "language": "en",
        "more_languages": "de, fr-CH",
        "time_zone": "UTC",
        "approvals_required": 1,
        "reviews_per_item": 1,
        "queue_order": "oldest",
        "gold_percent": 0,
        "lease_minutes": 15,
        f"target_{category.slug}": 40,
    }
    return said | fields


def test_a_lead_makes_settles_and_opens_one_on_the_pages(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    category, client = CategoryFactory.create(), sign_in(lead)
    page = client.post("/campaigns/new/", form(category), follow=True)
    assert "is a draft now" in page.content.decode()
    made = Campaign.objects.get(slug="summer")
    assert (made.languages, made.targets.get().target) == (["en", "de", "fr-CH"], 40)
    client.post("/campaigns/summer/settings/", form(category, version=1, ends_on="2030-01-01"))
    client.post("/campaigns/summer/status/", {"to": "open"})
    made.refresh_from_db()
    assert (made.status, str(made.ends_on)) == ("open", "2030-01-01")


def test_a_lead_is_told_that_the_last_day_is_over_and_the_campaign_goes_on(
    lead: Person, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    made = CampaignFactory.create(ends_on=NOW.date())
    path = f"/campaigns/{made.slug}/"
    assert "Its last day was March 2, 2026" in sign_in(lead).get(path).content.decode()
    assert "Its last day was" not in sign_in(author).get(path).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "required"),
        ("more_languages", "de, ???", "BCP 47"),
        ("terms", "a\x00b", "position"),
        ("approvals_required", "9" * 5000, "Ensure"),
        ("ends_on", "someday", "valid date"),
        ("time_zone", "Moon/Base", "valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    lead: Person, sign_in: Callable[[Person], Client], field: str, value: str, says: str
) -> None:
    page = sign_in(lead).post("/campaigns/new/", form(CategoryFactory.create(), **{field: value}))
    assert page.status_code == 400
    assert field in page.context["form"].errors
    assert not Campaign.objects.filter(slug="summer").exists()


def test_settings_of_another_lead_are_not_overwritten(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    made = ready(lead)
    category = made.categories.get()
    edit_campaign(campaign=made, settings=wanted(targets={category: 7}), version=1, by=lead, now=NOW)
    page = sign_in(lead).post(f"/campaigns/{made.slug}/settings/", form(category, version=1))
    assert page.status_code == 409
    assert made.targets.get().target == 7


def test_drafts_are_for_leads(lead: Person, author: Person, sign_in: Callable[[Person], Client]) -> None:
    made = ready(lead)
    assert sign_in(author).get(f"/campaigns/{made.slug}/").status_code == 404
    assert made.name not in sign_in(author).get("/campaigns/").content.decode()
    assert sign_in(lead).get(f"/campaigns/{made.slug}/").status_code == 200


@pytest.mark.parametrize("path", ["new/", "{slug}/settings/"])
def test_others_settle_nothing(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client], path: str
) -> None:
    assert sign_in(author).get(f"/campaigns/{path.format(slug=campaign.slug)}").status_code == 403
    sign_in(author).post(f"/campaigns/{campaign.slug}/status/", {"to": "closed"})
    campaign.refresh_from_db()
    assert campaign.status == "open"


def test_everybody_sees_how_far_it_is(
    campaign: Campaign, category: Category, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    make_submission(campaign=campaign, category=category, author=author, status="approved")
    page = sign_in(author).get(f"/campaigns/{campaign.slug}/").content.decode()
    assert "1 of 10 approved" in page
    assert "Leading it" not in page


def test_the_pages_cost_the_same_for_many(
    campaign: Campaign, lead: Person, sign_in: Callable[[Person], Client], django_assert_num_queries: Any
) -> None:
    client = sign_in(lead)
    for path, budget in (("/campaigns/", 9), (f"/campaigns/{campaign.slug}/", 16)):
        client.get(path)
        with django_assert_num_queries(budget):
            client.get(path)
    for _number in range(4):
        make_submission(campaign=CampaignFactory.create(), status="approved")
        make_submission(campaign=campaign, status="approved")
    for path, budget in (("/campaigns/", 9), (f"/campaigns/{campaign.slug}/", 16)):
        with django_assert_num_queries(budget):
            client.get(path)

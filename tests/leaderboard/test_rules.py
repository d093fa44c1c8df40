"""The pages on which people read how points come about, and leads change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from collector.models import Category, PointRules
from collector.point_queries import rules_in_force
from leaderboard.forms import RulesForm
from leaderboard.rule_preview import preview
from tests.collector.test_actions_points import publish
from tests.factories import NOW, PersonFactory, contributor_in, decide, make_submission, plain_rules
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Campaign, CampaignCategory, Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead() -> Person:
    return PersonFactory.create(roles=["lead"])


def form(**fields: Any) -> dict[str, Any]:
    """Return what a lead sends who changes only ``fields``."""
    values = RulesForm.initial_of(rules_in_force(), Category.objects.all()) | {"note": ""} | fields
    return {name: "" if value is None else value for name, value in values.items()}


def test_everybody_reads_the_rules_and_their_versions(
    campaign: Campaign, target: CampaignCategory, author: Person, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    publish(lead, need_percent=40, note="More for what is missing.")
    page = sign_in(author).get("/leaderboard/rules/").content.decode()
    assert "Up to 40 % more" in page
    assert "More for what is missing." in page
    assert target.category.name in page
    assert "Change the rules" not in page


def test_a_lead_looks_at_last_week_before_publishing(
    campaign: Campaign, author: Person, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    from django.utils import timezone

    make_submission(campaign=campaign, author=author, status="approved", now=timezone.now())
    page = sign_in(lead).post("/leaderboard/rules/change/", form(review_points=7, preview="1"))
    assert page.status_code == 200
    assert (page.context["preview"].reviews.before, page.context["preview"].reviews.after) == (2, 7)
    assert rules_in_force().number == 1


def test_a_lead_publishes(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    page = sign_in(lead).post("/leaderboard/rules/change/", form(review_points=7, publish="1"), follow=True)
    assert "Version 2 of the rules is in force." in page.content.decode()
    assert rules_in_force().review_points == 7
    assert rules_in_force().published_by == lead


def test_a_rule_that_was_left_alone_stays(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    before = rules_in_force()
    sign_in(lead).post("/leaderboard/rules/change/", form(review_points=7, publish="1"))
    after = rules_in_force()
    assert after.rating_percents == before.rating_percents
    assert (after.day_limit, after.need_percent) == (before.day_limit, before.need_percent)


def test_rules_that_another_lead_has_replaced_are_refused_and_what_was_typed_stays(
    lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    typed = form(review_points=7, publish="1")
    publish(lead)
    page = sign_in(lead).post("/leaderboard/rules/change/", typed)
    assert page.status_code == 409
    assert page.context["form"]["review_points"].value() == "7"
    assert PointRules.objects.count() == 2


@pytest.mark.parametrize(
    ("field", "value", "at"),
    [
        ("stars_5", "10", "stars_1"),
        ("stars_2", "", "stars_2"),
        ("need_percent", "9" * 5000, "need_percent"),
        ("points_summarization", "-3", "points_summarization"),
        ("note", "a\x00b", "note"),
        ("base", "x", "base"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    lead: Person, sign_in: Callable[[Person], Client], field: str, value: str, at: str
) -> None:
    page = sign_in(lead).post("/leaderboard/rules/change/", form(**{field: value, "publish": "1"}))
    assert page.status_code == 400
    assert at in page.context["form"].errors


def test_nobody_else_changes_them(author: Person, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(author)
    assert client.get("/leaderboard/rules/change/").status_code == 403
    assert client.post("/leaderboard/rules/change/", form(review_points=7, publish="1")).status_code == 403


def test_the_preview_pays_the_week_as_publishing_would_have(campaign: Campaign, target: CampaignCategory) -> None:
    plain_rules(need_percent=50, rating_percents=[50, 75, 100, 115, 130])
    author = contributor_in(campaign)
    for stars in (3, 5):
        pair = make_submission(campaign=campaign, category=target.category, author=author)
        decide(pair, "approve", by=a_reviewer(), rating=stars)
    same = preview(rules=rules_in_force(), now=NOW)
    assert same.before == same.after
    plain = preview(rules=PointRules(number=2), now=NOW)
    assert (plain.categories[0].before, plain.categories[0].after) == (15 + 19, 20)  # 10 × 1.45 × 1.30 = 18.85


def test_the_preview_keeps_to_limits_and_duplicates(campaign: Campaign, target: CampaignCategory) -> None:
    author = contributor_in(campaign)
    words = "How do I describe the colour of the evening sky over a lake?"
    for instruction in (words, words, "", ""):
        make_submission(
            campaign=campaign, category=target.category, author=author, status="approved", instruction=instruction
        )
    assert preview(rules=PointRules(number=2, day_limit=15), now=NOW).categories[0].after == 15
    assert preview(rules=PointRules(number=2), now=NOW).categories[0].after == 30


def test_own_points_are_told_one_by_one_with_their_reasons(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    make_submission(campaign=campaign, author=author, status="approved")
    make_submission(campaign=campaign, author=author)
    make_submission(campaign=campaign, status="approved")
    page = sign_in(author).get("/leaderboard/points/")
    assert [award.points for award, _reasons in page.context["rows"]] == [10]
    assert "10 × 1.00 × 1.00 = 10, rounded." in page.content.decode()
    assert page.context["numbers"]["points_waiting"] == 10


def test_own_points_cost_the_same_for_many(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client], django_assert_num_queries: Any
) -> None:
    client = sign_in(author)
    make_submission(campaign=campaign, author=author, status="approved")
    client.get("/leaderboard/points/")
    with django_assert_num_queries(9):
        client.get("/leaderboard/points/")
    for _pair in range(4):
        make_submission(campaign=campaign, author=author, status="approved")
    with django_assert_num_queries(9):
        client.get("/leaderboard/points/")

"""Publishing rules and planning contests."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.core.exceptions import ValidationError

from collector.actions.points import (
    ContestGone,
    NotALead,
    NothingChanged,
    StaleRules,
    Wanted,
    change_contest,
    plan_contest,
    publish_rules,
    remove_contest,
)
from collector.models import AuditEntry, Contest, PointRules
from collector.point_queries import rules_in_force
from tests.factories import NOW, CategoryFactory, PersonFactory

if TYPE_CHECKING:
    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db
START = date(2026, 3, 2)


def wanted(**fields: Any) -> Wanted:
    said: dict[str, Any] = {
        "difficulty": {},
        "need_percent": 20,
        "rating_percents": [50, 75, 100, 115, 130],
        "review_points": 3,
        "overturned_points": 1,
        "day_limit": 100,
        "review_day_limit": None,
    }
    return Wanted(**(said | fields))


def publish(by: Person, base: int | None = None, **fields: Any) -> PointRules:
    base = rules_in_force().number if base is None else base
    return publish_rules(wanted=wanted(**fields), base=base, by=by, now=NOW)


@pytest.fixture
def lead() -> Person:
    return PersonFactory.create(roles=["lead"])


def test_a_lead_publishes_the_next_version_and_the_last_one_stays(lead: Person) -> None:
    before = rules_in_force()
    after = publish(lead, note="Reviews pay more.")
    assert (after.number, rules_in_force().note) == (before.number + 1, "Reviews pay more.")
    assert PointRules.objects.filter(pk=before.pk).exists()
    assert AuditEntry.objects.filter(verb="rules.published", by=lead).exists()


def test_others_publish_nothing(author: Person) -> None:
    with pytest.raises(NotALead):
        publish(author)


def test_rules_that_were_read_before_anothers_are_refused(lead: Person) -> None:
    base = rules_in_force().number
    publish(lead)
    with pytest.raises(StaleRules):
        publish(lead, base=base, review_points=7)


def test_the_same_again_is_no_new_version(lead: Person) -> None:
    publish(lead)
    with pytest.raises(NothingChanged):
        publish(lead)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rating_percents", [100, 90, 100, 100, 100]),
        ("rating_percents", [100] * 4),
        ("rating_percents", [100, 100, 100, 100, 9_999]),
        ("need_percent", 301),
        ("review_points", 5_000),
        ("difficulty", {"no-such-category": 5}),
        ("difficulty", {"summarization": -1}),
        ("day_limit", 1_000_000),
        ("note", "a\x00b"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(lead: Person, field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        publish(lead, **cast("dict[str, Any]", {field: value}))
    assert list(caught.value.message_dict) == [field]


def plan(campaign: Campaign, by: Person, days: int = 7, **fields: Any) -> Contest:
    window: dict[str, Any] = {"starts_on": START, "ends_on": START + timedelta(days=days - 1), "name": "Spring week"}
    return plan_contest(campaign=campaign, by=by, now=NOW, **(window | fields))


def test_a_lead_plans_changes_and_removes_a_contest(campaign: Campaign, lead: Person) -> None:
    contest = plan(campaign, lead, prize="A cake")
    changed = change_contest(
        contest=contest,
        name="Spring fortnight",
        starts_on=START,
        ends_on=START + timedelta(days=13),
        category=None,
        prize="",
        by=lead,
        now=NOW,
    )
    assert (changed.name, changed.prize) == ("Spring fortnight", "")
    remove_contest(contest=changed, by=lead, now=NOW)
    assert not Contest.objects.exists()
    assert list(
        AuditEntry.objects.filter(verb__startswith="contest").order_by("pk").values_list("verb", flat=True)
    ) == [
        "contest.planned",
        "contest.changed",
        "contest.removed",
    ]


def test_a_contest_that_another_lead_removed_is_not_changed(campaign: Campaign, lead: Person) -> None:
    contest = plan(campaign, lead)
    remove_contest(contest=Contest.objects.get(), by=lead, now=NOW)
    with pytest.raises(ContestGone):
        change_contest(
            contest=contest, name="X", starts_on=START, ends_on=START, category=None, prize="", by=lead, now=NOW
        )


def test_others_plan_nothing(campaign: Campaign, author: Person) -> None:
    with pytest.raises(NotALead):
        plan(campaign, author)


def test_a_contest_must_be_of_days_that_can_be(campaign: Campaign, lead: Person) -> None:
    with pytest.raises(ValidationError, match="before it starts"):
        plan(campaign, lead, days=0)
    with pytest.raises(ValidationError, match="at most 92 days"):
        plan(campaign, lead, days=93)
    assert plan(campaign, lead, days=92).pk


def test_a_contest_is_of_a_category_that_is_collected(campaign: Campaign, category: Category, lead: Person) -> None:
    assert plan(campaign, lead, category=category).category == category
    with pytest.raises(ValidationError, match="doesn't collect"):
        plan(campaign, lead, name="Another", category=CategoryFactory.create())


def test_two_contests_of_a_campaign_have_two_names(campaign: Campaign, lead: Person) -> None:
    plan(campaign, lead)
    with pytest.raises(ValidationError, match="of this name"):
        plan(campaign, lead)

"""What a person's page tells, to others and to themselves."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from collector.models import Badge
from leaderboard.personal import page_of
from tests.factories import NOW, CategoryFactory, contributor_in, decide, make_submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Campaign, Person

pytestmark = pytest.mark.django_db


def approved(campaign: Campaign, author: Person, times: int = 1, **fields: Any) -> None:
    for _time in range(times):
        make_submission(campaign=campaign, author=author, status="approved", **fields)


def test_it_counts_points_and_approved_pairs_by_category(campaign: Campaign, author: Person) -> None:
    category = CategoryFactory.create(name="Riddles")
    approved(campaign, author, 2, category=category)
    approved(campaign, author)
    shown = page_of(author, NOW, is_own=False)
    assert (shown.points, shown.approved, shown.categories[0]) == (30, 3, ("Riddles", 2))


def test_the_calendar_has_what_was_sent_and_decided_on_the_persons_own_days(
    campaign: Campaign, author: Person, reviewer: Person
) -> None:
    reviewer.time_zone = "Pacific/Auckland"
    reviewer.save()
    late = NOW.replace(hour=13)
    decide(make_submission(campaign=campaign, author=author, now=late), "approve", by=reviewer, now=late)
    mine = page_of(author, late, is_own=False).calendar
    theirs = page_of(reviewer, late, is_own=False).calendar
    assert [(day.day, day.number) for day in mine.active] == [(date(2026, 3, 2), 1)]
    assert [(day.day, day.number) for day in theirs.active] == [(date(2026, 3, 3), 1)]


def test_the_calendar_begins_on_a_monday_and_ends_today(author: Person) -> None:
    days = page_of(author, NOW, is_own=False).calendar.days
    assert (days[0].day.weekday(), days[-1].day, len(days)) == (0, NOW.date(), 25 * 7 + 1)


def test_withdrawn_pairs_are_not_in_the_calendar(campaign: Campaign, author: Person) -> None:
    make_submission(campaign=campaign, author=author, status="withdrawn")
    assert page_of(author, NOW, is_own=False).calendar.total == 0


def test_the_busiest_day_is_the_strongest(campaign: Campaign, author: Person) -> None:
    for days, number in ((0, 1), (1, 4)):
        for _pair in range(number):
            make_submission(campaign=campaign, author=author, now=NOW - timedelta(days=days))
    strengths = [day.strength for day in page_of(author, NOW, is_own=False).calendar.active]
    assert strengths == [1, 4]


def test_badges_are_told_with_what_they_are_for(campaign: Campaign, author: Person) -> None:
    approved(campaign, author, category=CategoryFactory.create(name="Riddles"))
    shown = page_of(author, NOW, is_own=True)
    assert [badge.name for badge in shown.badges] == ["First: Riddles"]
    assert "Ten clean" in [badge.name for badge in shown.open_badges]


def test_only_oneself_sees_the_latest_points_and_what_is_open(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    approved(campaign, author)
    address = f"/people/{author.handle}/"
    own = sign_in(author).get(address).content.decode()
    others = sign_in(contributor_in(campaign)).get(address).content.decode()
    for words in ("My latest points", "Those still open", "One day a week may be missed."):
        assert words in own
        assert words not in others


def test_it_costs_the_same_for_many(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client], django_assert_num_queries: Any
) -> None:
    client, address = sign_in(author), f"/people/{author.handle}/"
    approved(campaign, author)
    client.get(address)
    with django_assert_num_queries(13):
        client.get(address)
    approved(campaign, author, 6)
    with django_assert_num_queries(13):
        client.get(address)


def test_what_was_reached_is_celebrated_until_it_is_put_away(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    approved(campaign, author, 3, now=timezone.now())
    client = sign_in(author)
    page = client.get("/").content.decode()
    assert "Level 2: Sorter" in page
    assert "The first approved pair in a category." in page
    client.post("/celebration/")
    assert 'id="celebration"' not in client.get("/").content.decode()


def test_putting_away_over_htmx_leaves_nothing(author: Person, sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(author).post("/celebration/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_who_wants_no_celebrations_has_none(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    approved(campaign, author, 3, now=timezone.now())
    author.wants_celebrations = False
    author.save()
    assert 'id="celebration"' not in sign_in(author).get("/").content.decode()


def test_badges_of_long_ago_are_not_celebrated(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    approved(campaign, author)
    Badge.objects.update(given_at=timezone.now() - timedelta(days=8))
    assert 'id="celebration"' not in sign_in(author).get("/").content.decode()

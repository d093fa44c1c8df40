"""What is suggested after sending, and how long reviews take."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector import queries
from collector.models import CampaignCategory, Submission
from collector.point_queries import pending
from tests import factories
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from collector.models import Campaign, Category, Person


@pytest.fixture
def other(campaign: Campaign) -> Category:
    """A second category, as far from its target as the first."""
    category = factories.CategoryFactory.create(name="Poems")
    CampaignCategory.objects.create(campaign=campaign, category=category, target=10)
    return category


def write(category: Category, author: Person, *statuses: str, campaign: Campaign | None = None, **fields: Any) -> None:
    for status in statuses:
        factories.make_submission(
            campaign=campaign or factories.CampaignFactory.create(),
            category=category,
            author=author,
            status=status,
            **fields,
        )


class TestNextSuggestion:
    def test_a_beginner_is_led_to_the_category_furthest_from_its_target(
        self, campaign: Campaign, category: Category, other: Category, author: Person
    ) -> None:
        write(category, factories.contributor_in(campaign), "approved", campaign=campaign)
        suggestion = queries.next_suggestion(author, campaign)
        assert suggestion is not None
        assert suggestion.category == other
        assert suggestion.reason == "10 pairs are still wanted here. No other category is further from its target."

    def test_among_equal_needs_it_is_what_the_person_does_well(
        self, campaign: Campaign, category: Category, other: Category, author: Person
    ) -> None:
        write(category, author, "approved", "rejected", "rejected")
        write(other, author, "approved", "approved", "approved", "rejected")
        suggestion = queries.next_suggestion(author, campaign)
        assert suggestion is not None
        assert suggestion.category == other
        assert "You do this well: 3 of your 4 decided pairs were approved." in suggestion.reason

    def test_need_outweighs_skill_where_it_is_much_greater(
        self, campaign: Campaign, category: Category, other: Category, author: Person
    ) -> None:
        CampaignCategory.objects.filter(category=other).update(target=1000)
        CampaignCategory.objects.filter(category=category).update(target=1)
        write(category, author, "approved", "approved", "approved")
        write(category, author, "approved", campaign=campaign)
        suggestion = queries.next_suggestion(author, campaign)
        assert suggestion is not None
        assert suggestion.category == other

    def test_ratings_count_beside_approvals(
        self, campaign: Campaign, category: Category, other: Category, author: Person
    ) -> None:
        drive = factories.CampaignFactory.create()
        for kind, rating in ((category, 3), (other, 5)):
            for _time in range(3):
                submission = factories.make_submission(campaign=drive, category=kind, author=author)
                factories.decide(submission, "approve", by=factories.reviewer(), rating=rating)
        suggestion = queries.next_suggestion(author, campaign)
        assert suggestion is not None
        assert suggestion.category == other

    def test_nothing_is_suggested_where_nothing_is_missing(
        self, campaign: Campaign, category: Category, author: Person
    ) -> None:
        CampaignCategory.objects.update(target=1)
        write(category, author, "approved", campaign=campaign)
        assert queries.next_suggestion(author, campaign) is None


class TestReviewPace:
    def decided_after(self, campaign: Campaign, category: Category, *hours: int) -> None:
        for number in hours:
            submission = factories.make_submission(campaign=campaign, category=category)
            factories.decide(submission, "approve", by=factories.reviewer(), now=NOW + timedelta(hours=number))

    def test_it_is_the_median_from_sending_to_the_verdict(self, campaign: Campaign, category: Category) -> None:
        self.decided_after(campaign, category, 1, 2, 30)
        pace = queries.review_pace(campaign, NOW + timedelta(days=2))
        assert (pace.decisions, pace.median) == (3, timedelta(hours=2))
        assert pace.in_words.replace("\xa0", " ") == "2 hours"

    def test_two_decisions_are_too_few_to_say(self, campaign: Campaign, category: Category) -> None:
        self.decided_after(campaign, category, 1, 2)
        pace = queries.review_pace(campaign, NOW + timedelta(days=2))
        assert (pace.median, pace.in_words) == (None, "")

    def test_what_was_decided_long_ago_says_nothing_of_now(self, campaign: Campaign, category: Category) -> None:
        self.decided_after(campaign, category, 1, 2, 3)
        assert queries.review_pace(campaign, NOW + timedelta(days=60)).median is None

    def test_another_campaign_s_pace_is_not_ours(self, campaign: Campaign, category: Category) -> None:
        self.decided_after(factories.CampaignFactory.create(), category, 1, 2, 3)
        assert queries.review_pace(campaign, NOW + timedelta(days=2)).decisions == 0


def test_after_sending_the_points_that_wait_are_summed(
    campaign: Campaign, category: Category, author: Person, django_assert_num_queries: Callable[[int], Any]
) -> None:
    write(category, author, "submitted", "submitted", campaign=campaign)
    number = factories.make_submission(campaign=campaign, category=category, author=author).pk
    submission = Submission.objects.select_related("author", "campaign", "category").get(pk=number)
    with django_assert_num_queries(13):
        sent = queries.after_sending(submission, NOW)
    assert (sent.points, sent.waiting, sent.points_waiting, sent.pace.waiting) == (10, 3, 30, 3)


def test_what_waits_in_many_categories_costs_the_same(
    campaign: Campaign, author: Person, django_assert_num_queries: Callable[[int], Any]
) -> None:
    for _category in range(3):
        write(factories.CategoryFactory.create(), author, "submitted", campaign=campaign)
    with django_assert_num_queries(3):
        assert pending(Submission.objects.by(author)).number == 3

"""A campaign in Berlin on a day in April, for the tests of insights that read real work."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from collector import insight_queries as queries
from collector.insights.report import Report
from collector.models import Campaign, CampaignCategory, Category, Person
from tests.factories import CampaignFactory, CategoryFactory, contributor_in, make_submission, reviewer

if TYPE_CHECKING:
    from time_machine import TimeMachineFixture

NOW = datetime(2026, 4, 15, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today(time_machine: TimeMachineFixture) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def spring(db: None) -> Campaign:
    Campaign.objects.all().delete()
    return CampaignFactory.create(
        slug="spring",
        name="Spring",
        time_zone="Europe/Berlin",
        starts_on=date(2026, 3, 20),
        ends_on=date(2026, 5, 15),
    )


@pytest.fixture
def sums(spring: Campaign) -> Category:
    category = CategoryFactory.create(slug="sums", name="Sums", position=1)
    CampaignCategory.objects.create(campaign=spring, category=category, target=40)
    return category


@pytest.fixture
def judge(db: None) -> Person:
    return reviewer(display_name="Rita Reviewer")


def work(campaign: Campaign, category: Category, judge: Person, number: int) -> None:
    """One pair a day for so many days, back from yesterday; of three one waits and one comes back."""
    authors = [contributor_in(campaign) for _author in range(2)]
    for place in range(number):
        status = ("approved", "submitted", "changes_requested")[place % 3]
        make_submission(
            campaign=campaign,
            category=category,
            author=authors[place % 2],
            status=status,
            by_reviewer=judge,
            now=NOW - timedelta(days=1 + place % 25),
            response="word " * (1 + place % 9),
        )


def measure(campaign: Campaign | None = None, first: date | None = None) -> Report:
    zone = ZoneInfo(campaign.time_zone) if campaign else UTC
    return Report(queries.facts(queries.Choice(campaign=campaign, first=first, zone=zone), NOW))

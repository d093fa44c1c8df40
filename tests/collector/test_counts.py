from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.core.cache import caches

from collector import counts
from collector.counts import KEPT_SECONDS, approved_in, counts_of
from tests.factories import NOW, make_submission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoAssertNumQueries

    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    yield
    caches["process"].clear()


@pytest.fixture
def two_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "LARGE", 2)


def test_approved_and_waiting_are_counted_by_category(campaign: Campaign, category: Category) -> None:
    make_submission(campaign=campaign, category=category)
    make_submission(campaign=campaign, category=category, status="approved")
    make_submission(campaign=campaign, category=category, status="rejected")
    assert counts_of(campaign.pk) == {(category.pk, "submitted"): 1, (category.pk, "approved"): 1}
    assert approved_in(campaign_id=campaign.pk, category_id=category.pk) == 1


def test_a_small_campaign_is_counted_anew_each_time(campaign: Campaign, category: Category) -> None:
    assert counts_of(campaign.pk) == {}
    make_submission(campaign=campaign, category=category)
    assert counts_of(campaign.pk) == {(category.pk, "submitted"): 1}


def test_a_large_one_is_not_asked_for_again_for_some_seconds(
    campaign: Campaign,
    category: Category,
    two_are_many: None,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _number in range(2):
        make_submission(campaign=campaign, category=category, status="approved")
    with django_assert_num_queries(1):
        counted = [counts_of(campaign.pk) for _visit in range(3)]
        approved = approved_in(campaign_id=campaign.pk, category_id=category.pk)
    assert counted == [{(category.pk, "approved"): 2}] * 3
    assert approved == 2


def test_then_it_is_counted_again(campaign: Campaign, category: Category, two_are_many: None) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _number in range(2):
            make_submission(campaign=campaign, category=category)
        assert counts_of(campaign.pk) == {(category.pk, "submitted"): 2}
        make_submission(campaign=campaign, category=category)
        clock.shift(timedelta(seconds=KEPT_SECONDS + 1))
        assert counts_of(campaign.pk) == {(category.pk, "submitted"): 3}

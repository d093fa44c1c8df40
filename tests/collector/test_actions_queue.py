from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collector import queue_queries
from collector.actions.locks import lock
from collector.actions.queue import lease_next, renew_lease, skip
from collector.actions.reviews import (
    AlreadyDecided,
    LeasedToAnother,
    NeedsLead,
    NotAReviewer,
    OwnWork,
    revoke_approval,
    undo,
)
from collector.actions.submissions import resubmit
from collector.models import Campaign, Category, ImportBatch, ReviewLease, Submission
from collector.pairs import Text
from tests.factories import NOW, CampaignFactory, CategoryFactory, PersonFactory, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(db: None) -> Person:
    return PersonFactory.create(roles=["lead"])


def test_the_queue_gives_the_one_that_waits_longest() -> None:
    make_submission(now=NOW)
    older = make_submission(now=NOW - timedelta(hours=1))
    assert lease_next(by=a_reviewer(), now=NOW) == older


def test_the_queue_gives_an_item_to_one_reviewer() -> None:
    item = make_submission()
    assert lease_next(by=a_reviewer(), now=NOW) == item
    assert lease_next(by=a_reviewer(), now=NOW) is None


def test_the_queue_gives_nobody_what_they_imported() -> None:
    item, importer = make_submission(), a_reviewer()
    batch = ImportBatch.objects.create(
        file_name="x", format="dolly", campaign=item.campaign, by=importer, started_at=NOW
    )
    Submission.objects.update(import_batch=batch)
    assert lease_next(by=importer, now=NOW) is None
    assert lease_next(by=a_reviewer(), now=NOW) == item


def test_the_queue_gives_what_a_command_imported() -> None:
    item = make_submission()
    batch = ImportBatch.objects.create(file_name="x", format="dolly", campaign=item.campaign, started_at=NOW)
    Submission.objects.update(import_batch=batch)
    assert lease_next(by=a_reviewer(), now=NOW) == item


def test_the_queue_gives_the_same_item_until_it_is_decided() -> None:
    make_submission()
    make_submission()
    judge = a_reviewer()
    assert lease_next(by=judge, now=NOW) == lease_next(by=judge, now=NOW)
    assert ReviewLease.objects.count() == 1


def test_a_lease_falls_back_to_the_queue() -> None:
    item = make_submission()
    lease_next(by=a_reviewer(), now=NOW)
    later = NOW + timedelta(minutes=item.campaign.lease_minutes, seconds=1)
    assert lease_next(by=a_reviewer(), now=later) == item


def test_the_queue_never_gives_ones_own_work() -> None:
    submission = make_submission(author=PersonFactory.create(roles=["reviewer"]))
    assert lease_next(by=submission.author, now=NOW) is None


def test_a_skipped_item_comes_last_for_who_skipped_it() -> None:
    first = make_submission(now=NOW - timedelta(hours=2))
    second = make_submission(now=NOW)
    judge = a_reviewer()
    skip(submission=first, by=judge, now=NOW)
    assert lease_next(by=judge, now=NOW) == second
    assert lease_next(by=a_reviewer(), now=NOW) == first


def test_an_item_leased_to_another_is_not_decided() -> None:
    item = make_submission()
    lease_next(by=a_reviewer(), now=NOW)
    with pytest.raises(LeasedToAnother):
        decide(item, "approve", by=a_reviewer())


def test_a_lease_is_renewed_from_now() -> None:
    item, judge = make_submission(), a_reviewer()
    lease_next(by=judge, now=NOW)
    renew_lease(submission=item, by=judge, now=NOW + timedelta(minutes=10))
    assert item.lease.expires_at == NOW + timedelta(minutes=10 + item.campaign.lease_minutes)


def test_a_renewal_keeps_the_time_of_the_handing_out() -> None:
    item, judge = make_submission(), a_reviewer()
    lease_next(by=judge, now=NOW)
    renew_lease(submission=item, by=judge, now=NOW + timedelta(minutes=10))
    assert ReviewLease.objects.get().taken_at == NOW
    assert decide(item, "approve", by=judge, now=NOW + timedelta(minutes=12)).seconds == 12 * 60


def test_a_page_left_open_over_lunch_measures_nothing() -> None:
    item, judge = make_submission(), a_reviewer()
    for minutes in range(0, 70, 10):
        lease_next(by=judge, now=NOW + timedelta(minutes=minutes))
    assert decide(item, "approve", by=judge, now=NOW + timedelta(minutes=61)).seconds is None


def test_a_decision_without_a_lease_measures_nothing() -> None:
    assert decide(make_submission(), "approve", by=a_reviewer()).seconds is None


def test_a_lease_that_ran_out_begins_anew() -> None:
    item, judge = make_submission(), a_reviewer()
    lease_next(by=judge, now=NOW)
    later = NOW + timedelta(minutes=item.campaign.lease_minutes + 5)
    lease_next(by=judge, now=later)
    assert ReviewLease.objects.get().taken_at == later


def test_a_locked_item_is_in_no_queue(lead: Person) -> None:
    lock(submission=make_submission(), by=lead, now=NOW)
    assert lease_next(by=a_reviewer(), now=NOW) is None


def test_a_contributor_has_no_queue() -> None:
    with pytest.raises(NotAReviewer):
        lease_next(by=PersonFactory.create(), now=NOW)


def test_the_queue_of_one_campaign_gives_its_items_alone() -> None:
    make_submission(now=NOW - timedelta(hours=1))
    item = make_submission(now=NOW)
    assert lease_next(by=a_reviewer(), now=NOW, campaign=item.campaign) == item


# -- What can't be held ------------------------------------------------------------------------------------


def test_ones_own_item_is_not_held() -> None:
    item = make_submission(author=PersonFactory.create(roles=["reviewer"]))
    with pytest.raises(OwnWork):
        renew_lease(submission=item, by=item.author, now=NOW)


def test_a_decided_item_is_not_held() -> None:
    item = make_submission(status="approved")
    with pytest.raises(AlreadyDecided):
        renew_lease(submission=item, by=a_reviewer(), now=NOW)


def test_an_item_that_another_looks_at_is_not_held() -> None:
    item = make_submission()
    lease_next(by=a_reviewer(), now=NOW)
    with pytest.raises(LeasedToAnother):
        renew_lease(submission=item, by=a_reviewer(), now=NOW)


def test_a_disputed_item_is_held_by_leads_alone(lead: Person) -> None:
    item = disputed()
    with pytest.raises(NeedsLead):
        renew_lease(submission=item, by=a_reviewer(), now=NOW)
    assert renew_lease(submission=item, by=lead, now=NOW) == item


# -- Disputed items ----------------------------------------------------------------------------------------


def disputed(campaign: Campaign | None = None, judges: list[Person] | None = None, **fields: Any) -> Submission:
    """Return an item about which two independent reviewers disagreed."""
    item = make_submission(campaign=campaign or CampaignFactory.create(reviews_per_item=2), **fields)
    first, second = judges or [a_reviewer(), a_reviewer()]
    decide(item, "approve", by=first)
    decide(item, "reject", by=second)
    item.refresh_from_db()
    return item


def test_disputed_items_come_to_leads_first(lead: Person) -> None:
    make_submission(now=NOW - timedelta(days=1))
    item = disputed()
    assert lease_next(by=lead, now=NOW) == item


def test_disputed_items_do_not_come_to_reviewers() -> None:
    disputed()
    assert lease_next(by=a_reviewer(), now=NOW) is None


def test_a_lead_who_has_decided_gets_no_last_word_and_an_admin_does(admin: Person, lead: Person) -> None:
    item = disputed(judges=[a_reviewer(), lead])
    assert lease_next(by=lead, now=NOW) is None
    assert lease_next(by=admin, now=NOW) == item


# -- Orders ------------------------------------------------------------------------------------------------


def category_in(campaign: Campaign, target: int = 10) -> Category:
    category: Category = CategoryFactory.create()
    campaign.targets.create(category=category, target=target)
    return category


def test_the_most_needed_category_comes_first() -> None:
    campaign = CampaignFactory.create(queue_order="needed")
    full, lacking = category_in(campaign, target=4), category_in(campaign, target=4)
    for _number in range(2):
        make_submission(campaign=campaign, category=full, status="approved")
    make_submission(campaign=campaign, category=full, now=NOW - timedelta(days=1))
    wanted = make_submission(campaign=campaign, category=lacking, now=NOW)
    assert lease_next(by=a_reviewer(), now=NOW) == wanted


def test_need_is_the_share_of_the_target_and_not_the_number() -> None:
    campaign = CampaignFactory.create(queue_order="needed")
    large, small = category_in(campaign, target=100), category_in(campaign, target=2)
    for _number in range(2):
        make_submission(campaign=campaign, category=large, status="approved")
    make_submission(campaign=campaign, category=large, now=NOW - timedelta(days=1))
    wanted = make_submission(campaign=campaign, category=small, now=NOW)
    assert lease_next(by=a_reviewer(), now=NOW) == wanted


def test_inside_the_most_needed_category_the_oldest_comes_first() -> None:
    campaign = CampaignFactory.create(queue_order="needed")
    category = category_in(campaign)
    make_submission(campaign=campaign, category=category, now=NOW)
    older = make_submission(campaign=campaign, category=category, now=NOW - timedelta(hours=1))
    assert lease_next(by=a_reviewer(), now=NOW) == older


@pytest.mark.parametrize("order", ["needed", "uncertain"])
def test_a_category_without_a_target_is_not_forgotten(order: str) -> None:
    campaign = CampaignFactory.create(queue_order=order)
    item = make_submission(campaign=campaign)
    campaign.targets.all().delete()
    assert lease_next(by=a_reviewer(), now=NOW) == item


@pytest.mark.parametrize("order", ["needed", "uncertain"])
def test_an_item_that_only_waits_for_others_is_passed_over(order: str) -> None:
    campaign = CampaignFactory.create(queue_order=order)
    judge = PersonFactory.create(roles=["reviewer"])
    make_submission(campaign=campaign, category=category_in(campaign, 100), author=judge)
    item = make_submission(campaign=campaign, category=category_in(campaign, 1))
    assert lease_next(by=judge, now=NOW) == item


def test_where_reviewers_disagree_comes_first() -> None:
    campaign = CampaignFactory.create(queue_order="uncertain", reviews_per_item=2)
    calm, contested = category_in(campaign), category_in(campaign)
    for _number in range(3):
        disputed(campaign, category=contested)
        agreed = make_submission(campaign=campaign, category=calm)
        decide(agreed, "approve", by=a_reviewer())
        decide(agreed, "approve", by=a_reviewer())
    make_submission(campaign=campaign, category=calm, now=NOW - timedelta(days=1))
    item = make_submission(campaign=campaign, category=contested, now=NOW)
    assert lease_next(by=a_reviewer(), now=NOW) == item


def test_an_item_with_a_contested_instruction_comes_before_its_category() -> None:
    campaign = CampaignFactory.create(queue_order="uncertain", reviews_per_item=2)
    category, other = category_in(campaign), category_in(campaign)
    disputed(campaign, category=category, instruction="Is a tomato a fruit?")
    make_submission(campaign=campaign, category=category, now=NOW - timedelta(days=1))
    alike = make_submission(campaign=campaign, category=other, instruction="Is a tomato a fruit?", now=NOW)
    assert lease_next(by=a_reviewer(), now=NOW) == alike


def test_an_item_whose_earlier_text_was_contested_comes_first() -> None:
    campaign = CampaignFactory.create(queue_order="uncertain", reviews_per_item=2)
    category = category_in(campaign)
    make_submission(campaign=campaign, category=category, now=NOW - timedelta(days=1))
    item = disputed(campaign, category=category)
    resubmit(submission=item, base_revision=1, text=Text.of("Mended", "", "text"), by=item.author, now=NOW)
    assert lease_next(by=a_reviewer(), now=NOW) == item


def test_an_overturned_approval_is_contested_and_an_undone_one_is_not(admin: Person) -> None:
    campaign = CampaignFactory.create()
    undone, overturned = make_submission(campaign=campaign), make_submission(campaign=campaign)
    judge = a_reviewer()
    undo(review=decide(undone, "approve", by=judge), by=judge, now=NOW)
    decide(overturned, "approve", by=judge)
    revoke_approval(submission=overturned, reason="Copied.", by=admin, now=NOW)
    found = queue_queries.doubts(campaign)
    assert found.submissions == {overturned.pk}
    assert found.shares == {overturned.category_id: pytest.approx(2 / 3)}


def test_one_dispute_in_one_weighs_less_than_many_in_more() -> None:
    campaign = CampaignFactory.create(reviews_per_item=2)
    once, often = category_in(campaign), category_in(campaign)
    disputed(campaign, category=once)
    for _number in range(4):
        disputed(campaign, category=often)
    shares = queue_queries.doubts(campaign).shares
    assert shares[once.pk] < shares[often.pk]


@pytest.mark.parametrize("order", ["oldest", "needed", "uncertain"])
def test_the_next_item_costs_the_same_questions_for_one_and_for_many(order: str) -> None:
    campaign = CampaignFactory.create(queue_order=order)
    category = category_in(campaign)
    asked = []
    for _number in range(2):
        for _item in range(5):
            make_submission(campaign=campaign, category=category)
        judge = a_reviewer()
        _known = judge.role_names
        with CaptureQueriesContext(
            connection,
        ) as context:
            lease_next(by=judge, now=NOW)
        asked.append(len(context))
    assert asked[0] == asked[1]


# -- At the same moment ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_reviewers_at_once_get_different_items() -> None:
    campaign = CampaignFactory.create()
    items = [make_submission(campaign=campaign) for _number in range(8)]
    judges = [a_reviewer() for _item in items]
    barrier = threading.Barrier(len(judges))
    given: list[Submission | None] = []

    def take(judge: Person) -> None:
        try:
            barrier.wait()
            given.append(lease_next(by=judge, now=NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=(judge,)) for judge in judges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {item.pk for item in given if item} == {item.pk for item in items}
    assert ReviewLease.objects.count() == len(items)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_of_one_reviewer_hold_one_item() -> None:
    for _number in range(3):
        make_submission()
    judge = a_reviewer()
    barrier = threading.Barrier(4)
    given: list[Submission | None] = []

    def take() -> None:
        try:
            barrier.wait()
            given.append(lease_next(by=judge, now=NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 4
    assert len({item.pk for item in given if item}) == 1
    assert ReviewLease.objects.get().reviewer == judge

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector import sheet_forecasts, sheet_queries
from collector.actions import locks, queue
from collector.models import Revision
from collector.sheet_queries import Wanted
from tests.factories import NOW, CampaignFactory, PersonFactory, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    import uuid

    from pytest_django import DjangoAssertNumQueries

    from collector.models import Person, Submission

pytestmark = pytest.mark.django_db


def found(person: Person, **wanted: object) -> list[uuid.UUID]:
    rows = sheet_queries.matching(person, Wanted(**wanted))  # type: ignore[arg-type]  # a test's own fields
    return sheet_queries.unpacked(sheet_queries.packed(rows))


def lead() -> Person:
    return PersonFactory.create(roles=["lead"])


def record_of(person: Person, submission: Submission) -> sheet_queries.Record:
    (record,) = sheet_queries.records(person, [submission.pk])
    return record


def test_drafts_and_withdrawn_records_are_left_out_unless_asked_for(reviewer: Person) -> None:
    make_submission(status="draft")
    gone = make_submission(status="withdrawn")
    here = make_submission()
    assert found(reviewer) == [here.pk]
    assert found(reviewer, state="withdrawn") == [gone.pk]


def test_each_filter_narrows_by_its_own_column(reviewer: Person) -> None:
    wanted = make_submission(instruction="Why do herons stand still?", status="approved")
    Revision.objects.filter(submission=wanted).update(language="fr", flags=["copied"])
    make_submission(instruction="Why is the sky blue?")
    for filter_ in (
        {"state": "approved"},
        {"category": wanted.category.slug},
        {"campaign": wanted.campaign.slug},
        {"language": "fr"},
        {"flagged": True},
        {"search": "heron STILL"},
    ):
        assert found(reviewer, **filter_) == [wanted.pk], filter_


def test_words_of_a_search_may_stand_in_different_texts(reviewer: Person) -> None:
    wanted = make_submission(instruction="Name a bird.", response="A heron.")
    make_submission(instruction="Name a tree.", response="An oak.")
    assert found(reviewer, search="bird heron") == [wanted.pk]


def test_only_what_the_record_says_now_is_searched(reviewer: Person) -> None:
    submission = make_submission(instruction="An old word")
    Revision.objects.create(
        submission=submission, number=2, instruction="new", response="r", language="en", created_at=NOW
    )
    submission.revision_number = 2
    submission.save()
    assert found(reviewer, search="old") == []


def test_locked_and_disputed_records_are_found() -> None:
    person = lead()
    locked = make_submission()
    locks.lock(submission=locked, by=person, now=NOW)
    campaign = CampaignFactory.create(reviews_per_item=2)
    disputed = make_submission(campaign=campaign)
    decide(disputed, "approve", by=a_reviewer())
    decide(disputed, "reject", by=a_reviewer())
    assert found(person, locked=True) == [locked.pk]
    assert found(person, disputed=True) == [disputed.pk]


@pytest.mark.parametrize("sort", sheet_queries.SORTS)
def test_the_order_is_the_same_each_time_and_the_reverse_backwards(sort: str, reviewer: Person) -> None:
    for number, status in enumerate(["approved", "submitted", "rejected"]):
        make_submission(status=status, instruction=f"{'cab'[number]} instruction", now=NOW + timedelta(hours=number))
    forwards = found(reviewer, sort=sort)
    assert forwards == found(reviewer, sort=sort)
    assert len(forwards) == 3
    if sort in {"updated", "submitted", "instruction"}:
        assert found(reviewer, sort=f"-{sort}") == forwards[::-1]


def test_the_index_names_each_record_with_its_revision(reviewer: Person) -> None:
    submission = make_submission()
    index = sheet_queries.packed(sheet_queries.matching(reviewer, Wanted()))
    assert sheet_queries.unpacked_items(index) == [(submission.pk, 1)]


def test_records_come_in_the_order_asked_for(reviewer: Person) -> None:
    ids = [make_submission().pk for _row in range(3)]
    assert [record.submission.pk for record in sheet_queries.records(reviewer, ids[::-1])] == ids[::-1]


def test_a_blind_campaign_hides_the_author_from_reviewers_only(reviewer: Person) -> None:
    blind, open_ = make_submission(), make_submission(campaign=CampaignFactory.create(is_blind=False))
    assert record_of(reviewer, blind).author == ""
    assert record_of(lead(), blind).author == blind.author.display_name
    assert record_of(reviewer, open_).author == open_.author.display_name


def test_a_blind_text_is_not_found_by_its_author(reviewer: Person) -> None:
    blind = make_submission()
    assert found(reviewer, author=blind.author.handle) == []
    assert found(lead(), author=blind.author.handle) == [blind.pk]


def test_others_ratings_are_unseen_until_ones_own_decision() -> None:
    submission = make_submission(campaign=CampaignFactory.create(reviews_per_item=3))
    first, second = a_reviewer(), a_reviewer()
    decide(submission, "approve", by=first, rating=5)
    assert (record_of(second, submission).rating, record_of(second, submission).reviews) == (None, None)
    decide(submission, "approve", by=second, rating=2)
    assert (record_of(second, submission).rating, record_of(second, submission).reviews) == (3.5, 2)


def test_the_order_by_rating_tells_nothing_that_the_cell_keeps_back(reviewer: Person) -> None:
    campaign = CampaignFactory.create(reviews_per_item=3)
    low, high = make_submission(campaign=campaign), make_submission(campaign=campaign)
    decide(low, "approve", by=a_reviewer(), rating=1)
    decide(high, "approve", by=a_reviewer(), rating=5)
    assert found(reviewer, sort="-rating") == sorted([low.pk, high.pk])
    assert found(lead(), sort="-rating") == [high.pk, low.pk]


def test_a_forecast_counts_what_is_possible_and_names_the_rest(reviewer: Person) -> None:
    fine = make_submission()
    own = make_submission(author=reviewer)
    done = make_submission(status="approved")
    changed, locked, leased = make_submission(), make_submission(), make_submission()
    locks.lock(submission=locked, by=lead(), now=NOW)
    queue.renew_lease(submission=leased, by=a_reviewer(), now=NOW)
    items = [(submission.pk, 1) for submission in (fine, own, done, locked, leased)] + [(changed.pk, 2)]
    forecast = sheet_forecasts.foresee(reviewer, items, NOW)
    assert (forecast.count, forecast.possible, forecast.impossible) == (6, 1, 5)
    assert dict(forecast.reasons) == {
        "your own work": 1,
        "not waiting for review": 1,
        "changed since you loaded it": 1,
        "locked": 1,
        "open with another reviewer now": 1,
    }


@pytest.mark.parametrize("rows", [1, 25])
def test_a_window_asks_two_questions_for_any_number_of_records(
    rows: int, reviewer: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ids = [make_submission(status="approved").pk for _row in range(rows)]
    _ = reviewer.role_names
    with django_assert_num_queries(2):
        assert len(sheet_queries.records(reviewer, ids)) == rows

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.actions.locks import lock
from collector.actions.queue import lease_next
from collector.actions.reviews import NotYourDecision, TooLate, undo, undo_batch
from collector.actions.submissions import resubmit, withdraw
from collector.models import Award, ReviewLease
from collector.pairs import Text
from tests.factories import NOW, CampaignFactory, PersonFactory, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Person, Review, Submission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plain_points")]
SOON = NOW + timedelta(seconds=9)


@pytest.fixture
def lead(db: None) -> Person:
    return PersonFactory.create(roles=["lead"])


def points(person: Person) -> int:
    return sum(Award.objects.filter(person=person).values_list("points", flat=True))


@pytest.mark.parametrize("decision", ["approve", "reject", "request_changes"])
def test_an_undone_decision_is_as_if_it_was_not_made(decision: str) -> None:
    item, judge = make_submission(), a_reviewer()
    review = decide(item, decision, by=judge)
    undo(review=review, by=judge, now=SOON)
    item.refresh_from_db()
    review.refresh_from_db()
    assert (item.status, item.approved_at) == ("submitted", None)
    assert (points(item.author), points(judge)) == (0, 0)
    assert (review.voided_at, review.voided_by) == (SOON, judge)


def test_an_undo_is_in_the_history() -> None:
    item, judge = make_submission(), a_reviewer()
    undo(review=decide(item, "approve", by=judge), by=judge, now=SOON)
    last = item.events.order_by("-pk").first()
    assert last is not None
    assert (last.kind, last.by, last.status_before, last.status_after) == ("undone", judge, "approved", "submitted")


def test_an_undone_item_is_the_reviewers_again_and_its_clock_goes_on() -> None:
    make_submission(now=NOW)
    item, judge = make_submission(now=NOW - timedelta(hours=1)), a_reviewer()
    lease_next(by=judge, now=NOW)
    review = decide(item, "approve", by=judge, now=NOW + timedelta(seconds=30))
    lease_next(by=judge, now=NOW + timedelta(seconds=31))
    undo(review=review, by=judge, now=NOW + timedelta(seconds=35))
    lease = ReviewLease.objects.get()
    assert (lease.submission, lease.reviewer, lease.taken_at) == (item, judge, NOW)
    assert lease_next(by=judge, now=NOW + timedelta(seconds=36)) == item


def test_after_an_undo_one_decides_again_and_is_paid_once() -> None:
    item, judge = make_submission(), a_reviewer()
    undo(review=decide(item, "reject", by=judge), by=judge, now=SOON)
    decide(item, "approve", by=judge, now=SOON)
    item.refresh_from_db()
    assert item.status == "approved"
    assert (points(item.author), points(judge)) == (item.category.points, 2)


def test_ten_seconds_are_enough_and_eleven_are_not() -> None:
    judge = a_reviewer()
    undo(review=decide(make_submission(), "approve", by=judge), by=judge, now=NOW + timedelta(seconds=10))
    item = make_submission()
    review = decide(item, "approve", by=judge)
    with pytest.raises(TooLate, match="ask an admin"):
        undo(review=review, by=judge, now=NOW + timedelta(seconds=10, microseconds=1))
    item.refresh_from_db()
    assert item.status == "approved"


def test_undoing_twice_is_the_same_as_once() -> None:
    item, judge = make_submission(), a_reviewer()
    review = decide(item, "approve", by=judge)
    for _press in range(2):
        undo(review=review, by=judge, now=SOON)
    assert item.events.filter(kind="undone").count() == 1
    assert points(judge) == 0


def test_only_the_reviewer_undoes_their_decision(lead: Person) -> None:
    review = decide(make_submission(), "approve", by=a_reviewer())
    with pytest.raises(NotYourDecision):
        undo(review=review, by=lead, now=SOON)


@pytest.mark.parametrize("what", ["withdrawn", "resubmitted", "locked", "decided"])
def test_what_has_gone_on_is_not_undone(what: str, lead: Person) -> None:
    item, judge = make_submission(campaign=CampaignFactory.create(approvals_required=2)), a_reviewer()
    review = decide(item, "approve", by=judge)
    if what == "withdrawn":
        withdraw(submission=item, by=item.author, now=NOW)
    elif what == "resubmitted":
        resubmit(submission=item, base_revision=1, text=Text.of("New", "", "text"), by=item.author, now=NOW)
    elif what == "locked":
        lock(submission=item, by=lead, now=NOW)
    else:
        decide(item, "approve", by=a_reviewer())
    with pytest.raises(TooLate, match="gone on"):
        undo(review=review, by=judge, now=SOON)
    review.refresh_from_db()
    assert review.voided_at is None


def test_the_undo_of_a_decision_that_made_a_dispute_ends_it() -> None:
    item, judge = make_submission(campaign=CampaignFactory.create(reviews_per_item=2)), a_reviewer()
    decide(item, "approve", by=a_reviewer())
    undo(review=decide(item, "reject", by=judge), by=judge, now=SOON)
    item.refresh_from_db()
    assert (item.status, item.disputed_at) == ("submitted", None)
    decide(item, "approve", by=judge, now=SOON)
    item.refresh_from_db()
    assert item.status == "approved"


def test_the_undo_of_a_last_word_brings_the_dispute_back(lead: Person) -> None:
    item = make_submission(campaign=CampaignFactory.create(reviews_per_item=2))
    decide(item, "approve", by=a_reviewer())
    decide(item, "reject", by=a_reviewer())
    later = NOW + timedelta(hours=1)
    undo(review=decide(item, "approve", by=lead, now=later), by=lead, now=later + timedelta(seconds=5))
    item.refresh_from_db()
    assert (item.status, item.disputed_at) == ("submitted", NOW)
    assert points(item.author) == 0
    assert lease_next(by=lead, now=later + timedelta(seconds=6)) == item


def test_an_undo_does_not_take_the_item_from_who_looks_at_it_now() -> None:
    item, judge, other = (
        make_submission(campaign=CampaignFactory.create(approvals_required=2)),
        a_reviewer(),
        a_reviewer(),
    )
    review = decide(item, "approve", by=judge)
    lease_next(by=other, now=NOW)
    undo(review=review, by=judge, now=SOON)
    assert ReviewLease.objects.get().reviewer == other


# -- Batches -----------------------------------------------------------------------------------------------


def batch_of(judge: Person, items: list[Submission]) -> tuple[uuid.UUID, list[Review]]:
    batch = uuid.uuid4()
    return batch, [decide(item, "approve", by=judge, batch=batch) for item in items]


def test_a_batch_is_undone_together_minutes_later() -> None:
    judge, items = a_reviewer(), [make_submission() for _number in range(3)]
    batch, _reviews = batch_of(judge, items)
    done = undo_batch(batch=batch, by=judge, now=NOW + timedelta(minutes=10))
    assert (done.undone, done.kept) == (3, ())
    assert all(item.status == "submitted" for item in type(items[0]).objects.filter(pk__in=[i.pk for i in items]))
    assert points(judge) == 0
    assert not ReviewLease.objects.exists()


def test_what_has_gone_on_keeps_its_decision_and_is_named() -> None:
    judge, items = a_reviewer(), [make_submission() for _number in range(3)]
    batch, _reviews = batch_of(judge, items)
    withdraw(submission=items[1], by=items[1].author, now=NOW)
    done = undo_batch(batch=batch, by=judge, now=NOW)
    assert (done.undone, done.kept) == (2, (items[1].pk,))
    assert points(judge) == 2


def test_a_batch_undone_twice_is_undone_once() -> None:
    judge = a_reviewer()
    batch, _reviews = batch_of(judge, [make_submission()])
    undo_batch(batch=batch, by=judge, now=NOW)
    done = undo_batch(batch=batch, by=judge, now=NOW)
    assert (done.undone, done.kept) == (0, ())


def test_a_batch_stands_after_ten_minutes() -> None:
    judge = a_reviewer()
    batch, _reviews = batch_of(judge, [make_submission()])
    with pytest.raises(TooLate):
        undo_batch(batch=batch, by=judge, now=NOW + timedelta(minutes=10, seconds=1))


def test_only_who_made_a_batch_undoes_it(lead: Person) -> None:
    batch, _reviews = batch_of(a_reviewer(), [make_submission()])
    with pytest.raises(NotYourDecision):
        undo_batch(batch=batch, by=lead, now=NOW)


def test_a_decision_in_a_batch_measures_no_time() -> None:
    judge, item = a_reviewer(), make_submission()
    lease_next(by=judge, now=NOW)
    _batch, (review,) = batch_of(judge, [item])
    assert review.seconds is None

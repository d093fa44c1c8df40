"""Actions lock records, then people, then leases: of two that meet, one waits and neither forever."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collector.actions import gold, queue, reviews
from collector.actions.erasure import erase_person
from collector.actions.queue import lease_next
from collector.actions.submissions import resubmit, take_out, withdraw
from collector.actions.suggestions import suggest_edit
from collector.pairs import Text
from tests.factories import NOW, CampaignFactory, PersonFactory, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.models import Campaign, GoldItem, Person, Submission

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time, and no row locks"),
    pytest.mark.usefixtures("plain_points"),
]
TEXT = Text.of("Why is the sky blue by day?", "", "Air scatters short waves most.")
RECORD, PERSON, LEASE = "record", "person", "lease"
LOCKS = {
    RECORD: re.compile(r'FROM "collector_submission".* FOR NO KEY UPDATE(?!.*SKIP LOCKED)', re.DOTALL),
    PERSON: re.compile(r'FROM "collector_person".* FOR (NO KEY )?UPDATE|^UPDATE "collector_person"', re.DOTALL),
    LEASE: re.compile(r'(DELETE FROM|INSERT INTO|UPDATE) "collector_reviewlease"|"collector_reviewlease".* FOR UPDATE'),
}


@pytest.fixture
def campaign(db: None) -> Campaign:
    return CampaignFactory.create(gold_percent=20)


@pytest.fixture
def lead(db: None) -> Person:
    return PersonFactory.create(roles=["lead"])


@pytest.fixture
def admin(db: None) -> Person:
    return PersonFactory.create(roles=["admin"])


@pytest.fixture
def judge(db: None) -> Person:
    return a_reviewer()


@pytest.fixture
def held(campaign: Campaign, judge: Person) -> Submission:
    """An item that the queue keeps for the judge."""
    item = make_submission(campaign=campaign)
    assert lease_next(by=judge, now=NOW) == item
    return item


@pytest.fixture
def known(campaign: Campaign, lead: Person, monkeypatch: pytest.MonkeyPatch) -> GoldItem:
    """A gold item whose turn it always is, and an ordinary one whose place it takes."""
    monkeypatch.setattr(gold, "_draw", lambda by, turn, what: 0)
    decided = make_submission(campaign=campaign, status="approved")
    make_submission(campaign=campaign)
    return gold.make_gold(submission=decided, decision="approve", why="It is right.", by=lead, now=NOW)


def locks_of(act: Callable[..., Any], **said: Any) -> list[str]:
    """Name what an action locks, in its order, each kind at the first and the last time."""
    with CaptureQueriesContext(connection) as captured:
        act(**said)
    found = [kind for query in captured.captured_queries for kind, lock in LOCKS.items() if lock.search(query["sql"])]
    return [kind for kind, before in zip(found, [None, *found], strict=False) if kind != before]


def test_a_decision(held: Submission, judge: Person) -> None:
    said = {"submission": held, "revision_number": 1, "decision": "approve", "by": judge, "now": NOW}
    assert locks_of(reviews.decide, **said) == [RECORD, PERSON, LEASE]


def test_an_undone_decision(held: Submission, judge: Person) -> None:
    review = decide(held, "approve", by=judge)
    assert locks_of(reviews.undo, review=review, by=judge, now=NOW) == [RECORD, PERSON, LEASE]


def test_a_withdrawal(held: Submission) -> None:
    assert locks_of(withdraw, submission=held, by=held.author, now=NOW) == [RECORD, PERSON, LEASE]


def test_a_record_taken_out(held: Submission, admin: Person) -> None:
    said = {"submission": held, "reason": "They asked.", "by": admin, "now": NOW}
    assert locks_of(take_out, **said) == [RECORD, PERSON, LEASE]


def test_an_author_s_new_text(held: Submission, judge: Person) -> None:
    decide(held, "request_changes", by=judge, comment="Say more.")
    said = {"submission": held, "base_revision": 1, "text": TEXT, "by": held.author, "now": NOW}
    assert locks_of(resubmit, **said) == [RECORD, PERSON, LEASE]


def test_a_reviewer_s_edit(held: Submission, judge: Person) -> None:
    said = {"submission": held, "base_revision": 1, "text": TEXT, "by": judge, "now": NOW}
    assert locks_of(suggest_edit, **said) == [RECORD, PERSON, LEASE]


def test_a_renewed_lease(held: Submission, judge: Person) -> None:
    assert locks_of(queue.renew_lease, submission=held, by=judge, now=NOW) == [RECORD, PERSON, LEASE]


def test_the_next_item_waits_for_no_record(campaign: Campaign, judge: Person) -> None:
    make_submission(campaign=campaign)
    assert locks_of(lease_next, by=judge, now=NOW) == [PERSON, LEASE]


def test_the_next_item_waits_for_no_gold_item(known: GoldItem, judge: Person) -> None:
    assert locks_of(lease_next, by=judge, now=NOW) == [PERSON, LEASE]
    assert known.submission.lease.reviewer == judge
    assert locks_of(lease_next, by=judge, now=NOW) == [PERSON, LEASE]


def test_an_answered_gold_item(known: GoldItem, judge: Person) -> None:
    lease_next(by=judge, now=NOW)
    said = {"gold": known, "decision": "approve", "by": judge, "now": NOW}
    assert locks_of(gold.answer, **said) == [RECORD, PERSON, LEASE]


def test_an_erased_account(held: Submission) -> None:
    held.campaign.on_erasure = "withdraw"
    held.campaign.save()
    locks = locks_of(erase_person, person=held.author, by=held.author, now=NOW)
    # What it withdraws and ends is locked again, which waits for nobody.
    assert locks[:3] == [RECORD, PERSON, RECORD]
    assert locks.index(LEASE) > locks.index(PERSON)

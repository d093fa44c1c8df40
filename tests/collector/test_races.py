"""Reviewers on one item at the same moment, 200 times: never two verdicts, never a lost review."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle, islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import connection

from collector.actions.queue import lease_next
from collector.actions.reviews import decide
from collector.errors import Refused
from collector.models import Award, Campaign, Person, Review, ReviewLease, Submission
from tests.factories import NOW, CampaignFactory, PersonFactory, contributor_in, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("plain_points")]
ROUNDS = 200
DECISIONS = ("approve", "reject", "request_changes")
DECIDED = {"approved", "rejected", "changes_requested"}
STATUS = {"approve": "approved", "reject": "rejected", "request_changes": "changes_requested"}


@pytest.fixture(autouse=True)
def _on_postgresql(db: None) -> None:
    # SQLite has one writer at a time: what these drills look for can't happen there.
    if connection.vendor != "postgresql":
        if os.environ.get("WOOLGATHER_REQUIRE_POSTGRESQL") == "1":
            pytest.fail("WOOLGATHER_REQUIRE_POSTGRESQL=1, but DATABASE_URL names no PostgreSQL")
        pytest.skip("needs PostgreSQL: set DATABASE_URL")


@dataclass
class Tally:
    """What 200 rounds came to."""

    rounds: int = 0
    verdicts: int = 0
    disputes: int = 0
    reviews_kept: int = 0
    refusals: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Count, and leave the figures beside the other measurements."""
    counted = Tally()
    yield counted
    figures = {**counted.__dict__, "refusals": dict(counted.refusals)}
    path = Path(settings.WOOLGATHER_VAR) / "drills" / f"{request.node.originalname}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Do all at the same moment, each on its own connection; returns what each returned, or its refusal."""
    barrier = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            results[number] = act()
        except Refused as refused:
            results[number] = refused
        except Exception as error:  # noqa: BLE001 - whatever it is, the round fails on it below
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    crashed = [result for result in results if isinstance(result, Exception) and not isinstance(result, Refused)]
    assert crashed == []
    return results


def race(item: Submission, judges: list[Person], made: tuple[str, ...]) -> list[Review | Refused]:
    def act(judge: Person, decision: str) -> Callable[[], Review]:
        return lambda: decide(
            submission=item, revision_number=1, decision=decision, by=judge, now=NOW, comment="A word."
        )

    return together(*(act(judge, decision) for judge, decision in zip(judges, made, strict=True)))


def check(item: Submission, answers: list[Review | Refused], tally: Tally) -> list[Review]:
    """Hold what is true whatever happened: the answers are the database's, and history and ledger agree."""
    item.refresh_from_db()
    # Who sends the same twice gets the same review twice.
    reviews = list({answer.pk: answer for answer in answers if isinstance(answer, Review)}.values())
    assert set(item.reviews.values_list("pk", flat=True)) == {
        review.pk for review in reviews
    }  # none lost, none made up
    events = list(item.events.order_by("pk"))
    assert [event.status_before for event in events[1:]] == [event.status_after for event in events[:-1]]
    assert events[-1].status_after == item.status
    verdicts = [event for event in events if event.status_after in DECIDED]
    assert len(verdicts) == (item.status in DECIDED)  # never two
    assert sum(event.kind == "disputed" for event in events) == (item.disputed_at is not None)
    earned = sum(Award.objects.filter(submission=item, reason="approved").values_list("points", flat=True))
    assert earned == (item.category.points if item.status == "approved" else 0)
    assert Award.objects.filter(submission=item, reason="reviewed").count() == len(reviews)
    tally.rounds += 1
    tally.verdicts += len(verdicts)
    tally.disputes += item.disputed_at is not None
    tally.reviews_kept += len(reviews)
    tally.refusals.update(answer.code for answer in answers if isinstance(answer, Refused))
    return reviews


@dataclass
class Desk:
    """A campaign with one author, to make items in quickly."""

    campaign: Campaign
    author: Person

    @classmethod
    def of(cls, **policy: int) -> Desk:
        campaign = CampaignFactory.create(**policy)
        return cls(campaign, contributor_in(campaign))

    def item(self) -> Submission:
        category = self.campaign.targets.first()
        return make_submission(
            campaign=self.campaign, author=self.author, category=category.category if category else None
        )


def rounds(reviewers: int) -> list[tuple[str, ...]]:
    """Every combination of decisions in turn, 200 in all."""
    return list(islice(cycle(product(DECISIONS, repeat=reviewers)), ROUNDS))


def test_two_reviewers_where_one_decides(tally: Tally) -> None:
    desk, judges = Desk.of(), [a_reviewer(), a_reviewer()]
    for made in rounds(2):
        item = desk.item()
        answers = race(item, judges, made)
        (review,) = check(item, answers, tally)
        assert item.status == STATUS[review.decision]
    assert (tally.verdicts, tally.reviews_kept, tally.refusals) == (ROUNDS, ROUNDS, {"already_decided": ROUNDS})


@pytest.mark.slow
def test_two_reviewers_where_two_approvals_are_needed(tally: Tally) -> None:
    desk, judges = Desk.of(approvals_required=2), [a_reviewer(), a_reviewer()]
    for made in rounds(2):
        item = desk.item()
        reviews = check(item, race(item, judges, made), tally)
        assert item.status in DECIDED
        assert (len(reviews) == 2) == (item.status == "approved" or {r.decision for r in reviews} > {"approve"})
    assert tally.verdicts == ROUNDS


def test_two_independent_reviewers(tally: Tally) -> None:
    desk, judges = Desk.of(reviews_per_item=2), [a_reviewer(), a_reviewer()]
    for made in rounds(2):
        item = desk.item()
        assert len(check(item, race(item, judges, made), tally)) == 2
        if len(set(made)) == 1:
            assert item.status == STATUS[made[0]]
        else:
            assert (item.status, item.disputed_at) == ("submitted", NOW)
    assert tally.reviews_kept == 2 * ROUNDS
    assert tally.verdicts + tally.disputes == ROUNDS
    assert not tally.refusals


@pytest.mark.slow
def test_three_independent_reviewers_where_two_are_wanted(tally: Tally) -> None:
    desk, judges = Desk.of(reviews_per_item=2), [a_reviewer() for _number in range(3)]
    for made in rounds(3):
        item = desk.item()
        assert len(check(item, race(item, judges, made), tally)) == 2
    assert tally.verdicts + tally.disputes == ROUNDS
    assert set(tally.refusals) <= {"already_decided", "needs_lead"}
    assert tally.refusals.total() == ROUNDS


@pytest.mark.slow
def test_two_leads_with_a_last_word(tally: Tally) -> None:
    desk, judges = Desk.of(reviews_per_item=2), [a_reviewer(), a_reviewer()]
    leads = [PersonFactory.create(roles=["lead"]) for _number in range(2)]
    for made in rounds(2):
        item = desk.item()
        before = [
            decide(submission=item, revision_number=1, decision=decision, by=judge, now=NOW, comment="A word.")
            for judge, decision in zip(judges, ("approve", "reject"), strict=True)
        ]
        answers = race(item, leads, made)
        item.refresh_from_db()
        assert sum(isinstance(answer, Review) for answer in answers) == 1
        assert item.reviews.filter(is_last_word=True).count() == 1
        assert item.reviews.count() == len(before) + 1
        assert (item.events.filter(status_after__in=DECIDED).count(), item.disputed_at) == (1, None)
        tally.rounds += 1
        tally.verdicts += 1
        tally.reviews_kept += 3
        tally.refusals.update(answer.code for answer in answers if isinstance(answer, Refused))
    assert tally.refusals == {"already_decided": ROUNDS}


@pytest.mark.slow
def test_one_reviewer_who_sends_twice(tally: Tally) -> None:
    desk, judge = Desk.of(reviews_per_item=2), a_reviewer()
    for made in rounds(2):
        item = desk.item()
        assert len(check(item, race(item, [judge, judge], made), tally)) == 1
        assert item.status == "submitted"
    assert tally.refusals == {"already_decided": sum(first != second for first, second in rounds(2))}


@pytest.mark.slow
def test_two_reviewers_who_ask_for_the_next_item(tally: Tally) -> None:
    desk, judges = Desk.of(), [a_reviewer(), a_reviewer()]
    items = {desk.item().pk, desk.item().pk}
    for _number in range(ROUNDS):
        given = together(*(lambda judge=judge: lease_next(by=judge, now=NOW) for judge in judges))
        assert {item.pk for item in given} == items  # nobody is sent away, and nobody gets the other's
        assert ReviewLease.objects.count() == 2
        ReviewLease.objects.all().delete()
        tally.rounds += 1

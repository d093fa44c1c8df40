"""Whatever people do, in any order and at once: ledger and boards agree, and nobody is paid for a repeat."""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collector.actions import reviews, submissions
from collector.actions.badges import rebuild_badges
from collector.actions.points import change_contest, plan_contest, publish_rules, remove_contest
from collector.actions.queue import lease_next, skip
from collector.actions.standings import rebuild_standings
from collector.errors import Refused
from collector.models import Award, Contest, Person, Review, Standing, Submission
from collector.periods import BEGINNING, day_of, zone_of
from collector.point_queries import own_near_duplicate, rules_in_force, rules_of
from tests import factories
from tests.collector.test_actions_points import wanted
from tests.collector.test_races import together
from tests.machines import live

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.models import Campaign, Category

AUTHORS, JUDGES = 2, 3
WORDS = [
    "How do I describe the colour of the evening sky over a lake?",
    "How do I describe the colour of the evening sky over a lake",  # nearly the first
    "Which three sports are played with a racket and a net?",
    "List the ingredients of a simple bread for a family of five.",
]


class Game(RuleBasedStateMachine):
    """Two authors write, near-duplicates too; three reviewers, a lead and an admin judge, undo and change the rules."""

    @initialize(reviews_per_item=st.sampled_from([1, 2]), zone=st.sampled_from(["UTC", "America/New_York"]))
    def begin(self, reviews_per_item: int, zone: str) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.now = factories.NOW
        factories.plain_rules(need_percent=50, overturned_points=2, day_limit=35, review_day_limit=7)
        self.campaign: Campaign = factories.CampaignFactory.create(reviews_per_item=reviews_per_item, time_zone=zone)
        self.category: Category = factories.CategoryFactory.create()
        self.campaign.targets.create(category=self.category, target=5)
        self.authors = [factories.contributor_in(self.campaign) for _number in range(AUTHORS)]
        self.lead = factories.PersonFactory.create(roles=["lead"])
        self.admin = factories.PersonFactory.create(roles=["admin"])
        self.judges = [*(factories.reviewer() for _number in range(JUDGES)), self.lead, self.admin]
        self.made: list[Submission] = []
        self.decisions: list[Review] = []

    def teardown(self) -> None:
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    def _one(self, number: int) -> Submission | None:
        return self.made[number % len(self.made)] if self.made else None

    @rule(who=st.integers(0, AUTHORS - 1), words=st.sampled_from(WORDS))
    def submit(self, who: int, words: str) -> None:
        self.now += timedelta(minutes=1)
        self.made.append(
            factories.make_submission(
                campaign=self.campaign,
                category=self.category,
                author=self.authors[who],
                instruction=words,
                now=self.now,
            )
        )

    @rule(
        number=st.integers(0, 50),
        who=st.integers(0, JUDGES + 1),
        decision=st.sampled_from(["approve", "approve", "reject"]),
        rating=st.one_of(st.none(), st.integers(1, 5)),
    )
    def review(self, number: int, who: int, decision: str, rating: int | None) -> None:
        self.now += timedelta(seconds=5)
        pair = self._one(number)
        if pair is None:
            return
        pair.refresh_from_db()
        with contextlib.suppress(Refused, ValidationError):
            self.decisions.append(
                reviews.decide(
                    submission=pair,
                    revision_number=pair.revision_number,
                    decision=decision,
                    by=self.judges[who],
                    now=self.now,
                    rating=rating,
                    comment="A word.",
                )
            )

    @rule(number=st.integers(0, 50))
    def disagree_and_decide(self, number: int) -> None:
        """Two disagree and the lead has the last word: chance alone would seldom come so far."""
        for who, decision in ((0, "approve"), (1, "reject"), (3, "approve")):
            self.review(number, who, decision, None)

    @rule()
    def undo(self) -> None:
        if self.decisions:
            review = self.decisions[-1]
            with contextlib.suppress(Refused):
                reviews.undo(review=review, by=review.reviewer, now=self.now)

    @rule(number=st.integers(0, 50))
    def withdraw(self, number: int) -> None:
        pair = self._one(number)
        if pair is not None:
            submissions.withdraw(submission=pair, by=pair.author, now=self.now)

    @rule(number=st.integers(0, 50))
    def take_out(self, number: int) -> None:
        pair = self._one(number)
        if pair is not None:
            submissions.take_out(submission=pair, reason="They asked.", by=self.admin, now=self.now)

    @rule(number=st.integers(0, 50))
    def revoke(self, number: int) -> None:
        pair = self._one(number)
        if pair is not None:
            with contextlib.suppress(Refused):
                reviews.revoke_approval(submission=pair, reason="Look again.", by=self.admin, now=self.now)

    @rule(need=st.sampled_from([0, 50, 100]), limit=st.sampled_from([None, 15, 40]), penalty=st.integers(0, 3))
    def change_the_rules(self, need: int, limit: int | None, penalty: int) -> None:
        self.now += timedelta(seconds=5)
        with contextlib.suppress(Refused):
            publish_rules(
                wanted=wanted(need_percent=need, day_limit=limit, overturned_points=penalty),
                base=rules_in_force().number,
                by=self.lead,
                now=self.now,
            )

    @rule(begins=st.integers(-3, 3), days=st.integers(1, 5), of_category=st.booleans())
    def plan_a_contest(self, begins: int, days: int, of_category: bool) -> None:
        first = self.now.date() + timedelta(days=begins)
        window: dict[str, Any] = {"starts_on": first, "ends_on": first + timedelta(days=days - 1)}
        said: dict[str, Any] = {"name": "Contest", "prize": "", "category": self.category if of_category else None}
        contest = Contest.objects.first()
        if contest is None:
            plan_contest(campaign=self.campaign, by=self.lead, now=self.now, **window, **said)
        elif begins % 3:
            change_contest(contest=contest, by=self.lead, now=self.now, **window, **said)
        else:
            remove_contest(contest=contest, by=self.lead, now=self.now)

    @rule(who=st.integers(0, AUTHORS - 1), how=st.sampled_from(["name", "pseudonym", "away"]))
    def hide(self, who: int, how: str) -> None:
        Person.objects.filter(pk=self.authors[who].pk).update(on_boards=how)

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @invariant()
    def ledger_standings_and_rebuild_agree(self) -> None:
        if hasattr(self, "made"):
            check_sums()

    @invariant()
    def nobody_is_paid_for_their_own_duplicates(self) -> None:
        if hasattr(self, "made"):
            check_duplicates()

    @invariant()
    def nobody_has_more_of_a_day_than_its_limit(self) -> None:
        if not hasattr(self, "made"):
            return
        zone = zone_of(self.campaign.time_zone)
        days: defaultdict[tuple[int, object, int], int] = defaultdict(int)
        for award in Award.objects.filter(reason="approved").select_related("submission"):
            assert award.submission.submitted_at is not None
            key = (award.person_id, day_of(award.submission.submitted_at, zone), award.rule_version)
            days[key] += award.points
        for (_person, _day, version), points in days.items():
            limit = rules_of(version).day_limit
            assert limit is None or points <= limit

    @invariant()
    def badges_are_those_that_have_their_ground(self) -> None:
        if hasattr(self, "made"):
            check_badges(self.now)

    @invariant()
    def points_stand_exactly_while_approved(self) -> None:
        if not hasattr(self, "made"):
            return
        for pair in Submission.objects.filter(campaign=self.campaign):
            standing = pair.awards.filter(reason="approved", revokes=None, revoked_by=None).count()
            assert standing == (pair.status == "approved")


def _contest(campaign: Campaign, dice: random.Random, lead: Person, now: datetime) -> None:
    """Plan, change or remove a contest."""
    contest = Contest.objects.first()
    said: dict[str, Any] = {
        "name": f"Contest {dice.random()}",
        "starts_on": now.date() - timedelta(days=dice.randrange(2)),
        "ends_on": now.date() + timedelta(days=dice.randrange(2)),
        "category": None,
        "prize": "",
        "by": lead,
        "now": now,
    }
    if contest is None:
        plan_contest(campaign=campaign, **said)
    elif dice.randrange(3):
        change_contest(contest=contest, **said)
    else:
        remove_contest(contest=contest, by=lead, now=now)


def _take_or_skip(pair: Submission, dice: random.Random, judge: Person, now: datetime) -> None:
    """Ask the queue for the next item, or pass one by."""
    if dice.randrange(3):
        lease_next(by=judge, now=now)
    else:
        skip(submission=pair, by=judge, now=now)


def _undo_last(judge: Person) -> None:
    own = Review.objects.filter(reviewer=judge).order_by("-pk").first()
    if own is not None:
        reviews.undo(review=own, by=judge, now=own.created_at)


def check_sums() -> None:
    """The ledger's sums are what the boards keep, and what a rebuild would make."""
    assert rebuild_standings(is_dry=True).is_right
    ledger = dict(Award.objects.order_by().values_list("person").annotate(Sum("points")))
    kept = dict(
        Standing.objects.filter(board="people", period="all", starts=BEGINNING, campaign=0, category=0).values_list(
            "person", "points"
        )
    )
    assert kept == ledger


def check_badges(now: datetime) -> None:
    """Finding everybody's grounds again gives and takes nothing."""
    found = rebuild_badges(now=now, is_dry=True)
    assert (found.missing, found.superfluous) == (0, 0)


def check_duplicates() -> None:
    """Of an author's approved pairs that ask nearly the same, one at most has points."""
    paid = Award.objects.filter(reason="approved", revokes=None, revoked_by=None, points__gt=0)
    for award in paid.select_related("submission__author"):
        other = own_near_duplicate(award.submission)
        if other is not None:
            assert not paid.filter(submission=other).exists()


@pytest.mark.django_db
def test_every_course_of_the_game_adds_up() -> None:
    live(Game, lives=25, steps=30)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.parametrize("seed", range(3))
def test_many_at_once_add_up_too(seed: int) -> None:
    """Eight connections take, skip, decide, undo, withdraw, revoke and change rules at the same moments."""
    factories.plain_rules(need_percent=50, overturned_points=2, day_limit=60, review_day_limit=30)
    campaign = factories.CampaignFactory.create(reviews_per_item=2)
    category = factories.CategoryFactory.create()
    campaign.targets.create(category=category, target=9)
    authors = [factories.contributor_in(campaign, roles=["reviewer"]) for _number in range(4)]
    lead, admin = factories.PersonFactory.create(roles=["lead"]), factories.PersonFactory.create(roles=["admin"])
    pairs = [
        factories.make_submission(
            campaign=campaign, category=category, author=authors[number % 4], instruction=WORDS[number // 4 % 4]
        )
        for number in range(16)
    ]

    def acts(worker: int) -> Callable[[], None]:
        dice = random.Random(100 * seed + worker)

        def act() -> None:
            now = factories.NOW
            for _step in range(25):
                now += timedelta(seconds=1)
                pair = Submission.objects.select_related("author").get(pk=dice.choice(pairs).pk)
                judge = dice.choice([*authors, lead, admin])
                with contextlib.suppress(Refused, ValidationError):
                    match dice.randrange(15):
                        case 12 | 13 | 14:
                            _take_or_skip(pair, dice, judge, now)
                        case 10 | 11:
                            _contest(campaign, dice, lead, now)
                        case 0:
                            submissions.withdraw(submission=pair, by=pair.author, now=now)
                        case 1:
                            reviews.revoke_approval(submission=pair, reason="Look.", by=admin, now=now)
                        case 2:
                            _undo_last(judge)
                        case 3:
                            publish_rules(
                                wanted=wanted(need_percent=dice.randrange(100)),
                                base=rules_in_force().number,
                                by=lead,
                                now=now,
                            )
                        case number:
                            decision = "approve" if number % 3 else "reject"
                            reviews.decide(
                                submission=pair,
                                revision_number=pair.revision_number,
                                decision=decision,
                                by=judge,
                                now=now,
                                rating=dice.choice([None, 1, 5]),
                                comment="A word.",
                            )

        return act

    together(*(acts(worker) for worker in range(8)))
    assert Award.objects.count() > len(pairs)
    check_sums()
    check_duplicates()
    check_badges(factories.NOW)

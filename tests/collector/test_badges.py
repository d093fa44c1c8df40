"""Badges: each once, given with its ground and taken back with it."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collector.actions import gold, reviews, submissions
from collector.actions.badges import put_away, rebuild_badges
from collector.errors import Refused
from collector.levels import level_of
from collector.models import Badge, GoldItem, Submission
from collector.pairs import Text
from tests import factories
from tests.collector.test_races import together
from tests.factories import (
    NOW,
    CampaignFactory,
    CategoryFactory,
    PersonFactory,
    contributor_in,
    decide,
    make_submission,
)
from tests.factories import reviewer as a_reviewer
from tests.machines import live

if TYPE_CHECKING:
    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db


def kinds(person: Person) -> list[str]:
    return sorted(Badge.objects.filter(person=person).values_list("kind", flat=True))


def approve(campaign: Campaign, category: Category, author: Person, times: int = 1) -> list[Submission]:
    return [
        make_submission(
            campaign=campaign,
            category=category,
            author=author,
            status="approved",
            now=NOW + timedelta(minutes=Submission.objects.count()),
        )
        for _time in range(times)
    ]


def test_the_first_approved_of_each_category_once(campaign: Campaign, category: Category, author: Person) -> None:
    approve(campaign, category, author, 2)
    approve(campaign, CategoryFactory.create(), author)
    assert kinds(author) == ["first", "first"]


def test_five_categories(campaign: Campaign, author: Person) -> None:
    for number in range(5):
        assert "range" not in kinds(author), number
        approve(campaign, CategoryFactory.create(), author)
    assert "range" in kinds(author)


def test_ten_in_a_row(campaign: Campaign, category: Category, author: Person) -> None:
    approve(campaign, category, author, 9)
    assert "clean" not in kinds(author)
    approve(campaign, category, author)
    assert "clean" in kinds(author)


def test_one_that_was_sent_back_begins_the_row_anew(campaign: Campaign, category: Category, author: Person) -> None:
    approve(campaign, category, author, 5)
    make_submission(
        campaign=campaign, category=category, author=author, status="changes_requested", now=NOW + timedelta(minutes=5)
    )
    approve(campaign, category, author, 5)
    assert "clean" not in kinds(author)


def test_three_times_five_stars_from_two_reviewers(campaign: Campaign, author: Person) -> None:
    one, other = a_reviewer(), a_reviewer()
    for judge in (one, one, one, other):
        assert "stars" not in kinds(author)
        decide(make_submission(campaign=campaign, author=author), "approve", by=judge, rating=5)
    assert "stars" in kinds(author)


def test_mended_and_approved(author: Person, campaign: Campaign) -> None:
    pair = make_submission(campaign=campaign, author=author, status="changes_requested")
    submissions.resubmit(
        submission=pair, base_revision=1, text=Text.of("Better", "", "text"), by=author, now=NOW + timedelta(hours=1)
    )
    decide(pair, "approve", by=a_reviewer())
    assert "mended" in kinds(author)


@pytest.mark.parametrize(("wrong", "has_it"), [(1, True), (2, False)])
def test_a_reviewer_who_is_right_nineteen_times_of_twenty(reviewer: Person, wrong: int, has_it: bool) -> None:
    lead = PersonFactory.create(roles=["lead"])
    for number in range(20):
        pair = make_submission(status="approved")
        item = GoldItem.objects.create(
            submission=pair,
            revision=factories.current_revision(pair),
            decision="approve",
            why="Because.",
            created_by=lead,
            created_at=NOW,
        )
        decision = "reject" if number < wrong else "approve"
        gold.answer(gold=item, decision=decision, by=reviewer, now=NOW, comment="A word.")
    assert ("accurate" in kinds(reviewer)) == has_it


@pytest.mark.parametrize("how", ["withdraw", "revoke", "edit", "undo"])
def test_a_badge_goes_with_its_ground(
    campaign: Campaign, category: Category, author: Person, admin: Person, reviewer: Person, how: str
) -> None:
    pair = make_submission(campaign=campaign, category=category, author=author)
    review = decide(pair, "approve", by=reviewer)
    assert kinds(author) == ["first"]
    pair.refresh_from_db()
    if how == "withdraw":
        submissions.withdraw(submission=pair, by=author, now=NOW)
    elif how == "revoke":
        reviews.revoke_approval(submission=pair, reason="No.", by=admin, now=NOW)
    elif how == "edit":
        submissions.resubmit(submission=pair, base_revision=1, text=Text.of("New", "", "text"), by=author, now=NOW)
    else:
        reviews.undo(review=review, by=reviewer, now=NOW)
    assert kinds(author) == []


def test_a_badge_stays_where_another_is_its_ground(campaign: Campaign, category: Category, author: Person) -> None:
    first, second = approve(campaign, category, author, 2)
    submissions.withdraw(submission=first, by=author, now=NOW)
    assert Badge.objects.get(person=author).submission_id == second.pk


def test_the_database_refuses_a_second_one(category: Category, author: Person) -> None:
    for fields in ({"kind": "clean"}, {"kind": "first", "category": category}):
        Badge.objects.create(person=author, given_at=NOW, **fields)
        with pytest.raises(IntegrityError), transaction.atomic():
            Badge.objects.create(person=author, given_at=NOW, **fields)


def test_a_celebration_ends_when_it_is_put_away(campaign: Campaign, category: Category, author: Person) -> None:
    approve(campaign, category, author, 4)
    put_away(by=author, now=NOW)
    author.refresh_from_db()
    assert not Badge.objects.filter(person=author, seen_at=None).exists()
    assert author.celebrated_level == 2


@pytest.mark.parametrize(
    ("points", "number", "to_next"), [(-5, 1, 25), (0, 1, 25), (24, 1, 1), (25, 2, 75), (99, 2, 1), (100, 3, 125)]
)
def test_levels_take_more_points_each_time(points: int, number: int, to_next: int) -> None:
    level = level_of(points)
    assert (level.number, level.to_next) == (number, to_next)
    assert level.begins_at <= max(0, points) < level.next_at


def test_the_last_name_stays() -> None:
    assert level_of(10**6).name == level_of(25 * 81).name


def test_the_command_finds_and_mends(
    campaign: Campaign, category: Category, author: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    approve(campaign, category, author)
    call_command("rebuild_badges", "--check", "--json")
    assert json.loads(capsys.readouterr().out)["is_right"] is True
    Badge.objects.all().delete()
    Badge.objects.create(person=author, kind="clean", given_at=NOW)
    with pytest.raises(CommandError, match="without --check"):
        call_command("rebuild_badges", "--check")
    assert kinds(author) == ["clean"]
    call_command("rebuild_badges")
    assert kinds(author) == ["first"]


class Life(RuleBasedStateMachine):
    """An author's pairs in two categories are decided, sent back, mended, withdrawn and revoked."""

    @initialize()
    def begin(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.now = NOW
        self.campaign = CampaignFactory.create()
        self.categories = [CategoryFactory.create() for _number in range(2)]
        for category in self.categories:
            self.campaign.targets.create(category=category)
        self.author = contributor_in(self.campaign)
        self.judges = [a_reviewer(), a_reviewer()]
        self.admin = PersonFactory.create(roles=["admin"])
        self.made: list[Submission] = []

    def teardown(self) -> None:
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    def _one(self, number: int) -> Submission:
        self.now += timedelta(seconds=3)
        pair = self.made[number % len(self.made)]
        pair.refresh_from_db()
        return pair

    @rule(times=st.integers(1, 6), category=st.integers(0, 1), stars=st.sampled_from([None, 4, 5, 5]))
    def write_and_approve(self, times: int, category: int, stars: int | None) -> None:
        for number in range(times):
            self.now += timedelta(minutes=1)
            pair = make_submission(
                campaign=self.campaign, category=self.categories[category], author=self.author, now=self.now
            )
            decide(pair, "approve", by=self.judges[number % 2], rating=stars, now=self.now)
            self.made.append(pair)

    @rule(category=st.integers(0, 1))
    def write(self, category: int) -> None:
        self.now += timedelta(minutes=1)
        self.made.append(
            make_submission(
                campaign=self.campaign, category=self.categories[category], author=self.author, now=self.now
            )
        )

    @rule(number=st.integers(0, 40), decision=st.sampled_from(["approve", "reject", "request_changes"]))
    def judge(self, number: int, decision: str) -> None:
        if self.made:
            with contextlib.suppress(Refused):
                decide(self._one(number), decision, by=self.judges[0], now=self.now)

    @rule(number=st.integers(0, 40), act=st.sampled_from(["withdraw", "revoke", "undo", "edit"]))
    def go_back(self, number: int, act: str) -> None:
        if not self.made:
            return
        pair = self._one(number)
        with contextlib.suppress(Refused):
            if act == "withdraw":
                submissions.withdraw(submission=pair, by=self.author, now=self.now)
            elif act == "revoke":
                reviews.revoke_approval(submission=pair, reason="Look.", by=self.admin, now=self.now)
            elif act == "edit":
                text = Text.of(f"Another instruction {self.now}", "", "Response")
                submissions.resubmit(
                    submission=pair, base_revision=pair.revision_number, text=text, by=self.author, now=self.now
                )
            else:
                review = pair.reviews.standing().order_by("-pk").first()
                if review is not None:
                    reviews.undo(review=review, by=review.reviewer, now=self.now)

    @invariant()
    def badges_are_those_with_a_ground(self) -> None:
        if hasattr(self, "made"):
            assert rebuild_badges(now=self.now, is_dry=True).is_right


def test_whatever_happens_badges_are_those_with_a_ground() -> None:
    live(Life, lives=25, steps=25)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_two_approvals_at_once_give_one_badge() -> None:
    campaign, category = CampaignFactory.create(), CategoryFactory.create()
    author = contributor_in(campaign)
    for _round in range(10):
        Badge.objects.all().delete()
        pairs = [make_submission(campaign=campaign, category=category, author=author) for _number in range(3)]
        judges = [a_reviewer() for _number in pairs]
        together(
            *(
                lambda pair=pair, judge=judge: decide(pair, "approve", by=judge)
                for pair, judge in zip(pairs, judges, strict=True)
            )
        )
        assert Badge.objects.filter(person=author, kind="first").count() == 1

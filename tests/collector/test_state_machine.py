"""Whatever people do, in any order, the submission's state, history and points agree."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from collector.actions import drafts, locks, queue, reviews, submissions, suggestions
from collector.actions.standings import rebuild_standings
from collector.errors import Refused
from collector.models import Award, Review, Submission
from collector.pairs import Text
from tests import factories
from tests.machines import live

LEGAL: set[tuple[str, str]] = {
    ("draft", "submitted"),
    ("draft", "withdrawn"),
    ("submitted", "submitted"),  # edited while waiting, locked, or one decision of several
    ("submitted", "approved"),
    ("submitted", "rejected"),
    ("submitted", "changes_requested"),
    ("submitted", "withdrawn"),
    ("changes_requested", "submitted"),  # resubmitted, or the decision undone
    ("changes_requested", "withdrawn"),
    ("approved", "submitted"),  # edited by its author or a lead, undone, or revoked by an admin
    ("approved", "withdrawn"),
    ("rejected", "submitted"),  # undone
    ("rejected", "withdrawn"),
    *((status, status) for status in ("approved", "rejected", "changes_requested", "withdrawn")),  # locked, unlocked
}
DECIDED = {"approved", "rejected", "changes_requested"}
STATUS = {"approve": "approved", "reject": "rejected", "request_changes": "changes_requested"}
POLICIES = [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3), (3, 2)]  # approvals required, reviews per item
PEOPLE = 6


class SubmissionLife(RuleBasedStateMachine):
    """An author who also reviews, three reviewers, a lead and an admin act on one submission."""

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy: tuple[int, int]) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.now = factories.NOW
        factories.plain_rules()
        self.campaign = factories.CampaignFactory.create(approvals_required=policy[0], reviews_per_item=policy[1])
        self.category = factories.CategoryFactory.create()
        self.campaign.targets.create(category=self.category)
        self.author = factories.contributor_in(self.campaign, roles=["reviewer", "lead"])
        self.lead = factories.PersonFactory.create(roles=["lead"])
        self.admin = factories.PersonFactory.create(roles=["admin"])
        self.reviewers = [self.author, *(factories.reviewer() for _number in range(3)), self.lead, self.admin]
        self.submission = drafts.save_draft(
            id=Submission().pk,
            campaign=self.campaign,
            category=self.category,
            text=Text.of("begun"),
            version=0,
            by=self.author,
            now=self.now,
        ).submission
        self.edits = 0
        self.last: Review | None = None

    def teardown(self) -> None:
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    def _text(self) -> Text:
        self.edits += 1
        return Text.of(f"Instruction {self.edits}", "", "Response")

    def _tick(self, seconds: int = 60) -> None:
        self.now += timedelta(seconds=seconds)
        self.submission.refresh_from_db()

    @rule()
    def submit(self) -> None:
        self._tick()
        with contextlib.suppress(Refused):
            submissions.submit(
                id=self.submission.pk,
                campaign=self.campaign,
                category=self.category,
                text=self._text(),
                by=self.author,
                now=self.now,
            )

    @rule(behind=st.integers(0, 2))
    def resubmit(self, behind: int) -> None:
        self._tick()
        with contextlib.suppress(Refused):
            submissions.resubmit(
                submission=self.submission,
                base_revision=self.submission.revision_number - behind,
                text=self._text(),
                by=self.author,
                now=self.now,
            )

    @rule(who=st.integers(0, PEOPLE - 1), decision=st.sampled_from(sorted(STATUS)), behind=st.integers(0, 1))
    def review(self, who: int, decision: str, behind: int) -> None:
        self._tick()
        was_disputed = self.submission.disputed_at is not None
        with contextlib.suppress(Refused, ValidationError):
            self.last = reviews.decide(
                submission=self.submission,
                revision_number=self.submission.revision_number - behind,
                decision=decision,
                by=self.reviewers[who],
                now=self.now,
                comment="A word.",
            )
            assert (self.last.reviewer, self.last.decision) == (self.reviewers[who], decision)
            if self.last.created_at == self.now:  # else said again, and the answer is the first one's
                assert self.last.is_last_word == was_disputed
                assert not was_disputed or self.reviewers[who] in (self.lead, self.admin)

    @rule(decision=st.sampled_from(sorted(STATUS)))
    def all_review(self, decision: str) -> None:
        """Three reviewers agree: else chance alone would hardly ever reach a verdict of three."""
        for who in (1, 2, 3):
            self.review(who, decision, 0)

    @precondition(lambda self: self.last is not None)
    @rule(seconds=st.integers(0, 15), by_another=st.booleans())
    def undo(self, seconds: int, by_another: bool) -> None:
        self._tick(seconds)
        assert self.last is not None
        person = self.admin if by_another and self.last.reviewer != self.admin else self.last.reviewer
        with contextlib.suppress(Refused):
            reviews.undo(review=self.last, by=person, now=self.now)
            assert person == self.last.reviewer

    @rule(who=st.integers(0, PEOPLE - 1), behind=st.integers(0, 1))
    def suggest(self, who: int, behind: int) -> None:
        self._tick()
        with contextlib.suppress(Refused):
            suggestions.suggest_edit(
                submission=self.submission,
                base_revision=self.submission.revision_number - behind,
                text=self._text(),
                by=self.reviewers[who],
                now=self.now,
            )
            assert who != 0

    @rule(who=st.integers(0, PEOPLE - 1))
    def edit_and_approve(self, who: int) -> None:
        self._tick()
        with contextlib.suppress(Refused):
            self.last = suggestions.edit_and_approve(
                submission=self.submission,
                base_revision=self.submission.revision_number,
                text=self._text(),
                by=self.reviewers[who],
                now=self.now,
            )

    @rule(who=st.integers(0, PEOPLE - 1))
    def lock(self, who: int) -> None:
        self._tick()
        with contextlib.suppress(Refused):
            locks.lock(submission=self.submission, by=self.reviewers[who], now=self.now)

    @rule(who=st.sampled_from([1, 4, 5]))
    def unlock(self, who: int) -> None:
        self._tick()
        with contextlib.suppress(Refused):
            locks.unlock(submission=self.submission, by=self.reviewers[who], now=self.now)

    @rule(who=st.integers(0, PEOPLE - 1))
    def lease(self, who: int) -> None:
        self._tick()
        leased = queue.lease_next(by=self.reviewers[who], now=self.now)
        if leased is not None:
            assert (leased.status, leased.locked_at) == ("submitted", None)
            assert leased.author_id != self.reviewers[who].pk
            assert leased.disputed_at is None or self.reviewers[who] in (self.lead, self.admin)

    @precondition(lambda self: self.edits > 3)
    @rule()
    def withdraw(self) -> None:
        self._tick()
        submissions.withdraw(submission=self.submission, by=self.author, now=self.now)

    @rule()
    def revoke(self) -> None:
        self._tick()
        with contextlib.suppress(Refused):
            reviews.revoke_approval(submission=self.submission, reason="Look again.", by=self.admin, now=self.now)

    def _standing(self) -> list[Review]:
        """Return the decisions that count on what the submission says now."""
        self.submission.refresh_from_db()
        return list(
            self.submission.reviews.standing().filter(revision__number=self.submission.revision_number).order_by("pk")
        )

    @invariant()
    def the_history_is_a_legal_path_to_the_state(self) -> None:
        if not hasattr(self, "submission"):
            return
        self.submission.refresh_from_db()
        state = "draft"
        for event in self.submission.events.order_by("pk"):
            assert event.status_before == state
            assert (event.status_before, event.status_after) in LEGAL
            if event.status_before in {"rejected", "changes_requested"} and event.status_after == "submitted":
                assert event.kind == "undone" or (event.kind, event.status_before) == (
                    "resubmitted",
                    "changes_requested",
                )
            state = event.status_after
        assert self.submission.status == state

    @invariant()
    def a_text_has_at_most_one_verdict_that_stands(self) -> None:
        if not hasattr(self, "submission"):
            return
        verdicts = self.submission.events.filter(
            kind="reviewed", status_after__in=DECIDED, review__voided_at=None
        ).values_list("revision_number", flat=True)
        assert len(verdicts) == len(set(verdicts))

    @invariant()
    def the_author_has_points_exactly_while_approved(self) -> None:
        if not hasattr(self, "submission"):
            return
        earned = sum(Award.objects.filter(person=self.author, reason="approved").values_list("points", flat=True))
        self.submission.refresh_from_db()
        assert earned == (self.category.points if self.submission.status == "approved" else 0)
        assert (self.submission.status == "approved") == (self.submission.approved_at is not None)

    @invariant()
    def the_state_follows_from_the_decisions_that_stand(self) -> None:
        if not hasattr(self, "submission"):
            return
        standing = self._standing()
        words = [review.decision for review in standing if review.is_last_word]
        made = [review.decision for review in standing if not review.is_last_word]
        status, is_disputed = self.submission.status, self.submission.disputed_at is not None
        assert len(words) <= 1
        assert status == "submitted" or not is_disputed
        if status in {"draft", "withdrawn"}:
            return
        if words:
            assert (status, is_disputed) == (STATUS[words[0]], False)
        elif self.campaign.is_independent and len(made) >= self.campaign.reviews_wanted:
            assert len(made) == self.campaign.reviews_wanted
            agreed = len(set(made)) == 1
            assert (status, is_disputed) == ((STATUS[made[0]], False) if agreed else ("submitted", True))
        elif self.campaign.is_independent:
            assert (status, is_disputed) == ("submitted", False)
        else:
            decided = [decision for decision in made if decision != "approve"]
            enough = made.count("approve") == self.campaign.approvals_required
            expected = STATUS[decided[0]] if decided else "approved" if enough else "submitted"
            assert (status, is_disputed, len(decided) <= 1) == (expected, False, True)

    @invariant()
    def nobody_decides_their_own_work_and_nobody_twice(self) -> None:
        if not hasattr(self, "submission"):
            return
        judges = [review.reviewer_id for review in self._standing()]
        assert self.author.pk not in judges
        assert len(judges) == len(set(judges))

    @rule(days=st.integers(1, 40))
    def days_pass(self, days: int) -> None:
        self._tick(days * 24 * 60 * 60)

    @invariant()
    def the_boards_equal_the_ledger(self) -> None:
        if hasattr(self, "submission"):
            assert rebuild_standings(is_dry=True).is_right

    @invariant()
    def reviewers_are_paid_for_the_reviews_that_stand(self) -> None:
        if not hasattr(self, "submission"):
            return
        for person in self.reviewers:
            paid = sum(Award.objects.filter(person=person, reason="reviewed").values_list("points", flat=True))
            assert paid == 2 * person.reviews.filter(voided_at=None).count()


@pytest.mark.django_db
def test_every_path_through_a_submissions_life_is_coherent() -> None:
    live(SubmissionLife, lives=40, steps=25)

"""The demonstration's reviewers: whom they agree with, how long they take, and where a lead has the last word."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from collector.actions import gold, leases, reviews
from collector.models import Review, Role, Submission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from collector.models import Person

SEED = 2011
APART = timedelta(minutes=3)  # between two reviewers' decisions on one item
LATER = timedelta(days=3)  # until a lead has the last word: the latest disputes are still open
# How often a second reviewer sees an approvable pair otherwise: what good looks like is a matter of taste in some.
DOUBT = {"creative_writing": 0.45, "brainstorming": 0.3, "open_qa": 0.15, "general_qa": 0.12, "summarization": 0.0}
USUAL_DOUBT = 0.05
STRICT = 2  # the reviewer, by place, who asks for more than the others do
STRICT_DOUBT = 0.3
QUALITY = {"approve": ([3, 4, 5], [2, 5, 4]), "request_changes": ([1, 2, 3], [2, 5, 2]), "reject": ([1, 2], [2, 1])}
GOLD_ITEMS = 14
GOLD_PERCENT = 10
SLIPS = 0.15  # answers on gold items that go wrong


class Panel:
    """Judges pairs through the real actions, the same way each time."""

    def __init__(self, *, people: Sequence[Person], comments: dict[str, list[dict[str, Any]]], now: datetime) -> None:
        self.random = random.Random(SEED)  # noqa: S311 - the same judgements each time, nothing secret
        self.reviewers = [person for person in people if person.has_role(Role.REVIEWER)]
        self.leads = [person for person in people if Role.LEAD in person.role_names]
        self.comments = comments
        self.now = now

    def decide(
        self,
        *,
        submission: Submission,
        decision: str,
        decided: datetime,
        comment: str = "",
        reasons: Sequence[str] = (),
    ) -> None:
        """Let as many reviewers as the campaign wants decide, and a lead where they disagree.

        Args:
            submission: waits for a decision.
            decision: the right one; reviewers may see it otherwise.
            decided: when the first of them decides.
            comment: the first one's words.
            reasons: and reasons.
        """
        judges = [person for person in self.reviewers if person.pk != submission.author_id]
        quality = self.random.choices(*QUALITY[decision], k=2)
        for place, judge in enumerate(self.random.sample(judges, submission.campaign.reviews_wanted)):
            sees = "request_changes" if decision == "approve" and self._doubts(submission, judge, place) else decision
            words = {"comment": comment, "reasons": list(reasons)}
            if place:
                words = {} if sees == "approve" else self._words("doubt" if decision == "approve" else "second")
            self._review(submission, sees, judge, decided + place * APART, quality, words)
        submission.refresh_from_db()
        if submission.disputed_at is not None and decided + LATER < self.now:
            lead = self.random.choice([person for person in self.leads if person.pk != submission.author_id])
            self._review(submission, "approve", lead, decided + LATER, quality, self._words("last_word"))

    def _doubts(self, submission: Submission, judge: Person, place: int) -> bool:
        """Only those after the first may doubt, so that the first one's praise stays true."""
        chance = DOUBT.get(submission.category.slug, USUAL_DOUBT)
        if judge == self.reviewers[STRICT] and chance:
            chance = max(chance, STRICT_DOUBT)
        return self.random.random() < chance and place > 0

    def _words(self, kind: str) -> dict[str, Any]:
        return self.random.choice(self.comments[kind])

    def _rating(self, quality: int, slug: str) -> int:
        """Rate near the pair's quality; the more a category is a matter of taste, the less near."""
        wide = 2 * DOUBT.get(slug, USUAL_DOUBT)
        return min(5, max(1, quality + self.random.choices([-1, 0, 1], [wide, 2, wide])[0]))

    def _seconds(self, submission: Submission) -> int:
        """Look longer at longer texts; now and then much longer."""
        words = sum(len(part.split()) for part in submission.revisions.values_list("context", "response")[0])
        return int(25 + 0.5 * words * self.random.choice([0.6, 0.8, 1, 1, 1.3, 2]))

    def _review(
        self,
        submission: Submission,
        decision: str,
        judge: Person,
        decided: datetime,
        quality: Sequence[int],
        words: dict[str, Any],
    ) -> None:
        submission.refresh_from_db()
        leases.hand_out(submission=submission, by=judge, now=decided - timedelta(seconds=self._seconds(submission)))
        slug = submission.category.slug
        reviews.decide(
            submission=submission,
            revision_number=submission.revision_number,
            decision=decision,
            by=judge,
            now=decided,
            rating_instruction=self._rating(quality[0], slug),
            rating_response=self._rating(quality[1], slug),
            comment=words.get("comment", ""),
            reasons=words.get("reasons", ()),
        )

    def answer_gold(self) -> None:
        """Let a lead fix the right decision of some early pairs, and the reviewers who never saw them answer."""
        decided = Submission.objects.filter(gold=None, status__in=gold.DECIDED, campaign__gold_percent__gt=0)
        some = decided.select_related("category").order_by("created_at", "pk")[: 4 * GOLD_ITEMS]
        for submission in self.random.sample(list(some), min(GOLD_ITEMS, len(some))):
            lead = next(person for person in self.leads if person.pk != submission.author_id)
            right = Review.objects.standing().filter(submission=submission).latest("created_at", "pk").decision
            why = self._words(f"gold_{right}" if f"gold_{right}" in self.comments else "gold")["comment"]
            made = self.now - timedelta(days=5)
            item = gold.make_gold(submission=submission, decision=right, why=why, by=lead, now=made)
            seen = set(submission.reviews.values_list("reviewer_id", flat=True))
            for place, judge in enumerate(self.reviewers):
                if judge.pk in seen or judge.pk in {submission.author_id, lead.pk}:
                    continue
                at = made + timedelta(hours=4 * (place + 1), minutes=self.random.randint(0, 59))
                slips = self.random.random() < SLIPS
                leases.hand_out(submission=submission, by=judge, now=at - timedelta(seconds=self._seconds(submission)))
                other = "request_changes" if right == "approve" else "approve"
                gold.answer(
                    gold=item,
                    decision=other if slips else right,
                    by=judge,
                    now=at,
                    **({} if (other if slips else right) == "approve" else self._words("second")),
                )

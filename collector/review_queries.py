"""What the reviewer's desk reads."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector import checks
from collector.checks import copied
from collector.models import CannedReason, GoldAnswer, Review, Revision, Submission
from collector.text import is_web_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from collector.checks import Finding
    from collector.models import Person

SHOWN = 3
ALMOST = 0.8  # the similarity of two instructions from which on they are nearly the same


@dataclass(frozen=True)
class Piece:
    """A run of a text that was copied, or was not."""

    text: str
    is_copied: bool


@dataclass(frozen=True)
class Source:
    """The text a pair works from, and where it comes from."""

    title: str
    url: str
    licence: str

    @property
    def is_link(self) -> bool:
        """Whether the address may be followed; rows that were imported long ago may hold anything."""
        return is_web_address(self.url)


@dataclass(frozen=True)
class Alike:
    """An earlier pair that asks nearly the same."""

    submission: Submission
    revision: Revision
    likeness: str


@dataclass(frozen=True)
class Desk:
    """Everything needed to decide on one revision, beside its neighbours."""

    revision: Revision
    previous: Revision | None
    previous_reviews: list[Review]
    findings: list[Finding]
    source: Source | None
    source_pieces: list[Piece]
    response_pieces: list[Piece]
    copied_percent: int
    pasted_percent: int
    verdicts: list[Review] = field(default_factory=list)

    @property
    def suggested_by(self) -> str:
        """The name of the reviewer who wrote this version, where it was not the author."""
        revision = self.revision
        is_suggested = self.previous is not None and revision.created_by_id != revision.submission.author_id
        return revision.created_by.display_name if is_suggested and revision.created_by else ""


def desk(submission: Submission, *, number: int, is_for_last_word: bool = False) -> Desk:
    """Collect what the reviewer sees beside revision ``number``; two or three queries, whatever there is.

    Args:
        submission: with its campaign, category and passage at hand.
        is_for_last_word: add the decisions of those who disagreed. Nobody else sees them before their own.
    """
    revisions = list(
        submission.revisions.filter(number__lte=number).select_related("created_by").order_by("-number")[:2]
    )
    revision = revisions[0]
    standing = submission.reviews.standing().select_related("reviewer").order_by("created_at", "pk")
    previous = revisions[1] if len(revisions) > 1 else None
    passage = submission.passage.text if submission.passage else ""
    source = revision.context or passage
    return Desk(
        revision=revision,
        previous=previous,
        previous_reviews=list(standing.filter(revision=previous)) if previous else [],
        findings=checks.find(revision, passage=passage, language=submission.campaign.language),
        source=_source(submission) if source else None,
        source_pieces=pieces(source, copied.spans(source, revision.response)),
        response_pieces=pieces(revision.response, copied.spans(revision.response, source)),
        copied_percent=round(100 * copied.share(revision.response, source)),
        pasted_percent=round(100 * revision.pasted_share),
        verdicts=list(standing.filter(revision=revision)) if is_for_last_word else [],
    )


def _source(submission: Submission) -> Source:
    passage = submission.passage
    if passage is not None:
        return Source(passage.title, passage.url, passage.get_licence_display())
    return Source(submission.source_title, submission.source_url, "")


def pieces(text: str, spans: Iterable[tuple[int, int]]) -> list[Piece]:
    """Cut a text at the ends of its copied spans.

    Args:
        spans: half-open (start, end) in code points, in order and not overlapping.
    """
    found: list[Piece] = []
    at = 0
    for start, end in spans:
        if start > at:
            found.append(Piece(text[at:start], is_copied=False))
        found.append(Piece(text[start:end], is_copied=True))
        at = end
    if at < len(text):
        found.append(Piece(text[at:], is_copied=False))
    return found


def twins(submission: Submission, revision: Revision) -> list[Revision]:
    """Return the oldest few pairs that say exactly the same, case and Unicode form aside; one query."""
    same = Revision.objects.filter(fingerprint=revision.fingerprint, number=F("submission__revision_number"))
    others = same.exclude(submission=submission).exclude(submission__status=Submission.Status.WITHDRAWN)
    return list(others.select_related("submission__campaign").order_by("created_at")[:SHOWN])


def likeness(similarity: float) -> str:
    """Say in words how alike two instructions are, from 0 to 1; 100% only where nothing but case and marks differs."""
    percent = {"percent": int(100 * similarity)}
    if similarity >= 1:
        return _("The same instruction")
    if similarity >= ALMOST:
        return _("Almost the same instruction (%(percent)d%% alike)") % percent
    return _("A close instruction (%(percent)d%% alike)") % percent


def canned_reasons(submission: Submission) -> Sequence[CannedReason]:
    """Return the canned reasons of the item's category, then the general ones; one query."""
    offered = CannedReason.objects.filter(Q(category=submission.category_id) | Q(category=None))
    return sorted(offered, key=lambda reason: (reason.category_id is None, reason.position, reason.pk))


def undoable(person: Person, now: datetime, *, within: timedelta) -> Review | None:
    """Return the person's last decision where it was made a moment ago; the action has the last word on it."""
    last = Review.objects.standing().filter(reviewer=person, created_at__gt=now - within)
    return last.select_related("submission__category").order_by("-created_at", "-pk").first()


def taken_back(person: Person, submission: Submission, review: str) -> Review | None:
    """Return the decision on this item that the person has undone, so that they find their words again."""
    if not review.isdecimal() or len(review) > len(str(2**62)):
        return None
    return submission.reviews.filter(pk=int(review), reviewer=person, voided_by=person).first()


def own_review(person: Person, submission: Submission) -> Review | None:
    """Return what the person has decided on what the item says now."""
    mine = submission.reviews.standing().filter(reviewer=person, revision__number=submission.revision_number)
    return mine.order_by("-created_at").first()


def gold_answer(person: Person, submission: Submission) -> GoldAnswer | None:
    """Return what the person answered where this item was a check."""
    answers = GoldAnswer.objects.filter(reviewer=person, gold__submission=submission)
    return answers.select_related("gold__revision").first()


def waiting_for(person: Person, now: datetime) -> int:
    """Count what the person could decide now."""
    return Submission.objects.reviewable_by(person, now).count()


def _midnight(person: Person, now: datetime) -> datetime:
    local = now.astimezone(zoneinfo.ZoneInfo(person.time_zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def done_today(person: Person, now: datetime) -> int:
    """Count the person's decisions since midnight in their own zone; answers to checks count like any other."""
    since = {"reviewer": person, "created_at__gte": _midnight(person, now)}
    return Review.objects.standing().filter(**since).count() + GoldAnswer.objects.filter(**since).count()


@dataclass(frozen=True)
class Today:
    """What somebody decided since midnight, and what the queue still holds for others."""

    approved: int
    sent_back: int
    rejected: int
    with_others: int
    own: int

    @property
    def total(self) -> int:
        """How many decisions."""
        return self.approved + self.sent_back + self.rejected

    @property
    def lines(self) -> list[str]:
        """The decisions in words, without those that were not made."""
        said = [
            (self.approved, ngettext("%(count)d approved", "%(count)d approved", self.approved)),
            (self.sent_back, ngettext("%(count)d sent back", "%(count)d sent back", self.sent_back)),
            (self.rejected, ngettext("%(count)d rejected", "%(count)d rejected", self.rejected)),
        ]
        return [words % {"count": count} for count, words in said if count]


def today(person: Person, now: datetime) -> Today:
    """Sum up a reviewer's day for the page of the empty queue; four queries."""
    since = {"reviewer": person, "created_at__gte": _midnight(person, now)}
    made = Counter(Review.objects.standing().filter(**since).values_list("decision", flat=True))
    made.update(GoldAnswer.objects.filter(**since).values_list("decision", flat=True))
    waiting = Submission.objects.awaiting_review()
    return Today(
        approved=made[Review.Decision.APPROVE],
        sent_back=made[Review.Decision.REQUEST_CHANGES],
        rejected=made[Review.Decision.REJECT],
        with_others=waiting.filter(lease__expires_at__gt=now).exclude(lease__reviewer=person).count(),
        own=waiting.filter(author=person).count(),
    )

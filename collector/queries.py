"""What the contributor's pages read."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Prefetch, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector.counts import counts_of
from collector.models import Comment, Event, Passage, PassageSkip, Review, Revision, Submission
from collector.models.submissions import CURRENT_REVISION
from collector.point_queries import (
    alike_by_status,
    categories,
    pending,
    pending_of,
    points_of,
    reached_day_limit,
    rules_in_force,
    rules_of,
)
from collector.points import lacking_percent, worth_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from collector.models import Campaign, Category, Person
    from collector.points import Worth

Status = Submission.Status


@dataclass(frozen=True)
class Need:
    """How far a campaign is with a category."""

    category: Category
    target: int
    approved: int
    waiting: int

    worth: Worth

    @property
    def missing(self) -> int:
        """Approved submissions still wanted."""
        return max(0, self.target - self.approved)


def needs(campaign: Campaign) -> list[Need]:
    """Return each category of the campaign with its target, what there is and what a pair is worth; four queries."""
    rules = rules_in_force()
    counts = counts_of(campaign.pk)
    targets = dict(campaign.targets.order_by().values_list("category", "target"))
    return [
        Need(
            category=category,
            target=(target := targets[category.pk]),
            approved=(approved := counts.get((category.pk, Status.APPROVED), 0)),
            waiting=counts.get((category.pk, Status.SUBMITTED), 0),
            worth=worth_of(rules=rules, category=category, lacking=lacking_percent(target, approved)),
        )
        for category in categories().values()
        if category.pk in targets
    ]


def most_needed(rows: Iterable[Need]) -> Need | None:
    """Return the one that lacks the largest share of its target, or None where nothing is missing."""
    return max((need for need in rows if need.missing), key=lambda need: need.missing / need.target, default=None)


@dataclass(frozen=True)
class Record:
    """How a person has done in a category, in all campaigns."""

    approved: int = 0
    decided: int = 0
    rated: int = 0
    stars: int = 0

    @property
    def skill(self) -> float:
        """From 0 to 1: the share approved (Laplace's rule) times the mean rating, two threes added, out of five.

        Both shrink towards the middle, so that one lucky pair says little and a beginner is not held back.
        """
        return (self.approved + 1) / (self.decided + 2) * (self.stars + 6) / (self.rated + 2) / 5

    @property
    def is_good(self) -> bool:
        """Whether there is enough to say that the person does this well."""
        return self.decided >= ENOUGH and self.approved >= GOOD_SHARE * self.decided


@dataclass(frozen=True)
class Suggestion:
    """A category to write in next, and why, in words."""

    category: Category
    reason: str


ENOUGH = 3
GOOD_SHARE = 0.7
DECIDED = (Status.APPROVED, Status.REJECTED, Status.CHANGES_REQUESTED)


def records(person: Person) -> dict[int, Record]:
    """Return how the person has done, by category id; two queries."""
    decided = Submission.objects.by(person).filter(status__in=DECIDED).order_by().values_list("category_id")
    counts = {
        category: (approved, number)
        for category, approved, number in decided.annotate(
            approved=Count("pk", filter=Q(status=Status.APPROVED)), number=Count("pk")
        )
    }
    ratings = {
        category: (number, stars)
        for category, number, stars in Review.objects.standing()
        .filter(author=person, rating__isnull=False)
        .order_by()
        .values_list("submission__category_id")
        .annotate(Count("pk"), Sum("rating"))
    }
    return {
        category: Record(*counts.get(category, (0, 0)), *ratings.get(category, (0, 0)))
        for category in counts.keys() | ratings.keys()
    }


def next_suggestion(person: Person, campaign: Campaign) -> Suggestion | None:
    """Choose what to write next: the largest share still missing of the target, times what the person does well.

    None where nothing is missing. Four queries.
    """
    done = records(person)
    wanted = [need for need in needs(campaign) if need.missing]
    if not wanted:
        return None
    best = max(wanted, key=lambda need: need.missing / need.target * done.get(need.category.pk, Record()).skill)
    record = done.get(best.category.pk, Record())
    reasons = [
        ngettext("%(count)d pair is still wanted here.", "%(count)d pairs are still wanted here.", best.missing)
        % {"count": best.missing}
    ]
    if record.is_good:
        reasons.append(
            _("You do this well: %(approved)d of your %(decided)d decided pairs were approved.")
            % {"approved": record.approved, "decided": record.decided}
        )
    elif best == most_needed(wanted):
        reasons.append(_("No other category is further from its target."))
    return Suggestion(best.category, " ".join(reasons))


@dataclass(frozen=True)
class Pace:
    """How fast a campaign's reviews are now."""

    decisions: int
    median: timedelta | None
    waiting: int

    @property
    def in_words(self) -> str:
        """The median, such as “3 hours, 20 minutes”; "" where too little was decided to say."""
        if self.median is None:
            return ""
        return timesince(_ANY_DAY - max(self.median, timedelta(minutes=1)), _ANY_DAY)


PACE_OF = 25
PACE_DAYS = 30
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def review_pace(campaign: Campaign, now: datetime) -> Pace:
    """Measure from sending to verdict: the median of the last decided items, of the last 30 days; two queries."""
    # Backwards along the primary key, because events are only ever appended and have no index by time.
    last = (
        Event.objects.filter(kind=Event.Kind.REVIEWED, submission__campaign=campaign, status_after__in=DECIDED)
        .order_by("-pk")
        .values_list("at", "review__revision__created_at")[:PACE_OF]
    )
    seconds = [(at - sent).total_seconds() for at, sent in last if now - at <= timedelta(days=PACE_DAYS)]
    return Pace(
        decisions=len(seconds),
        median=timedelta(seconds=median(seconds)) if len(seconds) >= ENOUGH else None,
        waiting=Submission.objects.filter(campaign=campaign, status=Status.SUBMITTED).count(),
    )


@dataclass(frozen=True)
class Sent:
    """What happens next, for the author of a pair that was just sent."""

    points: int
    waiting: int
    points_waiting: int
    reached_limit: int | None
    pace: Pace
    suggestion: Suggestion | None


def after_sending(submission: Submission, now: datetime) -> Sent:
    """Collect what the author sees after sending; thirteen queries, some of which a page has already made."""
    mine = Submission.objects.by(submission.author).filter(status=Status.SUBMITTED)
    waiting = pending(mine)
    rules = rules_of(submission.rule_version)
    return Sent(
        points=worth_of(rules=rules, category=submission.category, lacking=submission.lacking_percent).points,
        waiting=waiting.number,
        points_waiting=waiting.points,
        reached_limit=reached_day_limit(submission),
        pace=review_pace(submission.campaign, now),
        suggestion=next_suggestion(submission.author, submission.campaign),
    )


def my_counts(person: Person) -> dict[str, int]:
    """Return how many of the person's submissions are in each state, and in all; one query."""
    counts = dict(Submission.objects.by(person).order_by().values_list("status").annotate(Count("pk")))
    return {status: counts.get(status, 0) for status in Status.values} | {"all": sum(counts.values())}


def my_numbers(person: Person) -> dict[str, int]:
    """Return how many of the person's submissions are in each state, their points and those that wait.

    Two queries, and two more where some wait, of which a page may have made either already.
    """
    counts = dict.fromkeys(Status.values, 0)
    waiting = []
    for status, alike in alike_by_status(Submission.objects.by(person)):
        counts[status] += alike.number
        if status == Status.SUBMITTED:
            waiting.append(alike)
    return counts | {
        "all": sum(counts.values()),
        "points": points_of(person),
        "points_waiting": pending_of(waiting).points,
    }


def with_text(submissions: Iterable[Submission], *, only: Iterable[str] = ()) -> list[Submission]:
    """Give each submission its current ``text`` (a Revision, or None for a draft's empty one); one query for all.

    Args:
        only: the fields that are wanted of a revision; a list that shows beginnings needs no long responses.
    """
    rows = list(submissions)
    if not rows:
        return rows
    found = Revision.objects.filter(CURRENT_REVISION, submission__in=[row.pk for row in rows])
    found = found.only("submission", *only) if only else found
    revisions = {revision.submission_id: revision for revision in found}
    for row in rows:
        row.text = revisions.get(row.pk) or getattr(row, "draft", None)  # type: ignore[attr-defined]  # for the template
    return rows


# These say something of the passage itself; the others only that it doesn't suit this kind of task.
FAULTS = ("unclear", "wrong", "unsuitable", "other")


def pick_passage(*, campaign: Campaign, person: Person, category: Category, other_than: str = "") -> Passage | None:
    """Choose a passage to work from: one the person has used least, in the campaign's language.

    Never one that they skipped in this category, nor one that they found at fault in any. None where nothing is left.
    """
    skips = PassageSkip.objects.filter(person=person)
    passages = list(
        Passage.objects.filter(is_active=True, language=campaign.language)
        .exclude(slug=other_than)
        .exclude(pk__in=skips.filter(Q(category=category) | Q(reason__in=FAULTS)).values("passage"))
        .annotate(used=Count("submissions", filter=Q(submissions__author=person)))
    )
    if not passages:
        return None
    least = min(passage.used for passage in passages)
    return random.choice([passage for passage in passages if passage.used == least])  # noqa: S311 - variety, no secret


def passages_by_skips() -> QuerySet[Passage]:
    """Return the passages, those most passed by first, with ``used`` (submissions) and ``skipped`` (people's skips)."""
    used = Submission.objects.filter(passage=OuterRef("pk")).exclude(status=Status.WITHDRAWN)
    skipped = PassageSkip.objects.filter(passage=OuterRef("pk"))
    return (
        Passage.objects.annotate(used=_count_of(used, "passage"), skipped=_count_of(skipped, "passage"))
        .prefetch_related(Prefetch("skips", PassageSkip.objects.select_related("person", "category")))
        .order_by("-skipped", "-used", "title", "pk")
    )


def _count_of(rows: QuerySet[Any], per: str) -> Coalesce:
    # A count in a subquery: two joins at once would multiply each other.
    counted = rows.order_by().values(per).annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)


def with_last_review(submissions: Iterable[Submission], reader: Person) -> list[Submission]:
    """Give each submission its ``last_review``, or None; one query.

    It is a standing Review that the reader may see: its comment and reasons.
    """
    rows = list(submissions)
    if not rows:
        return rows
    last = {
        review.submission_id: review
        for review in Review.objects.standing()
        .readable_by(reader)
        .filter(submission__in=[row.pk for row in rows])
        .only("submission", "comment", "reasons")
        .order_by("created_at", "pk")
    }
    for row in rows:
        row.last_review = last.get(row.pk)  # type: ignore[attr-defined]  # for the template
    return rows


def with_messages(submissions: Iterable[Submission]) -> list[Submission]:
    """Give each submission ``messages``, the number of comments on it; one query for all."""
    rows = list(submissions)
    if not rows:
        return rows
    written = Comment.objects.filter(submission__in=[row.pk for row in rows]).order_by()
    counts = dict(written.values_list("submission").annotate(Count("pk")))
    for row in rows:
        row.messages = counts.get(row.pk, 0)  # type: ignore[attr-defined]  # for the template
    return rows


def find_passage(slug: str) -> Passage | None:
    """Return the passage of this name; a name from outside may hold what no database takes."""
    return Passage.objects.filter(slug=slug).first() if slug and "\x00" not in slug else None


def last_language(*, campaign: Campaign, person: Person) -> str:
    """Return the language of what the person wrote last in the campaign, or its usual one."""
    mine = Revision.objects.filter(submission__campaign=campaign, created_by=person, language__in=campaign.languages)
    return mine.order_by("-created_at").values_list("language", flat=True).first() or campaign.language

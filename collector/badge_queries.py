"""The grounds of badges, found anew from what people did, and a person's days and streak."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Avg, Count, F, Min, Q
from django.db.models.functions import TruncDate

from collector.levels import level_of
from collector.models import ActiveDay, Badge, GoldAnswer, Review, Submission
from collector.streaks import streak_of

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable
    from datetime import date

    from collector.levels import Level
    from collector.models import Person
    from collector.streaks import Streak

Kind = Badge.Kind
Status = Submission.Status
CLEAN_ROW = 10
RANGE = 5
STARRED, STARRING = 3, 2
# With fewer approved pairs there is no ground, whatever else is true.
LEAST = {Kind.RANGE: RANGE, Kind.CLEAN: CLEAN_ROW, Kind.STARS: STARRED, Kind.MENDED: 1}
GOLD_ANSWERS, GOLD_RIGHT = 20, 0.95
WEEKS = 26
FRESH, MOST_CELEBRATED = timedelta(days=7), 6


class Ground(NamedTuple):
    """Which badge, for a category or for none, and the submission that completed it, where one did."""

    kind: str
    category: int | None
    submission: uuid.UUID | None


def grounds_of(person: Person, kind: str) -> list[Ground]:
    """Return the badges of a kind that the person has ground for now; one query or two."""
    return [Ground(kind, category, submission) for category, submission in _FINDERS[Kind(kind)](person)]


Found = list[tuple["int | None", "uuid.UUID | None"]]


def _firsts(person: Person) -> Found:
    """Return each category in which something is approved, with what was approved first."""
    approved = Submission.objects.by(person).approved().order_by("approved_at", "pk")
    first: dict[int, uuid.UUID] = {}
    for category, submission in approved.values_list("category", "pk"):
        first.setdefault(category, submission)
    return list(first.items())


def _range(person: Person) -> Found:
    """Approved in five categories: the fifth is the ground."""
    approved = Submission.objects.by(person).approved().order_by().values("category")
    if approved.distinct().count() < RANGE:
        return []
    firsts = approved.annotate(at=Min("approved_at")).order_by("at", "category")
    fifth = firsts[RANGE - 1]
    ground = Submission.objects.by(person).approved().filter(category=fifth["category"], approved_at=fifth["at"])
    return [(None, ground.order_by("pk").values_list("pk", flat=True).first())]


def _clean(person: Person) -> Found:
    """Ten in the order in which they were begun, all approved and never sent back; the tenth is the ground.

    What waits is passed over, and so is what was withdrawn without having been sent back.
    """
    sent_back = set(
        Review.objects.standing()
        .filter(author=person)
        .exclude(decision=Review.Decision.APPROVE)
        .values_list("submission", flat=True)
    )
    begun = Submission.objects.by(person).exclude(status=Status.DRAFT).order_by("created_at", "pk")
    row = 0
    for submission, status in begun.values_list("pk", "status"):
        if submission in sent_back:
            row = 0
        elif status == Status.APPROVED:
            row += 1
        if row == CLEAN_ROW:
            return [(None, submission)]
    return []


def _starred(person: Person) -> Found:
    """Three approved pairs that everybody who rated them gave five stars, two reviewers among them."""
    rated = (
        Review.objects.standing()
        .filter(
            author=person,
            rating__isnull=False,
            submission__status=Status.APPROVED,
            revision__number=F("submission__revision_number"),
        )
        .order_by()
    )
    best = rated.values("submission").annotate(mean=Avg("rating"), at=Min("created_at")).filter(mean=5)
    submissions = [row["submission"] for row in best.order_by("at", "submission")]
    if len(submissions) < STARRED:
        return []
    if rated.filter(submission__in=submissions).values("reviewer").distinct().count() < STARRING:
        return []
    return [(None, submissions[STARRED - 1])]


def _mended(person: Person) -> Found:
    """An approved pair of which a reviewer had asked for changes."""
    mended = (
        Submission.objects.by(person)
        .approved()
        .filter(reviews__decision=Review.Decision.REQUEST_CHANGES, reviews__voided_at=None)
        .order_by("approved_at", "pk")
        .values_list("pk", flat=True)
        .first()
    )
    return [(None, mended)] if mended else []


def _accurate(person: Person) -> Found:
    """Twenty gold items decided, nineteen of twenty rightly."""
    answers = GoldAnswer.objects.filter(reviewer=person).aggregate(
        number=Count("pk"), right=Count("pk", filter=Q(decision=F("gold__decision")))
    )
    is_accurate = answers["number"] >= GOLD_ANSWERS and answers["right"] >= GOLD_RIGHT * answers["number"]
    return [(None, None)] if is_accurate else []


_FINDERS: dict[Kind, Callable[[Person], Found]] = {
    Kind.FIRST: _firsts,
    Kind.RANGE: _range,
    Kind.CLEAN: _clean,
    Kind.STARS: _starred,
    Kind.MENDED: _mended,
    Kind.ACCURATE: _accurate,
}


@dataclass(frozen=True)
class Celebration:
    """What a person reached and has not put away yet."""

    badges: list[Badge]
    level: Level | None

    def __bool__(self) -> bool:
        return bool(self.badges or self.level)


def celebration(person: Person, points: int, now: datetime) -> Celebration:
    """Return what there is to celebrate: badges of the last week, and a level above those celebrated; one query.

    Args:
        points: all that the person has.
    """
    if not person.wants_celebrations:
        return Celebration([], None)
    unseen = Badge.objects.filter(person=person, seen_at=None, given_at__gt=now - FRESH).select_related("category")
    level = level_of(points)
    return Celebration(list(unseen[:MOST_CELEBRATED]), level if level.number > person.celebrated_level else None)


def streak(person: Person, now: datetime) -> Streak:
    """Return the person's streak; one query, of a small row for each day they were active."""
    days = ActiveDay.objects.filter(person=person).order_by().values_list("day", flat=True)
    today = now.astimezone(ZoneInfo(person.time_zone)).date()
    return streak_of(days, today=today, weekends_count=person.weekends_count)


def contributions(person: Person, now: datetime) -> dict[date, int]:
    """Return how many pairs the person sent and decisions they gave, by day of the last 26 weeks; two queries."""
    zone = ZoneInfo(person.time_zone)
    today = now.astimezone(zone).date()
    begin = datetime.combine(today - timedelta(days=today.weekday(), weeks=WEEKS - 1), time.min, tzinfo=zone)
    sent = Submission.objects.by(person).filter(submitted_at__gte=begin).exclude(status=Status.WITHDRAWN)
    given = Review.objects.standing().filter(reviewer=person, created_at__gte=begin)
    days: defaultdict[date, int] = defaultdict(int)
    for rows, name in ((sent, "submitted_at"), (given, "created_at")):
        counted = rows.order_by().annotate(day=TruncDate(name, tzinfo=zone)).values_list("day").annotate(Count("pk"))
        for day, number in counted:
            days[day] += number
    return dict(days)

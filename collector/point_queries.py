"""What the point rules say now, what waits to be paid, and what somebody was given on a day."""

from __future__ import annotations

import contextlib
import uuid
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Count, Q, Sum

from collector.counts import approved_in
from collector.models import Award, Campaign, CampaignCategory, Category, Person, PointRules, Standing, Submission
from collector.near_queries import near_of_author
from collector.periods import BEGINNING, day_of, zone_of
from collector.points import lacking_percent, worth_of
from ui.once import once_a_page

if TYPE_CHECKING:
    from datetime import date, tzinfo

    from django.db.models import QuerySet

    from collector.points import Worth


@once_a_page
def rules_in_force() -> PointRules:
    """Return the newest rules; one query."""
    return PointRules.objects.order_by("-number")[0]


def rules_of(number: int) -> PointRules:
    """Return one version of the rules."""
    return _rules(frozenset({number}))[number]


def _rules(numbers: frozenset[int]) -> dict[int, PointRules]:
    # Nearly all that waits was begun under the newest ones.
    newest = rules_in_force()
    older = numbers - {newest.number}
    return {newest.number: newest} | (_older_rules(older) if older else {})


@once_a_page
def _older_rules(numbers: frozenset[int]) -> dict[int, PointRules]:
    return {one.number: one for one in PointRules.objects.filter(number__in=numbers)}


@once_a_page
def categories() -> dict[int, Category]:
    """Return all categories by their key, in their order; one query."""
    return {category.pk: category for category in Category.objects.all()}


def lacking_of(target: CampaignCategory) -> int:
    """Return how much a campaign lacks of its target in a category, in percent; one query."""
    approved = approved_in(campaign_id=target.campaign_id, category_id=target.category_id)
    return lacking_percent(target.target, approved)


def own_near_duplicate(submission: Submission) -> uuid.UUID | None:
    """Return an approved submission of the same author that asks nearly the same, or None."""
    found = near_of_author(submission=submission, statuses=[Submission.Status.APPROVED])
    return min(found, default=None)


def given_for_pairs(person: Person, day: date, zone: tzinfo) -> int:
    """Return the points a person has for pairs sent on a day of that zone, less those taken back."""
    begin, end = _day(day, zone)
    return _sum(
        Award.objects.filter(
            person=person,
            reason=Award.Reason.APPROVED,
            submission__submitted_at__gte=begin,
            submission__submitted_at__lt=end,
        )
    )


def given_for_reviews(person_id: int, now: datetime, zone: tzinfo) -> int:
    """Return the points a person has for the reviews of the day in which ``now`` lies, less those taken back."""
    begin, end = _day(day_of(now, zone), zone)
    return _sum(
        Award.objects.filter(person=person_id, reason=Award.Reason.REVIEWED, created_at__gte=begin, created_at__lt=end)
    )


def _day(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    begin, after = (datetime.combine(one, time.min, tzinfo=zone) for one in (day, day + timedelta(days=1)))
    return begin, after


def _sum(awards: QuerySet[Award]) -> int:
    return awards.order_by().aggregate(points=Sum("points"))["points"] or 0


class Pending(NamedTuple):
    """How many submissions wait, and what they would earn."""

    number: int
    points: int


class Alike(NamedTuple):
    """Submissions that are worth the same, and how many there are."""

    rule_version: int
    lacking_percent: int
    category: int
    number: int


def alike_by_status(submissions: QuerySet[Submission]) -> list[tuple[str, Alike]]:
    """Group submissions by their status and by what they are worth; one query."""
    grouped = submissions.order_by().values_list("status", "rule_version", "lacking_percent", "category")
    return [(status, Alike(*rest)) for status, *rest in grouped.annotate(number=Count("pk"))]


def pending(submissions: QuerySet[Submission]) -> Pending:
    """Count waiting submissions, and what they would earn at a rating that changes nothing; three queries."""
    return pending_of([alike for _status, alike in alike_by_status(submissions)])


def pending_of(waiting: list[Alike]) -> Pending:
    """Add up what submissions would earn at a rating that changes nothing; two queries.

    Duplicates and a day's limit are only known at approval, so it may become less.
    """
    if not waiting:
        return Pending(0, 0)
    rules = _rules(frozenset(alike.rule_version for alike in waiting))
    of_key = categories()
    return Pending(
        number=sum(alike.number for alike in waiting),
        points=sum(
            alike.number
            * worth_of(
                rules=rules[alike.rule_version],
                category=of_key[alike.category],
                lacking=alike.lacking_percent,
            ).points
            for alike in waiting
        ),
    )


def points_of(person: Person) -> int:
    """Return all the points that a person has."""
    kept = Standing.objects.filter(
        person=person,
        board=Standing.Board.PEOPLE,
        period=Standing.Period.ALL,
        starts=BEGINNING,
        campaign=0,
        category=0,
    )
    return kept.order_by().values_list("points", flat=True).first() or 0


def worth_of_new(*, campaign: Campaign, category: Category, id: object, person: Person) -> Worth:
    """Return what a pair would earn at a rating that changes nothing; three queries at most.

    Args:
        id: the pair's, whose worth is fixed once its first draft was saved; anything else is one that isn't begun.
    """
    begun = None
    with contextlib.suppress(ValueError, TypeError):
        own = Submission.objects.by(person).filter(pk=uuid.UUID(str(id)), category=category)
        begun = own.values_list("rule_version", "lacking_percent").first()
    if begun:
        return worth_of(rules=rules_of(begun[0]), category=category, lacking=begun[1])
    target = campaign.targets.filter(category=category).first() or CampaignCategory(
        campaign=campaign, category=category, target=0
    )
    return worth_of(rules=rules_in_force(), category=category, lacking=lacking_of(target))


def reached_day_limit(submission: Submission) -> int | None:
    """Return the limit that its author reached with what they sent on the day of this pair, or None; five queries.

    What still waits counts as if it was approved at a rating that changes nothing.
    """
    limit = rules_of(submission.rule_version).day_limit
    if limit is None or submission.submitted_at is None:
        return None
    zone = zone_of(submission.campaign.time_zone)
    day = day_of(submission.submitted_at, zone)
    begin, end = _day(day, zone)
    waiting = Submission.objects.by(submission.author).filter(
        Q(submitted_at__gte=begin, submitted_at__lt=end), status=Submission.Status.SUBMITTED
    )
    given = given_for_pairs(submission.author, day, zone)
    return limit if given + pending(waiting).points >= limit else None

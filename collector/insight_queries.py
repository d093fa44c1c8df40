"""What the insights read: counts that the database makes, in a number of queries that data does not change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Min, Q
from django.db.models.functions import TruncDate

from collector.insights.facts import Facts, Target, Waiting
from collector.models import (
    Campaign,
    CampaignCategory,
    Category,
    Event,
    PassageSkip,
    Person,
    Review,
    Revision,
    Submission,
)
from collector.models.submissions import CURRENT_REVISION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, tzinfo

    from django.db.models import QuerySet

Status = Submission.Status
# What is or may yet be in the set; nobody counts what its author took back.
LIVE = (Status.SUBMITTED, Status.CHANGES_REQUESTED, Status.APPROVED)
DECIDED = (Status.APPROVED, Status.REJECTED, Status.CHANGES_REQUESTED)
MOST_REVIEWERS = 25  # that are named
MOST_WAITS = 5_000  # verdicts whose waiting time is looked at, the last ones


@dataclass(frozen=True)
class Choice:
    """What is asked about.

    Attributes:
        campaign: or None for all.
        first: the first day, or None for all.
        zone: in which days begin.
        is_open: whether anything more will come.
    """

    campaign: Campaign | None
    first: date | None
    zone: tzinfo
    is_open: bool = True

    @property
    def since(self) -> datetime | None:
        """The moment that the first day begins."""
        return None if self.first is None else datetime.combine(self.first, time.min, tzinfo=self.zone)

    def of(self, rows: QuerySet[Any], to_campaign: str, moment: str = "") -> QuerySet[Any]:
        """Narrow rows to the campaign, and by ``moment`` to the period."""
        if self.campaign is not None:
            rows = rows.filter(**{to_campaign: self.campaign})
        if moment and self.since is not None:
            rows = rows.filter(**{f"{moment}__gte": self.since})
        return rows.order_by()


def facts(choice: Choice, now: datetime) -> Facts:
    """Read everything; fifteen queries."""
    campaign = choice.campaign
    return Facts(
        now=now,
        today=now.astimezone(choice.zone).date(),
        first=choice.first,
        begin=campaign.starts_on if campaign else None,
        end=campaign.ends_on if campaign else None,
        is_open=choice.is_open,
        categories=dict(Category.objects.values_list("pk", "name")),
        targets=_targets(choice),
        states=_states(choice),
        sent=_sent(choice),
        approved=_approved(choice),
        writers=_writers(choice),
        lengths=_lengths(choice),
        languages=_languages(choice),
        decisions=_decisions(choice),
        reviewers=_reviewers(choice),
        waits=_waits(choice),
        waiting=_waiting(choice),
        skips=_skips(choice),
        reasons=_reasons(choice),
    )


def progress(campaign: Campaign, now: datetime) -> Facts:
    """Read what tells how far a campaign is and when it will be done; four queries."""
    zone = ZoneInfo(campaign.time_zone)
    choice = Choice(campaign=campaign, first=None, zone=zone, is_open=campaign.status == Campaign.Status.OPEN)
    return Facts(
        now=now,
        today=now.astimezone(zone).date(),
        begin=campaign.starts_on,
        end=campaign.ends_on,
        is_open=choice.is_open,
        categories=dict(Category.objects.values_list("pk", "name")),
        targets=_targets(choice),
        states=_states(choice),
        approved=_approved(choice),
    )


def shares(campaigns: Iterable[Campaign]) -> dict[int, tuple[int, int]]:
    """Return, by campaign, how many of how many wanted are approved, a category up to its target; two queries."""
    keys = [campaign.pk for campaign in campaigns]
    approved: dict[tuple[int, int], int] = {
        (campaign, category): number
        for campaign, category, number in Submission.objects.approved()
        .filter(campaign__in=keys)
        .order_by()
        .values_list("campaign", "category")
        .annotate(Count("pk"))
    }
    found = dict.fromkeys(keys, (0, 0))
    for row in CampaignCategory.objects.filter(campaign__in=keys):
        done, wanted = found[row.campaign_id]
        there = min(row.target, approved.get((row.campaign_id, row.category_id), 0))
        found[row.campaign_id] = done + there, wanted + row.target
    return found


def _targets(choice: Choice) -> list[Target]:
    """Read the campaign's targets; of all campaigns, only the open ones still want anything."""
    rows = choice.of(CampaignCategory.objects.all(), "campaign")
    if choice.campaign is None:
        rows = rows.filter(campaign__status=Campaign.Status.OPEN)
    return [Target(*row) for row in rows.values_list("campaign_id", "category_id", "target")]


def _states(choice: Choice) -> dict[tuple[int, int, str], int]:
    rows = choice.of(Submission.objects.exclude(status=Status.DRAFT), "campaign")
    found = rows.values_list("campaign_id", "category_id", "status").annotate(Count("pk"))
    return {(campaign, category, status): number for campaign, category, status, number in found}


def _contributions(choice: Choice) -> QuerySet[Revision]:
    """Return the first revision of each contribution; sources of imports are no people."""
    rows = Revision.objects.filter(number=1, submission__author__is_source=False)
    return choice.of(rows.exclude(submission__status=Status.WITHDRAWN), "submission__campaign")


def _sent(choice: Choice) -> dict[tuple[date, int], int]:
    day = TruncDate("created_at", tzinfo=choice.zone)
    rows = _contributions(choice).values_list(day, "submission__category_id").annotate(Count("pk"))
    return {(day, category): number for day, category, number in rows}


def _writers(choice: Choice) -> list[tuple[int, date, int]]:
    day = TruncDate("created_at", tzinfo=choice.zone)
    return list(_contributions(choice).values_list("submission__author_id", day).annotate(Count("pk")))


def _approved(choice: Choice) -> dict[tuple[date, int, int], int]:
    rows = choice.of(Submission.objects.approved(), "campaign")
    # What was imported as approved came all at once and says nothing about the pace.
    rows = rows.exclude(import_batch__isnull=False, approved_at=F("submitted_at"))
    day = TruncDate("approved_at", tzinfo=choice.zone)
    found = rows.values_list(day, "campaign_id", "category_id").annotate(Count("pk"))
    return {(day, campaign, category): number for day, campaign, category, number in found}


def _texts(choice: Choice) -> QuerySet[Revision]:
    """Return what the texts of the period say now; imported ones are in the set, too."""
    rows = Revision.objects.filter(CURRENT_REVISION, submission__status__in=LIVE)
    return choice.of(rows, "submission__campaign", "submission__submitted_at")


def _lengths(choice: Choice) -> dict[tuple[int, int], int]:
    rows = _texts(choice).values_list("submission__category_id", "response_words").annotate(Count("pk"))
    return {(category, words): number for category, words, number in rows}


def _languages(choice: Choice) -> dict[str, int]:
    return dict(_texts(choice).values_list("language").annotate(Count("pk")))


def _made(choice: Choice) -> QuerySet[Review]:
    """Return the period's decisions; one that its reviewer undid within its ten seconds never was one."""
    rows = Review.objects.filter(Q(voided_by=None) | ~Q(voided_by=F("reviewer")))
    return choice.of(rows, "submission__campaign", "created_at")


def _decisions(choice: Choice) -> dict[tuple[date, int, str], int]:
    day = TruncDate("created_at", tzinfo=choice.zone)
    rows = _made(choice).values_list(day, "submission__category_id", "decision").annotate(Count("pk"))
    return {(day, category, decision): number for day, category, decision, number in rows}


def _reviewers(choice: Choice) -> dict[int, int]:
    return dict(_made(choice).values_list("reviewer_id").annotate(Count("pk")))


def _reasons(choice: Choice) -> dict[tuple[str, str], int]:
    """Count each reason; the database counts the lists of them, which are few."""
    rows = _made(choice).exclude(decision=Review.Decision.APPROVE)
    counted: Counter[tuple[str, str]] = Counter()
    for decision, reasons, number in rows.values_list("decision", "reasons").annotate(Count("pk")):
        for reason in reasons:
            counted[decision, str(reason)] += number
    return dict(counted)


def _waits(choice: Choice) -> list[float]:
    rows = choice.of(
        Event.objects.filter(kind=Event.Kind.REVIEWED, status_after__in=DECIDED), "submission__campaign", "at"
    )
    # Backwards along the primary key, because events are only ever appended and have no index by time.
    last = rows.order_by("-pk").values_list("at", "review__revision__created_at")[:MOST_WAITS]
    return [(at - sent).total_seconds() for at, sent in last]


def _waiting(choice: Choice) -> Waiting:
    rows = choice.of(Submission.objects.awaiting_review(), "campaign")
    counted = rows.aggregate(number=Count("pk"), oldest=Min("submitted_at"), disputed=Count("disputed_at"))
    place = max(0, counted["number"] - 1) // 2
    middle = rows.order_by("submitted_at", "pk").values_list("submitted_at", flat=True)[place : place + 1]
    return Waiting(counted["number"], counted["oldest"], next(iter(middle), None), counted["disputed"])


def _skips(choice: Choice) -> dict[str, int]:
    rows = choice.of(PassageSkip.objects.all(), "campaign", "at")
    return dict(rows.values_list("reason").annotate(Count("pk")))


def people(keys: Iterable[int]) -> dict[int, Person]:
    """Return the people by id; one query."""
    found = Person.objects.filter(pk__in=list(keys)).only("pk", "handle", "display_name")
    return {person.pk: person for person in found}


def categories() -> dict[int, Category]:
    """Return the categories by id; one query."""
    return {category.pk: category for category in Category.objects.only("pk", "slug", "name", "position")}

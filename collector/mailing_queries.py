"""Whom a mailing reaches, and what became of those that went out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q

from collector.models import ActiveDay, Delivery, Mailing, MailKind, Person, Role, Submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime

    from django.db.models import QuerySet

    from collector.models import Campaign

LAPSE = timedelta(days=7)
SO_MANY = 500
Audience = Mailing.Audience
Status = Delivery.Status


@dataclass(frozen=True)
class Reach:
    """Whom a mailing would reach now, in people.

    Attributes:
        people: who would get it.
        unwanted: who have ended mails of its kind.
        active: who did something today already and so are not reminded; 0 for an announcement.
    """

    people: int
    unwanted: int
    active: int


def addressees(mailing: Mailing, now: datetime) -> QuerySet[Person]:
    """Return whom the mailing is for, whatever mails they have ended and whatever they did today."""
    people = Person.objects.filter(is_active=True, is_source=False)
    if mailing.campaign.teams.exists():
        people = people.filter(team__in=mailing.campaign.teams.all())
    if mailing.team_id is not None:
        people = people.filter(team_id=mailing.team_id)
    sent = Submission.objects.filter(campaign=mailing.campaign, author=OuterRef("pk"), revision_number__gte=1)
    if mailing.audience == Audience.WRITERS:
        people = people.filter(Exists(sent))
    elif mailing.audience == Audience.SILENT:
        people = people.filter(~Exists(sent))
    elif mailing.audience == Audience.LAPSED:
        people = people.filter(Exists(sent), ~Exists(sent.filter(submitted_at__gte=now - LAPSE)))
    elif mailing.audience == Audience.REVIEWERS:
        roles = Person.groups.through.objects.filter(person=OuterRef("pk"))
        people = people.filter(Exists(roles.filter(group__name=Role.REVIEWER)))
    return people


def active_today(now: datetime) -> Q:
    """Return the condition on people that they sent a pair or decided something today, where they are."""
    by_day: dict[date, list[str]] = defaultdict(list)
    for zone in Person.objects.order_by().values_list("time_zone", flat=True).distinct():
        by_day[now.astimezone(ZoneInfo(zone)).date()].append(zone)
    days = ActiveDay.objects.filter(person=OuterRef("pk"))
    active = Q(pk__in=[])
    for day, zones in by_day.items():
        active |= Q(Exists(days.filter(day=day)), time_zone__in=zones)
    return active


def recipients(mailing: Mailing, now: datetime) -> QuerySet[Person]:
    """Return who gets the mailing now: whom it is for, without those who ended its kind or need no reminder."""
    people = addressees(mailing, now).filter(**{MailKind(mailing.kind).wish: True})
    if mailing.kind == MailKind.REMINDER:
        people = people.exclude(active_today(now))
    return people


def reach(mailing: Mailing, now: datetime) -> Reach:
    """Count whom the mailing would reach now."""
    wish = MailKind(mailing.kind).wish
    people = addressees(mailing, now)
    wanted = people.filter(**{wish: True})
    active = wanted.filter(active_today(now)).count() if mailing.kind == MailKind.REMINDER else 0
    counted = people.aggregate(all=Count("pk"), wanted=Count("pk", filter=Q(**{wish: True})))
    return Reach(people=counted["wanted"] - active, unwanted=counted["all"] - counted["wanted"], active=active)


def waits_for_review(campaign: Campaign) -> bool:
    """Say whether a submission of the campaign waits for a decision."""
    return Submission.objects.filter(campaign=campaign, status=Submission.Status.SUBMITTED).exists()


def outcomes(occasions: Iterable[int]) -> dict[int, dict[str, int]]:
    """Count the deliveries of each occasion by their status, in one query."""
    counted: dict[int, dict[str, int]] = defaultdict(dict)
    rows = Delivery.objects.filter(occasion__in=list(occasions)).order_by().values_list("occasion", "status")
    for occasion, status, number in rows.annotate(Count("pk")):
        counted[occasion][status] = number
    return counted


def due(now: datetime) -> QuerySet[Mailing]:
    """Return the mailings whose time has come."""
    return Mailing.objects.filter(next_at__lte=now)


def deliveries(keys: Sequence[int]) -> Iterator[Delivery]:
    """Return mails with all that is needed to write them, so many at a time."""
    rows = Delivery.objects.select_related(
        *("person", "occasion__mailing__campaign", "occasion__mailing__by", "occasion__mailing__team")
    )
    for start in range(0, len(keys), SO_MANY):
        yield from rows.filter(pk__in=keys[start : start + SO_MANY]).order_by("pk")


def waiting() -> QuerySet[Delivery]:
    """Return the mails that are to go out, the oldest first."""
    return Delivery.objects.filter(status=Status.WAITING).order_by("pk")

"""What people are told, read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from collector.models import Notice, Person, Revision
from collector.models.submissions import CURRENT_REVISION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from django.db.models import QuerySet

MOST_SHOWN = 9
NEWS_DAYS = 7


@dataclass(frozen=True)
class Told:
    """A notice in words."""

    notice: Notice
    title: str
    about: str
    words: str
    icon: str


@dataclass(frozen=True)
class Day:
    """What happened on one day, in the reader's zone."""

    label: str
    told: list[Told]


def notices_of(person: Person) -> QuerySet[Notice]:
    """Return the person's notices, newest first."""
    return Notice.objects.filter(person=person).select_related("submission__category").order_by("-created_at", "-pk")


def unread_of(person: Person) -> int:
    """Count the person's unread notices, up to one more than the bell shows; one query over an index."""
    # Fetched, not counted: ten keys cost less than the statement that counts them.
    unread = Notice.objects.filter(person=person, read_at=None).order_by().values_list("pk", flat=True)
    return len(unread[: MOST_SHOWN + 1])


def in_words(notices: Iterable[Notice]) -> list[Told]:
    """Say each notice in words, with the instruction it is about; one query for all."""
    rows = list(notices)
    about = dict(
        Revision.objects.filter(CURRENT_REVISION, submission__in={row.submission_id for row in rows}).values_list(
            "submission_id", "instruction"
        )
    )
    return [
        Told(row, _title(row), about.get(row.submission_id, "") if row.submission_id else "", row.text, _icon(row))
        for row in rows
    ]


def by_day(told: Iterable[Told], now: datetime) -> list[Day]:
    """Group notices by their day in the active time zone."""
    today = timezone.localtime(now).date()
    days = groupby(told, key=lambda one: timezone.localtime(one.notice.created_at).date())
    return [Day(_day(day, today), list(rows)) for day, rows in days]


def target_of(notice: Notice) -> str:
    """Return the address that a notice leads to."""
    if notice.kind == Notice.Kind.DISPUTED and notice.submission_id:
        return reverse("review-item", args=[notice.submission_id])
    if notice.submission_id:
        anchor = "#thread" if notice.kind == Notice.Kind.COMMENTED else ""
        return reverse("submission-detail", args=[notice.submission_id]) + anchor
    if notice.kind == Notice.Kind.BADGE:
        return reverse("person", args=[notice.person.handle])
    return reverse("notices")


def news_for_digest(now: datetime) -> QuerySet[Notice]:
    """Return what digests tell: unread, told by no digest before, of the last days."""
    return Notice.objects.filter(
        read_at=None, mailed_at=None, created_at__gt=now - timedelta(days=NEWS_DAYS), created_at__lte=now
    )


def wanting_digest(now: datetime) -> QuerySet[Person]:
    """Return people who want a digest and have news; what the clock says where they are is the action's to judge."""
    news = news_for_digest(now).filter(person=OuterRef("pk"))
    return Person.objects.filter(Exists(news), wants_digest=True, is_active=True).order_by("pk")


def _day(day: date, today: date) -> str:
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return date_format(day, "DATE_FORMAT")


def _title(notice: Notice) -> str:
    category = notice.submission.category.name if notice.submission else ""
    titles = {
        Notice.Kind.APPROVED: _("Your pair was approved"),
        Notice.Kind.REJECTED: _("Your pair was rejected"),
        Notice.Kind.CHANGES_REQUESTED: _("A reviewer asks for changes"),
        Notice.Kind.REVOKED: _("An approval was revoked; your pair waits for review again"),
        Notice.Kind.EDITED: _("A reviewer edited your text"),
        Notice.Kind.COMMENTED: _("New message"),
        Notice.Kind.DISPUTED: _("Reviewers disagree: you have the last word"),
        Notice.Kind.BADGE: _("You earned a badge"),
        Notice.Kind.ANNOUNCEMENT: _("Announcement"),
    }
    title = titles[Notice.Kind(notice.kind)]
    return f"{title} · {category}" if category else title


def _icon(notice: Notice) -> str:
    icons = {
        Notice.Kind.APPROVED: "check",
        Notice.Kind.REJECTED: "close",
        Notice.Kind.CHANGES_REQUESTED: "pen",
        Notice.Kind.EDITED: "pen",
        Notice.Kind.REVOKED: "undo",
        Notice.Kind.COMMENTED: "comment",
        Notice.Kind.DISPUTED: "warning",
        Notice.Kind.BADGE: "trophy",
    }
    return icons.get(Notice.Kind(notice.kind), "info")

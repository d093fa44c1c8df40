"""Writing down the days on which people did something."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Min
from django.db.models.functions import TruncDate

from collector.models import ActiveDay, Event, Person, Review

if TYPE_CHECKING:
    from datetime import date, datetime

AFTER_A_MOVE = timedelta(hours=12)
"""In another zone than that of the last day, a day is a new one from so long after the last one began."""
ROWS = 2_000


def mark_day(*, person: Person, now: datetime) -> None:
    """Let today, where the person is, be one of their active days; one query where it is already.

    A day before the last one, which a flight to the west brings back, is not lived twice. Changing the zone of one's
    profile makes no second day out of one.
    """
    day = now.astimezone(ZoneInfo(person.time_zone)).date()
    last = ActiveDay.objects.filter(person=person).order_by("-day").first()
    if last is not None:
        is_too_soon = last.zone != person.time_zone and now - last.began_at < AFTER_A_MOVE
        if day <= last.day or is_too_soon:
            return
    ActiveDay.objects.bulk_create(
        [ActiveDay(person=person, day=day, zone=person.time_zone, began_at=now)], ignore_conflicts=True
    )


@transaction.atomic
def recall_days() -> int:
    """Write down the days from before they were kept, in each person's zone of today; returns how many."""
    made = 0
    sent = Event.objects.filter(kind__in=[Event.Kind.SUBMITTED, Event.Kind.RESUBMITTED])
    for person in Person.objects.filter(is_source=False, active_days=None).iterator(chunk_size=ROWS):
        zone = ZoneInfo(person.time_zone)
        acts = [
            rows.order_by().annotate(day=TruncDate(at, tzinfo=zone)).values_list("day").annotate(Min(at))
            for rows, at in ((sent.filter(by=person), "at"), (Review.objects.filter(reviewer=person), "created_at"))
        ]
        first: dict[date, datetime] = {}
        for day, at in (row for rows in acts for row in rows):
            first[day] = min(first.get(day, at), at)
        days = [ActiveDay(person=person, day=day, zone=person.time_zone, began_at=at) for day, at in first.items()]
        made += len(ActiveDay.objects.bulk_create(days, batch_size=ROWS))
    return made

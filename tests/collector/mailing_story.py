"""A mailing that is due on a Monday at nine, for the tests about mailings."""

from __future__ import annotations

import smtplib
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from django.core import mail

from collector import tasks
from collector.actions import mailings
from collector.actions.mailings import Wanted
from collector.models import Campaign, Mailing, Person

if TYPE_CHECKING:
    from django.core.mail import EmailMultiAlternatives

MONDAY = date(2026, 3, 2)
EARLY = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def wanted(**fields: Any) -> Wanted:
    said: dict[str, Any] = {
        "kind": "announcement",
        "subject": "We begin today",
        "body": "Ten minutes are **enough**.",
        "audience": "everybody",
        "team": None,
        "day": MONDAY,
        "at": time(9),
        "weekdays": [],
        "last_day": None,
    }
    return Wanted(**(said | fields))


def write(campaign: Campaign, lead: Person, **fields: Any) -> Mailing:
    """Write a draft; the lead wants no mails, so that only others count."""
    Person.objects.filter(pk=lead.pk).update(wants_announcements=False, wants_reminders=False)
    return mailings.write_mailing(campaign=campaign, wanted=wanted(**fields), by=lead, now=EARLY)


def scheduled(campaign: Campaign, lead: Person, **fields: Any) -> Mailing:
    mailing = write(campaign, lead, **fields)
    return mailings.schedule(mailing=mailing, version=mailing.version, by=lead, now=EARLY)


def send(now: datetime = NINE) -> tasks.Sent:
    return tasks.send_mailings(clock=lambda: now)


def addresses() -> list[str]:
    return sorted(one.to[0] for one in mail.outbox)


def refuse(_mail: EmailMultiAlternatives) -> int:
    """Stand in for a mail server that is gone."""
    raise smtplib.SMTPServerDisconnected("gone")

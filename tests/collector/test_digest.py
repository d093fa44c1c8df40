from __future__ import annotations

import json
import smtplib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from collector import tasks
from collector.actions.notices import claim_digest, notify
from collector.actions.subscriptions import unsubscribe_token
from collector.models import Digest, MailKind, Notice, Person
from jobs import actions as job_actions
from jobs import registry
from jobs import tasks as job_tasks
from jobs.models import Job
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def reader(zone: str = "UTC", **fields: object) -> Person:
    return factories.PersonFactory.create(time_zone=zone, wants_digest=True, **fields)


def tell(person: Person, *, at: datetime = MORNING - timedelta(hours=2), text: str = "First ten") -> Notice:
    [notice] = notify(people=[person], kind=Notice.Kind.BADGE, text=text, now=at)
    return notice


def send(now: datetime = MORNING) -> tasks.Sent:
    return tasks.send_due(now=now, clock=lambda: now)


def test_news_are_sent_once_a_day() -> None:
    person = reader()
    tell(person)
    assert send() == tasks.Sent(1, 0)
    tell(person, at=MORNING)
    assert send(MORNING + timedelta(hours=9)) == tasks.Sent(0, 0)
    assert send(MORNING + timedelta(days=1)) == tasks.Sent(1, 0)
    assert [message.to for message in mail.outbox] == [[person.email]] * 2


def test_what_one_digest_told_the_next_does_not() -> None:
    person = reader()
    tell(person)
    send()
    send(MORNING + timedelta(days=1))
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("wanted", [{"wants_digest": False}, {"is_active": False}])
def test_who_does_not_want_it_or_has_left_gets_none(wanted: dict[str, bool]) -> None:
    person = reader()
    tell(person)
    Person.objects.filter(pk=person.pk).update(**wanted)
    send()
    assert mail.outbox == []


def test_nothing_new_means_no_mail() -> None:
    reader()
    read = tell(reader())
    Notice.objects.filter(pk=read.pk).update(read_at=MORNING)
    tell(reader(), at=MORNING - timedelta(days=8))
    send()
    assert mail.outbox == []
    assert not Digest.objects.exists()


@pytest.mark.parametrize(
    ("zone", "hour", "minute", "sent"),
    [
        ("UTC", 7, 59, 0),
        ("UTC", 8, 0, 1),
        ("Europe/Berlin", 6, 59, 0),
        ("Europe/Berlin", 7, 0, 1),
        ("Asia/Kathmandu", 2, 14, 0),  # 5:45 ahead
        ("Asia/Kathmandu", 2, 15, 1),
        ("America/Los_Angeles", 8, 0, 0),
        ("Pacific/Auckland", 8, 0, 1),  # 21:00
    ],
)
def test_the_clock_is_the_readers(zone: str, hour: int, minute: int, sent: int) -> None:
    now = MORNING.replace(hour=hour, minute=minute)
    tell(reader(zone), at=now - timedelta(minutes=1))
    send(now)
    assert len(mail.outbox) == sent


@pytest.mark.parametrize(
    ("day", "before", "at"),
    [
        (datetime(2026, 3, 29, tzinfo=UTC), 5, 6),  # clocks go forward in Berlin at 1:00 UTC
        (datetime(2026, 10, 25, tzinfo=UTC), 6, 7),  # and back
    ],
)
def test_eight_is_eight_on_the_days_the_clocks_change(day: datetime, before: int, at: int) -> None:
    tell(reader("Europe/Berlin"), at=day)
    send(day.replace(hour=before, minute=59))
    assert mail.outbox == []
    send(day.replace(hour=at))
    assert len(mail.outbox) == 1


def test_a_day_of_25_hours_has_one_digest() -> None:
    day = datetime(2026, 10, 25, tzinfo=UTC)
    person = reader("Europe/Berlin")
    for hour in range(26):
        now = day - timedelta(hours=2) + timedelta(hours=hour)  # from midnight to past the next, in Berlin
        tell(person, at=now)
        send(now)
    assert list(Digest.objects.values_list("day", flat=True)) == [day.date()]


def test_the_day_is_the_readers_own() -> None:
    person = reader("Pacific/Auckland")
    tell(person, at=MORNING)
    send(datetime(2026, 3, 2, 20, 0, tzinfo=UTC))  # 9:00 on the 3rd there
    assert Digest.objects.get().day.isoformat() == "2026-03-03"


def test_the_mail_says_what_happened_in_both_forms(campaign: Campaign, category: Category, settings: object) -> None:
    settings.SITE_URL = "https://woolgather.example.com"  # type: ignore[attr-defined]  # pytest-django's fixture
    person = factories.contributor_in(campaign, wants_digest=True, display_name="Ada Lovelace")
    submission = factories.make_submission(
        campaign=campaign,
        category=category,
        author=person,
        instruction="Why <b>is</b> & the sky\nblue?",
        now=MORNING - timedelta(hours=3),
    )
    factories.decide(
        submission, "reject", by=factories.reviewer(), comment="Not <i>this</i> one.", now=MORNING - timedelta(hours=2)
    )
    send()
    [message] = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    text, (html, kind) = str(message.body), message.alternatives[0]
    html = str(html)
    address = f"https://woolgather.example.com{reverse('submission-detail', args=[submission.pk])}"
    assert kind == "text/html"
    assert "Hello Ada," in text
    assert "Why <b>is</b> & the sky blue?" in text
    assert '"Not <i>this</i> one."' in text
    assert address in text
    assert "&lt;b&gt;is&lt;/b&gt; &amp; the sky" in html
    assert "Not &lt;i&gt;this&lt;/i&gt; one." in html
    assert address in html
    assert "\n" not in message.subject


def test_a_mail_program_can_end_it_with_one_click(settings: object) -> None:
    settings.SITE_URL = "https://woolgather.example.com"  # type: ignore[attr-defined]  # pytest-django's fixture
    person = reader()
    tell(person)
    send()
    path = reverse("unsubscribe", args=[unsubscribe_token(person=person, kind=MailKind.DIGEST)])
    headers = mail.outbox[0].extra_headers
    # The signature carries the second it was made in, so the token differs; its frame does not.
    assert headers["List-Unsubscribe"].startswith(f"<https://woolgather.example.com{path.split(':')[0]}:")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Unsubscribe"].strip("<>") in mail.outbox[0].body


def test_many_news_are_counted_not_listed() -> None:
    person = reader()
    for number in range(25):
        tell(person, text=f"news {number}.")
    send()
    assert mail.outbox[0].body.count("You earned a badge") == 20
    assert "And 5 more." in mail.outbox[0].body
    assert Notice.objects.filter(mailed_at=None).count() == 0


def refusing(*_arguments: object, **_options: object) -> int:
    raise smtplib.SMTPServerDisconnected("gone")


def test_a_mail_server_that_refuses_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(reader())
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMultiAlternatives.send", refusing)
        assert send() == tasks.Sent(0, 1)
    assert not Digest.objects.exists()
    assert send(MORNING + timedelta(minutes=15)) == tasks.Sent(1, 0)


def test_a_mail_server_that_is_down_is_not_asked_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    for _number in range(6):
        tell(reader())
    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", refusing)
    assert send() == tasks.Sent(0, tasks.MOST_FAILURES)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_sends() -> None:
    people = [reader() for _number in range(5)]
    for person in people:
        tell(person)
    workers = 8
    barrier = threading.Barrier(workers, timeout=30)

    def claim(person: Person) -> bool:
        try:
            barrier.wait()
            return claim_digest(person=Person.objects.get(pk=person.pk), now=MORNING) is not None
        finally:
            connection.close()

    for person in people:
        with ThreadPoolExecutor(workers) as pool:
            assert sum(pool.map(claim, [person] * workers)) == 1
    assert Digest.objects.count() == len(people)


# -- Command and sweeper --------------------------------------------------------------------------------------


def test_the_command_sends_and_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    with time_machine.travel(MORNING, tick=False):
        tell(reader())
        call_command("send_digests", "--json")
        call_command("send_digests")
    output = capsys.readouterr()
    assert json.loads(output.out) == {"sent": 1, "failed": 0}
    assert "0 digests sent." in output.err


def test_a_dry_run_counts_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with time_machine.travel(MORNING, tick=False):
        tell(reader())
        tell(reader("America/Los_Angeles"))
        call_command("send_digests", "--dry-run", "--json")
    assert json.loads(capsys.readouterr().out) == {"due": 1}
    assert mail.outbox == []


def test_the_command_fails_where_the_mail_server_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", refusing)
    with time_machine.travel(MORNING, tick=False):
        tell(reader())
        with pytest.raises(CommandError, match="EMAIL_URL"):
            call_command("send_digests")


@pytest.fixture
def periodic() -> Iterator[registry.Periodic]:
    job_tasks._looked.clear()
    yield next(one for one in registry.periodic() if one.kind == tasks.KIND)
    job_tasks._looked.clear()


def test_the_sweeper_queues_the_digests_once_a_period_and_only_where_one_is_due(periodic: registry.Periodic) -> None:
    person = reader()
    tell(person)
    assert job_actions.enqueue_periodic(periodic=periodic, now=MORNING - timedelta(minutes=1)) is None
    job = job_actions.enqueue_periodic(periodic=periodic, now=MORNING)
    assert job is not None
    assert job_actions.enqueue_periodic(periodic=periodic, now=MORNING + timedelta(minutes=14)) is None
    Job.objects.update(status="succeeded", finished_at=MORNING)
    assert job_actions.enqueue_periodic(periodic=periodic, now=MORNING + timedelta(minutes=14)) is None
    assert job_actions.enqueue_periodic(periodic=periodic, now=MORNING + timedelta(minutes=15)) is not None


def test_a_sweep_queues_a_job_that_sends(periodic: registry.Periodic, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[object] = []

    def ring(**job: object) -> bool:
        rung.append(job)
        return True

    monkeypatch.setattr("jobs.bell.send", ring)
    with time_machine.travel(MORNING, tick=False):
        tell(reader())
        job_tasks.sweep_and_ring()
        job_tasks.sweep_and_ring()
        [job] = Job.objects.all()
        job_tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert len(rung) == 1
    assert job.result == {"sent": 1, "failed": 0}
    assert len(mail.outbox) == 1

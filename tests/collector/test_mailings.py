"""Announcements and reminders: when, to whom, and to nobody twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from collector import mailing_queries, tasks
from collector.actions import mailings
from collector.actions.campaign_life import NotALead, change_status
from collector.actions.days import mark_day
from collector.actions.mailings import StaleMailing, next_time
from collector.models import Campaign, Category, Delivery, Mailing, Occasion, Person
from tests.collector.mailing_story import EARLY, MONDAY, NINE, addresses, refuse, scheduled, send, wanted, write
from tests.factories import PersonFactory, TeamFactory, make_submission, reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead() -> Person:
    return PersonFactory.create(display_name="Lena Lead", roles=["lead"])


@pytest.fixture(autouse=True)
def _alone(campaign: Campaign) -> None:
    # Whoever came with the fixtures would get mails too.
    Person.objects.update(wants_announcements=False, wants_reminders=False)


# -- Going out ------------------------------------------------------------------------------------------------


def test_it_goes_out_at_its_time_and_once(campaign: Campaign, lead: Person) -> None:
    reader = PersonFactory.create()
    mailing = scheduled(campaign, lead)
    assert send(NINE - timedelta(seconds=1)) == tasks.Sent(0, 0)
    assert send() == tasks.Sent(1, 0)
    assert send(NINE + timedelta(days=1)) == tasks.Sent(0, 0)
    assert addresses() == [reader.email]
    mailing.refresh_from_db()
    assert (mailing.status, mailing.next_at) == ("done", None)


def test_the_hour_is_that_of_the_campaign(campaign: Campaign, lead: Person) -> None:
    campaign.time_zone = "America/New_York"
    campaign.save()
    assert scheduled(campaign, lead).next_at == datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def test_a_draft_is_not_sent(campaign: Campaign, lead: Person) -> None:
    PersonFactory.create()
    write(campaign, lead)
    assert send() == tasks.Sent(0, 0)


def test_it_can_be_sent_at_once_whatever_its_time(campaign: Campaign, lead: Person) -> None:
    PersonFactory.create()
    mailing = write(campaign, lead, day=MONDAY - timedelta(days=30))
    mailings.schedule(mailing=mailing, version=1, by=lead, now=NINE, at_once=True)
    assert send() == tasks.Sent(1, 0)


def test_a_time_that_is_over_is_not_scheduled(campaign: Campaign, lead: Person) -> None:
    mailing = write(campaign, lead, day=MONDAY - timedelta(days=1))
    with pytest.raises(ValidationError, match="Its time is over"):
        mailings.schedule(mailing=mailing, version=1, by=lead, now=EARLY)


def test_the_mail_says_who_writes_how_far_it_is_and_how_to_end_it(
    campaign: Campaign, category: Category, lead: Person
) -> None:
    reader = PersonFactory.create(display_name="Ada Lovelace")
    scheduled(campaign, lead)
    send()
    [sent] = mail.outbox
    assert isinstance(sent, EmailMultiAlternatives)
    html = str(sent.alternatives[0][0])
    assert sent.subject == "[Woolgather] We begin today"
    assert sent.reply_to == [lead.email]
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Hello Ada," in sent.body
    assert "0 of 10 pairs are approved" in sent.body
    assert "<strong>enough</strong>" in html
    assert "Lena Lead" in html
    path = sent.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("http://localhost:8000")
    assert Client(enforce_csrf_checks=True).post(path[path.index("/unsubscribe") :]).status_code == 200
    reader.refresh_from_db()
    assert (reader.wants_announcements, reader.wants_reminders) == (False, True)


def test_a_text_is_inert_and_a_subject_is_one_line(campaign: Campaign, lead: Person) -> None:
    PersonFactory.create()
    mailing = scheduled(campaign, lead, subject="One\n  two", body="<script>alert(1)</script> [x](javascript:y)")
    send()
    html = str(mail.outbox[0].alternatives[0][0])  # type: ignore[union-attr]  # ours have a second form
    assert mailing.subject == "One two"
    assert "<script" not in html
    assert 'href="javascript' not in html


# -- To whom --------------------------------------------------------------------------------------------------


def test_who_ended_the_kind_left_or_is_a_source_gets_none(campaign: Campaign, lead: Person) -> None:
    PersonFactory.create(wants_announcements=False)
    PersonFactory.create(is_active=False)
    PersonFactory.create(is_active=False, is_source=True)
    kept = PersonFactory.create(wants_reminders=False)
    scheduled(campaign, lead)
    send()
    assert addresses() == [kept.email]


def test_only_members_of_the_campaigns_teams_are_told(campaign: Campaign, lead: Person) -> None:
    inside, outside = TeamFactory.create(), TeamFactory.create()
    campaign.teams.add(inside)
    member = PersonFactory.create(team=inside)
    PersonFactory.create(team=outside)
    scheduled(campaign, lead)
    send()
    assert addresses() == [member.email]


def test_one_team_can_be_told(campaign: Campaign, lead: Person) -> None:
    team = TeamFactory.create()
    member = PersonFactory.create(team=team)
    PersonFactory.create()
    scheduled(campaign, lead, team=team)
    send()
    assert addresses() == [member.email]


@pytest.mark.parametrize(
    ("audience", "names"),
    [
        ("everybody", ["fresh", "judge", "lapsed", "never"]),
        ("writers", ["fresh", "lapsed"]),
        ("silent", ["judge", "never"]),
        ("lapsed", ["lapsed"]),
        ("reviewers", ["judge"]),
    ],
)
def test_each_audience(campaign: Campaign, category: Category, lead: Person, audience: str, names: list[str]) -> None:
    people = {name: PersonFactory.create(email=f"{name}@example.com") for name in ("never", "fresh", "lapsed")}
    reviewer(email="judge@example.com")
    for name, days in (("fresh", 2), ("lapsed", 8)):
        at = NINE - timedelta(days=days)
        make_submission(campaign=campaign, category=category, author=people[name], now=at)
    mailing = scheduled(campaign, lead, audience=audience)
    assert mailing_queries.reach(mailing, NINE).people == len(names)
    send()
    assert addresses() == [f"{name}@example.com" for name in names]


def test_who_contributed_today_is_not_reminded_by_their_own_day(campaign: Campaign, lead: Person) -> None:
    auckland = PersonFactory.create(email="auckland@example.com", time_zone="Pacific/Auckland")
    lima = PersonFactory.create(email="lima@example.com", time_zone="America/Lima")
    # 1 March, 20:00 UTC: the 2nd in Auckland, which is today there, and the 1st in Lima, which was yesterday.
    for person in (auckland, lima):
        mark_day(person=person, now=datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    mailing = scheduled(campaign, lead, kind="reminder")
    assert mailing_queries.reach(mailing, NINE) == mailing_queries.Reach(
        people=1, unwanted=Person.objects.filter(is_active=True, is_source=False).count() - 2, active=1
    )
    send()
    assert addresses() == [lima.email]
    assert Occasion.objects.get().active == 1


def test_an_announcement_goes_to_who_contributed_today_too(campaign: Campaign, lead: Person) -> None:
    busy = PersonFactory.create()
    mark_day(person=busy, now=NINE - timedelta(hours=1))
    scheduled(campaign, lead)
    send()
    assert addresses() == [busy.email]


def test_who_contributes_or_ends_it_while_it_goes_out_is_spared(campaign: Campaign, lead: Person) -> None:
    busy, tired, left, kept = (PersonFactory.create() for _number in range(4))
    mailing = scheduled(campaign, lead, kind="reminder")
    mailings.begin_occasion(mailing=mailing, now=NINE)
    mark_day(person=busy, now=NINE)
    Person.objects.filter(pk=tired.pk).update(wants_reminders=False)
    Person.objects.filter(pk=left.pk).update(is_active=False)
    send()
    assert addresses() == [kept.email]
    assert Delivery.objects.filter(status="spared").count() == 3


# -- Again and again ------------------------------------------------------------------------------------------


def test_a_reminder_goes_out_on_its_days_until_the_last(campaign: Campaign, lead: Person) -> None:
    PersonFactory.create()
    mailing = scheduled(campaign, lead, kind="reminder", weekdays=[0, 2], last_day=MONDAY + timedelta(days=7))
    sent_on = [day for day in range(15) if send(NINE + timedelta(days=day)).sent]
    assert sent_on == [0, 2, 7]
    mailing.refresh_from_db()
    assert mailing.status == "done"


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [(date(2026, 3, 28), 8), (date(2026, 3, 29), 7), (date(2026, 10, 24), 7), (date(2026, 10, 25), 8)],
)
def test_its_hour_holds_over_both_clock_changes(campaign: Campaign, lead: Person, day: date, utc_hour: int) -> None:
    campaign.time_zone = "Europe/Berlin"
    campaign.save()
    mailing = write(campaign, lead, kind="reminder", day=day, weekdays=list(range(7)))
    before = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert next_time(mailing, after=before) == before.replace(hour=utc_hour)


@given(
    weekdays=st.sets(st.integers(0, 6)),
    after=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone follows
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]),
)
def test_the_next_time_is_later_on_a_wanted_day_and_the_nearest(weekdays: set[int], after: datetime, zone: str) -> None:
    from zoneinfo import ZoneInfo

    mailing = Mailing(campaign=Campaign(time_zone=zone), day=MONDAY, at=time(2, 30), weekdays=sorted(weekdays))
    found = next_time(mailing, after=after)
    if found is None:
        assert not weekdays
        return
    here = found.astimezone(ZoneInfo(zone))
    assert found > after
    assert here.date() >= MONDAY
    assert not weekdays or here.weekday() in weekdays
    begin = max(datetime(2026, 3, 2, tzinfo=ZoneInfo(zone)), after)
    assert found - begin <= timedelta(days=7, hours=3) or not weekdays


def test_a_paused_campaign_reminds_nobody_and_goes_on_later(
    campaign: Campaign, category: Category, lead: Person
) -> None:
    PersonFactory.create()
    scheduled(campaign, lead, kind="reminder", weekdays=[0, 1])
    change_status(campaign=campaign, to="paused", by=lead, now=EARLY)
    assert send() == tasks.Sent(0, 0)
    assert Occasion.objects.get().passed == "not_open"
    change_status(campaign=campaign, to="open", by=lead, now=NINE)
    assert send(NINE + timedelta(days=1)) == tasks.Sent(1, 0)


def test_a_closed_campaign_ends_its_reminders_but_may_announce(campaign: Campaign, lead: Person) -> None:
    PersonFactory.create()
    reminder = scheduled(campaign, lead, kind="reminder", weekdays=[0, 1])
    scheduled(campaign, lead, subject="Thank you")
    change_status(campaign=campaign, to="closed", by=lead, now=EARLY)
    assert send() == tasks.Sent(1, 0)
    reminder.refresh_from_db()
    assert (reminder.status, mail.outbox[0].subject) == ("done", "[Woolgather] Thank you")


def test_a_reminder_that_is_hours_late_is_passed_over_but_not_an_announcement(campaign: Campaign, lead: Person) -> None:
    PersonFactory.create()
    scheduled(campaign, lead, kind="reminder")
    scheduled(campaign, lead, subject="Results")
    assert send(NINE + timedelta(hours=7)) == tasks.Sent(1, 0)
    assert mail.outbox[0].subject == "[Woolgather] Results"
    assert Occasion.objects.get(mailing__kind="reminder").passed == "late"


def test_reviewers_are_reminded_only_where_something_waits(
    campaign: Campaign, category: Category, lead: Person, author: Person
) -> None:
    judge = reviewer()
    scheduled(campaign, lead, kind="reminder", audience="reviewers", weekdays=[0, 1])
    assert send() == tasks.Sent(0, 0)
    assert Occasion.objects.get().passed == "nothing"
    make_submission(campaign=campaign, category=category, author=author, now=NINE)
    assert send(NINE + timedelta(days=1)) == tasks.Sent(1, 0)
    assert addresses() == [judge.email]


# -- What goes wrong ------------------------------------------------------------------------------------------


def test_two_runs_at_once_send_nobody_two(campaign: Campaign, lead: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    PersonFactory.create()
    PersonFactory.create()
    mailing = scheduled(campaign, lead)
    real = EmailMultiAlternatives.send

    def send_and_run_again(sent: EmailMultiAlternatives) -> int:
        monkeypatch.setattr(EmailMultiAlternatives, "send", real)
        send()
        return real(sent)

    monkeypatch.setattr(EmailMultiAlternatives, "send", send_and_run_again)
    send()
    assert len(addresses()) == len(set(addresses())) == 2
    assert mailings.begin_occasion(mailing=mailing, now=NINE) is None


def test_a_server_that_refuses_is_tried_three_times(
    campaign: Campaign, lead: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    PersonFactory.create()
    scheduled(campaign, lead)
    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
    assert [send() for _run in range(4)] == [tasks.Sent(0, 1)] * 3 + [tasks.Sent(0, 0)]
    assert Delivery.objects.get().status == "failed"


def test_what_was_refused_once_goes_out_later(
    campaign: Campaign, lead: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    PersonFactory.create()
    scheduled(campaign, lead)
    with monkeypatch.context() as patch:
        patch.setattr(EmailMultiAlternatives, "send", refuse)
        send()
    assert tasks.has_mailings(NINE)
    assert send() == tasks.Sent(1, 0)
    assert not tasks.has_mailings(NINE)


def test_a_cancelled_one_sends_nothing_more(campaign: Campaign, lead: Person) -> None:
    PersonFactory.create()
    mailing = scheduled(campaign, lead, kind="reminder", weekdays=[0, 1])
    mailings.begin_occasion(mailing=mailing, now=NINE)
    mailings.cancel(mailing=mailing, by=lead, now=NINE)
    assert send(NINE + timedelta(days=1)) == tasks.Sent(0, 0)
    assert mail.outbox == []


def test_an_edited_one_waits_for_its_lead(campaign: Campaign, lead: Person) -> None:
    mailing = scheduled(campaign, lead)
    changed = mailings.edit_mailing(mailing=mailing, wanted=wanted(subject="New"), version=1, by=lead, now=EARLY)
    assert (changed.status, changed.next_at, changed.version) == ("draft", None, 2)
    with pytest.raises(StaleMailing):
        mailings.schedule(mailing=mailing, version=1, by=lead, now=EARLY)
    with pytest.raises(StaleMailing):
        mailings.edit_mailing(mailing=mailing, wanted=wanted(), version=1, by=lead, now=EARLY)


def test_what_went_out_is_not_edited_or_removed(campaign: Campaign, lead: Person) -> None:
    mailing = scheduled(campaign, lead)
    send()
    with pytest.raises(mailings.NotThere):
        mailings.edit_mailing(mailing=mailing, wanted=wanted(), version=1, by=lead, now=NINE)
    with pytest.raises(mailings.NotThere):
        mailings.remove(mailing=mailing, by=lead, now=NINE)
    with pytest.raises(mailings.NotThere, match="nothing left"):
        mailings.cancel(mailing=mailing, by=lead, now=NINE)


def test_others_write_none(campaign: Campaign, author: Person) -> None:
    with pytest.raises(NotALead):
        mailings.write_mailing(campaign=campaign, wanted=wanted(), by=author, now=EARLY)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 151}, "subject"),
        ({"body": " \n"}, "body"),
        ({"body": "a\x00b"}, "body"),
        ({"weekdays": [0]}, "weekdays"),
        ({"kind": "reminder", "weekdays": [7]}, "weekdays"),
        ({"kind": "reminder", "weekdays": [0], "last_day": MONDAY - timedelta(days=1)}, "last_day"),
        ({"kind": "reminder", "last_day": MONDAY}, "last_day"),
        ({"kind": "digest"}, "kind"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(
    campaign: Campaign, lead: Person, fields: dict[str, Any], where: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        write(campaign, lead, **fields)
    assert list(caught.value.message_dict) == [where]
    assert not Mailing.objects.exists()

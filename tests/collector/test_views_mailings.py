"""The pages of announcements and reminders, and the command that sends them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.management import CommandError, call_command
from django.urls import reverse

from collector import tasks
from collector.models import Campaign, Mailing, Person
from tests.collector.mailing_story import NINE, refuse, scheduled, send, write
from tests.factories import PersonFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead() -> Person:
    return PersonFactory.create(display_name="Lena Lead", roles=["lead"])


@pytest.fixture(autouse=True)
def _alone(campaign: Campaign) -> None:
    # Whoever came with the fixtures would get mails too.
    Person.objects.update(wants_announcements=False, wants_reminders=False)


@pytest.fixture
def as_lead(lead: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(lead)


def posted(campaign: Campaign, **fields: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "campaign": campaign.pk,
        "kind": "reminder",
        "subject": "Ten minutes today",
        "body": "Please.",
        "audience": "everybody",
        "team": "",
        "day": "2099-03-02",
        "at": "09:00",
        "weekdays": ["0", "3"],
        "last_day": "",
    } | fields


def test_a_lead_writes_tries_schedules_and_cancels_one(as_lead: Client, campaign: Campaign, lead: Person) -> None:
    answer = as_lead.post(reverse("mailing-write"), posted(campaign))
    mailing = Mailing.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/mailings/{mailing.pk}/")
    act = reverse("mailing-act", args=[mailing.pk])
    as_lead.post(act, {"do": "try"})
    assert (mail.outbox[0].subject, mail.outbox[0].to) == ("[Woolgather] Trial: Ten minutes today", [lead.email])
    as_lead.post(act, {"do": "schedule", "version": "1"})
    page = as_lead.get(f"/mailings/{mailing.pk}/").content.decode()
    assert "then every Mon, Thu" in page
    as_lead.post(act, {"do": "cancel"})
    mailing.refresh_from_db()
    assert mailing.status == "cancelled"


def test_a_refused_form_keeps_the_text_and_says_why(as_lead: Client, campaign: Campaign) -> None:
    answer = as_lead.post(reverse("mailing-write"), posted(campaign, kind="announcement"))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Only reminders are sent again and again." in page
    assert "Please." in page


def test_a_trial_that_the_server_refuses_says_so(
    as_lead: Client, campaign: Campaign, lead: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailing = write(campaign, lead)
    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
    answer = as_lead.post(reverse("mailing-act", args=[mailing.pk]), {"do": "try"})
    assert answer.status_code == 503
    assert "EMAIL_URL" in answer.content.decode()


@pytest.mark.parametrize("do", ["", "explode"])
def test_what_is_no_act_is_refused(as_lead: Client, campaign: Campaign, lead: Person, do: str) -> None:
    mailing = write(campaign, lead)
    assert as_lead.post(reverse("mailing-act", args=[mailing.pk]), {"do": do}).status_code == 400


@pytest.mark.parametrize("version", ["", "x", "99999999999999999999"])
def test_a_version_that_is_none_sends_nothing(as_lead: Client, campaign: Campaign, lead: Person, version: str) -> None:
    mailing = write(campaign, lead)
    answer = as_lead.post(reverse("mailing-act", args=[mailing.pk]), {"do": "send", "version": version})
    assert answer.status_code == 409
    assert not tasks.has_mailings(NINE)


@pytest.mark.parametrize("path", ["/mailings/", "/mailings/new/", "/mailings/{pk}/", "/mailings/{pk}/edit/"])
def test_others_do_not_see_them(
    campaign: Campaign, lead: Person, author: Person, sign_in: Callable[[Person], Client], path: str
) -> None:
    mailing = write(campaign, lead)
    assert sign_in(author).get(path.format(pk=mailing.pk)).status_code == 403


def test_the_list_takes_the_same_queries_whatever_its_length(
    as_lead: Client, campaign: Campaign, lead: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    as_lead.get("/mailings/")
    for _number in range(5):
        scheduled(campaign, lead)
    send()
    with django_assert_max_num_queries(12):
        page = as_lead.get("/mailings/").content.decode()
    assert page.count("We begin today") == 5


def test_the_page_takes_the_same_queries_whatever_it_became(
    as_lead: Client, campaign: Campaign, lead: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    PersonFactory.create_batch(3)
    mailing = scheduled(campaign, lead, kind="reminder", weekdays=[0, 1, 2, 3, 4])
    for day in range(5):
        send(NINE + timedelta(days=day))
    with django_assert_max_num_queries(20):
        page = as_lead.get(f"/mailings/{mailing.pk}/").content.decode()
    assert "What became of it" in page


def test_the_command_counts_then_sends(
    campaign: Campaign, lead: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    PersonFactory.create()
    scheduled(campaign, lead)
    call_command("send_mailings", "--dry-run", "--json")
    assert '"due": 1' in capsys.readouterr().out
    assert mail.outbox == []
    call_command("send_mailings", "--json")
    assert '"sent": 1' in capsys.readouterr().out


def test_the_command_says_that_the_server_refused(
    campaign: Campaign, lead: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    PersonFactory.create()
    scheduled(campaign, lead)
    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
    with pytest.raises(CommandError, match="EMAIL_URL"):
        call_command("send_mailings")

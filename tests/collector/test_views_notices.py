from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from collector.actions.notices import notify
from collector.actions.subscriptions import unsubscribe_token
from collector.models import MailKind, Notice
from tests import factories
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from collector.models import Campaign, Category, Person


@pytest.fixture
def client(sign_in: Callable[[Person], Client], author: Person) -> Client:
    return sign_in(author)


def badge(person: Person, *, text: str = "", now: datetime = NOW) -> Notice:
    [notice] = notify(people=[person], kind=Notice.Kind.BADGE, text=text, now=now)
    return notice


def test_an_empty_page_says_what_will_be_here(client: Client) -> None:
    assert "Nothing to tell yet" in client.get(reverse("notices")).content.decode()


def test_notices_stand_under_their_day_in_the_persons_own_zone(client: Client, author: Person) -> None:
    author.time_zone = "Pacific/Auckland"
    author.save()
    with time_machine.travel(NOW, tick=False):
        badge(author, text="today", now=NOW)
        badge(author, text="yesterday", now=NOW - timedelta(hours=23))
        badge(author, text="before", now=NOW - timedelta(days=3))
        days = client.get(reverse("notices")).context["days"]
    assert [(day.label, [told.words for told in day.told]) for day in days] == [
        ("Today", ["today"]),
        ("Yesterday", ["yesterday"]),
        ("Feb. 27, 2026", ["before"]),
    ]


def test_words_are_shown_as_words(client: Client, author: Person) -> None:
    badge(author, text="<script>alert(1)</script>")
    page = client.get(reverse("notices")).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_only_ones_own_notices_are_there(client: Client, reviewer: Person) -> None:
    badge(reviewer)
    assert client.get(reverse("notices")).context["days"] == []


def test_looking_marks_nothing_as_read(client: Client, author: Person) -> None:
    badge(author)
    page = client.get(reverse("notices")).content.decode()
    assert "Unread:" in page
    assert Notice.objects.get().read_at is None


def test_opening_one_marks_it_and_leads_to_the_submission(
    client: Client, author: Person, campaign: Campaign, category: Category
) -> None:
    submission = factories.make_submission(campaign=campaign, category=category, author=author, status="rejected")
    notice = Notice.objects.get()
    answer = client.post(reverse("notice-open", args=[notice.pk]))
    notice.refresh_from_db()
    assert answer["Location"] == reverse("submission-detail", args=[submission.pk])
    assert notice.read_at is not None


def test_a_message_leads_to_the_thread(client: Client, author: Person, campaign: Campaign, category: Category) -> None:
    submission = factories.make_submission(campaign=campaign, category=category, author=author)
    [notice] = notify(people=[author], kind=Notice.Kind.COMMENTED, submission=submission, now=NOW)
    assert client.post(reverse("notice-open", args=[notice.pk]))["Location"].endswith("#thread")


def test_anothers_notice_does_not_exist(client: Client, reviewer: Person) -> None:
    notice = badge(reviewer)
    assert client.post(reverse("notice-open", args=[notice.pk])).status_code == 404
    notice.refresh_from_db()
    assert notice.read_at is None


@pytest.mark.parametrize("name", ["notices-read", "notice-open"])
def test_a_look_opens_nothing(client: Client, author: Person, name: str) -> None:
    notice = badge(author)
    assert client.get(reverse(name, args=[notice.pk] if name == "notice-open" else [])).status_code == 405


def test_all_are_marked_as_read(client: Client, author: Person) -> None:
    badge(author)
    badge(author)
    client.post(reverse("notices-read"), {"until": timezone.now().isoformat()})
    assert not Notice.objects.filter(read_at=None).exists()


@pytest.mark.parametrize("until", ["", "nonsense", "2026-13-45T00:00", "2026-01-01T00:00", "\x00"])
def test_a_moment_that_is_none_marks_everything(client: Client, author: Person, until: str) -> None:
    badge(author)
    assert client.post(reverse("notices-read"), {"until": until}).status_code == 302
    assert Notice.objects.get().read_at is not None


def test_the_bell_counts_what_is_unread_up_to_nine(client: Client, author: Person) -> None:
    assert "bell-count" not in client.get(reverse("mine")).content.decode()
    for _number in range(9):
        badge(author)
    assert '<span class="bell-count" aria-hidden="true">9</span>' in client.get(reverse("mine")).content.decode()
    badge(author)
    page = client.get(reverse("mine")).content.decode()
    assert '<span class="bell-count" aria-hidden="true">9+</span>' in page
    assert "Notices: 9+ unread" in page


@pytest.mark.parametrize("number", ["-1", "1000000000", "x"])
def test_a_page_out_of_range_is_no_server_error(client: Client, number: str) -> None:
    assert client.get(reverse("notices"), {"page": number}).status_code == 200


def test_the_number_of_queries_does_not_grow(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("notices"))
        return len(captured)

    factories.make_submission(campaign=campaign, category=category, author=author, status="rejected")
    few = queries()
    for status in ("changes_requested", "rejected", "approved") * 10:
        factories.make_submission(campaign=campaign, category=category, author=author, status=status)
    assert queries() == few


# -- The way out of the daily e-mail ------------------------------------------------------------------------


@pytest.fixture
def reader(author: Person) -> Person:
    author.wants_digest = True
    author.save()
    return author


def link(person: Person) -> str:
    return reverse("unsubscribe", args=[unsubscribe_token(person=person, kind=MailKind.DIGEST)])


def test_following_the_link_asks_and_ends_nothing(reader: Person) -> None:
    page = Client().get(link(reader)).content.decode()
    reader.refresh_from_db()
    assert "End the daily e-mail?" in page
    assert reader.wants_digest


def test_one_click_ends_it_without_a_sign_in_or_a_token_of_a_page(reader: Person) -> None:
    outside = Client(enforce_csrf_checks=True)
    answer = outside.post(link(reader), {"List-Unsubscribe": "One-Click"})
    reader.refresh_from_db()
    assert answer.status_code == 200
    assert not reader.wants_digest
    assert outside.post(link(reader)).status_code == 200


def test_links_of_mails_from_before_there_were_kinds_still_end_the_daily_one(reader: Person) -> None:
    token = signing.dumps(reader.pk, salt="collector.digest")
    assert Client().post(reverse("digest-unsubscribe", args=[token])).status_code == 200
    reader.refresh_from_db()
    assert (reader.wants_digest, reader.wants_reminders) == (False, True)


@pytest.mark.parametrize("token", ["x", "MQ:x:y", "a" * 5000])
def test_a_made_up_link_ends_nothing(reader: Person, token: str) -> None:
    answer = Client().post(reverse("unsubscribe", args=[token]))
    reader.refresh_from_db()
    assert answer.status_code == 404
    assert reader.wants_digest


def test_the_profile_turns_it_on_and_off(client: Client, author: Person) -> None:
    profile = {"display_name": "Ada", "handle": "ada", "team": "", "time_zone": "Europe/Berlin"}
    client.post("/profile/", profile | {"wants_digest": "on"})
    author.refresh_from_db()
    assert author.wants_digest
    client.post("/profile/", profile)
    author.refresh_from_db()
    assert not author.wants_digest

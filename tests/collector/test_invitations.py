"""Inviting many at once, by a link and by a list."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from collector.actions import invitations
from collector.actions.campaign_life import NotALead
from collector.actions.invitations import ListRefused, find_link, invite_list, make_link, read_list, revoke_link
from collector.actions.people import find_invitation, invite
from collector.models import Invitation, InvitationLink, Person
from collector.tasks import has_invitations, mail_invitations
from tests.factories import NOW, PersonFactory, TeamFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.models import Team

pytestmark = pytest.mark.django_db


def refuse(_mail: EmailMultiAlternatives) -> int:
    raise smtplib.SMTPServerDisconnected("gone")


class NoContext:
    """A job that nobody watches."""

    def progress(self, done: int, total: int) -> None:
        """Nobody is told."""


@pytest.fixture
def lead() -> Person:
    return PersonFactory.create(roles=["lead"])


def link(lead: Person, **fields: Any) -> tuple[InvitationLink, str]:
    said: dict[str, Any] = {"role": "contributor", "team": None, "most_uses": 2, "note": ""}
    return make_link(by=lead, now=timezone.now(), **(said | fields))


def sign_up(token: str, email: str) -> Client:
    """Follow a link and make an account, as a new colleague does."""
    client = Client()
    client.get(f"/invitation/{token}/")
    client.post(
        "/accounts/signup/",
        {"display_name": "New Colleague", "email": email, "password1": "Corr3ct horse!", "password2": "Corr3ct horse!"},
    )
    return client


# -- Links ----------------------------------------------------------------------------------------------------


def test_a_link_lets_strangers_in_with_its_role_and_team(lead: Person) -> None:
    team = TeamFactory.create()
    made, token = link(lead, role="reviewer", team=team)
    sign_up(token, "stranger@elsewhere.example")
    person = Person.objects.get(email="stranger@elsewhere.example")
    assert (person.has_role("reviewer"), person.team, list(made.people.all())) == (True, team, [person])


def test_a_link_ends_after_its_uses(lead: Person) -> None:
    _made, token = link(lead, most_uses=1)
    sign_up(token, "one@elsewhere.example")
    assert find_link(token=token, now=timezone.now()) is None
    assert Client().get(f"/invitation/{token}/").status_code == 410
    sign_up(token, "two@elsewhere.example")
    assert not Person.objects.filter(email="two@elsewhere.example").exists()


def test_a_revoked_or_old_link_lets_nobody_in(lead: Person) -> None:
    made, token = link(lead)
    assert find_link(token=token, now=timezone.now() + timedelta(days=31)) is None
    revoke_link(link=made, by=lead, now=timezone.now())
    assert find_link(token=token, now=timezone.now()) is None


def test_a_link_revoked_while_somebody_fills_the_form_in_lets_them_not_in(lead: Person) -> None:
    made, token = link(lead)
    client = Client()
    client.get(f"/invitation/{token}/")
    revoke_link(link=made, by=lead, now=timezone.now())
    client.post(
        "/accounts/signup/",
        {
            "display_name": "Late",
            "email": "late@x.example",
            "password1": "Corr3ct horse!",
            "password2": "Corr3ct horse!",
        },
    )
    assert not Person.objects.filter(email="late@x.example").exists()


@pytest.mark.parametrize(
    ("field", "value"), [("role", "admin"), ("role", "lead"), ("most_uses", 0), ("most_uses", 10_001), ("note", "\x00")]
)
def test_a_link_is_made_with_sense(lead: Person, field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        link(lead, **{field: value})
    assert list(caught.value.message_dict) == [field]


def test_the_token_is_kept_nowhere(lead: Person) -> None:
    made, token = link(lead)
    assert token not in str(vars(made))


# -- Lists ----------------------------------------------------------------------------------------------------


@pytest.fixture
def team() -> Team:
    return TeamFactory.create(name="Lighting Lab")


def test_each_line_is_read_and_judged(lead: Person, team: Team) -> None:
    PersonFactory.create(email="here@x.example")
    invite(email="asked@x.example", by=lead, now=NOW)
    rows = [
        ["E-mail", "Role", "Team"],
        ["ada@x.example", "reviewer", "lighting lab"],
        ["bob@x.example"],
        [],
        ["ADA@x.example"],
        ["here@x.example"],
        ["asked@x.example"],
        ["not an address"],
        ["c@x.example", "king"],
        ["d@x.example", "admin"],
        ["e@x.example", "", "No such team"],
    ]
    found = read_list(rows=rows, by=lead, now=NOW)
    assert [(row.line, row.is_new) for row in found] == [
        (2, True),
        (3, True),
        (5, False),
        (6, False),
        (7, False),
        (8, False),
        (9, False),
        (10, False),
        (11, False),
    ]
    assert (found[0].role, found[0].team) == ("reviewer", team)
    assert [bool(row.problem) for row in found] == [False] * 5 + [True] * 4
    assert [row.note for row in found[2:5]] == ["named twice", "is here already", "was invited already"]


def test_a_list_with_a_bad_line_invites_nobody(lead: Person) -> None:
    rows = read_list(rows=[["ada@x.example"], ["nonsense @"]], by=lead, now=NOW)
    with pytest.raises(ListRefused):
        invite_list(rows=rows, by=lead, now=NOW)
    assert not Invitation.objects.exists()


def test_others_invite_nobody(author: Person) -> None:
    with pytest.raises(NotALead):
        read_list(rows=[["ada@x.example"]], by=author, now=NOW)


def test_everybody_on_it_gets_one_mail_with_a_link_that_works(lead: Person) -> None:
    now = timezone.now()
    invite_list(rows=read_list(rows=[["ada@x.example"], ["bob@x.example"]], by=lead, now=now), by=lead, now=now)
    assert has_invitations(timezone.now())
    for _run in range(2):
        mail_invitations(NoContext())  # type: ignore[arg-type]  # all that the job asks of it
    assert sorted(message.to[0] for message in mail.outbox) == ["ada@x.example", "bob@x.example"]
    token = str(mail.outbox[0].body).split("/invitation/")[1].split("/")[0]
    found = find_invitation(token=token, now=timezone.now())
    assert found is not None
    assert found.email == mail.outbox[0].to[0]


def test_a_mail_that_is_refused_is_tried_again_three_times(lead: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    invite_list(rows=read_list(rows=[["ada@x.example"]], by=lead, now=now), by=lead, now=now)
    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
    for _run in range(4):
        mail_invitations(NoContext())  # type: ignore[arg-type]  # all that the job asks of it
    one = Invitation.objects.get()
    assert (one.mail_failures, one.mailed_at, has_invitations(timezone.now())) == (3, None, False)
    invitations.mail_again(invitation=one, by=lead, now=timezone.now())
    assert has_invitations(timezone.now())


# -- The page -------------------------------------------------------------------------------------------------


def test_a_lead_looks_at_a_list_and_invites_it(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    client, lines = sign_in(lead), "ada@x.example\nbob@x.example,reviewer\n"
    looked = client.post("/invitations/", {"addresses": lines, "look": "1"})
    assert looked.context["counts"] == {"new": 2, "wrong": 0, "known": 0}
    assert not Invitation.objects.exists()
    page = client.post("/invitations/", {"addresses": lines, "invite": "1"}, follow=True)
    assert "2 invitations are on their way." in page.content.decode()
    assert Invitation.objects.get(email="bob@x.example").role == "reviewer"


def test_a_file_of_a_spreadsheet_is_read(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    file = SimpleUploadedFile("people.csv", b"\xef\xbb\xbfemail;role\r\nada@x.example;reviewer\r\n")
    page = sign_in(lead).post("/invitations/", {"addresses": "", "file": file, "look": "1"})
    assert [(row.email, row.role) for row in page.context["rows"]] == [("ada@x.example", "reviewer")]


@pytest.mark.parametrize(
    ("upload", "says"),
    [(b"\xff\xfe\x00", "not UTF-8"), (b"a\x00b@x.example", "character"), (b"x" * 1_000_001, "larger than a megabyte")],
)
def test_a_file_that_can_not_be_read_says_why(
    lead: Person, sign_in: Callable[[Person], Client], upload: bytes, says: str
) -> None:
    file = SimpleUploadedFile("people.csv", upload)
    page = sign_in(lead).post("/invitations/", {"addresses": "", "file": file, "look": "1"})
    assert page.status_code == 400
    assert says in page.content.decode()


def test_an_empty_list_says_what_to_do(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    page = sign_in(lead).post("/invitations/", {"addresses": " \n", "look": "1"})
    assert (page.status_code, "Give at least one address." in page.content.decode()) == (400, True)


def test_too_long_a_list_is_refused(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    lines = "".join(f"p{number}@x.example\n" for number in range(2_001))
    page = sign_in(lead).post("/invitations/", {"addresses": lines, "look": "1"})
    assert "At most 2,000 addresses" in page.content.decode()


def test_a_link_is_shown_once(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(lead)
    page = client.post(
        "/invitations/", {"role": "contributor", "most_uses": 5, "link_team": "", "note": "", "link": "1"}
    )
    shown = page.context["made"]
    assert "/invitation/" in shown
    assert shown not in client.get("/invitations/").content.decode()


def test_a_lead_takes_back_and_mails_again(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(lead)
    one, _token = invite(email="ada@x.example", by=lead, now=timezone.now())
    client.post(f"/invitations/{one.pk}/mail/")
    assert Invitation.objects.get().mail_wanted
    client.post(f"/invitations/{one.pk}/revoke/")
    assert not Invitation.objects.exists()
    made, _token = link(lead)
    client.post(f"/invitations/links/{made.pk}/revoke/")
    made.refresh_from_db()
    assert made.revoked_at


@pytest.mark.parametrize("path", ["", "1/revoke/", "1/mail/", "links/1/revoke/"])
def test_the_page_is_for_leads(author: Person, sign_in: Callable[[Person], Client], path: str) -> None:
    assert sign_in(author).post(f"/invitations/{path}").status_code == 403


def test_the_page_costs_the_same_for_many(
    lead: Person, sign_in: Callable[[Person], Client], django_assert_num_queries: Any
) -> None:
    client = sign_in(lead)
    client.get("/invitations/")
    link(lead)
    invite(email="z@x.example", by=lead, now=timezone.now())
    with django_assert_num_queries(9):
        client.get("/invitations/")
    for number in range(4):
        link(lead, note=str(number))
        invite(email=f"p{number}@x.example", by=lead, now=timezone.now())
    with django_assert_num_queries(9):
        client.get("/invitations/")

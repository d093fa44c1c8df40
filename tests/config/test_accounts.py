from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client

from collector.actions.people import invite, sign_in_link
from collector.models import Person
from tests.factories import NOW, PersonFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db
PASSWORD = "a long and quiet password"


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """The rate limits of sign-in and sign-up count from nothing in each test."""
    cache.clear()
    yield
    cache.clear()


def path_of(person: Person) -> str:
    return sign_in_link(person=person, base="")


def sign_up(email: str, client: Client | None = None) -> tuple[int, str]:
    body = {"email": email, "display_name": "Grace Guest", "password1": PASSWORD, "password2": PASSWORD, "team": ""}
    answer = (client or Client()).post("/accounts/signup/", body)
    return answer.status_code, answer.content.decode()


def test_a_sign_in_link_asks_before_it_is_spent() -> None:
    person = PersonFactory.create()
    path = path_of(person)
    assert Client().get(path).status_code == 200
    assert Client().post(path).status_code == 302


def test_a_sign_in_link_leads_to_choosing_a_password() -> None:
    client = Client()
    answer = client.post(path_of(PersonFactory.create()))
    assert answer.headers["Location"] == "/accounts/password/set/"
    assert client.get("/").status_code == 200


def test_a_spent_link_says_so() -> None:
    path = path_of(PersonFactory.create())
    Client().post(path)
    answer = Client().post(path)
    assert answer.status_code == 410
    assert "was used or is too old" in answer.content.decode()


def test_sign_up_is_closed_without_a_domain_or_an_invitation() -> None:
    assert "By invitation" in Client().get("/accounts/signup/").content.decode()


def test_an_address_of_the_company_signs_up_as_a_contributor(settings: Any) -> None:
    settings.WOOLGATHER_SIGNUP_DOMAINS = ["corp.example"]
    status, _page = sign_up("grace@corp.example")
    person = Person.objects.get(email="grace@corp.example")
    assert status == 302
    assert person.role_names == {"contributor"}
    assert (person.display_name, person.handle) == ("Grace Guest", "grace-guest")


def test_another_address_is_refused_at_its_field(settings: Any) -> None:
    settings.WOOLGATHER_SIGNUP_DOMAINS = ["corp.example"]
    status, page = sign_up("grace@else.example")
    assert status == 200
    assert "Ask your campaign lead to invite this address" in page
    assert not Person.objects.filter(email="grace@else.example").exists()


def test_an_invitation_opens_sign_up_for_its_address() -> None:
    from django.utils import timezone

    _invitation, token = invite(email="grace@else.example", by=None, now=timezone.now(), role="reviewer")
    client = Client()
    assert client.get(f"/invitation/{token}/").headers["Location"] == "/accounts/signup/"
    status, _page = sign_up("grace@else.example", client)
    assert status == 302
    assert Person.objects.get(email="grace@else.example").has_role("reviewer")


def test_an_invitation_that_is_over_says_so() -> None:
    _invitation, token = invite(email="grace@else.example", by=None, now=NOW.replace(year=2020))
    assert Client().get(f"/invitation/{token}/").status_code == 410


def test_signing_in_with_a_password() -> None:
    person = PersonFactory.create(password=PASSWORD)
    answer = Client().post("/accounts/login/", {"login": person.email.upper(), "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_a_deactivated_person_does_not_sign_in() -> None:
    person = PersonFactory.create(password=PASSWORD, is_active=False)
    client = Client()
    client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    assert client.get("/mine/").status_code == 302


def test_the_admin_signs_in_where_everybody_does() -> None:
    assert Client().get("/admin/").headers["Location"].startswith("/accounts/login/?next=/admin/") or (
        Client().get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")
    )


@pytest.mark.parametrize(("email", "kept"), [("grace@else.example", False), ("grace@corp.example", True)])
def test_a_second_address_is_held_to_the_same_domains(settings: Any, email: str, kept: bool) -> None:
    settings.WOOLGATHER_SIGNUP_DOMAINS = ["corp.example"]
    person = PersonFactory.create(email="ada@corp.example", password=PASSWORD)
    client = Client()
    client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    answer = client.post("/accounts/email/", {"action_add": "", "email": email})
    assert EmailAddress.objects.filter(email=email).exists() is kept
    if not kept:
        assert "Use one of the company&#x27;s own addresses" in answer.content.decode()

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.cache import cache
from django.test import Client

from tests.factories import PersonFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.models import Person

pytestmark = pytest.mark.django_db
PASSWORD = "a long and quiet password"


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """The rate limits count from nothing in each test."""
    cache.clear()
    yield
    cache.clear()


def try_in(email: str, password: str, *, address: str = "198.51.100.7", forwarded: str = "", next: str = "") -> Any:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    body = {"login": email, "password": password} | ({"next": next} if next else {})
    return Client().post("/accounts/login/", body, REMOTE_ADDR=address, headers=headers)


@pytest.fixture
def person() -> Person:
    return PersonFactory.create(password=PASSWORD)


def said(page: str) -> str:
    """Return the part of the page that differs from an empty form, without what was typed and the token."""
    import re

    return re.sub(r'(value|content)="[^"]*"|csrf\w*|nonce="[^"]*"|X-CSRFToken[^}]*', "", page)


def test_an_unknown_address_looks_and_costs_like_a_known_one(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, password: str, salt: str) -> str:
        counted.append(password)
        return encode(self, password, salt)

    inactive = PersonFactory.create(password=PASSWORD, is_active=False)
    by_company = PersonFactory.create()
    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    pages, costs = [], []
    for email in (person.email, "nobody@example.com", inactive.email, by_company.email):
        counted.clear()
        answer = try_in(email, "a wrong password")
        costs.append(len(counted))
        pages.append(said(answer.content.decode()))
        assert answer.status_code == 200
    assert len(set(pages)) == 1
    assert set(costs) == {1}


def test_a_password_reset_tells_nobody_who_is_here(person: Person) -> None:
    answers = []
    for email in (person.email, "nobody@example.com"):
        answer = Client().post("/accounts/password/reset/", {"email": email})
        answers.append((answer.status_code, answer.headers["Location"]))
    assert len(set(answers)) == 1
    assert {message.to[0] for message in mail.outbox} == {person.email, "nobody@example.com"}


def test_an_account_is_closed_to_guessing_from_many_addresses(person: Person) -> None:
    for number in range(5):
        try_in(person.email, f"wrong {number}", address=f"198.51.100.{number}")
    assert try_in(person.email, PASSWORD, address="198.51.100.99").status_code == 200
    other = PersonFactory.create(password=PASSWORD)
    assert try_in(other.email, PASSWORD, address="198.51.100.99").status_code == 302


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_a_forged_forwarded_address_does_not_begin_anew(settings: Any, proxies: int, person: Person) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/ip"}
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    # What the guesser sends, then what the company's own proxies add.
    own = {0: "", 1: ", 203.0.113.5", 2: ", 203.0.113.5, 10.0.0.2"}[proxies]
    for number in range(3):
        try_in(f"a{number}@example.com", "wrong", forwarded=f"192.0.2.{number}{own}")
    assert try_in(person.email, PASSWORD, forwarded=f"192.0.2.77{own}").status_code == 200
    elsewhere = {0: "", 1: ", 203.0.113.6", 2: ", 203.0.113.6, 10.0.0.2"}[proxies]
    address = "198.51.100.8" if proxies == 0 else "198.51.100.7"
    assert try_in(person.email, PASSWORD, address=address, forwarded=f"1.1.1.1{elsewhere}").status_code == 302


def test_a_request_that_came_past_the_proxies_is_no_error(settings: Any, person: Person) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    assert try_in(person.email, PASSWORD, forwarded="192.0.2.1").status_code == 302
    assert try_in(person.email, PASSWORD).status_code == 302


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(person: Person, next: str) -> None:
    assert try_in(person.email, PASSWORD, next=next).headers["Location"] == "/"
    assert try_in(person.email, PASSWORD, next="/mine/").headers["Location"] == "/mine/"

"""Rate limits: per person, per address for strangers, and what holds while nobody counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import caches
from django.test import Client, RequestFactory

from tests.collector.callers import SUBMISSIONS, Caller, a_pair
from ui.addresses import client_address
from ui.limits import RateLimitMiddleware, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_counts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    caches["limits"].clear()
    monkeypatch.setattr(RateLimitMiddleware, "_down_until", 0.0)
    yield
    caches["limits"].clear()


@pytest.fixture
def few(settings: Any) -> None:
    settings.WOOLGATHER_LIMITS = {
        "write": "3/hour",
        "import": "1/hour",
        "api": "3/hour",
        "stranger": "3/hour",
    }


def test_a_rate_is_read() -> None:
    assert (parse("600/minute"), parse("5/day"), parse("")) == ((600, 60), (5, 86_400), (0, 0))


def test_a_person_writes_so_often_and_another_still_may(
    few: None, author: Person, reviewer: Person, sign_in: Callable[[Person], Client]
) -> None:
    one, other = sign_in(author), sign_in(reviewer)
    assert [one.post("/celebration/").status_code for _time in range(4)] == [302, 302, 302, 429]
    refused = one.post("/celebration/")
    assert int(refused.headers["Retry-After"]) > 0
    assert "kept in this browser" in refused.content.decode()
    assert one.get("/mine/").status_code == 200
    assert other.post("/celebration/").status_code == 302


def test_uploads_have_a_limit_of_their_own(few: None, reviewer: Person, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(reviewer)
    assert [client.post("/review/grid/upload/").status_code for _time in range(2)] == [400, 429]
    assert client.post("/celebration/").status_code == 302


def test_the_api_answers_with_problem_details(
    few: None, author: Person, campaign: Campaign, category: Category
) -> None:
    caller = Caller(author)
    assert [caller.get(SUBMISSIONS).status_code for _time in range(3)] == [200] * 3
    refused = caller.post(SUBMISSIONS, a_pair(campaign, category))
    assert (refused.status_code, refused.headers["Content-Type"]) == (429, "application/problem+json")
    assert refused.json()["status"] == 429
    assert refused.headers["Retry-After"]
    assert Caller(author).get(SUBMISSIONS).status_code == 200, "another token counts for itself"


def test_guessing_tokens_counts_against_the_address(few: None, author: Person) -> None:
    answers = [
        Client().get(SUBMISSIONS, headers={"Authorization": f"Bearer wg_{number}"}).status_code for number in range(5)
    ]
    assert answers == [401, 401, 401, 401, 429]
    assert Client(REMOTE_ADDR="10.0.0.9").get(SUBMISSIONS, headers={"Authorization": "Bearer wg_x"}).status_code == 401


def test_other_words_around_a_token_open_no_other_count(few: None, author: Person) -> None:
    caller = Caller(author)
    bearer = caller.headers["Authorization"]
    spaced = [bearer.replace(" ", " " * (1 + number)) for number in range(5)]
    answers = [Client().get(SUBMISSIONS, headers={"Authorization": one}).status_code for one in spaced]
    assert answers == [200, 200, 200, 429, 429]


def test_a_header_that_is_no_token_counts_for_the_person_behind_it(
    few: None, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    client = sign_in(author)
    answers = [
        client.get(SUBMISSIONS, headers={"Authorization": f"Nonsense {number}"}).status_code for number in range(5)
    ]
    assert answers[3:] == [429, 429]


def test_failed_sign_ins_are_not_forgotten_for_others_that_follow() -> None:
    cache = caches["default"]
    cache.set("failed:ada", 5)
    for number in range(700):
        cache.set(f"failed:{number}", 1)
    assert cache.get("failed:ada") == 5
    cache.clear()


class Broken:
    """A store that is away."""

    def __getattr__(self, _name: str) -> Any:
        raise ConnectionError("the store is away")


def test_without_a_store_saving_is_open_and_signing_in_closed(
    few: None,
    author: Person,
    campaign: Campaign,
    category: Category,
    sign_in: Callable[[Person], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, caller = sign_in(author), Caller(author)
    monkeypatch.setattr("ui.limits.caches", {"limits": Broken()})
    assert client.post("/celebration/").status_code == 302
    assert caller.post(SUBMISSIONS, a_pair(campaign, category)).status_code == 201
    closed = Client().post("/accounts/login/", {"login": author.email, "password": "x"})
    assert (closed.status_code, closed.headers["Retry-After"]) == (503, "5")
    assert Client().get("/accounts/login/").status_code == 200


@pytest.mark.parametrize(
    ("proxy", "forwarded", "expected"),
    [
        (None, "1.2.3.4", "10.0.0.1"),
        (("HTTP_X_FORWARDED_PROTO", "https"), "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (("HTTP_X_FORWARDED_PROTO", "https"), "nonsense", None),
    ],
)
def test_a_forged_header_changes_no_address(settings: Any, proxy: Any, forwarded: str, expected: str | None) -> None:
    settings.SECURE_PROXY_SSL_HEADER = proxy
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = int(proxy is not None)
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [("6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"), ("1.2.3.4, 10.0.0.2", "1.2.3.4"), ("1.2.3.4", "1.2.3.4")],
)
def test_behind_two_proxies_the_address_is_what_the_first_of_them_saw(
    settings: Any, forwarded: str, expected: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == expected

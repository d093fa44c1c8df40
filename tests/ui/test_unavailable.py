from __future__ import annotations

import html
import json
import re
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import InterfaceError, OperationalError, ProgrammingError

from collector import queries
from collector.actions import drafts, submissions
from collector.models import Campaign, Category, Draft, Person, Submission
from tests.collector.callers import SUBMISSIONS, Caller, a_pair
from ui import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(author: Person, sign_in: Callable[[Person], Client]) -> Client:
    client = sign_in(author)
    client.raise_request_exception = False
    return client


@pytest.fixture
def on_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside a test: PostgreSQL, and no transaction around the request."""
    monkeypatch.setattr(unavailable, "connection", SimpleNamespace(vendor="postgresql", in_atomic_block=False))


class _State(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def trouble(sqlstate: str = "57P01") -> OperationalError:
    error = OperationalError("terminating connection due to administrator command")
    error.__cause__ = _State(sqlstate)
    return error


def failing(error: Exception, times: int = 1000, then: Callable[..., Any] | None = None) -> Callable[..., Any]:
    calls = iter(range(10_000))

    def act(*args: Any, **kwargs: Any) -> Any:
        if next(calls) < times or then is None:
            raise error
        return then(*args, **kwargs)

    return act


def a_form(**others: str) -> dict[str, str]:
    return {
        "id": str(uuid.uuid4()),
        "version": "0",
        "instruction": " Why?\n",
        "response": "<b>So</b> & “so”.",
        **others,
    }


@pytest.mark.usefixtures("on_a_server", "category")
@pytest.mark.parametrize("error", [trouble(), trouble("55P03"), InterfaceError("connection already closed")])
def test_a_page_says_that_it_passes(client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(queries, "my_numbers", failing(error))
    answer = client.get("/?campaign=x")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    page = answer.content.decode()
    assert 'href="/?campaign=x"' in page
    assert "csrfmiddlewaretoken" not in page


@pytest.mark.usefixtures("on_a_server", "category")
def test_it_passes_although_nobody_knows_who_is_signed_in(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionStore, "load", failing(trouble()))
    assert client.get("/").status_code == 503


@pytest.mark.usefixtures("on_a_server")
def test_what_was_sent_can_be_sent_again_from_the_answer(
    client: Client, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = drafts.submit_draft
    monkeypatch.setattr(drafts, "submit_draft", failing(trouble(), 1, send))
    body, kind = urlencode(a_form()), "application/x-www-form-urlencoded"
    first = client.post(f"/write/{category.slug}/", body, content_type=kind)
    assert first.status_code == 503
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', first.content.decode())
    again = {name: html.unescape(value) for name, value in fields}
    second = client.post(f"/write/{category.slug}/", urlencode(again), content_type=kind)
    assert second.status_code == 302
    revision = Submission.objects.get().revisions.get()
    assert (revision.instruction, revision.response) == (" Why?\n", "<b>So</b> & “so”.")


@pytest.mark.usefixtures("on_a_server")
def test_the_api_answers_with_a_problem(
    author: Person, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(author)
    caller.client.raise_request_exception = False
    send = submissions.submit
    monkeypatch.setattr(submissions, "submit", failing(trouble(), 1, send))
    pair = a_pair(campaign, category)
    answer = caller.post(SUBMISSIONS, pair)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "2"
    assert json.loads(answer.content)["code"] == "unavailable"
    assert caller.post(SUBMISSIONS, pair).status_code == 201
    assert Submission.objects.get().pk == uuid.UUID(pair["id"])


@pytest.mark.usefixtures("on_a_server")
def test_a_deadlock_is_tried_again_with_the_same_text(
    client: Client, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "save_draft", failing(trouble("40P01"), 2, drafts.save_draft))
    assert client.post(f"/write/{category.slug}/draft/", a_form()).status_code == 200
    assert Draft.objects.get().response == "<b>So</b> & “so”."


@pytest.mark.usefixtures("on_a_server")
@pytest.mark.parametrize("by_session", [True, False])
def test_a_deadlock_of_a_program_is_tried_again_with_the_same_text(
    client: Client,
    author: Person,
    campaign: Campaign,
    category: Category,
    monkeypatch: pytest.MonkeyPatch,
    by_session: bool,
) -> None:
    monkeypatch.setattr(submissions, "submit", failing(trouble("40P01"), 2, submissions.submit))
    pair = a_pair(campaign, category)
    answer = (
        client.post(SUBMISSIONS, pair, content_type="application/json")
        if by_session
        else Caller(author).post(SUBMISSIONS, pair)
    )
    assert answer.status_code == 201, answer.content
    assert Submission.objects.get().revisions.get().response == pair["response"]


def test_json_too_large_for_one_request_is_said_to_be(
    author: Person, campaign: Campaign, category: Category, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = Caller(author).post(SUBMISSIONS, a_pair(campaign, category) | {"response": "x" * 2000})
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert not Submission.objects.exists()


@pytest.mark.usefixtures("on_a_server")
def test_a_deadlock_is_tried_three_times_and_no_more(
    client: Client, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "save_draft", failing(trouble("40001"), 3, drafts.save_draft))
    assert client.post(f"/write/{category.slug}/draft/", a_form()).status_code == 503
    assert not Draft.objects.exists()


@pytest.mark.usefixtures("on_a_server", "category")
def test_a_fault_of_ours_is_not_called_passing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "my_numbers", failing(ProgrammingError("column does not exist")))
    assert client.get("/").status_code == 500


@pytest.mark.parametrize(
    ("words", "passes"),
    [("database is locked", True), ("database or disk is full", True), ("no such table: x", False)],
)
def test_sqlite_says_in_words_what_passes(words: str, passes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unavailable, "connection", SimpleNamespace(vendor="sqlite"))
    assert unavailable.is_passing(OperationalError(words)) is passes


@pytest.mark.usefixtures("on_a_server")
def test_no_page_says_a_password_back(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.logout()
    monkeypatch.setattr("allauth.account.forms.LoginForm.clean", failing(trouble()))
    fields = urlencode({"login": "ada@example.com", "password": "correct horse"})
    answer = client.post("/accounts/login/", fields, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 503
    assert "correct horse" not in answer.content.decode()
    assert "Try again" in answer.content.decode()

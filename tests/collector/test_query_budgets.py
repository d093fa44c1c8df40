"""What the pages that everybody waits for may ask the database: so many queries, and not more with more records."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collector.models import Campaign, Category, Person, Submission
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


def counted(act: Callable[[], Any]) -> tuple[int, Any]:
    """Count the queries of an act, without those that begin and end its transaction."""
    with CaptureQueriesContext(connection) as captured:
        answer = act()
    # A test's own transaction makes savepoints of transactions.
    ends = ("SAVEPOINT", "RELEASE SAVEPOINT", "BEGIN", "COMMIT")
    return sum(not query["sql"].startswith(ends) for query in captured.captured_queries), answer


def post(client: Client, path: str, **fields: Any) -> Any:
    return client.post(path, urlencode(fields), content_type=FORM)


@pytest.fixture
def as_author(author: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(author)


@pytest.fixture
def as_reviewer(reviewer: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(reviewer)


def test_autosaves_and_sending(as_author: Client, category: Category) -> None:
    pair = {"id": str(uuid.uuid4()), "instruction": "Why is the sky blue?", "response": "Air scatters blue most."}
    address = f"/write/{category.slug}/"
    first, answer = counted(lambda: post(as_author, f"{address}draft/", version=0, **pair))
    assert answer.status_code == 200
    again, answer = counted(lambda: post(as_author, f"{address}draft/", version=1, **pair | {"response": "Air."}))
    assert answer.status_code == 200
    sent, answer = counted(lambda: post(as_author, address, version=2, **pair))
    assert (answer.status_code, answer.headers["Location"][-7:]) == (302, "?sent=1")
    assert first <= 13
    assert again <= 8
    assert sent <= 17


@pytest.mark.parametrize("records", [1, 12])
def test_the_queue(as_reviewer: Client, author: Person, campaign: Campaign, category: Category, records: int) -> None:
    for number in range(records):
        factories.make_submission(
            author=author, campaign=campaign, category=category, instruction=f"What is thing {number}?"
        )
    taken, answer = counted(lambda: as_reviewer.get("/review/"))
    assert answer.status_code == 302
    address = answer.headers["Location"]
    shown, page = counted(lambda: as_reviewer.get(address))
    assert page.status_code == 200
    revision = re.search(r'name="revision" value="(\d+)"', page.content.decode())
    assert revision is not None
    decided, answer = counted(lambda: post(as_reviewer, address, decision="approve", revision=revision.group(1)))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/review/")
    assert Submission.objects.approved().count() == 1
    assert taken <= 10
    assert shown <= 22
    assert decided <= 36


@pytest.mark.parametrize("records", [1, 12])
@pytest.mark.parametrize(("address", "budget"), [("/", 12), ("/mine/", 10), ("/leaderboard/", 8)])
def test_pages_that_everybody_opens(
    as_author: Client, author: Person, campaign: Campaign, category: Category, address: str, budget: int, records: int
) -> None:
    for number in range(records):
        factories.make_submission(
            author=author, campaign=campaign, category=category, instruction=f"What is thing {number}?"
        )
    queries, answer = counted(lambda: as_author.get(address))
    assert answer.status_code == 200
    assert queries <= budget

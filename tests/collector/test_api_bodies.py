"""What the API does with bodies that no person would write: a 400 that names the fault, never a 500."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from collector.models import Review, Submission
from tests import factories
from tests.collector.callers import SUBMISSIONS, Caller, a_pair

if TYPE_CHECKING:
    from collector.models import Campaign, Category, Person


@pytest.fixture
def pair(campaign: Campaign, category: Category) -> dict[str, str]:
    """What a client sends."""
    return a_pair(campaign, category)


BAD_BODIES = {
    "NaN": '{"instruction": NaN}',
    "Infinity": '{"instruction": -Infinity}',
    "a key twice": '{"instruction": "a", "instruction": "b"}',
    "deep nesting": '{"instruction": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "nesting that parses": '{"instruction": ' + "[" * 200 + "]" * 200 + "}",
    "not UTF-8": b'{"instruction": "\xff"}',
    "a list": "[]",
    "null": "null",
    "a number": "7",
    "nothing": "",
    "cut off": '{"instruction": "',
    "a huge number": '{"instruction": ' + "9" * 5000 + "}",
    "a surrogate as a key": '{"\\ud800": 1}',
    "a NUL as a key": '{"\\u0000": 1}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
@pytest.mark.parametrize("place", ["submissions", "reviews"])
def test_a_body_that_is_no_pair_is_a_400(author: Person, reviewer: Person, place: str, body: str | bytes) -> None:
    if place == "submissions":
        answer = Caller(author).post(SUBMISSIONS, body)
    else:
        submission = factories.make_submission(author=author)
        answer = Caller(reviewer, "review").post(f"{SUBMISSIONS}{submission.pk}/reviews/", body)
    assert answer.status_code == 400, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 400


WRONG: list[Any] = [None, True, 7, 1.5, 10**30, [], {}, ["a"], "nul\x00", "\ud800", "😀\udfff"]
FIELDS = ["id", "campaign", "category", "passage", "instruction", "context", "response", "language"]


@pytest.mark.parametrize("value", WRONG, ids=ascii)
@pytest.mark.parametrize("name", [*FIELDS, "source_title", "source_url"])
def test_a_value_of_the_wrong_kind_is_refused_by_name(
    author: Person, pair: dict[str, str], name: str, value: Any
) -> None:
    answer = Caller(author).post(SUBMISSIONS, pair | {name: value})
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [name]
    assert not Submission.objects.exists()


@pytest.mark.parametrize(("text", "place"), [("ab\x00", "Character 3"), ("a\ud800", "Character 2")])
def test_the_place_of_a_character_that_cant_be_stored_is_named(
    author: Person, pair: dict[str, str], text: str, place: str
) -> None:
    answer = Caller(author).post(SUBMISSIONS, pair | {"context": text})
    assert place in answer.json()["errors"]["context"][0]


SAID: dict[str, list[Any]] = {
    "revision": [True, "1", 1.5, 0, -1, 10**30, [], {}],
    "rating": [True, "1", 1.5, 0, -1, 10**30, [], {}],
    "decision": [None, 1, "perhaps", "\ud800", []],
    "reasons": [None, "copied", [1], ["\ud800"], ["nonsense"], {"a": 1}, [["copied"]]],
    "comment": [None, 1, "\x00", "\ud800"],
    **{name: [1] for name in ("reviewer", "author", "voided_at", "created_at", "id", "points")},
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in SAID for value in SAID[name]], ids=ascii)
def test_a_review_takes_only_what_a_reviewer_says(author: Person, reviewer: Person, name: str, value: Any) -> None:
    submission = factories.make_submission(author=author)
    body = {"revision": 1, "decision": "reject", "comment": "No.", name: value}
    answer = Caller(reviewer, "review").post(f"{SUBMISSIONS}{submission.pk}/reviews/", body)
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [name]
    assert not Review.objects.exists()


def test_a_form_is_not_taken_for_json(author: Person, pair: dict[str, str]) -> None:
    caller = Caller(author)
    assert caller.client.post(SUBMISSIONS, pair, headers=caller.headers).status_code == 415

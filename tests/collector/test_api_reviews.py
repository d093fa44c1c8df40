from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from collector.actions.locks import lock
from collector.actions.reviews import undo
from collector.actions.submissions import resubmit
from collector.models import Review
from collector.pairs import Text
from tests.factories import NOW, CampaignFactory, PersonFactory, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Person

pytestmark = pytest.mark.django_db


def post(client: Client, item: Any, **body: Any) -> Any:
    return client.post(
        f"/api/v1/submissions/{item.pk}/reviews/", {"revision": 1, **body}, content_type="application/json"
    )


def test_a_review_carries_a_rating_of_each_part(sign_in: Callable[[Person], Client]) -> None:
    answer = post(sign_in(a_reviewer()), make_submission(), decision="approve", rating_instruction=3, rating_response=4)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["rating_instruction"], body["rating_response"], body["rating"]) == (3, 4, 4)
    assert body["is_last_word"] is False


SAID = {"decision": "request_changes", "comment": "Please say more.", "rating": 2, "reasons": ["incomplete"]}


def test_a_decision_whose_answer_was_lost_is_answered_again(sign_in: Callable[[Person], Client]) -> None:
    item, client = make_submission(), sign_in(a_reviewer())
    first, second = post(client, item, **SAID), post(client, item, **SAID)
    assert (first.status_code, second.status_code) == (201, 200), second.content
    assert second.json() == first.json()
    item.refresh_from_db()
    resubmit(submission=item, base_revision=1, text=Text.of("New", "", "text"), by=item.author, now=NOW)
    assert post(client, item, **SAID).json() == first.json()
    assert Review.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [{"decision": "reject"}, {"comment": "Other words."}, {"rating": 3}, {"reasons": []}, {"revision": 2}],
    ids=str,
)
def test_another_decision_than_the_first_is_a_conflict(
    sign_in: Callable[[Person], Client], other: dict[str, Any]
) -> None:
    item, client = make_submission(), sign_in(a_reviewer())
    assert post(client, item, **SAID).status_code == 201
    answer = post(client, item, **SAID | other)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_decided")
    assert Review.objects.count() == 1


def test_a_decision_that_was_undone_is_made_anew(sign_in: Callable[[Person], Client]) -> None:
    item, judge = make_submission(), a_reviewer()
    client = sign_in(judge)
    post(client, item, **SAID)
    undo(review=Review.objects.get(), by=judge, now=Review.objects.get().created_at)
    assert post(client, item, **SAID).status_code == 201
    assert Review.objects.standing().count() == 1


def test_anothers_decision_is_nobodys_answer(sign_in: Callable[[Person], Client]) -> None:
    item = make_submission()
    post(sign_in(a_reviewer()), item, **SAID)
    assert post(sign_in(a_reviewer()), item, **SAID).status_code == 409


def test_a_rating_of_a_part_goes_from_one_to_five(sign_in: Callable[[Person], Client]) -> None:
    answer = post(sign_in(a_reviewer()), make_submission(), decision="approve", rating_instruction=0)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"rating_instruction"}


@pytest.mark.parametrize("field", ["is_last_word", "seconds", "batch", "voided_at"])
def test_what_follows_from_what_people_do_cannot_be_sent(sign_in: Callable[[Person], Client], field: str) -> None:
    answer = post(sign_in(a_reviewer()), make_submission(), decision="approve", **{field: 1})
    assert answer.status_code == 400
    assert "can't be set" in answer.json()["errors"][field][0]


def test_a_locked_record_is_a_conflict_and_says_since_when(sign_in: Callable[[Person], Client]) -> None:
    item = make_submission()
    lock(submission=item, by=PersonFactory.create(roles=["lead"]), now=NOW)
    client = sign_in(a_reviewer())
    answer = post(client, item, decision="approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "locked")
    assert client.get(f"/api/v1/submissions/{item.pk}/").json()["locked_at"] == "2026-03-02T09:30:00Z"


def test_independent_reviews_are_listed_after_the_verdict(sign_in: Callable[[Person], Client]) -> None:
    item = make_submission(campaign=CampaignFactory.create(reviews_per_item=2))
    decide(item, "approve", by=a_reviewer())
    client = sign_in(a_reviewer())
    assert client.get(f"/api/v1/submissions/{item.pk}/reviews/").json()["results"] == []
    decide(item, "approve", by=a_reviewer())
    assert len(client.get(f"/api/v1/submissions/{item.pk}/reviews/").json()["results"]) == 2

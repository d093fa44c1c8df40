from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from collector.actions.locks import lock
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

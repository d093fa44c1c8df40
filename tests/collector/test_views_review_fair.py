from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from collector.actions.gold import make_gold
from collector.actions.leases import hand_out
from collector.models import GoldAnswer, Review, ReviewLease
from tests.factories import (
    NOW,
    CampaignFactory,
    PersonFactory,
    current_revision,
    decide,
    make_submission,
)
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Person, Submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(reviewer: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(reviewer)


def address(submission: Submission) -> str:
    return f"/review/{submission.pk}/"


def page_of(client: Client, submission: Submission) -> str:
    return client.get(address(submission)).content.decode()


def edit(client: Client, submission: Submission, **fields: str) -> object:
    text = {"instruction": "Asked better", "context": "", "response": "Said better"}
    return client.post(address(submission), {"decision": "edit_and_approve", "revision": "1", **text, **fields})


@pytest.fixture
def disputed() -> Submission:
    submission = make_submission(campaign=CampaignFactory.create(reviews_per_item=2))
    decide(submission, "approve", by=a_reviewer(display_name="Ada Yes"), rating_instruction=5, rating_response=4)
    decide(submission, "reject", by=a_reviewer(display_name="Ben No"), comment="Wrong in the middle.")
    submission.refresh_from_db()
    assert submission.disputed_at is not None
    return submission


def test_others_decisions_are_not_shown_before_ones_own(client: Client) -> None:
    submission = make_submission(campaign=CampaignFactory.create(reviews_per_item=2))
    decide(submission, "reject", by=a_reviewer(display_name="Ben No"), comment="Wrong in the middle.")
    page = page_of(client, submission)
    assert "2 reviewers decide each item by themselves" in page
    assert "Wrong in the middle." not in page
    assert "Ben No" not in page


def test_a_lead_sees_who_disagrees_and_how_and_has_the_last_word(
    disputed: Submission, sign_in: Callable[[Person], Client]
) -> None:
    client = sign_in(PersonFactory.create(roles=["lead"]))
    page = client.get("/review/", follow=True).content.decode()
    for words in ("you have the last word", "Ada Yes", "Ben No", "Wrong in the middle.", "Instruction 5", "response 4"):
        assert words in page
    client.post(address(disputed), {"decision": "approve", "revision": 1})
    disputed.refresh_from_db()
    assert disputed.status == "approved"
    assert Review.objects.get(is_last_word=True).decision == "approve"


def test_a_disputed_item_says_to_others_that_a_lead_decides(disputed: Submission, client: Client) -> None:
    answer = client.get(address(disputed))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "waits for a campaign lead" in page
    assert "Ben No" not in page


def test_after_ones_own_decision_the_page_shows_it(client: Client, reviewer: Person) -> None:
    submission = make_submission(campaign=CampaignFactory.create(reviews_per_item=2))
    decide(submission, "reject", by=reviewer, comment="My own words.")
    answer = client.get(address(submission))
    assert answer.status_code == 409
    assert "My own words." in answer.content.decode()


@pytest.fixture
def check(reviewer: Person) -> Submission:
    """A gold item that the queue has given to the reviewer."""
    submission = make_submission(status="approved", instruction="Why is the sea salty?", by_reviewer=a_reviewer())
    lead = PersonFactory.create(roles=["lead"])
    make_gold(submission=submission, decision="request_changes", why="It leaves the third out.", by=lead, now=NOW)
    hand_out(submission=submission, by=reviewer, now=timezone.now())
    return submission


def without_what_differs(page: str, submission: Submission) -> str:
    """Take out what belongs to the one item: its address, its words, the tokens of the forms."""
    revision = current_revision(submission)
    for own in (str(submission.pk), revision.instruction):
        page = page.replace(own, "…")
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"', "", page)


def test_a_check_looks_like_any_other_item(check: Submission, client: Client) -> None:
    as_check = page_of(client, check)
    ReviewLease.objects.all().delete()
    ordinary = make_submission(
        instruction="List five herbs for a balcony.", campaign=check.campaign, category=check.category
    )
    as_ordinary = page_of(client, ordinary)
    assert without_what_differs(as_check, check) == without_what_differs(as_ordinary, ordinary)


def test_a_check_is_answered_and_explained_afterwards(check: Submission, client: Client, reviewer: Person) -> None:
    answer = client.post(address(check), {"decision": "approve", "revision": 1, "rating_response": 5}, follow=True)
    page = answer.content.decode()
    given = GoldAnswer.objects.get()
    assert (given.reviewer, given.decision, given.rating_response) == (reviewer, "approve", 5)
    for words in ("This one was a check", "It leaves the third out.", "Here you differ."):
        assert words in page
    assert Review.objects.filter(reviewer=reviewer).count() == 0


def test_editing_a_check_counts_as_asking_for_changes(check: Submission, client: Client) -> None:
    edit(client, check)
    assert GoldAnswer.objects.get().decision == "request_changes"
    assert check.revisions.count() == 1


def test_the_answer_is_for_those_who_gave_one(check: Submission, client: Client) -> None:
    assert client.get(f"{address(check)}answer/").status_code == 404

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from collector.actions.reviews import undo
from collector.models import GoldItem, Review, ReviewLease
from tests.factories import (
    NOW,
    PersonFactory,
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


def test_the_next_page_offers_the_undo_and_it_leads_back_with_what_was_entered(client: Client) -> None:
    submission = make_submission()
    sent = {
        "decision": "reject",
        "revision": 1,
        "comment": "Too hasty",
        "rating_response": 2,
        "reasons": ["inaccurate"],
    }
    page = client.post(address(submission), sent, follow=True).content.decode()
    review = Review.objects.get()
    assert f'action="/review/undo/{review.pk}/"' in page
    answer = client.post(f"/review/undo/{review.pk}/", follow=True)
    submission.refresh_from_db()
    assert submission.status == "submitted"
    assert "Too hasty" in answer.content.decode()
    form = answer.context["form"]
    assert (form["rating_response"].value(), form["reasons"].value()) == (2, ["inaccurate"])


def test_an_older_decision_is_not_offered_for_undoing_and_refused(client: Client, reviewer: Person) -> None:
    submission = make_submission()
    review = decide(submission, "approve", by=reviewer)
    assert "data-undo" not in client.get("/review/").content.decode()
    page = client.post(f"/review/undo/{review.pk}/", follow=True).content.decode()
    submission.refresh_from_db()
    assert submission.status == "approved"
    assert "ten seconds are over" in page


def test_nobody_undoes_the_decision_of_another(client: Client) -> None:
    review = decide(make_submission(), "approve", by=a_reviewer(), now=timezone.now())
    assert client.post(f"/review/undo/{review.pk}/").status_code == 404


@pytest.mark.parametrize("undone", ["x", "9" * 30, "-1", ""])
def test_a_made_up_undo_fills_nothing_in(undone: str, client: Client) -> None:
    answer = client.get(f"{address(make_submission())}?undone={undone}")
    assert "Undone." not in answer.content.decode()


def test_the_words_of_another_reviewers_undone_decision_stay_theirs(client: Client) -> None:
    submission = make_submission()
    other = a_reviewer()
    review = decide(submission, "reject", by=other, comment="Secret words")
    undo(review=review, by=other, now=NOW)
    ReviewLease.objects.all().delete()
    assert "Secret words" not in client.get(f"{address(submission)}?undone={review.pk}").content.decode()


def test_a_lead_makes_and_retires_a_check(sign_in: Callable[[Person], Client]) -> None:
    submission = make_submission(status="approved")
    client = sign_in(PersonFactory.create(roles=["lead"]))
    client.post(f"{address(submission)}gold/", {"decision": "reject", "why": "  It is invented.\n"})
    gold = GoldItem.objects.get()
    assert (gold.submission, gold.decision, gold.why) == (submission, "reject", "  It is invented.\n")
    client.post(f"{address(submission)}gold/retire/")
    gold.refresh_from_db()
    assert gold.retired_at is not None


@pytest.mark.parametrize("sent", [{"decision": "approve", "why": ""}, {"decision": "perhaps", "why": "Because."}, {}])
def test_a_check_without_a_reason_is_refused(sent: dict[str, str], sign_in: Callable[[Person], Client]) -> None:
    submission = make_submission(status="approved")
    client = sign_in(PersonFactory.create(roles=["lead"]))
    answer = client.post(f"{address(submission)}gold/", sent)
    assert answer.status_code == 302
    assert not GoldItem.objects.exists()


def test_a_reviewer_makes_no_checks(client: Client) -> None:
    client.post(f"{address(make_submission(status='approved'))}gold/", {"decision": "reject", "why": "No."})
    assert not GoldItem.objects.exists()


def test_a_lead_locks_and_unlocks(sign_in: Callable[[Person], Client]) -> None:
    submission = make_submission()
    lead = PersonFactory.create(roles=["lead"], display_name="Lea Lock")
    client = sign_in(lead)
    assert client.post(f"{address(submission)}lock/", {"next": "/review/"}).headers["Location"] == "/review/"
    answer = client.get(address(submission))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "This record is locked" in page
    assert "Locked by Lea Lock" in page
    client.post(f"{address(submission)}unlock/")
    submission.refresh_from_db()
    assert submission.locked_at is None


def test_a_lock_leads_to_no_other_site(sign_in: Callable[[Person], Client]) -> None:
    submission = make_submission()
    client = sign_in(PersonFactory.create(roles=["lead"]))
    answer = client.post(f"{address(submission)}lock/", {"next": "https://evil.example/"})
    assert answer.headers["Location"] == f"/submissions/{submission.pk}/"


def test_a_reviewer_does_not_lock(client: Client) -> None:
    submission = make_submission()
    client.post(f"{address(submission)}lock/")
    submission.refresh_from_db()
    assert submission.locked_at is None
    assert "Lock this record" not in page_of(client, submission)


def test_the_lead_finds_the_tools_on_the_submissions_page(sign_in: Callable[[Person], Client]) -> None:
    submission = make_submission(status="approved")
    client = sign_in(PersonFactory.create(roles=["lead"]))
    page = client.get(f"/submissions/{submission.pk}/").content.decode()
    assert f'action="{address(submission)}gold/"' in page
    assert f'action="{address(submission)}lock/"' in page
    client.post(f"{address(submission)}gold/", {"decision": "approve", "why": "It is complete."})
    page = client.get(f"/submissions/{submission.pk}/").content.decode()
    assert f'action="{address(submission)}gold/retire/"' in page


def test_what_waits_can_be_locked_but_is_no_check(sign_in: Callable[[Person], Client]) -> None:
    submission = make_submission()
    page = sign_in(PersonFactory.create(roles=["lead"])).get(f"/submissions/{submission.pk}/").content.decode()
    assert f'action="{address(submission)}lock/"' in page
    assert f'action="{address(submission)}gold/"' not in page


def test_nobody_else_sees_the_leads_tools(client: Client, sign_in: Callable[[Person], Client]) -> None:
    submission = make_submission(status="approved")
    for visitor in (client, sign_in(submission.author)):
        assert "For campaign leads" not in visitor.get(f"/submissions/{submission.pk}/").content.decode()

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction

from collector.actions.reviews import AlreadyDecided, NeedsLead, OwnWork, RevisionChanged, revoke_approval
from collector.actions.submissions import resubmit, withdraw
from collector.models import Award, Event, Review
from collector.pairs import Text
from tests.factories import NOW, CampaignFactory, PersonFactory, contributor_in, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Person, Submission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plain_points")]


@pytest.fixture
def lead(db: None) -> Person:
    return PersonFactory.create(roles=["lead"])


@pytest.fixture
def item() -> Submission:
    """A pair that three reviewers are to decide without seeing each other's decisions."""
    return make_submission(campaign=CampaignFactory.create(reviews_per_item=3))


def points(person: Person) -> int:
    return sum(Award.objects.filter(person=person).values_list("points", flat=True))


def decisions(item: Submission, *made: str) -> list[Review]:
    reviews = [decide(item, decision, by=a_reviewer()) for decision in made]
    item.refresh_from_db()
    return reviews


@pytest.mark.parametrize("decision", ["approve", "reject", "request_changes"])
def test_one_decision_is_no_verdict(item: Submission, decision: str) -> None:
    decisions(item, decision, decision)
    assert (item.status, item.approved_at, item.disputed_at) == ("submitted", None, None)


@pytest.mark.parametrize(
    ("decision", "status"),
    [("approve", "approved"), ("reject", "rejected"), ("request_changes", "changes_requested")],
)
def test_equal_decisions_are_the_verdict(item: Submission, decision: str, status: str) -> None:
    decisions(item, decision, decision, decision)
    assert (item.status, item.disputed_at) == (status, None)


def test_the_author_is_paid_at_the_verdict_and_reviewers_per_decision(item: Submission) -> None:
    first = decisions(item, "approve", "approve")[0]
    assert (points(item.author), points(first.reviewer)) == (0, 2)
    decisions(item, "approve")
    assert points(item.author) == item.category.points


@pytest.mark.parametrize(
    "made",
    [
        ("approve", "approve", "reject"),
        ("reject", "request_changes", "reject"),
        ("request_changes", "approve", "approve"),
    ],
)
def test_different_decisions_are_a_dispute(item: Submission, made: tuple[str, ...]) -> None:
    decisions(item, *made)
    assert (item.status, item.disputed_at) == ("submitted", NOW)


def test_a_dispute_is_in_the_history_and_names_nobody(item: Submission) -> None:
    decisions(item, "approve", "reject", "approve")
    last = item.events.order_by("-pk").first()
    assert last is not None
    assert (last.kind, last.by, last.status_before, last.status_after) == ("disputed", None, "submitted", "submitted")


def test_a_reviewer_does_not_decide_a_dispute(item: Submission) -> None:
    decisions(item, "approve", "reject", "approve")
    with pytest.raises(NeedsLead):
        decide(item, "approve", by=a_reviewer())


@pytest.mark.parametrize(
    ("word", "status"),
    [("approve", "approved"), ("reject", "rejected"), ("request_changes", "changes_requested")],
)
def test_a_lead_has_the_last_word(item: Submission, lead: Person, word: str, status: str) -> None:
    decisions(item, "approve", "reject", "request_changes")
    review = decide(item, word, by=lead)
    item.refresh_from_db()
    assert review.is_last_word
    assert (item.status, item.disputed_at) == (status, None)
    assert points(item.author) == (item.category.points if word == "approve" else 0)


def test_an_ordinary_decision_by_a_lead_is_no_last_word(item: Submission, lead: Person) -> None:
    assert not decide(item, "approve", by=lead).is_last_word
    item.refresh_from_db()
    assert item.status == "submitted"


def test_a_lead_who_decided_has_no_second_word_and_an_admin_has(item: Submission, lead: Person, admin: Person) -> None:
    decide(item, "approve", by=lead)
    decisions(item, "reject", "approve")
    with pytest.raises(AlreadyDecided, match="already decided"):
        decide(item, "approve", by=lead)
    assert decide(item, "approve", by=admin).is_last_word


def test_a_lead_has_no_last_word_on_their_own_work() -> None:
    campaign = CampaignFactory.create(reviews_per_item=2)
    item = make_submission(campaign=campaign, author=contributor_in(campaign, roles=["lead"]))
    decisions(item, "approve", "reject")
    with pytest.raises(OwnWork):
        decide(item, "approve", by=item.author)


def test_a_campaign_that_wants_more_approvals_than_reviews_waits_for_all() -> None:
    item = make_submission(campaign=CampaignFactory.create(reviews_per_item=2, approvals_required=3))
    decisions(item, "approve", "approve")
    assert item.status == "submitted"
    decisions(item, "approve")
    assert item.status == "approved"


def test_a_new_text_starts_the_count_again(item: Submission) -> None:
    decisions(item, "approve", "approve")
    resubmit(submission=item, base_revision=1, text=Text.of("New", "", "text"), by=item.author, now=NOW)
    decisions(item, "approve")
    assert item.status == "submitted"


def test_a_new_text_ends_a_dispute(item: Submission) -> None:
    decisions(item, "approve", "reject", "approve")
    resubmit(submission=item, base_revision=1, text=Text.of("New", "", "text"), by=item.author, now=NOW)
    item.refresh_from_db()
    assert item.disputed_at is None


def test_a_withdrawal_ends_a_dispute(item: Submission) -> None:
    decisions(item, "approve", "reject", "approve")
    withdraw(submission=item, by=item.author, now=NOW)
    item.refresh_from_db()
    assert (item.status, item.disputed_at) == ("withdrawn", None)


def test_a_revoked_approval_starts_the_count_again(item: Submission, admin: Person) -> None:
    made = decisions(item, "approve", "approve", "approve")
    revoke_approval(submission=item, reason="Look again.", by=admin, now=NOW)
    assert [points(review.reviewer) for review in made] == [0, 0, 0]
    decisions(item, "approve", "approve")
    assert item.status == "submitted"


def test_a_campaign_that_asks_for_fewer_reviews_meanwhile_decides_at_the_next(item: Submission) -> None:
    decisions(item, "approve", "approve")
    item.campaign.reviews_per_item = 2
    item.campaign.save()
    decisions(item, "approve")
    assert item.status == "approved"


def test_the_database_keeps_disputes_to_waiting_submissions() -> None:
    item = make_submission(status="approved")
    item.disputed_at = NOW
    with pytest.raises(IntegrityError, match="submission_disputed_only_while_waiting"), transaction.atomic():
        item.save()


# -- Nobody sees what others decided ------------------------------------------------------------------------


def test_others_decisions_are_unseen_until_the_verdict(item: Submission) -> None:
    first = decisions(item, "approve")[0]
    other = a_reviewer()
    for person in (other, item.author, PersonFactory.create(roles=["lead"])):
        assert not Review.objects.readable_by(person).exists()
        assert not Event.objects.readable_by(person).filter(kind="reviewed").exists()
    assert Review.objects.readable_by(first.reviewer).get() == first
    assert Event.objects.readable_by(first.reviewer).filter(kind="reviewed").exists()
    decisions(item, "approve", "approve")
    assert Review.objects.readable_by(item.author).count() == 3
    assert Event.objects.readable_by(other).filter(kind="reviewed").count() == 3


def test_a_dispute_opens_the_decisions_to_leads_alone(item: Submission, lead: Person) -> None:
    decisions(item, "approve", "reject", "approve")
    assert Review.objects.readable_by(lead).count() == 3
    assert Event.objects.readable_by(lead).filter(kind="reviewed").count() == 3
    assert not Review.objects.readable_by(item.author).exists()
    assert not Review.objects.readable_by(a_reviewer()).exists()


def test_decisions_on_an_older_text_are_readable(item: Submission) -> None:
    decisions(item, "request_changes", "request_changes", "request_changes")
    resubmit(submission=item, base_revision=1, text=Text.of("New", "", "text"), by=item.author, now=NOW)
    assert Review.objects.readable_by(a_reviewer()).count() == 3


def test_decisions_are_readable_at_once_where_one_reviewer_decides() -> None:
    item = make_submission(campaign=CampaignFactory.create(approvals_required=2))
    decide(item, "approve", by=a_reviewer())
    assert Review.objects.readable_by(item.author).count() == 1


def test_a_refusal_tells_nothing_of_others_decisions(item: Submission) -> None:
    made = decisions(item, "approve", "approve", "approve")
    with pytest.raises(AlreadyDecided) as caught:
        decide(item, "reject", by=a_reviewer())
    assert "approved" not in str(caught.value)
    assert not any(review.reviewer.display_name in str(caught.value) for review in made)


def test_a_refusal_after_a_withdrawal_does_not_name_the_author() -> None:
    item = make_submission(campaign=CampaignFactory.create(is_blind=False))
    withdraw(submission=item, by=item.author, now=NOW)
    with pytest.raises(AlreadyDecided, match="it is withdrawn") as caught:
        decide(item, "approve", by=a_reviewer())
    assert item.author.display_name not in str(caught.value)


def test_a_new_text_is_looked_at_before_it_is_decided(item: Submission) -> None:
    from collector.actions.reviews import decide as decide_action

    resubmit(submission=item, base_revision=1, text=Text.of("New", "", "text"), by=item.author, now=NOW)
    with pytest.raises(RevisionChanged):
        decide_action(submission=item, revision_number=1, decision="approve", by=a_reviewer(), now=NOW)


# -- Ratings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "overall"),
    [((4, 5), 5), ((3, 5), 4), ((1, 2), 2), ((1, 1), 1), ((5, 5), 5), ((None, 4), None), ((4, None), None)],
)
def test_the_overall_rating_is_the_mean_of_the_parts_with_halves_up(
    parts: tuple[int | None, int | None], overall: int | None
) -> None:
    review = decide(
        make_submission(), "approve", by=a_reviewer(), rating_instruction=parts[0], rating_response=parts[1]
    )
    review.refresh_from_db()
    assert (review.rating_instruction, review.rating_response, review.rating) == (*parts, overall)


def test_a_given_overall_rating_stands() -> None:
    review = decide(make_submission(), "approve", by=a_reviewer(), rating=2, rating_instruction=5, rating_response=5)
    assert review.rating == 2

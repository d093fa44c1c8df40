from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from collector.actions.drafts import save_edit
from collector.actions.locks import lock
from collector.actions.queue import lease_next
from collector.actions.reviews import (
    AlreadyDecided,
    LeasedToAnother,
    NeedsLead,
    NotAReviewer,
    OwnWork,
    undo,
)
from collector.actions.submissions import Locked, NotEditable, StaleRevision, resubmit
from collector.actions.suggestions import edit_and_approve, suggest_edit
from collector.errors import Refused
from collector.models import Award, Draft, Review, ReviewLease
from collector.pairs import Pasted, Text
from tests.factories import NOW, CampaignFactory, PersonFactory, current_revision, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plain_points")]
TEXT = Text.of("Why is the sky blue by day?", "", "Air scatters short waves most.")


@pytest.fixture
def lead(db: None) -> Person:
    return PersonFactory.create(roles=["lead"])


def points(person: Person) -> int:
    return sum(Award.objects.filter(person=person).values_list("points", flat=True))


def test_an_edit_is_a_revision_that_names_the_reviewer_and_the_author_stays() -> None:
    item, judge = make_submission(pasted=Pasted(count=2, characters=30)), a_reviewer()
    suggest_edit(submission=item, base_revision=1, text=TEXT, by=judge, now=NOW)
    revision = current_revision(item)
    assert (revision.number, revision.created_by, revision.instruction) == (2, judge, TEXT.instruction)
    assert (revision.pasted_count, revision.pasted_characters) == (2, 30)
    assert item.revisions.get(number=1).created_by == item.author
    assert (item.status, item.terms) == ("submitted", make_submission(author=item.author, campaign=item.campaign).terms)


def test_an_edit_is_in_the_history() -> None:
    item, judge = make_submission(), a_reviewer()
    suggest_edit(submission=item, base_revision=1, text=TEXT, by=judge, now=NOW)
    last = item.events.order_by("-pk").first()
    assert last is not None
    assert (last.kind, last.by, last.revision_number) == ("edited", judge, 2)


def test_an_edit_keeps_what_the_author_is_typing() -> None:
    item = make_submission()
    save_edit(submission=item, base_revision=1, text=Text.of("Half a", "", ""), version=0, by=item.author, now=NOW)
    suggest_edit(submission=item, base_revision=1, text=TEXT, by=a_reviewer(), now=NOW)
    assert Draft.objects.get(submission=item).instruction == "Half a"


def test_an_edit_keeps_the_item_with_its_reviewer() -> None:
    item, judge = make_submission(), a_reviewer()
    lease_next(by=judge, now=NOW)
    suggest_edit(submission=item, base_revision=1, text=TEXT, by=judge, now=NOW + timedelta(minutes=2))
    lease = ReviewLease.objects.get()
    assert (lease.reviewer, lease.taken_at) == (judge, NOW)


def test_a_resend_of_an_edit_makes_one_revision() -> None:
    item, judge = make_submission(), a_reviewer()
    for _press in range(2):
        suggest_edit(submission=item, base_revision=1, text=TEXT, by=judge, now=NOW)
    assert item.revisions.count() == 2


@pytest.mark.parametrize("role", ["reviewer", "lead", "admin"])
def test_nobody_suggests_an_edit_of_their_own_work(role: str) -> None:
    item = make_submission(author=PersonFactory.create(roles=[role]))
    with pytest.raises(OwnWork):
        suggest_edit(submission=item, base_revision=1, text=TEXT, by=item.author, now=NOW)


def test_a_contributor_does_not_edit_others_work() -> None:
    with pytest.raises(NotAReviewer):
        suggest_edit(submission=make_submission(), base_revision=1, text=TEXT, by=PersonFactory.create(), now=NOW)


def test_an_edit_of_an_older_text_is_refused() -> None:
    item = make_submission()
    resubmit(submission=item, base_revision=1, text=Text.of("New", "", "text"), by=item.author, now=NOW)
    with pytest.raises(StaleRevision):
        suggest_edit(submission=item, base_revision=1, text=TEXT, by=a_reviewer(), now=NOW)
    assert current_revision(item).instruction == "New"


def test_an_edit_is_a_whole_pair() -> None:
    with pytest.raises(ValidationError) as caught:
        suggest_edit(
            submission=make_submission(), base_revision=1, text=Text.of("Why?", "", " "), by=a_reviewer(), now=NOW
        )
    assert set(caught.value.message_dict) == {"response"}


def test_an_edit_changes_something() -> None:
    item = make_submission()
    same = current_revision(item)
    with pytest.raises(Refused, match="Nothing was changed"):
        suggest_edit(
            submission=item,
            base_revision=1,
            text=Text.of(same.instruction, same.context, same.response),
            by=a_reviewer(),
            now=NOW,
        )


def test_a_locked_record_is_not_edited_by_a_reviewer(lead: Person) -> None:
    item = make_submission()
    lock(submission=item, by=lead, now=NOW)
    with pytest.raises(Locked):
        suggest_edit(submission=item, base_revision=1, text=TEXT, by=lead, now=NOW)


def test_an_item_that_another_looks_at_is_not_edited() -> None:
    item = make_submission()
    lease_next(by=a_reviewer(), now=NOW)
    with pytest.raises(LeasedToAnother):
        suggest_edit(submission=item, base_revision=1, text=TEXT, by=a_reviewer(), now=NOW)


@pytest.mark.parametrize("status", ["rejected", "changes_requested", "withdrawn"])
def test_what_does_not_wait_is_not_edited(status: str, lead: Person) -> None:
    item = make_submission(status=status)
    with pytest.raises(NotEditable):
        suggest_edit(submission=item, base_revision=1, text=TEXT, by=lead, now=NOW)


def test_a_lead_edits_an_approved_one_and_it_waits_again(lead: Person) -> None:
    item = make_submission(status="approved")
    suggest_edit(submission=item, base_revision=1, text=TEXT, by=lead, now=NOW)
    item.refresh_from_db()
    assert (item.status, item.approved_at, points(item.author)) == ("submitted", None, 0)


def test_a_reviewer_does_not_edit_an_approved_one() -> None:
    with pytest.raises(NeedsLead):
        suggest_edit(
            submission=make_submission(status="approved"), base_revision=1, text=TEXT, by=a_reviewer(), now=NOW
        )


def test_a_reviewer_does_not_edit_a_dispute_away(lead: Person) -> None:
    item = make_submission(campaign=CampaignFactory.create(reviews_per_item=2))
    decide(item, "approve", by=a_reviewer())
    decide(item, "reject", by=a_reviewer())
    with pytest.raises(NeedsLead):
        suggest_edit(submission=item, base_revision=1, text=TEXT, by=a_reviewer(), now=NOW)
    suggest_edit(submission=item, base_revision=1, text=TEXT, by=lead, now=NOW)
    item.refresh_from_db()
    assert item.disputed_at is None


def test_a_reviewer_does_not_edit_and_decide_the_same_item_again_and_again() -> None:
    item, judge = make_submission(campaign=CampaignFactory.create(approvals_required=3)), a_reviewer()
    edit_and_approve(submission=item, base_revision=1, text=TEXT, by=judge, now=NOW)
    with pytest.raises(AlreadyDecided):
        edit_and_approve(submission=item, base_revision=2, text=Text.of("More", "", "text"), by=judge, now=NOW)
    assert points(judge) == 2


# -- Edit, then approve ------------------------------------------------------------------------------------


def test_edit_and_approve_approves_the_edited_text_and_pays_both() -> None:
    item, judge = make_submission(), a_reviewer()
    lease_next(by=judge, now=NOW)
    review = edit_and_approve(
        submission=item,
        base_revision=1,
        text=TEXT,
        by=judge,
        now=NOW + timedelta(seconds=90),
        rating_instruction=3,
        rating_response=4,
        comment="I made the question clearer.",
    )
    item.refresh_from_db()
    assert (item.status, review.revision.number, review.revision.created_by) == ("approved", 2, judge)
    assert (review.rating, review.seconds, review.comment) == (4, 90, "I made the question clearer.")
    assert (points(item.author), points(judge)) == (item.category.points, 2)
    assert list(item.events.order_by("pk").values_list("kind", flat=True)) == ["submitted", "edited", "reviewed"]


def test_edit_and_approve_does_both_or_neither() -> None:
    item = make_submission()
    with pytest.raises(ValidationError):
        edit_and_approve(submission=item, base_revision=1, text=TEXT, by=a_reviewer(), now=NOW, rating=9)
    item.refresh_from_db()
    assert (item.revision_number, item.status) == (1, "submitted")


def test_a_text_left_as_it_is_is_approved_as_it_is() -> None:
    item = make_submission()
    same = current_revision(item)
    text = Text.of(same.instruction, same.context, same.response)
    review = edit_and_approve(submission=item, base_revision=1, text=text, by=a_reviewer(), now=NOW)
    assert review.revision == same


def test_a_resend_of_edit_and_approve_is_one_decision() -> None:
    item, judge = make_submission(), a_reviewer()
    first = edit_and_approve(submission=item, base_revision=1, text=TEXT, by=judge, now=NOW)
    assert edit_and_approve(submission=item, base_revision=1, text=TEXT, by=judge, now=NOW) == first
    assert Review.objects.count() == 1


def test_what_is_approved_is_not_edited_and_approved_by_one_alone(lead: Person) -> None:
    item = make_submission(status="approved")
    with pytest.raises(AlreadyDecided):
        edit_and_approve(submission=item, base_revision=1, text=TEXT, by=lead, now=NOW)


def test_an_edit_starts_the_count_of_independent_reviews_again() -> None:
    item = make_submission(campaign=CampaignFactory.create(reviews_per_item=2))
    decide(item, "approve", by=a_reviewer())
    edit_and_approve(submission=item, base_revision=1, text=TEXT, by=a_reviewer(), now=NOW)
    item.refresh_from_db()
    assert item.status == "submitted"
    decide(item, "approve", by=a_reviewer())
    item.refresh_from_db()
    assert item.status == "approved"


def test_the_undo_of_edit_and_approve_leaves_the_edited_text_waiting() -> None:
    item, judge = make_submission(), a_reviewer()
    review = edit_and_approve(submission=item, base_revision=1, text=TEXT, by=judge, now=NOW)
    undo(review=review, by=judge, now=NOW)
    item.refresh_from_db()
    assert (item.status, item.revision_number) == ("submitted", 2)
    suggest_edit(submission=item, base_revision=2, text=Text.of("Back", "", "again"), by=judge, now=NOW)

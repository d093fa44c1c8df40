from __future__ import annotations

from datetime import timedelta

import pytest

from collector.actions import notices, reviews, suggestions
from collector.models import Campaign, Notice, Person, Submission
from collector.pairs import Text
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def told(submission: Submission) -> list[tuple[Person, str, str]]:
    return [(notice.person, notice.kind, notice.text) for notice in submission.notices.order_by("pk")]


@pytest.mark.parametrize(
    ("decision", "kind"),
    [("approve", "approved"), ("reject", "rejected"), ("request_changes", "changes_requested")],
)
def test_the_author_hears_the_decision_and_its_words(decision: str, kind: str) -> None:
    submission = factories.make_submission()
    factories.decide(submission, decision, by=factories.reviewer(), comment="My words.")
    assert told(submission) == [(submission.author, kind, "My words.")]


def test_the_first_of_two_approvals_tells_nothing() -> None:
    submission = factories.make_submission(campaign=factories.CampaignFactory.create(approvals_required=2))
    factories.decide(submission, "approve", by=factories.reviewer())
    assert told(submission) == []
    factories.decide(submission, "approve", by=factories.reviewer())
    assert [kind for _person, kind, _text in told(submission)] == ["approved"]


@pytest.fixture
def independent() -> Campaign:
    return factories.CampaignFactory.create(reviews_per_item=2)


def test_independent_reviews_tell_at_the_verdict_alone(independent: Campaign) -> None:
    submission = factories.make_submission(campaign=independent)
    factories.decide(submission, "reject", by=factories.reviewer(), comment="First.")
    assert told(submission) == []
    factories.decide(submission, "reject", by=factories.reviewer(), comment="Second.")
    assert told(submission) == [(submission.author, "rejected", "Second.")]


def test_a_dispute_goes_to_the_leads_but_never_to_the_author(independent: Campaign) -> None:
    author = factories.contributor_in(independent, roles=["lead"])
    lead = factories.PersonFactory.create(roles=["lead"])
    submission = factories.make_submission(campaign=independent, author=author)
    factories.decide(submission, "approve", by=factories.reviewer())
    factories.decide(submission, "reject", by=factories.reviewer())
    assert told(submission) == [(lead, "disputed", "")]


def test_a_person_with_two_roles_hears_of_a_dispute_once(independent: Campaign) -> None:
    lead = factories.PersonFactory.create(roles=["lead", "admin"], is_superuser=True)
    submission = factories.make_submission(campaign=independent)
    factories.decide(submission, "approve", by=factories.reviewer())
    factories.decide(submission, "reject", by=factories.reviewer())
    assert told(submission) == [(lead, "disputed", "")]


@pytest.mark.parametrize("decision", ["approve", "reject", "request_changes"])
def test_an_undone_decision_leaves_no_notice(decision: str) -> None:
    submission = factories.make_submission()
    review = factories.decide(submission, decision, by=factories.reviewer())
    reviews.undo(review=review, by=review.reviewer, now=NOW + timedelta(seconds=5))
    assert told(submission) == []


def test_an_undone_dispute_leaves_no_notice(independent: Campaign) -> None:
    factories.PersonFactory.create(roles=["lead"])
    submission = factories.make_submission(campaign=independent)
    factories.decide(submission, "approve", by=factories.reviewer())
    review = factories.decide(submission, "reject", by=factories.reviewer())
    assert told(submission) != []
    reviews.undo(review=review, by=review.reviewer, now=NOW + timedelta(seconds=5))
    assert told(submission) == []


def test_an_undo_leaves_the_notices_of_other_decisions() -> None:
    submission = factories.make_submission(status="changes_requested")
    from collector.actions.submissions import resubmit

    later = NOW + timedelta(hours=1)
    resubmit(
        submission=submission, base_revision=1, text=Text.of("Ask", "", "Better."), by=submission.author, now=later
    )
    review = factories.decide(submission, "approve", by=factories.reviewer(), now=later)
    reviews.undo(review=review, by=review.reviewer, now=later + timedelta(seconds=5))
    assert [kind for _person, kind, _text in told(submission)] == ["changes_requested"]


def test_a_revocation_is_told_with_its_reason(admin: Person) -> None:
    submission = factories.make_submission(status="approved")
    Notice.objects.all().delete()
    reviews.revoke_approval(submission=submission, reason="Copied.", by=admin, now=NOW)
    assert told(submission) == [(submission.author, "revoked", "Copied.")]


def test_an_edit_by_a_reviewer_is_told_to_the_author() -> None:
    submission = factories.make_submission()
    suggestions.edit_and_approve(
        submission=submission, base_revision=1, text=Text.of("Ask", "", "New."), by=factories.reviewer(), now=NOW
    )
    assert [kind for _person, kind, _text in told(submission)] == ["edited", "approved"]


def test_an_editing_author_tells_nobody() -> None:
    submission = factories.make_submission()
    notices.notify(
        people=[submission.author], kind=Notice.Kind.EDITED, submission=submission, by=submission.author, now=NOW
    )
    assert told(submission) == []


def test_a_badge_is_told_without_a_submission(author: Person) -> None:
    notices.notify(people=[author], kind=Notice.Kind.BADGE, text="First ten", now=NOW)
    assert Notice.objects.get().submission is None


def test_marking_all_read_leaves_what_came_later(author: Person) -> None:
    for minutes in (0, 10):
        notices.notify(people=[author], kind=Notice.Kind.BADGE, now=NOW + timedelta(minutes=minutes))
    marked = notices.mark_all_read(by=author, now=NOW + timedelta(minutes=11), until=NOW + timedelta(minutes=5))
    assert marked == 1
    assert Notice.objects.filter(read_at=None).get().created_at == NOW + timedelta(minutes=10)


def test_nobody_marks_anothers_notice(author: Person, reviewer: Person) -> None:
    [notice] = notices.notify(people=[author], kind=Notice.Kind.BADGE, now=NOW)
    notices.mark_read(notice=notice, by=reviewer, now=NOW)
    notice.refresh_from_db()
    assert notice.read_at is None

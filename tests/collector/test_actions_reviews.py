from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from collector.actions.reviews import (
    AlreadyDecided,
    NotAReviewer,
    OwnWork,
    RevisionChanged,
    revoke_approval,
)
from collector.actions.submissions import resubmit
from collector.errors import NotAllowed, Refused
from collector.models import Award, Person, Review
from collector.pairs import Text
from tests.factories import NOW, CampaignFactory, PersonFactory, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Submission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plain_points")]


def points(person: Person) -> int:
    return sum(Award.objects.filter(person=person).values_list("points", flat=True))


def test_an_approval_approves_and_pays_both() -> None:
    submission, judge = make_submission(), a_reviewer()
    decide(submission, "approve", by=judge)
    submission.refresh_from_db()
    assert (submission.status, submission.approved_at) == ("approved", NOW)
    assert (points(submission.author), points(judge)) == (submission.category.points, 2)


@pytest.mark.parametrize(("decision", "status"), [("reject", "rejected"), ("request_changes", "changes_requested")])
def test_a_refusal_decides_and_pays_the_author_nothing(decision: str, status: str) -> None:
    submission = make_submission()
    decide(submission, decision, by=a_reviewer())
    submission.refresh_from_db()
    assert submission.status == status
    assert points(submission.author) == 0


def test_a_review_names_the_revision_it_judged() -> None:
    submission = make_submission(status="changes_requested")
    resubmit(submission=submission, base_revision=1, text=Text.of("New", "", "text"), by=submission.author, now=NOW)
    assert decide(submission, "approve", by=a_reviewer()).revision.number == 2


def test_a_refusal_needs_a_word_to_the_author() -> None:
    with pytest.raises(ValidationError) as caught:
        decide(make_submission(), "reject", by=a_reviewer(), comment="  ")
    assert set(caught.value.message_dict) == {"comment"}


def test_an_unknown_decision_reason_or_rating_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        decide(make_submission(), "maybe", by=a_reviewer(), rating=6, reasons=["ugly"])
    assert set(caught.value.message_dict) == {"decision", "rating", "reasons"}


def test_a_contributor_does_not_review() -> None:
    with pytest.raises(NotAReviewer):
        decide(make_submission(), "approve", by=PersonFactory.create())


@pytest.mark.parametrize("role", ["reviewer", "lead", "admin"])
def test_nobody_reviews_their_own_work(role: str) -> None:
    submission = make_submission(author=PersonFactory.create(roles=["reviewer", role]))
    with pytest.raises(OwnWork):
        decide(submission, "approve", by=submission.author)


def test_the_database_refuses_a_review_of_ones_own_work() -> None:
    submission = make_submission()
    with pytest.raises(IntegrityError, match="review_not_of_own_work"), transaction.atomic():
        Review.objects.create(
            submission=submission,
            revision=submission.revisions.get(),
            reviewer=submission.author,
            author=submission.author,
            decision="approve",
            created_at=NOW,
        )


def test_a_revision_that_the_reviewer_did_not_see_is_not_judged() -> None:
    submission, judge = make_submission(), a_reviewer()
    resubmit(submission=submission, base_revision=1, text=Text.of("New", "", "text"), by=submission.author, now=NOW)
    from collector.actions.reviews import decide as decide_action

    with pytest.raises(RevisionChanged):
        decide_action(submission=submission, revision_number=1, decision="approve", by=judge, now=NOW)
    assert not Review.objects.exists()


@pytest.mark.parametrize("is_blind", [True, False])
def test_the_second_decision_hears_who_was_faster(is_blind: bool) -> None:
    submission = make_submission(campaign=CampaignFactory.create(is_blind=is_blind))
    first = a_reviewer(display_name="Ada Quick")
    decide(submission, "approve", by=first)
    with pytest.raises(AlreadyDecided, match=r"Ada Quick was faster.*2026-03-02 09:30"):
        decide(submission, "reject", by=a_reviewer())
    assert Review.objects.count() == 1


def test_two_approvals_where_the_campaign_asks_for_two() -> None:
    submission = make_submission(campaign=CampaignFactory.create(approvals_required=2))
    decide(submission, "approve", by=a_reviewer())
    submission.refresh_from_db()
    assert submission.status == "submitted"
    decide(submission, "approve", by=a_reviewer())
    submission.refresh_from_db()
    assert submission.status == "approved"
    assert points(submission.author) == submission.category.points


def test_one_reviewer_does_not_approve_twice() -> None:
    submission, judge = make_submission(campaign=CampaignFactory.create(approvals_required=2)), a_reviewer()
    first = decide(submission, "approve", by=judge)
    assert decide(submission, "approve", by=judge) == first
    with pytest.raises(AlreadyDecided, match="already decided"):
        decide(submission, "approve", by=judge, comment="And well put.")
    submission.refresh_from_db()
    assert (submission.status, Review.objects.count()) == ("submitted", 1)
    assert Award.objects.filter(person=judge).count() == 1


def test_a_paused_campaign_decides_nothing() -> None:
    submission = make_submission()
    submission.campaign.status = "paused"
    submission.campaign.save()
    with pytest.raises(Refused, match="not open"):
        decide(submission, "approve", by=a_reviewer())


def test_a_revoked_approval_waits_again_and_takes_all_points_back(admin: Person) -> None:
    judge = a_reviewer()
    submission = make_submission(status="approved", by_reviewer=judge)
    revoke_approval(submission=submission, reason="Copied.", by=admin, now=NOW)
    submission.refresh_from_db()
    assert submission.status == "submitted"
    assert (points(submission.author), points(judge)) == (0, 0)


def test_approve_revoke_approve_pays_once(admin: Person) -> None:
    judge = a_reviewer()
    submission = make_submission(status="approved", by_reviewer=judge)
    revoke_approval(submission=submission, reason="Look again.", by=admin, now=NOW)
    decide(submission, "approve", by=judge)
    assert (points(submission.author), points(judge)) == (submission.category.points, 2)


def test_only_an_admin_revokes() -> None:
    submission = make_submission(status="approved")
    with pytest.raises(NotAllowed):
        revoke_approval(submission=submission, reason="No.", by=a_reviewer(), now=NOW)


def test_a_revocation_needs_a_reason(admin: Person) -> None:
    with pytest.raises(ValidationError):
        revoke_approval(submission=make_submission(status="approved"), reason=" ", by=admin, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_many_reviewers_at_once_leave_one_decision() -> None:
    submission = make_submission()
    judges = [a_reviewer() for _number in range(8)]
    barrier = threading.Barrier(len(judges))
    outcomes: list[str] = []

    def judge(person: Person, target: Submission) -> None:
        from collector.actions.reviews import decide as decide_action

        barrier.wait()
        try:
            decide_action(submission=target, revision_number=1, decision="approve", by=person, now=NOW)
            outcomes.append("decided")
        except AlreadyDecided:
            outcomes.append("late")
        finally:
            connection.close()

    threads = [threading.Thread(target=judge, args=(person, submission)) for person in judges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided"] + ["late"] * (len(judges) - 1)
    assert Review.objects.count() == 1
    assert points(submission.author) == submission.category.points

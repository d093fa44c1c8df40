from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from collector.actions.beginnings import CategoryNotInCampaign, IdTaken
from collector.actions.campaigns import CampaignNotOpen, TermsNotAccepted, publish_terms
from collector.actions.drafts import StaleDraft, begin_edit, discard_draft, save_draft
from collector.actions.submissions import (
    NotEditable,
    NotYours,
    StaleRevision,
    resubmit,
    submit,
    withdraw,
)
from collector.errors import Refused
from collector.models import Draft, Submission
from collector.pairs import Text
from tests.factories import (
    NOW,
    CategoryFactory,
    PassageFactory,
    PersonFactory,
    contributor_in,
    current_revision,
    decide,
    make_submission,
)
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Campaign, Category, Person

TEXT = Text.of("Name a tree.", "", "Oak.")


def send(campaign: Campaign, category: Category, author: Person, text: Text = TEXT, **fields: object) -> Submission:
    arguments: dict[str, object] = {
        "id": uuid.uuid4(),
        "campaign": campaign,
        "category": category,
        "text": text,
        "by": author,
        "now": NOW,
    }
    return submit(**(arguments | fields))  # type: ignore[arg-type]  # one mapping of mixed arguments


def test_a_submission_keeps_its_text_exactly(campaign: Campaign, category: Category, author: Person) -> None:
    text = Text.of("  indented\r\n\tcode\u2028", "e\u0301 \u00a0", "\n\nresponse \x0b ")
    revision = current_revision(send(campaign, category, author, text))
    assert (revision.instruction, revision.context, revision.response) == (
        "  indented\n\tcode\u2028",
        "e\u0301 \u00a0",
        "\n\nresponse \x0b ",
    )


def test_submitting_waits_for_review_and_remembers_the_terms(
    campaign: Campaign, category: Category, author: Person
) -> None:
    submission = send(campaign, category, author)
    assert submission.status == "submitted"
    assert submission.terms is not None
    assert submission.terms.number == 1


def test_the_history_tells_of_the_submission(campaign: Campaign, category: Category, author: Person) -> None:
    event = send(campaign, category, author).events.get()
    assert (event.kind, event.by, event.status_before, event.status_after) == (
        "submitted",
        author,
        "draft",
        "submitted",
    )


def test_the_same_id_twice_makes_one_submission(campaign: Campaign, category: Category, author: Person) -> None:
    number = uuid.uuid4()
    first = send(campaign, category, author, id=number)
    second = send(campaign, category, author, id=number)
    assert first == second
    assert second.revisions.count() == 1


def test_the_same_id_with_another_text_is_refused(campaign: Campaign, category: Category, author: Person) -> None:
    number = uuid.uuid4()
    send(campaign, category, author, id=number)
    with pytest.raises(IdTaken):
        send(campaign, category, author, Text.of("Other", "", "text"), id=number)


def test_another_persons_id_is_refused(campaign: Campaign, category: Category, author: Person) -> None:
    number = uuid.uuid4()
    send(campaign, category, author, id=number)
    with pytest.raises(IdTaken):
        send(campaign, category, contributor_in(campaign), id=number)


def test_blank_fields_are_named(campaign: Campaign, category: Category, author: Person) -> None:
    with pytest.raises(ValidationError) as caught:
        send(campaign, category, author, Text.of(" \n", "", "\u200b"))
    assert set(caught.value.message_dict) == {"instruction", "response"}
    assert not Submission.objects.exists()


def test_a_category_that_needs_a_context_says_so(campaign: Campaign, author: Person) -> None:
    category = CategoryFactory.create(context="required")
    campaign.targets.create(category=category)
    with pytest.raises(ValidationError) as caught:
        send(campaign, category, author)
    assert set(caught.value.message_dict) == {"context"}


def test_a_nul_is_refused_at_its_field(campaign: Campaign, category: Category, author: Person) -> None:
    with pytest.raises(ValidationError) as caught:
        send(campaign, category, author, Text.of("a", "", "b\x00"))
    assert "Character 2 is a NUL" in caught.value.message_dict["response"][0]


def test_terms_must_be_accepted_first(campaign: Campaign, category: Category) -> None:
    with pytest.raises(TermsNotAccepted):
        send(campaign, category, PersonFactory.create())
    assert not Submission.objects.exists()


def test_new_terms_must_be_accepted_again(campaign: Campaign, category: Category, author: Person) -> None:
    publish_terms(campaign=campaign, text="Changed.", by=None, now=NOW)
    with pytest.raises(TermsNotAccepted):
        send(campaign, category, author)


def test_a_closed_campaign_takes_nothing(campaign: Campaign, category: Category, author: Person) -> None:
    campaign.status = "closed"
    campaign.save()
    with pytest.raises(CampaignNotOpen):
        send(campaign, category, author)


def test_a_category_of_another_campaign_is_refused(campaign: Campaign, author: Person) -> None:
    with pytest.raises(CategoryNotInCampaign):
        send(campaign, CategoryFactory.create(), author)


def test_a_passage_gives_the_source(campaign: Campaign, category: Category, author: Person) -> None:
    passage = PassageFactory.create()
    submission = send(campaign, category, author, passage=passage)
    assert (submission.source_title, submission.source_url) == (passage.title, passage.url)


def save(
    campaign: Campaign, category: Category, author: Person, number: uuid.UUID, instruction: str, version: int
) -> Draft:
    return save_draft(
        id=number,
        campaign=campaign,
        category=category,
        text=Text.of(instruction),
        version=version,
        by=author,
        now=NOW,
    )


def test_each_save_of_a_draft_counts_its_version(campaign: Campaign, category: Category, author: Person) -> None:
    number = uuid.uuid4()
    assert save(campaign, category, author, number, "a", 0).version == 1
    assert save(campaign, category, author, number, "ab", 1).version == 2


def test_a_save_from_a_second_tab_overwrites_nothing(campaign: Campaign, category: Category, author: Person) -> None:
    number = uuid.uuid4()
    save(campaign, category, author, number, "first tab", 0)
    save(campaign, category, author, number, "first tab, more", 1)
    with pytest.raises(StaleDraft) as caught:
        save(campaign, category, author, number, "second tab", 1)
    assert caught.value.draft.instruction == "first tab, more"


def test_a_save_resent_after_a_lost_answer_is_the_same_save(
    campaign: Campaign, category: Category, author: Person
) -> None:
    number = uuid.uuid4()
    save(campaign, category, author, number, "a", 0)
    assert save(campaign, category, author, number, "a", 0).version == 1


def test_a_late_autosave_does_not_touch_what_was_submitted(
    campaign: Campaign, category: Category, author: Person
) -> None:
    number = uuid.uuid4()
    save(campaign, category, author, number, "a", 0)
    submission = send(campaign, category, author, id=number)
    with pytest.raises(NotEditable):
        save(campaign, category, author, number, "late", 1)
    assert current_revision(submission).instruction == TEXT.instruction
    assert not Draft.objects.exists()


def test_submitting_ends_the_draft(campaign: Campaign, category: Category, author: Person) -> None:
    number = uuid.uuid4()
    save(campaign, category, author, number, "a", 0)
    send(campaign, category, author, id=number)
    assert not Draft.objects.exists()


@pytest.mark.django_db
def test_an_edit_goes_back_to_review_and_keeps_the_old_revision() -> None:
    submission = make_submission(status="changes_requested")
    old = current_revision(submission)
    resubmit(submission=submission, base_revision=1, text=Text.of("New", "", "text"), by=submission.author, now=NOW)
    submission.refresh_from_db()
    assert (submission.status, submission.revision_number) == ("submitted", 2)
    assert submission.revisions.get(number=1).instruction == old.instruction


@pytest.mark.django_db
def test_an_edit_after_approval_ends_the_approval_and_its_points() -> None:
    submission = make_submission(status="approved")
    resubmit(submission=submission, base_revision=1, text=Text.of("New", "", "text"), by=submission.author, now=NOW)
    submission.refresh_from_db()
    assert (submission.status, submission.approved_at) == ("submitted", None)
    assert sum(submission.author.awards.values_list("points", flat=True)) == 0


@pytest.mark.django_db
def test_an_edit_of_an_older_revision_is_refused() -> None:
    submission = make_submission()
    resubmit(submission=submission, base_revision=1, text=Text.of("New", "", "text"), by=submission.author, now=NOW)
    with pytest.raises(StaleRevision):
        resubmit(
            submission=submission,
            base_revision=1,
            text=Text.of("Newer", "", "text"),
            by=submission.author,
            now=NOW,
        )


@pytest.mark.django_db
def test_a_resubmission_sent_twice_makes_one_revision() -> None:
    submission = make_submission(status="changes_requested")
    for _time in range(2):
        resubmit(
            submission=submission,
            base_revision=1,
            text=Text.of("New", "", "text"),
            by=submission.author,
            now=NOW,
        )
    assert submission.revisions.count() == 2


@pytest.mark.django_db
def test_an_unchanged_text_is_not_resubmitted() -> None:
    submission = make_submission(status="changes_requested")
    old = current_revision(submission)
    with pytest.raises(Refused, match="Nothing was changed"):
        resubmit(
            submission=submission,
            base_revision=1,
            text=Text.of(old.instruction, old.context, old.response),
            by=submission.author,
            now=NOW,
        )


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["rejected", "withdrawn"])
def test_a_final_submission_is_not_edited(status: str) -> None:
    submission = make_submission(status=status)
    with pytest.raises(NotEditable):
        begin_edit(submission=submission, by=submission.author, now=NOW)


@pytest.mark.django_db
def test_only_the_author_edits_and_withdraws() -> None:
    submission = make_submission()
    stranger = a_reviewer()
    with pytest.raises(NotYours):
        begin_edit(submission=submission, by=stranger, now=NOW)
    with pytest.raises(NotYours):
        withdraw(submission=submission, by=stranger, now=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["draft", "submitted", "approved", "rejected", "changes_requested"])
def test_a_submission_can_be_withdrawn_in_any_state(status: str) -> None:
    submission = make_submission(status=status)
    withdraw(submission=submission, by=submission.author, now=NOW)
    submission.refresh_from_db()
    assert submission.status == "withdrawn"
    assert sum(submission.author.awards.values_list("points", flat=True)) == 0


@pytest.mark.django_db
def test_discarding_an_edit_leaves_what_was_submitted() -> None:
    submission = make_submission()
    begin_edit(submission=submission, by=submission.author, now=NOW)
    discard_draft(submission=submission, by=submission.author, now=NOW)
    submission.refresh_from_db()
    assert submission.status == "submitted"


@pytest.mark.django_db
def test_the_database_refuses_an_approval_without_its_time() -> None:
    submission = make_submission()
    with (
        pytest.raises(IntegrityError, match="submission_approved_at_goes_with_approved"),
        transaction.atomic(),
    ):
        Submission.objects.filter(pk=submission.pk).update(status="approved")


@pytest.mark.django_db
def test_the_database_refuses_an_unknown_state() -> None:
    submission = make_submission()
    with pytest.raises(IntegrityError, match="submission_status_known"), transaction.atomic():
        Submission.objects.filter(pk=submission.pk).update(status="lost")


@pytest.mark.django_db
@pytest.mark.usefixtures("plain_points")
def test_an_approved_edit_earns_the_points_again() -> None:
    submission = make_submission(status="approved")
    resubmit(submission=submission, base_revision=1, text=Text.of("New", "", "text"), by=submission.author, now=NOW)
    decide(submission, "approve", by=a_reviewer())
    assert sum(submission.author.awards.values_list("points", flat=True)) == submission.category.points


def test_a_resend_after_the_campaign_closed_is_still_the_first_answer(
    campaign: Campaign, category: Category, author: Person
) -> None:
    number = uuid.uuid4()
    first = send(campaign, category, author, id=number)
    campaign.status = "closed"
    campaign.save()
    assert send(campaign, category, author, id=number) == first

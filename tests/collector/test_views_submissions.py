from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from collector.actions import locks, reviews, suggestions
from collector.actions.comments import add_comment
from collector.models import Campaign, Draft, Submission
from collector.pairs import Text
from tests import factories
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Category, Person

EXACT = "    leading\u2028spaces <b>&</b> e\u0301\n"


@pytest.fixture
def submission(campaign: Campaign, category: Category, author: Person) -> Submission:
    return factories.make_submission(
        campaign=campaign, category=category, author=author, response=EXACT, status="changes_requested"
    )


@pytest.fixture
def client(sign_in: Callable[[Person], Client], author: Person) -> Client:
    return sign_in(author)


def edited(submission: Submission, **fields: Any) -> dict[str, Any]:
    text = submission.revisions.get(number=submission.revision_number)
    return {
        "id": str(submission.pk),
        "version": 0,
        "base_revision": submission.revision_number,
        "instruction": text.instruction,
        "context": text.context,
        "response": "A better answer.",
    } | fields


def at(name: str, submission: Submission) -> str:
    return reverse(f"submission-{name}", args=[submission.pk])


def test_the_text_is_shown_as_text(client: Client, submission: Submission) -> None:
    page = client.get(at("detail", submission)).content.decode()
    assert '<p class="verbatim">' in page
    assert ">    leading<mark" in page
    assert "spaces &lt;b&gt;&amp;&lt;/b&gt; e\u0301" in page


def test_a_character_that_nobody_sees_is_marked(client: Client, submission: Submission) -> None:
    assert "U+2028" in client.get(at("detail", submission)).content.decode()


def test_the_history_tells_what_the_reviewer_said(client: Client, submission: Submission) -> None:
    assert "Please say more." in client.get(at("detail", submission)).content.decode()


@pytest.mark.parametrize("name", ["detail", "edit", "draft", "discard", "withdraw", "comment"])
def test_a_stranger_finds_nothing(
    sign_in: Callable[[Person], Client], campaign: Campaign, submission: Submission, name: str
) -> None:
    stranger = sign_in(factories.contributor_in(campaign))
    ask = stranger.get if name in {"detail", "edit"} else stranger.post
    assert ask(at(name, submission)).status_code == 404


@pytest.mark.parametrize("name", ["edit", "draft", "discard", "withdraw"])
def test_a_reviewer_may_read_but_not_touch(
    sign_in: Callable[[Person], Client], reviewer: Person, submission: Submission, name: str
) -> None:
    client = sign_in(reviewer)
    assert client.get(at("detail", submission)).status_code == 200
    assert client.post(at(name, submission)).status_code == 404


@pytest.mark.parametrize("name", ["discard", "withdraw", "comment"])
def test_a_look_changes_nothing(client: Client, submission: Submission, name: str) -> None:
    assert client.get(at(name, submission)).status_code == 405


def test_opening_the_editor_writes_nothing(client: Client, submission: Submission) -> None:
    response = client.get(at("edit", submission))
    assert response.context["form"]["response"].value() == EXACT
    assert not Draft.objects.exists()


def test_resubmitting_makes_the_next_version(client: Client, submission: Submission) -> None:
    response = client.post(at("edit", submission), edited(submission))
    submission.refresh_from_db()
    assert response["Location"] == at("detail", submission)
    assert (submission.revision_number, submission.status) == (2, "submitted")
    assert factories.current_revision(submission).response == "A better answer."


def test_an_edit_begun_on_an_older_version_is_a_conflict_with_the_text_kept(
    client: Client, submission: Submission
) -> None:
    stale = edited(submission, response="Too late.")
    client.post(at("edit", submission), edited(submission))
    response = client.post(at("edit", submission), stale)
    assert response.status_code == 409
    assert "Too late." in response.content.decode()


def test_an_unchanged_text_is_refused_kindly(client: Client, submission: Submission) -> None:
    response = client.post(at("edit", submission), edited(submission, response=EXACT))
    assert response.status_code == 422
    assert "Nothing was changed yet" in response.content.decode()


def test_an_edit_is_saved_as_it_is_typed_and_found_again(client: Client, submission: Submission) -> None:
    answer = client.post(at("draft", submission), edited(submission, response="Half a th"))
    again = client.post(
        at("draft", submission), edited(submission, response="Half a thought", version=answer.json()["version"])
    )
    assert again.status_code == 200
    assert client.get(at("edit", submission)).context["form"]["response"].value() == "Half a thought"
    assert factories.current_revision(submission).response == EXACT


def test_two_tabs_that_edit_one_submission_do_not_overwrite_each_other(client: Client, submission: Submission) -> None:
    client.post(at("draft", submission), edited(submission, response="From tab one."))
    answer = client.post(at("draft", submission), edited(submission, response="From tab two."))
    assert answer.status_code == 409
    assert answer.json()["draft"]["response"] == "From tab one."


def test_a_save_that_arrives_after_resubmitting_changes_nothing(client: Client, submission: Submission) -> None:
    late = edited(submission, response="Late.")
    client.post(at("edit", submission), edited(submission))
    assert client.post(at("draft", submission), late).status_code == 409
    assert not Draft.objects.exists()


def test_a_discarded_edit_leaves_what_was_submitted(client: Client, submission: Submission) -> None:
    client.post(at("draft", submission), edited(submission))
    client.post(at("discard", submission))
    assert not Draft.objects.exists()
    assert factories.current_revision(submission).response == EXACT


def test_withdrawing_is_confirmed_in_words(client: Client, submission: Submission) -> None:
    response = client.post(at("withdraw", submission), follow=True)
    submission.refresh_from_db()
    assert submission.status == "withdrawn"
    assert "Later releases leave it out" in response.content.decode()


def test_a_rejected_one_cannot_be_edited(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    final = factories.make_submission(campaign=campaign, category=category, author=author, status="rejected")
    assert client.get(at("edit", final))["Location"] == at("detail", final)


def test_a_draft_is_continued_on_the_writing_page(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    draft = factories.make_submission(campaign=campaign, category=category, author=author, status="draft")
    assert client.get(at("edit", draft))["Location"].startswith(f"/write/{category.slug}/?draft={draft.pk}")


def test_the_number_of_queries_does_not_grow_with_the_history(client: Client, submission: Submission) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(at("detail", submission)).status_code == 200
        return len(captured)

    def another(number: int) -> None:
        submission.refresh_from_db()
        client.post(at("edit", submission), edited(submission, response=f"Version {number}"))
        judge = factories.reviewer()
        factories.decide(submission, "request_changes", by=judge)
        add_comment(submission=submission, text=f"Message {number}", by=judge, now=NOW)

    another(1)
    few = queries()
    for number in range(2, 12):
        another(number)
    assert queries() == few
    # Session, person, roles, submission, revisions, readable reviews, events, messages, points, campaigns, bell.
    assert few == 11


# -- Who may know what ----------------------------------------------------------------------------------------


def page_for(sign_in: Callable[[Person], Client], person: Person, submission: Submission) -> str:
    return sign_in(person).get(at("detail", submission)).content.decode()


@pytest.fixture
def lead() -> Person:
    return factories.PersonFactory.create(roles=["lead"])


def test_in_a_blind_campaign_author_and_reviewer_do_not_learn_each_others_names(
    sign_in: Callable[[Person], Client], submission: Submission, reviewer: Person
) -> None:
    judge = submission.reviews.get().reviewer
    add_comment(submission=submission, text="Which part?", by=submission.author, now=NOW)
    add_comment(submission=submission, text="The second.", by=judge, now=NOW)
    seen_by_author = page_for(sign_in, submission.author, submission)
    seen_by_reviewer = page_for(sign_in, reviewer, submission)
    assert judge.display_name not in seen_by_author
    assert "A reviewer" in seen_by_author
    assert submission.author.display_name not in seen_by_reviewer
    assert "The author" in seen_by_reviewer
    assert judge.display_name in seen_by_reviewer


def test_a_lead_knows_both_names(sign_in: Callable[[Person], Client], submission: Submission, lead: Person) -> None:
    page = page_for(sign_in, lead, submission)
    assert submission.author.display_name in page
    assert submission.reviews.get().reviewer.display_name in page


def test_where_nobody_is_blind_everybody_knows(
    sign_in: Callable[[Person], Client], campaign: Campaign, submission: Submission, reviewer: Person
) -> None:
    Campaign.objects.update(is_blind=False)
    assert submission.reviews.get().reviewer.display_name in page_for(sign_in, submission.author, submission)
    assert submission.author.display_name in page_for(sign_in, reviewer, submission)


@pytest.fixture
def independent(campaign: Campaign, category: Category, author: Person) -> Submission:
    Campaign.objects.update(reviews_per_item=2, is_blind=False)
    campaign.refresh_from_db()
    return factories.make_submission(campaign=campaign, category=category, author=author)


def test_independent_decisions_are_unseen_until_the_verdict(
    sign_in: Callable[[Person], Client], independent: Submission
) -> None:
    first, second, third = (factories.reviewer() for _number in range(3))
    factories.decide(independent, "reject", by=first, comment="My secret view.")
    add_comment(submission=independent, text="Another secret.", by=first, now=NOW)
    for person in (second, third):
        page = page_for(sign_in, person, independent)
        assert "My secret view." not in page
        assert "Another secret." not in page
        assert first.display_name not in page
    assert "My secret view." in page_for(sign_in, first, independent)
    seen_by_author = page_for(sign_in, independent.author, independent)
    assert "My secret view." not in seen_by_author
    assert "1 review is in." in seen_by_author
    factories.decide(independent, "reject", by=second, comment="The other view.")
    for person in (independent.author, third):
        page = page_for(sign_in, person, independent)
        assert "My secret view." in page
        assert "The other view." in page


def test_a_dispute_shows_both_views_to_the_lead_alone(
    sign_in: Callable[[Person], Client], independent: Submission, lead: Person
) -> None:
    factories.decide(independent, "approve", by=factories.reviewer(), comment="Fine.")
    factories.decide(independent, "reject", by=factories.reviewer(), comment="My secret view.")
    seen_by_author = page_for(sign_in, independent.author, independent)
    assert "The reviewers disagree" in seen_by_author
    assert "My secret view." not in seen_by_author
    assert "My secret view." in page_for(sign_in, lead, independent)


def test_an_undone_decision_is_told_to_the_author_without_its_words(
    sign_in: Callable[[Person], Client], campaign: Campaign, category: Category, author: Person, reviewer: Person
) -> None:
    item = factories.make_submission(campaign=campaign, category=category, author=author)
    review = factories.decide(item, "reject", by=reviewer, comment="Wrong key.")
    reviews.undo(review=review, by=reviewer, now=NOW + timedelta(seconds=4))
    seen_by_author = page_for(sign_in, author, item)
    assert "taken back within seconds" in seen_by_author
    assert "Wrong key." not in seen_by_author
    assert "Wrong key." in page_for(sign_in, reviewer, item)


def test_a_revoked_approval_keeps_its_words_and_no_longer_counts(
    client: Client, campaign: Campaign, category: Category, author: Person, reviewer: Person, admin: Person
) -> None:
    item = factories.make_submission(campaign=campaign, category=category, author=author)
    factories.decide(item, "approve", by=reviewer, comment="Lovely.")
    reviews.revoke_approval(submission=item, reason="Copied after all.", by=admin, now=NOW)
    page = client.get(at("detail", item)).content.decode()
    assert "Lovely." in page
    assert "No longer counts" in page
    assert "Copied after all." in page
    assert "A campaign lead" in page


# -- What changed ---------------------------------------------------------------------------------------------


def test_a_resubmission_shows_what_changed(client: Client, submission: Submission) -> None:
    client.post(at("edit", submission), edited(submission))
    page = client.get(at("detail", submission)).content.decode()
    assert '<ins><span class="visually-hidden"> [added: </span>A better answer.' in page
    assert "Unchanged: Instruction" in page


def test_a_reviewers_edit_names_both(
    sign_in: Callable[[Person], Client], campaign: Campaign, category: Category, author: Person, lead: Person
) -> None:
    item = factories.make_submission(campaign=campaign, category=category, author=author)
    judge = factories.reviewer()
    suggestions.edit_and_approve(
        submission=item, base_revision=1, text=Text.of("Ask", "", "Mended."), by=judge, now=NOW
    )
    assert "Edited by a reviewer, on your text" in page_for(sign_in, author, item)
    assert "Edited by you, on the author’s text" in page_for(sign_in, judge, item)
    other = factories.reviewer()
    assert f"Edited by {judge.display_name}, on the author’s text" in page_for(sign_in, other, item)
    assert f"Edited by {judge.display_name}, on {author.display_name}’s text" in page_for(sign_in, lead, item)


def test_an_edit_that_is_not_sent_yet_shows_what_it_would_change(client: Client, submission: Submission) -> None:
    client.post(at("draft", submission), edited(submission, response="Half a thought"))
    page = client.get(at("detail", submission)).content.decode()
    assert "Your edit, not sent yet" in page
    assert "Half a thought" in page


def test_huge_texts_do_not_hang_the_page(
    client: Client, campaign: Campaign, category: Category, author: Person
) -> None:
    item = factories.make_submission(
        campaign=campaign, category=category, author=author, response="word " * 150_000, status="changes_requested"
    )
    client.post(at("edit", item), edited(item, response="other " * 120_000))
    began = time.process_time()
    assert client.get(at("detail", item)).status_code == 200
    assert time.process_time() - began < 5


def test_a_locked_record_says_so_and_offers_no_edit(
    client: Client, campaign: Campaign, category: Category, author: Person, lead: Person
) -> None:
    item = factories.make_submission(campaign=campaign, category=category, author=author)
    locks.lock(submission=item, by=lead, now=NOW)
    page = client.get(at("detail", item)).content.decode()
    assert "This record is locked" in page
    assert at("edit", item) not in page
    assert lead.display_name not in page


# -- The discussion -------------------------------------------------------------------------------------------


def test_a_message_is_added_by_a_plain_form(client: Client, submission: Submission) -> None:
    answer = client.post(at("comment", submission), {"text": "Which <b>part</b>?"})
    assert answer["Location"] == f"{at('detail', submission)}#thread"
    page = client.get(at("detail", submission)).content.decode()
    assert "Which &lt;b&gt;part&lt;/b&gt;?" in page


def test_htmx_gets_the_thread_alone(client: Client, submission: Submission) -> None:
    answer = client.post(
        at("comment", submission), {"text": "Which part?"}, headers={"HX-Request": "true", "HX-Target": "thread"}
    )
    fragment = answer.content.decode()
    assert fragment.strip().startswith('<section class="thread" id="thread"')
    assert "Which part?" in fragment
    assert "Sent." in fragment
    assert "<textarea" in fragment


@pytest.mark.parametrize("text", ["", "a\x00b", "x" * 5001])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Target": "thread"}])
def test_a_refused_message_is_kept_with_the_reason_at_its_field(
    client: Client, submission: Submission, text: str, headers: dict[str, str]
) -> None:
    answer = client.post(at("comment", submission), {"text": text}, headers=headers)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'id="id_text-error"' in page
    assert text in page
    assert not submission.comments.exists()


def test_the_editor_hides_what_independent_reviewers_said(
    sign_in: Callable[[Person], Client], independent: Submission
) -> None:
    factories.decide(independent, "request_changes", by=factories.reviewer(), comment="My secret view.")
    client = sign_in(independent.author)
    assert "My secret view." not in client.get(at("edit", independent)).content.decode()

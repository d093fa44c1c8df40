from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from collector.actions.queue import lease_next
from collector.actions.submissions import resubmit
from collector.models import CannedReason, Review
from collector.pairs import Pasted, Text
from tests.factories import (
    NOW,
    CampaignFactory,
    CategoryFactory,
    PassageFactory,
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


def test_the_queue_leads_to_an_item(client: Client) -> None:
    submission = make_submission(instruction="Why is the sea salty?")
    answer = client.get("/review/", follow=True)
    assert answer.redirect_chain == [(address(submission), 302)]
    assert "Why is the sea salty?" in answer.content.decode()


def test_the_author_is_not_named(client: Client) -> None:
    submission = make_submission()
    assert submission.author.display_name not in client.get(address(submission)).content.decode()


def test_an_empty_queue_says_so(client: Client) -> None:
    assert "The queue is empty" in client.get("/review/").content.decode()


def test_a_contributor_is_told_whom_to_ask(sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(PersonFactory.create()).get("/review/")
    assert answer.status_code == 403
    assert "A campaign lead or an admin can give it to you" in answer.content.decode()


def test_approving_goes_on_to_the_next(client: Client) -> None:
    submission = make_submission()
    answer = client.post(
        address(submission), {"decision": "approve", "revision": 1, "rating_instruction": 3, "rating_response": 5}
    )
    submission.refresh_from_db()
    review = Review.objects.get()
    assert (answer.headers["Location"], submission.status) == ("/review/", "approved")
    assert (review.rating, review.rating_instruction, review.rating_response) == (4, 3, 5)


def test_a_refusal_without_a_word_is_said_at_the_comment(client: Client) -> None:
    submission = make_submission()
    answer = client.post(address(submission), {"decision": "reject", "revision": 1})
    assert answer.status_code == 400
    assert "Tell the author why" in answer.content.decode()


def test_a_comment_is_kept_exactly(client: Client) -> None:
    client.post(address(make_submission()), {"decision": "reject", "revision": 1, "comment": "  Look:\r\n\tcode "})
    assert Review.objects.get().comment == "  Look:\n\tcode "


def test_a_nul_in_a_comment_is_named(client: Client) -> None:
    answer = client.post(address(make_submission()), {"decision": "reject", "revision": 1, "comment": "a\x00"})
    assert answer.status_code == 400
    assert "Character 2 is a NUL" in answer.content.decode()


def test_a_decision_on_an_older_version_shows_the_new_text_and_keeps_the_comment(client: Client) -> None:
    submission = make_submission()
    resubmit(
        submission=submission, base_revision=1, text=Text.of("New", "", "A new answer"), by=submission.author, now=NOW
    )
    answer = client.post(address(submission), {"decision": "reject", "revision": 1, "comment": "My careful words"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "This text was changed after you opened it" in page
    assert "A new answer" in page
    assert "My careful words" in page


def test_the_second_of_two_reviewers_hears_who_was_faster_and_gets_their_words_back(client: Client) -> None:
    submission = make_submission(campaign=CampaignFactory.create(is_blind=False))
    decide(submission, "approve", by=a_reviewer(display_name="Ada Quick"))
    answer = client.post(address(submission), {"decision": "reject", "revision": 1, "comment": "My careful words"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Ada Quick was faster" in page
    assert "My careful words" in page


def test_ones_own_work_is_not_reviewed(sign_in: Callable[[Person], Client]) -> None:
    submission = make_submission(author=a_reviewer())
    client = sign_in(submission.author)
    for answer in (
        client.get(address(submission)),
        client.post(address(submission), {"decision": "approve", "revision": 1}),
    ):
        assert answer.status_code == 403
        assert "your own submission" in answer.content.decode()


def test_an_item_with_a_colleague_is_not_shown_for_deciding(client: Client) -> None:
    submission = make_submission()
    lease_next(by=a_reviewer(), now=NOW.replace(year=2999))
    answer = client.get(address(submission))
    assert answer.status_code == 409
    assert "Another reviewer is looking at this one" in answer.content.decode()


def test_skipping_leads_to_another(client: Client) -> None:
    first, second = make_submission(now=NOW.replace(hour=1)), make_submission()
    client.post(f"{address(first)}skip/")
    assert client.get("/review/").headers["Location"] == address(second)


def test_a_renewal_tells_when_the_item_is_gone(client: Client) -> None:
    submission = make_submission()
    assert client.post(f"{address(submission)}renew/").json() == {"revision": 1}
    decide(submission, "approve", by=a_reviewer(), now=NOW.replace(year=2999))
    assert client.post(f"{address(submission)}renew/").status_code == 409


def test_a_duplicate_is_pointed_out(client: Client) -> None:
    make_submission(instruction="Name a tree.", response="Oak.")
    twin = make_submission(instruction="NAME A TREE.", response="oak.")
    assert "The same pair, word for word" in client.get(address(twin)).content.decode()


def test_a_neighbour_stands_beside_the_item_with_its_state_and_likeness(client: Client) -> None:
    asked = "Suggest seven team rituals for a company whose people work in four time zones."
    make_submission(instruction=asked, response="Write a Monday note.", status="approved")
    item = make_submission(instruction=f"{asked} Keep them short.", response="Another answer.")
    page = client.get(address(item)).content.decode()
    assert "Write a Monday note." in page
    assert re.search(r"same instruction \(\d\d% alike\)</strong> <span class=\"pill pill-approved\"", page)


def test_an_item_is_no_neighbour_of_itself(client: Client) -> None:
    page = client.get(address(make_submission())).content.decode()
    assert 'id="alike"' not in page


def test_the_previous_version_and_its_review_are_shown(client: Client) -> None:
    submission = make_submission(response="The old answer")
    decide(submission, "request_changes", by=a_reviewer(), comment="Say more, please.")
    resubmit(submission=submission, base_revision=1, text=Text.of("New", "", "text"), by=submission.author, now=NOW)
    page = client.get(address(submission)).content.decode()
    assert re.search(r"<del>.*The old answer.*</del>", page, re.DOTALL)
    assert "Say more, please." in page


def page_of(client: Client, submission: Submission) -> str:
    return client.get(address(submission)).content.decode()


# -- What is on the page -----------------------------------------------------------------------------------------


def test_the_author_is_named_where_the_campaign_is_not_blind(client: Client) -> None:
    submission = make_submission(campaign=CampaignFactory.create(is_blind=False))
    assert f"written by {submission.author.display_name}" in page_of(client, submission)


def test_nothing_on_a_blind_page_leads_to_an_author(client: Client) -> None:
    make_submission(instruction="Name a tree.", response="Oak.")
    twin = make_submission(instruction="Name a tree.", response="Oak.")
    assert "/submissions/" not in page_of(client, twin)


def test_what_the_response_copied_is_marked_on_both_sides(client: Client) -> None:
    sentence = "The tides follow the moon because its pull is stronger on the near side of the earth."
    submission = make_submission(
        category=CategoryFactory.create(context="required"),
        context=f"First this. {sentence} Then that.",
        response=f"As it says: {sentence}",
    )
    page = page_of(client, submission)
    assert page.count('<mark class="copied">') == 3  # in the text, in the response, in the legend
    assert "stands in the text and in the response alike" in page


def test_the_source_names_its_licence(client: Client) -> None:
    passage = PassageFactory.create(title="Tides", url="https://example.org/tides", licence="CC-BY-4.0")
    submission = make_submission(context=passage.text, passage=passage)
    page = page_of(client, submission)
    assert 'href="https://example.org/tides"' in page
    assert "CC BY 4.0" in page


def test_paste_is_shown_as_evidence(client: Client) -> None:
    submission = make_submission(response="x" * 100, pasted=Pasted(count=2, characters=60))
    page = page_of(client, submission)
    assert "About 60% of it was pasted, in 2 goes." in page
    assert "evidence, not a verdict" in page


def test_what_the_checks_find_is_said(client: Client) -> None:
    assert "2 findings" not in page_of(client, make_submission())
    page = page_of(client, make_submission(response="Write to jane.doe@corp-mail.com, she knows."))
    assert "What the checks noticed" in page
    assert "1 finding" in page


def test_a_hidden_character_in_a_copied_text_is_still_marked(client: Client) -> None:
    submission = make_submission(response="Harmless\u202etext")
    assert "U+202E" in page_of(client, submission)


def test_a_text_that_looks_like_markup_stays_text(client: Client) -> None:
    submission = make_submission(response="<b>bold</b> " * 20, context="<b>bold</b> " * 20)
    page = page_of(client, submission)
    assert "<b>bold" not in page


# -- Canned reasons ----------------------------------------------------------------------------------------------


def test_a_canned_reason_ticks_its_reason_and_writes_its_words_without_a_script(client: Client) -> None:
    submission = make_submission()
    canned = CannedReason.objects.create(reason="too_short", label="Short (test)", text="Please say more.")
    client.post(
        address(submission),
        {"decision": "request_changes", "revision": 1, "canned": [canned.pk], "comment": "Nice start."},
    )
    review = Review.objects.get()
    assert (review.reasons, review.comment) == (["too_short"], "Nice start.\n\nPlease say more.")


def test_words_that_the_page_has_put_into_the_comment_are_not_added_again(client: Client) -> None:
    submission = make_submission()
    canned = CannedReason.objects.create(reason="too_short", label="Short (test)", text="Please say more.")
    client.post(
        address(submission),
        {"decision": "reject", "revision": 1, "canned": [canned.pk], "worded": "1", "comment": "Say a lot more."},
    )
    assert Review.objects.get().comment == "Say a lot more."


def test_canned_reasons_of_another_category_are_not_offered(client: Client) -> None:
    submission = make_submission()
    CannedReason.objects.create(category=submission.category, reason="other", label="Of this one", text="a")
    CannedReason.objects.create(category=CategoryFactory.create(), reason="other", label="Of another", text="b")
    page = page_of(client, submission)
    assert "Of this one" in page
    assert "Of another" not in page


# -- Editing -----------------------------------------------------------------------------------------------------


def edit(client: Client, submission: Submission, **fields: str) -> object:
    text = {"instruction": "Asked better", "context": "", "response": "Said better"}
    return client.post(address(submission), {"decision": "edit_and_approve", "revision": "1", **text, **fields})


def test_editing_has_a_page_of_its_own_without_a_script(client: Client) -> None:
    page = client.get(f"{address(make_submission())}?edit=1").content.decode()
    assert re.search(r"<fieldset[^>]*data-write>\s*<textarea[^>]*name=\"response\"", page)


def test_an_edit_is_a_new_revision_of_the_reviewer_and_approved(client: Client, reviewer: Person) -> None:
    submission = make_submission()
    edit(client, submission, comment="I shortened it.")
    revision = current_revision(submission)
    assert (submission.status, revision.response, revision.created_by) == ("approved", "Said better", reviewer)
    assert Review.objects.get().comment == "I shortened it."


def test_an_edit_that_changed_nothing_is_an_approval(client: Client) -> None:
    submission = make_submission()
    before = current_revision(submission)
    edit(client, submission, instruction=before.instruction, response=before.response)
    submission.refresh_from_db()
    assert (submission.status, submission.revision_number) == ("approved", 1)


def test_an_edit_over_a_newer_version_overwrites_nothing_and_is_kept(client: Client) -> None:
    submission = make_submission()
    text = Text.of("New", "", "The author's newer answer")
    resubmit(submission=submission, base_revision=1, text=text, by=submission.author, now=NOW)
    answer = edit(client, submission)
    page = answer.content.decode()  # type: ignore[attr-defined]  # an HttpResponse
    assert answer.status_code == 409  # type: ignore[attr-defined]
    assert current_revision(submission).response == "The author's newer answer"
    assert "Said better" in page
    assert "The author&#x27;s newer answer" in page


def test_an_empty_edit_is_refused_at_its_field(client: Client) -> None:
    answer = edit(client, make_submission(), response="  ")
    assert answer.status_code == 400  # type: ignore[attr-defined]
    assert "Write a response." in answer.content.decode()  # type: ignore[attr-defined]


def test_an_edit_whose_text_got_lost_is_no_approval(client: Client) -> None:
    submission = make_submission()
    answer = client.post(address(submission), {"decision": "edit_and_approve", "revision": 1})
    assert answer.status_code == 400
    assert not Review.objects.exists()


def test_an_empty_queue_sums_up_the_day(client: Client, reviewer: Person) -> None:
    decide(make_submission(), "approve", by=reviewer, now=timezone.now())
    decide(make_submission(), "reject", by=reviewer, now=timezone.now())
    page = client.get("/review/").content.decode()
    assert "You decided 2 today" in page
    assert "1 approved" in page
    assert "1 rejected" in page


# -- Cost --------------------------------------------------------------------------------------------------------


def queries_of(client: Client, submission: Submission) -> int:
    client.get(address(submission))
    with CaptureQueriesContext(connection) as captured:
        client.get(address(submission))
    return len(captured)


def revised(submission: Submission, times: int) -> None:
    for number in range(1, times + 1):
        decide(submission, "request_changes", by=a_reviewer(), now=NOW)
        text = Text.of("Name a tree, and say why.", "", f"Version {number}")
        resubmit(submission=submission, base_revision=number, text=text, by=submission.author, now=NOW)


def test_the_item_asks_the_same_questions_for_one_and_for_many(client: Client) -> None:
    asked = "Name a tree, and say why."
    make_submission(instruction=f"{asked} Please.")
    one, many = make_submission(instruction=asked), make_submission(instruction=asked)
    revised(one, 1)
    few = queries_of(client, one)
    revised(many, 5)
    for number in range(12):
        make_submission(instruction=asked, response="Version 5")
        CannedReason.objects.create(reason="other", label=f"Canned {number}", text="Words")
    assert queries_of(client, many) == few
    assert few <= 40


def test_a_dispute_asks_the_same_questions_for_any_number_of_reviewers(sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(PersonFactory.create(roles=["lead"]))
    costs = []
    for number, asked in ((2, "Name a fish."), (5, "Explain the tides to a child.")):
        submission = make_submission(campaign=CampaignFactory.create(reviews_per_item=number), instruction=asked)
        for turn in range(number):
            decide(submission, "reject" if turn else "approve", by=a_reviewer())
        costs.append(queries_of(client, submission))
    assert costs[0] == costs[1]

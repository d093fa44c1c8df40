from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from collector.actions.comments import LONGEST, NothingToDiscuss, NotInThread, add_comment
from collector.models import Comment, Notice, Person, Submission
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def told(kind: str = "commented") -> set[Person]:
    return {notice.person for notice in Notice.objects.filter(kind=kind)}


@pytest.fixture
def judge() -> Person:
    return factories.reviewer()


@pytest.fixture
def submission(judge: Person) -> Submission:
    return factories.make_submission(status="changes_requested", by_reviewer=judge)


def test_the_authors_message_reaches_who_reviewed(submission: Submission, judge: Person) -> None:
    comment = add_comment(submission=submission, text="Which part?", by=submission.author, now=NOW)
    assert (comment.text, comment.by, comment.created_at) == ("Which part?", submission.author, NOW)
    assert told() == {judge}


def test_a_reviewers_message_reaches_the_author_alone(submission: Submission, judge: Person) -> None:
    other = factories.reviewer()
    add_comment(submission=submission, text="The second half.", by=other, now=NOW)
    assert told() == {submission.author}


def test_who_wrote_in_the_thread_hears_the_answer_too(submission: Submission, judge: Person) -> None:
    lead = factories.PersonFactory.create(roles=["lead"])
    add_comment(submission=submission, text="May I help?", by=lead, now=NOW)
    Notice.objects.all().delete()
    add_comment(submission=submission, text="Yes please.", by=submission.author, now=NOW)
    assert told() == {judge, lead}


def test_who_has_left_is_told_nothing(submission: Submission, judge: Person) -> None:
    Person.objects.filter(pk=judge.pk).update(is_active=False)
    add_comment(submission=submission, text="Hello?", by=submission.author, now=NOW)
    assert told() == set()


@pytest.mark.parametrize("text", ["", "  \n\u200b ", "a\x00b", "\ud800", "x" * (LONGEST + 1)])
def test_what_is_no_message_is_refused_at_its_field(submission: Submission, text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        add_comment(submission=submission, text=text, by=submission.author, now=NOW)
    assert list(refused.value.message_dict) == ["text"]
    assert not Comment.objects.exists()
    assert told() == set()


def test_the_longest_message_is_taken_as_it_is(submission: Submission) -> None:
    text = "  " + "é" * (LONGEST - 4) + "\r\n"
    assert add_comment(submission=submission, text=text, by=submission.author, now=NOW).text == text.replace("\r", "")


def test_a_message_sent_twice_by_mistake_counts_once(submission: Submission, judge: Person) -> None:
    first = add_comment(submission=submission, text="Hello", by=submission.author, now=NOW)
    again = add_comment(submission=submission, text="Hello", by=submission.author, now=NOW + timedelta(seconds=20))
    assert again == first
    assert Notice.objects.filter(kind="commented").count() == 1


def test_the_same_words_later_or_by_another_are_a_new_message(submission: Submission, judge: Person) -> None:
    add_comment(submission=submission, text="Hello", by=submission.author, now=NOW)
    add_comment(submission=submission, text="Hello", by=judge, now=NOW)
    add_comment(submission=submission, text="Hello", by=judge, now=NOW + timedelta(minutes=2))
    assert Comment.objects.count() == 3


def test_a_stranger_does_not_join(submission: Submission) -> None:
    with pytest.raises(NotInThread):
        add_comment(submission=submission, text="Hi", by=factories.contributor_in(submission.campaign), now=NOW)


def test_a_draft_has_no_thread() -> None:
    draft = factories.make_submission(status="draft")
    with pytest.raises(NothingToDiscuss):
        add_comment(submission=draft, text="Hi", by=draft.author, now=NOW)

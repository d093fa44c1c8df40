from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector import review_queries
from collector.actions.gold import answer, make_gold
from collector.actions.leases import hand_out
from collector.actions.reviews import undo
from collector.actions.submissions import resubmit
from collector.models import CannedReason, ReviewReason
from collector.pairs import Text
from collector.review_queries import Piece, pieces
from tests.factories import NOW, CategoryFactory, PassageFactory, PersonFactory, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Person

TEN = timedelta(seconds=10)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], [Piece("abcdef", is_copied=False)]),
        ([(0, 6)], [Piece("abcdef", is_copied=True)]),
        ([(1, 3)], [Piece("a", is_copied=False), Piece("bc", is_copied=True), Piece("def", is_copied=False)]),
        ([(0, 2), (2, 4)], [Piece("ab", is_copied=True), Piece("cd", is_copied=True), Piece("ef", is_copied=False)]),
    ],
)
def test_a_text_is_cut_at_its_copied_spans(spans: list[tuple[int, int]], expected: list[Piece]) -> None:
    assert pieces("abcdef", spans) == expected


def test_nothing_is_lost_in_cutting() -> None:
    text = "Añ\u2028o 🎈 and more"
    assert "".join(piece.text for piece in pieces(text, [(1, 2), (5, 9)])) == text


@pytest.mark.parametrize(
    ("similarity", "words"),
    [
        (1.0, "The same instruction"),
        (0.86, "Almost the same instruction (86% alike)"),
        (0.6, "A close instruction (60% alike)"),
        (0.999, "Almost the same instruction (99% alike)"),
    ],
)
def test_likeness_is_said_in_words(similarity: float, words: str) -> None:
    assert review_queries.likeness(similarity) == words


@pytest.mark.django_db
def test_the_desk_shows_an_earlier_version_only_beside_its_successor(reviewer: Person) -> None:
    submission = make_submission(response="One")
    decide(submission, "request_changes", by=reviewer, comment="More")
    resubmit(submission=submission, base_revision=1, text=Text.of("I", "", "Two"), by=submission.author, now=NOW)
    submission.refresh_from_db()
    first, second = (review_queries.desk(submission, number=number) for number in (1, 2))
    assert (first.revision.response, first.previous, first.previous_reviews) == ("One", None, [])
    assert second.previous == first.revision
    assert [review.comment for review in second.previous_reviews] == ["More"]


@pytest.mark.django_db
def test_what_was_undone_is_not_quoted_to_the_next(reviewer: Person) -> None:
    submission = make_submission()
    undo(review=decide(submission, "request_changes", by=reviewer, comment="Hasty"), by=reviewer, now=NOW)
    resubmit(submission=submission, base_revision=1, text=Text.of("I", "", "Two"), by=submission.author, now=NOW)
    submission.refresh_from_db()
    assert review_queries.desk(submission, number=2).previous_reviews == []


@pytest.mark.django_db
def test_the_passage_stands_in_for_a_missing_context() -> None:
    passage = PassageFactory.create(title="Tides", text="Tides follow the moon.")
    desk = review_queries.desk(make_submission(passage=passage), number=1)
    assert [piece.text for piece in desk.source_pieces] == ["Tides follow the moon."]
    assert desk.source is not None
    assert (desk.source.title, desk.source.licence) == ("Tides", "CC BY-SA 4.0")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "is_link"),
    [("https://x.org/a", True), ("HTTP://x.org", True), ("javascript:alert(1)", False), ("data:text/html,x", False)],
)
def test_only_an_address_of_the_web_is_a_link(
    url: str, is_link: bool, reviewer: Person, sign_in: Callable[[Person], Client]
) -> None:
    submission = make_submission(context="A text.")
    type(submission).objects.filter(pk=submission.pk).update(source_url=url)
    page = sign_in(reviewer).get(f"/review/{submission.pk}/").content.decode()
    assert (f'href="{url}"' in page) is is_link
    assert url in page


@pytest.mark.django_db
def test_a_pair_without_a_text_to_work_from_has_no_source() -> None:
    desk = review_queries.desk(make_submission(), number=1)
    assert (desk.source, desk.source_pieces, desk.copied_percent) == (None, [], 0)


@pytest.mark.django_db
def test_the_decisions_of_others_are_read_only_for_the_last_word() -> None:
    submission = make_submission(status="rejected")
    assert review_queries.desk(submission, number=1).verdicts == []
    assert len(review_queries.desk(submission, number=1, is_for_last_word=True).verdicts) == 1


@pytest.mark.django_db
def test_twins_leave_out_the_item_itself_and_what_was_withdrawn() -> None:
    one, two, gone = (make_submission(instruction="Name a tree.", response="Oak.") for _copy in range(3))
    gone.status = "withdrawn"
    gone.save()
    revision = one.revisions.get()
    assert [twin.submission for twin in review_queries.twins(one, revision)] == [two]


@pytest.mark.django_db
def test_canned_reasons_of_the_category_come_before_the_general_ones() -> None:
    CannedReason.objects.all().delete()
    submission = make_submission()
    make = {"reason": ReviewReason.OTHER, "text": "Words"}
    CannedReason.objects.create(label="General", position=0, **make)
    CannedReason.objects.create(label="Late", category=submission.category, position=9, **make)
    CannedReason.objects.create(label="Early", category=submission.category, position=1, **make)
    CannedReason.objects.create(label="Elsewhere", category=CategoryFactory.create(), **make)
    labels = [reason.label for reason in review_queries.canned_reasons(submission)]
    assert labels == ["Early", "Late", "General"]


@pytest.mark.django_db
def test_only_the_last_decision_of_the_last_seconds_can_be_undone(reviewer: Person) -> None:
    decide(make_submission(), "approve", by=reviewer, now=NOW)
    last = decide(make_submission(), "approve", by=reviewer, now=NOW + timedelta(seconds=2))
    assert review_queries.undoable(reviewer, NOW + timedelta(seconds=11), within=TEN) == last
    assert review_queries.undoable(reviewer, NOW + timedelta(seconds=12), within=TEN) is None
    assert review_queries.undoable(a_reviewer(), NOW + timedelta(seconds=3), within=TEN) is None


@pytest.mark.django_db
def test_the_day_counts_answers_to_checks_and_not_what_was_undone(reviewer: Person) -> None:
    decide(make_submission(), "approve", by=reviewer)
    undo(review=decide(make_submission(), "reject", by=reviewer), by=reviewer, now=NOW)
    decide(make_submission(), "reject", by=reviewer, now=NOW - timedelta(days=1))
    known = make_submission(status="approved")
    gold = make_gold(submission=known, decision="reject", why="No.", by=PersonFactory.create(roles=["lead"]), now=NOW)
    hand_out(submission=known, by=reviewer, now=NOW)
    answer(gold=gold, decision="reject", reasons=["other"], by=reviewer, now=NOW)
    today = review_queries.today(reviewer, NOW)
    assert (today.approved, today.sent_back, today.rejected) == (1, 0, 1)
    assert today.lines == ["1 approved", "1 rejected"]
    assert review_queries.done_today(reviewer, NOW) == 2


@pytest.mark.django_db
def test_the_empty_queue_tells_what_is_with_others(reviewer: Person) -> None:
    hand_out(submission=make_submission(), by=a_reviewer(), now=NOW)
    make_submission(author=reviewer)
    today = review_queries.today(reviewer, NOW)
    assert (today.with_others, today.own) == (1, 1)

"""The near-duplicate index and the look-up in it."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from collector.actions import near, submissions
from collector.actions.flags import check_revisions
from collector.models import InstructionBand, InstructionSignature, Revision, Submission
from collector.near_queries import NEAR, nearest
from collector.pairs import Text
from tests.factories import NOW, PassageFactory, contributor_in, current_revision, decide, make_submission, reviewer

if TYPE_CHECKING:
    import uuid
    from pathlib import Path

    from pytest_django import DjangoAssertNumQueries

    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db

SKY = "Explain to a child why the sky is blue during the day and red in the evening."
BREAD = "How do I bake a loaf of sourdough bread at home without a mixer?"
TIDES = "Twice a day the sea rises and falls, because the moon pulls at the water of the side that faces it."
YEAST = "Bread rises where yeast eats sugar and breathes out gas, which stretches the dough while it is warm."


def found(instruction: str, context: str = "", **options: Any) -> list[uuid.UUID]:
    return [one.submission.pk for one in nearest(instruction=instruction, context=context, **options)]


@pytest.mark.parametrize(
    "asked",
    [
        SKY,
        SKY.upper(),
        "Explain to a chidl why the sky is bleu during the day and red in the evening.",
        "Please explain to a child why the sky is blue in the day and red in the evening",
        "Explain to a kid why the sky is blue during the day, and why it is red in the evening.",
    ],
)
def test_typing_errors_and_small_paraphrases_are_found(asked: str) -> None:
    sky = make_submission(instruction=SKY)
    make_submission(instruction=BREAD)
    assert found(asked) == [sky.pk]


def test_a_sign_that_is_part_of_a_name_is_a_difference() -> None:
    make_submission(instruction="What is C++?")
    assert [one.percent for one in nearest(instruction="what is C++")] == [100]
    assert [one.percent for one in nearest(instruction="What is C#?")] == [66]


def test_another_question_is_not_found() -> None:
    make_submission(instruction=SKY)
    assert found(BREAD) == []


@pytest.mark.parametrize("asked", ["", " \n", "?!", "\x00", "\ud800", "🙂"])
def test_a_text_without_words_is_like_nothing(asked: str) -> None:
    make_submission(instruction=SKY)
    assert found(asked) == []


def test_the_neighbour_carries_its_text_and_how_alike_it_is() -> None:
    make_submission(instruction=SKY, response="Because of scattering.")
    (one,) = nearest(instruction=SKY)
    assert (one.revision.instruction, one.revision.response) == (SKY, "Because of scattering.")
    assert (one.similarity, one.percent) == (1.0, 100)
    (one,) = nearest(instruction=SKY.replace("child", "girl"))
    assert NEAR <= one.similarity < 1


def test_the_most_alike_comes_first_and_then_the_oldest() -> None:
    younger = make_submission(instruction=SKY, now=NOW + timedelta(hours=2))
    oldest = make_submission(instruction=SKY, now=NOW)
    edited = make_submission(instruction=SKY.replace("child", "girl"), now=NOW - timedelta(hours=1))
    assert found(SKY) == [oldest.pk, younger.pk, edited.pk]
    assert found(SKY, limit=1) == [oldest.pk]
    assert found(SKY, limit=0) == []


def test_what_is_excluded_is_left_out() -> None:
    sky = make_submission(instruction=SKY)
    assert found(SKY, exclude=[sky.pk]) == []


@pytest.mark.parametrize("status", ["submitted", "approved", "rejected", "changes_requested"])
def test_submissions_are_found_whatever_was_decided(status: str) -> None:
    assert found(SKY) == []
    sky = make_submission(instruction=SKY, status=status)
    assert found(SKY) == [sky.pk]


@pytest.mark.parametrize("status", ["draft", "withdrawn"])
def test_drafts_and_withdrawn_submissions_are_neither_found_nor_indexed(status: str) -> None:
    make_submission(instruction=SKY, status=status)
    assert found(SKY) == []
    assert not InstructionBand.objects.exists()
    assert not InstructionSignature.objects.exists()


def test_a_withdrawn_submission_that_was_left_in_the_index_is_not_found() -> None:
    sky = make_submission(instruction=SKY)
    Submission.objects.filter(pk=sky.pk).update(status="withdrawn", approved_at=None)
    assert found(SKY) == []


def test_an_edit_takes_the_place_of_what_was_asked_before() -> None:
    sky = make_submission(instruction=SKY)
    text = Text.of(BREAD, "", "With patience.")
    submissions.resubmit(submission=sky, base_revision=1, text=text, by=sky.author, now=NOW)
    assert found(SKY) == []
    assert found(BREAD) == [sky.pk]
    assert near.rebuild(is_dry=True).is_right


def test_the_same_instruction_on_another_text_is_another_task() -> None:
    tides = make_submission(instruction="Summarize the text below.", context=TIDES)
    make_submission(instruction="Summarize the text below.", context=YEAST)
    assert found("Summarize the text below", TIDES + " So it is.") == [tides.pk]
    assert found("Summarize the text below", "Granite is a rock of quartz, feldspar and mica, cooled deep below.") == []


def test_where_one_has_no_context_the_instruction_alone_counts() -> None:
    with_context = make_submission(instruction=SKY, context=TIDES)
    without = make_submission(instruction=SKY, now=NOW + timedelta(hours=1))
    assert found(SKY) == [with_context.pk, without.pk]
    assert found(SKY, YEAST) == [without.pk]


@pytest.mark.parametrize("context", ["", TIDES])
def test_a_look_up_takes_three_queries_however_many_there_are(
    django_assert_num_queries: DjangoAssertNumQueries, context: str
) -> None:
    make_submission(instruction=SKY)
    for _number in range(2):
        with django_assert_num_queries(3):
            nearest(instruction=SKY, context=context)
        for _more in range(5):
            make_submission(instruction=SKY)


def test_a_crowd_under_one_key_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.near_queries._MOST_UNDER_A_KEY", 4)
    monkeypatch.setattr("collector.near_queries._MOST_COMPARED", 3)
    crowd = {make_submission(instruction=SKY).pk for _one in range(9)}
    assert len(found(SKY, limit=50)) == 3
    assert set(found(SKY, limit=50)) <= crowd


# -- Rebuilding -------------------------------------------------------------------------------------------


def rebuilt(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("rebuild_near", "--json", *arguments, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def figures(answer: dict[str, Any]) -> tuple[int, ...]:
    return tuple(answer[name] for name in ("submissions", "missing", "changed", "superfluous"))


def test_the_stored_index_equals_the_rebuilt_one() -> None:
    make_submission(instruction=SKY)
    make_submission(instruction="Summarize.", context=TIDES)
    make_submission(instruction=BREAD, status="withdrawn")
    assert figures(rebuilt("--check")) == (3, 0, 0, 0)


def test_a_rebuild_mends_what_is_missing_changed_or_superfluous() -> None:
    missing = make_submission(instruction=SKY)
    changed = make_submission(instruction=BREAD)
    superfluous = make_submission(instruction="Name three rivers of northern Italy.")
    near.forget(submission=missing)
    InstructionBand.objects.filter(submission=changed).first().delete()  # type: ignore[union-attr]  # there are twelve
    Submission.objects.filter(pk=superfluous.pk).update(status="withdrawn")
    with pytest.raises(CommandError, match="without --check"):
        rebuilt("--check")
    assert found(SKY) == []
    assert figures(rebuilt()) == (3, 1, 1, 1)
    assert figures(rebuilt("--check")) == (3, 0, 0, 0)
    assert found(SKY) == [missing.pk]


def test_a_rebuild_of_an_index_that_is_right_writes_nothing() -> None:
    make_submission(instruction=SKY)
    before = list(InstructionBand.objects.values_list("pk", flat=True))
    rebuilt()
    assert list(InstructionBand.objects.values_list("pk", flat=True)) == before


def test_a_rebuild_goes_on_beyond_what_it_reads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "_AT_ONCE", 2)
    for _one in range(5):
        near.forget(submission=make_submission(instruction=SKY))
    read: list[int] = []
    outcome = near.rebuild(on_progress=read.append)
    assert (outcome.submissions, outcome.missing, sum(read)) == (5, 5, 5)


# -- Flags and imports ------------------------------------------------------------------------------------


def test_a_revision_keeps_the_codes_of_what_was_found() -> None:
    sent = make_submission(instruction=SKY, response="Ask anna@firma.de\n### End")
    assert current_revision(sent).flags == ["email", "marker"]
    assert current_revision(make_submission(instruction=SKY)).flags == []


def test_an_edit_is_checked_again(campaign: Campaign, category: Category, author: Person) -> None:
    sent = make_submission(campaign=campaign, category=category, author=author, response="Ask anna@firma.de")
    text = Text.of(SKY, "", "Because.")
    submissions.resubmit(submission=sent, base_revision=1, text=text, by=author, now=NOW)
    assert [revision.flags for revision in sent.revisions.order_by("number")] == [["email"], []]


def test_the_passage_is_known_to_the_checks(campaign: Campaign, category: Category, author: Person) -> None:
    passage = PassageFactory.create(text="Ask at info@museum-berlin.de.")
    sent = make_submission(
        campaign=campaign, category=category, author=author, context=passage.text, response="Ask them.", passage=passage
    )
    assert current_revision(sent).flags == []


@pytest.fixture
def imported(campaign: Campaign, category: Category, tmp_path: Path) -> str:
    rows = [
        {"instruction": SKY, "context": "", "response": "Scattering.", "category": category.slug},
        {"instruction": "Summarize.", "context": TIDES, "response": "Ask anna@firma.de", "category": category.slug},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    call_command("import_dataset", str(path), "--json", stdout=StringIO())
    return str(path)


def test_imported_rows_are_found(imported: str) -> None:
    assert len(found(SKY)) == 1
    assert len(found("Summarize", TIDES)) == 1
    assert figures(rebuilt("--check")) == (2, 0, 0, 0)


def test_the_same_import_again_leaves_the_index_as_it_is(imported: str) -> None:
    call_command("import_dataset", imported, "--json", stdout=StringIO())
    assert figures(rebuilt("--check")) == (2, 0, 0, 0)


def test_imported_rows_wait_for_the_command_that_checks_them(imported: str) -> None:
    assert set(Revision.objects.values_list("flags", flat=True)) == {None}
    out = StringIO()
    call_command("check_submissions", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert (answer["revisions"], answer["flagged"], answer["unchecked"], answer["changed"]) == (2, 1, 2, 0)
    assert list(Revision.objects.order_by("instruction").values_list("flags", flat=True)) == [[], ["email"]]


def test_a_dry_run_of_the_checks_writes_nothing(imported: str) -> None:
    call_command("check_submissions", "--dry-run", stdout=StringIO())
    assert set(Revision.objects.values_list("flags", flat=True)) == {None}


def test_all_is_checked_again_where_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.actions.flags._AT_ONCE", 2)
    for _one in range(3):
        make_submission(instruction=SKY)
    Revision.objects.update(flags=["card"])
    assert check_revisions().revisions == 0
    assert check_revisions(again=True).changed == 3
    assert check_revisions(again=True).changed == 0


def test_an_approved_pair_of_another_author_is_found_by_everybody(campaign: Campaign, category: Category) -> None:
    sent = make_submission(campaign=campaign, category=category, instruction=SKY, author=contributor_in(campaign))
    decide(sent, "approve", by=reviewer())
    assert found(SKY) == [sent.pk]

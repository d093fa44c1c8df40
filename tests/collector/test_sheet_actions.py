from __future__ import annotations

import io
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from collector import sheet_comparisons, sheet_queries
from collector.actions import locks, reviews, sheet, sheet_imports, suggestions
from collector.actions.submissions import resubmit
from collector.errors import NotAllowed, Refused
from collector.models import AuditEntry, Review, Revision, SheetImport, Submission
from collector.pairs import Text
from collector.sheet_queries import Wanted
from collector.sheets.reading import read_sheet
from collector.sheets.writing import write_csv
from tests.collector.beside import Interrupted
from tests.factories import NOW, PersonFactory, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Person

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)


def items(*submissions: Submission) -> list[tuple[uuid.UUID, int]]:
    return [(submission.pk, 1) for submission in submissions]


def states(*submissions: Submission) -> list[str]:
    return [Submission.objects.get(pk=submission.pk).status for submission in submissions]


# -- Many at once -----------------------------------------------------------------------------------------


def test_a_batch_is_decided_with_one_mark_and_undone_with_it(reviewer: Person) -> None:
    first, second = make_submission(), make_submission()
    batch = sheet.decide_many(items=items(first, second), decision="approve", by=reviewer, now=NOW)
    assert states(first, second) == ["approved", "approved"]
    assert set(Review.objects.values_list("batch", flat=True)) == {batch.id}
    reviews.undo_batch(batch=batch.id, by=reviewer, now=LATER)
    assert states(first, second) == ["submitted", "submitted"]


def test_what_is_refused_stays_and_says_why_and_the_rest_is_decided(reviewer: Person) -> None:
    fine, own, locked = make_submission(), make_submission(author=reviewer), make_submission()
    locks.lock(submission=locked, by=PersonFactory.create(roles=["lead"]), now=NOW)
    missing = uuid.uuid4()
    batch = sheet.decide_many(
        items=[*items(fine, own, locked), (missing, 1)], decision="reject", comment="No.", by=reviewer, now=NOW
    )
    assert states(fine, own, locked) == ["rejected", "submitted", "submitted"]
    why = {outcome.id: outcome.refused for outcome in batch.refused}
    assert {identity: refused.code for identity, refused in why.items() if refused} == {
        own.pk: "own_work",
        locked.pk: "locked",
        missing: "gone",
    }


def test_a_record_that_changed_since_it_was_selected_is_left_as_it_is(reviewer: Person) -> None:
    submission = make_submission()
    text = Text.of("A new question", "", "A new answer")
    resubmit(submission=submission, base_revision=1, text=text, by=submission.author, now=NOW)
    batch = sheet.decide_many(items=items(submission), decision="approve", by=reviewer, now=NOW)
    assert [outcome.refused and outcome.refused.code for outcome in batch.outcomes] == ["revision_changed"]
    assert states(submission) == ["submitted"]


def test_a_rejection_without_a_word_decides_nothing(reviewer: Person) -> None:
    submission = make_submission()
    with pytest.raises(ValidationError):
        sheet.decide_many(items=items(submission), decision="reject", by=reviewer, now=NOW)
    assert states(submission) == ["submitted"]


def test_a_record_that_is_selected_twice_is_decided_once(reviewer: Person) -> None:
    submission = make_submission()
    batch = sheet.decide_many(items=items(submission, submission), decision="approve", by=reviewer, now=NOW)
    assert len(batch.outcomes) == 1


@pytest.mark.parametrize("count", [0, sheet.MAX_AT_ONCE + 1])
def test_none_and_too_many_are_refused(count: int, reviewer: Person) -> None:
    with pytest.raises(Refused, match=r"at least one|1,001 records are selected; at most 1,000"):
        sheet.decide_many(items=[(uuid.uuid4(), 1)] * count, decision="approve", by=reviewer, now=NOW)


def test_leads_lock_and_unlock_and_reviewers_do_not(reviewer: Person) -> None:
    lead = PersonFactory.create(roles=["lead"])
    first, second = make_submission(), make_submission()
    sheet.lock_many(items=items(first, second), by=lead, now=NOW)
    assert Submission.objects.filter(locked_by=lead).count() == 2
    sheet.lock_many(items=items(first), unlock=True, by=lead, now=NOW)
    assert Submission.objects.filter(locked_by=lead).count() == 1
    with pytest.raises(NotAllowed):
        sheet.lock_many(items=items(first), by=reviewer, now=NOW)


def test_an_edited_cell_leaves_the_other_texts_alone(reviewer: Person) -> None:
    submission = make_submission(instruction="Why?", response="Because.")
    sheet.edit_cell(
        submission=submission, base_revision=1, texts={"response": "Because of  the\r\nlight."}, by=reviewer, now=NOW
    )
    revision = Revision.objects.get(submission=submission, number=2)
    assert (revision.instruction, revision.response) == ("Why?", "Because of  the\nlight.")
    assert revision.created_by == reviewer


# -- A sheet that comes back ------------------------------------------------------------------------------


def exported(person: Person, **replaced: str) -> io.BytesIO:
    """The sheet as CSV, with some words in it replaced."""
    index = sheet_queries.packed(sheet_queries.matching(person, Wanted()))
    data = b"".join(write_csv(sheet_queries.lines(person, index))).decode()
    for old, new in replaced.items():
        data = data.replace(old, new)
    return io.BytesIO(data.encode())


@pytest.mark.django_db(transaction=True)
def test_others_go_on_writing_while_a_sheet_is_read() -> None:
    reviewer = a_reviewer()
    make_submission(instruction="Why?", response="Because.")
    data = exported(reviewer, Because="Since").getvalue()
    file = Interrupted(lambda: make_submission(instruction="Meanwhile?"), data)
    read = uploaded(reviewer, file)
    assert file.acted
    assert compared(reviewer, read).changes
    assert Submission.objects.filter(revisions__instruction="Meanwhile?").exists()


def uploaded(person: Person, file: io.BytesIO) -> SheetImport:
    return sheet_imports.read_upload(file=file, file_name="edited\x00.csv", by=person, now=NOW)


def compared(person: Person, read: SheetImport) -> sheet_comparisons.Comparison:
    return sheet_comparisons.compare(person, read, NOW)


def applied(person: Person, read: SheetImport, overrides: dict[uuid.UUID, int] | None = None) -> int:
    seen = compared(person, read).fingerprint
    return sheet_imports.apply(sheet=read, seen=seen, overrides=overrides or {}, by=person, now=LATER)


def said(submission: Submission) -> str:
    submission.refresh_from_db()
    return submission.revisions.get(number=submission.revision_number).response


def test_an_unedited_sheet_changes_nothing(reviewer: Person) -> None:
    for text in ("=1+1", "'=1", "+tide", "plain", "line\rbreak"):
        make_submission(response=text)
    read = uploaded(reviewer, exported(reviewer))
    found = compared(reviewer, read)
    assert (len(found.changes), len(found.conflicts), found.unchanged, found.left_out) == (0, 0, 5, 0)
    assert read.file_name == "edited.csv"


def test_a_change_is_applied_as_a_new_revision(reviewer: Person) -> None:
    submission, other = make_submission(response="An oldword."), make_submission(response="Other.")
    read = uploaded(reviewer, exported(reviewer, oldword="newword"))
    assert len(compared(reviewer, read).changes) == 1
    assert applied(reviewer, read) == 1
    assert (said(submission), said(other)) == ("An newword.", "Other.")
    assert AuditEntry.objects.get(verb="sheet.applied").detail == {"changes": 1, "over_conflicts": 0}


def test_a_conflict_stays_as_it_is_unless_it_is_chosen(reviewer: Person) -> None:
    submission = make_submission(response="An oldword.")
    file = exported(reviewer, oldword="newword")
    text = Text.of("Why?", "", "The author's own.")
    resubmit(submission=submission, base_revision=1, text=text, by=submission.author, now=NOW)
    read = uploaded(reviewer, file)
    found = compared(reviewer, read)
    assert (len(found.changes), len(found.conflicts)) == (0, 1)
    assert {change.name: change.before for change in found.conflicts[0].texts}["response"] == "The author's own."
    with pytest.raises(Refused, match="nothing to apply"):
        applied(reviewer, read)
    assert applied(reviewer, read, {submission.pk: 2}) == 1
    assert said(submission) == "An newword."


def test_a_row_that_nobody_edited_is_no_conflict(reviewer: Person) -> None:
    submission = make_submission(response="Old.")
    file = exported(reviewer)
    text = Text.of("Why?", "", "New.")
    resubmit(submission=submission, base_revision=1, text=text, by=submission.author, now=NOW)
    assert compared(reviewer, uploaded(reviewer, file)).unchanged == 1


def test_a_sheet_is_applied_once(reviewer: Person) -> None:
    make_submission(response="An oldword.")
    read = uploaded(reviewer, exported(reviewer, oldword="newword"))
    applied(reviewer, read)
    with pytest.raises(sheet_imports.AlreadyApplied):
        applied(reviewer, read)


def test_what_changed_since_the_preview_is_not_applied_unseen(reviewer: Person) -> None:
    first, second = make_submission(response="A oldword."), make_submission(response="B oldword.")
    read = uploaded(reviewer, exported(reviewer, oldword="newword"))
    seen = compared(reviewer, read).fingerprint
    text = Text.of("Why?", "", "Mine.")
    resubmit(submission=first, base_revision=1, text=text, by=first.author, now=NOW)
    with pytest.raises(sheet_imports.SheetMovedOn):
        sheet_imports.apply(sheet=read, seen=seen, overrides={}, by=reviewer, now=LATER)
    assert said(second) == "B oldword."


def test_one_row_that_fails_leaves_all_as_they_were(reviewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [make_submission(response=f"{letter} oldword.") for letter in "ab"]
    read = uploaded(reviewer, exported(reviewer, oldword="newword"))
    real, calls = suggestions.suggest_edit, []

    def second_fails(**arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 2:
            raise Refused("a disk of glass")
        return real(**arguments)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(suggestions, "suggest_edit", second_fails)
    with pytest.raises(sheet_imports.RowRefused, match=r"Row \d can't be applied, so nothing was: a disk of glass"):
        applied(reviewer, read)
    assert [said(submission) for submission in ours] == ["a oldword.", "b oldword."]
    assert SheetImport.objects.get().applied_at is None


def test_rows_that_may_not_be_edited_are_named_and_left_out(reviewer: Person) -> None:
    own = make_submission(author=reviewer, response="own oldword.")
    rejected = make_submission(status="rejected", response="rejected oldword.")
    mine_decided = make_submission(status="approved", response="approved oldword.", by_reviewer=a_reviewer())
    read = uploaded(reviewer, exported(reviewer, oldword="newword"))
    whys = {row.submission.pk: row.why for row in compared(reviewer, read).not_allowed}
    assert whys == {
        own.pk: "your own work",
        rejected.pk: "not waiting for review",
        mine_decided.pk: "approved; a campaign lead can edit it",
    }


def test_unknown_ids_and_revisions_are_counted_and_named(reviewer: Person) -> None:
    submission = make_submission(response="An oldword.")
    read = uploaded(reviewer, exported(reviewer, **{'","1","': '","7","', "oldword": "newword"}))
    assert [fault.message for fault in compared(reviewer, read).faults] == ["There is no revision 7 of it."]
    file = exported(reviewer, **{str(submission.pk): str(uuid.uuid4())})
    assert compared(reviewer, uploaded(reviewer, file)).unknown == 1


def test_texts_that_can_not_be_stored_are_named_with_their_row(reviewer: Person) -> None:
    make_submission(response="An oldword.")
    read = uploaded(reviewer, exported(reviewer, oldword="a\x00b"))
    (fault,) = compared(reviewer, read).faults
    assert (fault.row, "NUL" in fault.message) == (2, True)


def test_a_blank_instruction_is_named_and_not_applied(reviewer: Person) -> None:
    make_submission(instruction="oldword", response="R")
    (fault,) = compared(reviewer, uploaded(reviewer, exported(reviewer, oldword=""))).faults
    assert fault.message == "instruction: Write an instruction."


def test_only_its_owner_applies_a_sheet(reviewer: Person) -> None:
    make_submission(response="An oldword.")
    read = uploaded(reviewer, exported(reviewer, oldword="newword"))
    with pytest.raises(NotAllowed):
        applied(a_reviewer(), read)


def test_contributors_upload_nothing() -> None:
    with pytest.raises(reviews.NotAReviewer):
        uploaded(PersonFactory.create(), io.BytesIO(b""))


def test_more_changes_than_one_act_may_make_are_refused(reviewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_imports, "MAX_CHANGES", 1)
    for letter in "ab":
        make_submission(response=f"{letter} oldword.")
    with pytest.raises(sheet_imports.BadSheet, match="changes 2 records; at most 1"):
        uploaded(reviewer, exported(reviewer, oldword="newword"))


def test_sheets_that_were_never_applied_are_dropped_after_a_day(reviewer: Person) -> None:
    make_submission(response="An oldword.")
    uploaded(reviewer, exported(reviewer, oldword="newword"))
    sheet_imports.read_upload(file=exported(reviewer), file_name="b.csv", by=reviewer, now=NOW + timedelta(days=2))
    assert list(SheetImport.objects.values_list("file_name", flat=True)) == ["b.csv"]


def test_a_decided_record_in_the_sheet_reads_back_with_any_state(reviewer: Person) -> None:
    submission = make_submission()
    decide(submission, "approve", by=a_reviewer())
    (entry,) = read_sheet(exported(reviewer))
    assert getattr(entry, "id", None) == submission.pk

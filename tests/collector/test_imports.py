"""Importing: what becomes of rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections

from collector.actions import imports
from collector.actions.import_origins import Origin
from collector.actions.imports import import_rows
from collector.actions.reviews import OwnWork, decide
from collector.actions.sources import source_person
from collector.imports.rows import Reject, Row
from collector.models import Award, Campaign, Event, ImportBatch, Person, Revision, Submission
from tests.collector.naughty import NAUGHTY
from tests.factories import NOW, make_submission, reviewer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.actions.imports import Outcome
    from collector.models import Category

ORIGIN = Origin(file_name="data.jsonl", format="dolly", title="A dataset", url="https://example.org/d")


def pair(number: int, category: Category | str, **fields: Any) -> Row:
    fields = {"instruction": f"Question {number}?", "context": "", "response": f"Answer {number}."} | fields
    return Row(
        line=number, raw=f"raw {number}", category=category if isinstance(category, str) else category.slug, **fields
    )


def bring(rows: Iterable[Row | Reject], campaign: Campaign, **options: Any) -> tuple[Outcome, list[Reject]]:
    rejects: list[Reject] = []
    settings: dict[str, Any] = {"origin": ORIGIN, "approved": False, "by": None, "now": NOW} | options
    return import_rows(rows=rows, campaign=campaign, on_reject=rejects.append, **settings), rejects


def counts(outcome: Outcome) -> tuple[int, int, int]:
    return outcome.added, outcome.repeated, outcome.rejected


def facts(model: type[Submission | Revision | Event]) -> int:
    return model._default_manager.count()


# -- What a row becomes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("approved", [True, False])
def test_a_row_becomes_a_submission_with_source_licence_and_history(
    campaign: Campaign, category: Category, approved: bool
) -> None:
    origin = Origin(file_name="d.jsonl", format="dolly", title="T", url="https://t.org", licence="MIT", language="de")
    bring([pair(1, category)], campaign, approved=approved, origin=origin)
    submission = Submission.objects.get()
    revision, event = submission.revisions.get(), submission.events.get()
    status = "approved" if approved else "submitted"
    assert (submission.status, event.status_before, event.status_after) == (status, "draft", status)
    assert (submission.source_title, submission.source_url, submission.licence) == ("T", "https://t.org", "MIT")
    assert submission.approved_at == (NOW if approved else None)
    assert (submission.terms, event.kind, revision.language) == (None, "imported", "de")
    assert (revision.instruction, revision.response) == ("Question 1?", "Answer 1.")


def test_without_a_licence_and_language_the_campaigns_hold(campaign: Campaign, category: Category) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(data_licence="CC0-1.0", language="fr")
    campaign.refresh_from_db()
    bring([pair(1, category)], campaign)
    assert Submission.objects.get().licence == "CC0-1.0"
    assert Revision.objects.get().language == "fr"


def test_a_row_that_names_its_own_source_and_licence_keeps_them(campaign: Campaign, category: Category) -> None:
    bring([pair(1, category, licence="MIT", language="nl", source_title="Own", source_url="https://own.org")], campaign)
    submission = Submission.objects.get()
    assert (submission.licence, submission.source_title, submission.source_url) == ("MIT", "Own", "https://own.org")
    assert Revision.objects.get().language == "nl"


def test_imported_approvals_earn_nobody_points(campaign: Campaign, category: Category) -> None:
    bring([pair(1, category)], campaign, approved=True)
    assert not Award.objects.exists()


def test_the_author_is_a_source_that_can_never_sign_in(campaign: Campaign, category: Category) -> None:
    bring([pair(1, category)], campaign)
    author = Submission.objects.get().author
    assert (author.is_source, author.is_active, author.has_usable_password()) == (True, False, False)
    assert author.handle.startswith("import-a-dataset-")
    assert author.email == f"{author.handle}@imports.invalid"
    author.full_clean(exclude=["password"])


def test_two_imports_from_one_source_have_one_author(campaign: Campaign, category: Category) -> None:
    for number in (1, 2):
        bring([pair(number, category)], campaign)
    assert Person.objects.filter(is_source=True).count() == 1


@pytest.mark.parametrize("title", ["数据集", "", "x" * 300, "../../etc"])
def test_a_source_of_any_title_gets_a_valid_handle(campaign: Campaign, title: str) -> None:
    source_person(title=title).full_clean(exclude=["password"])


def test_who_imports_a_row_cannot_review_it(campaign: Campaign, category: Category) -> None:
    person = reviewer()
    bring([pair(1, category)], campaign, by=person)
    with pytest.raises(OwnWork):
        decide(submission=Submission.objects.get(), revision_number=1, decision="approve", by=person, now=NOW)


@pytest.mark.parametrize("text", NAUGHTY)
def test_text_is_stored_exactly(campaign: Campaign, category: Category, text: str) -> None:
    bring([pair(1, category, instruction=text, context=text, response=text)], campaign)
    revision = Revision.objects.get()
    assert (revision.instruction, revision.context, revision.response) == (text, text, text)


def test_only_crlf_becomes_lf(campaign: Campaign, category: Category) -> None:
    bring([pair(1, category, response="a\r\nb\rc\n")], campaign)
    assert Revision.objects.get().response == "a\nb\rc\n"


# -- What is repeated -------------------------------------------------------------------------------------


def test_the_same_rows_twice_add_nothing(campaign: Campaign, category: Category) -> None:
    rows = [pair(number, category) for number in range(5)]
    assert counts(bring(rows, campaign)[0]) == (5, 0, 0)
    assert counts(bring(rows, campaign)[0]) == (0, 5, 0)
    assert (facts(Submission), facts(Revision), facts(Event)) == (5, 5, 5)


def test_a_row_repeated_in_the_file_is_added_once(
    campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH_ROWS", 2)  # the same batch, and another one
    rows = [pair(1, category), pair(1, category), pair(2, category), pair(1, category)]
    assert counts(bring(rows, campaign)[0]) == (2, 2, 0)


def test_duplicates_are_compared_whatever_their_case_and_unicode_form(campaign: Campaign, category: Category) -> None:
    rows = [pair(1, category, response="Ein Café"), pair(1, category, response="EIN CAFE\u0301")]
    assert counts(bring(rows, campaign)[0]) == (1, 1, 0)


def test_what_somebody_wrote_here_is_a_repetition(campaign: Campaign, category: Category) -> None:
    make_submission(campaign=campaign, category=category, instruction="Question 1?", response="Answer 1.")
    assert counts(bring([pair(1, category)], campaign)[0]) == (0, 1, 0)


def test_another_campaign_may_hold_the_same_pair(campaign: Campaign, category: Category) -> None:
    make_submission(category=category, instruction="Question 1?", response="Answer 1.")
    assert counts(bring([pair(1, category)], campaign)[0]) == (1, 0, 0)


def test_a_row_that_came_in_between_is_left_out_with_all_that_hangs_on_it(
    campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring([pair(1, category)], campaign)
    monkeypatch.setattr(
        imports, "_present", lambda _campaign, _keys: set()
    )  # as if the other import came after our look
    assert counts(bring([pair(1, category), pair(2, category)], campaign)[0]) == (1, 1, 0)
    assert (facts(Submission), facts(Revision), facts(Event)) == (2, 2, 2)


@pytest.mark.django_db(transaction=True)
def test_the_same_file_imported_by_several_at_once_is_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH_ROWS", 7)
    campaign = Campaign.objects.get(slug="first-campaign")
    rows = [pair(number, "open_qa") for number in range(40)]

    def run(_number: int) -> tuple[int, int, int]:
        try:
            return counts(bring(rows, campaign)[0])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(run, range(4)))
    assert sum(added for added, _repeated, _rejected in done) == 40
    assert all(sum(one) == 40 for one in done)
    assert (facts(Submission), facts(Revision), facts(Event)) == (40, 40, 40)
    assert Person.objects.filter(is_source=True).count() == 1


# -- What is rejected -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"response": "a\x00b"}, "response: Character 2 is a NUL"),
        ({"instruction": "\ud800"}, "instruction: Character 1 is half of a surrogate pair"),
        ({"context": "x" * (2**20 + 1)}, "context: This is 1,048,577 characters long"),
        ({"instruction": " \n\u200b"}, "The instruction is blank"),
        ({"response": ""}, "The response is blank"),
        ({"language": "not a tag"}, "is not a BCP 47 tag"),
        ({"licence": "WTFPL"}, "licence 'WTFPL' is not one of"),
        ({"source_title": "\x00"}, "NUL"),
        ({"source_url": "x" * 1001}, "too long"),
        ({"source_url": "javascript:alert(1)"}, "has to begin with http"),
        ({"source_url": "JavaScript://x.org/%0aalert(1)"}, "has to begin with http"),
        ({"source_url": "a book"}, "has to begin with http"),
    ],
)
def test_a_row_that_cannot_be_kept_is_rejected_with_the_reason(
    campaign: Campaign, category: Category, fields: dict[str, str], says: str
) -> None:
    outcome, [reject] = bring([pair(1, category, **fields), pair(2, category)], campaign)
    assert counts(outcome) == (1, 0, 1)
    assert says in reject.reason
    assert (reject.line, reject.raw) == (1, "raw 1")


def test_an_unknown_category_is_named_with_the_known_ones(campaign: Campaign, category: Category) -> None:
    outcome, [reject] = bring([pair(1, "poetry")], campaign)
    assert counts(outcome) == (0, 0, 1)
    assert "'poetry'" in reject.reason
    assert category.slug in reject.reason


def test_other_names_of_a_category_can_be_given(campaign: Campaign, category: Category) -> None:
    outcome, _rejects = bring([pair(1, "poetry")], campaign, category_aliases={"poetry": category.slug})
    assert counts(outcome) == (1, 0, 0)


def test_a_row_without_a_category_goes_where_the_command_says(campaign: Campaign, category: Category) -> None:
    bring([pair(1, "")], campaign, category=category.slug)
    assert Submission.objects.get().category == category


def test_a_row_without_a_category_is_filed_by_whether_it_has_a_context(db: None) -> None:
    campaign = Campaign.objects.get(slug="first-campaign")
    outcome, _rejects = bring([pair(1, ""), pair(2, "", context="A text.")], campaign)
    assert outcome.without_category == 2
    filed = Submission.objects.values_list("category__slug", "revisions__context")
    assert set(filed) == {("general_qa", ""), ("closed_qa", "A text.")}


def test_naming_an_unknown_category_for_all_rows_is_refused_before_the_first(
    campaign: Campaign, category: Category
) -> None:
    with pytest.raises(imports.UnknownCategory, match=category.slug):
        bring([pair(1, "")], campaign, category="poetry")
    assert not ImportBatch.objects.exists()


def test_an_origin_that_cannot_be_kept_is_refused(campaign: Campaign, category: Category) -> None:
    origin = Origin(
        file_name="d", format="dolly", title="x" * 301, licence="WTFPL", language="?", url="data:text/html,x"
    )
    with pytest.raises(ValidationError) as refused:
        bring([pair(1, category)], campaign, origin=origin)
    assert set(refused.value.message_dict) == {"title", "url", "licence", "language"}


def test_the_batch_keeps_the_counts(campaign: Campaign, category: Category) -> None:
    bring([pair(1, category), pair(1, category), pair(2, "poetry")], campaign)
    batch = ImportBatch.objects.get()
    assert (batch.added, batch.repeated, batch.rejected) == (1, 1, 1)
    assert batch.finished_at is not None


def test_an_import_that_breaks_off_keeps_whole_batches_and_goes_on_when_repeated(
    campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH_ROWS", 2)
    rows = [pair(number, category) for number in range(5)]

    def breaking() -> Iterable[Row]:
        yield from rows[:3]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        bring(breaking(), campaign)
    assert (facts(Submission), facts(Revision), facts(Event)) == (2, 2, 2)
    assert ImportBatch.objects.get().finished_at is None
    assert counts(bring(rows, campaign)[0]) == (3, 2, 0)


def test_a_dry_run_counts_alike_and_writes_nothing(campaign: Campaign, category: Category) -> None:
    rows = [pair(1, category), pair(1, category), pair(2, "poetry")]
    assert counts(bring(rows, campaign, dry_run=True)[0]) == (1, 1, 1)
    assert facts(Submission) == 0
    assert not ImportBatch.objects.exists()
    assert not Person.objects.filter(is_source=True).exists()


def test_rows_need_no_query_of_their_own(
    campaign: Campaign, category: Category, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(60):
        bring([pair(number, category) for number in range(200)], campaign)

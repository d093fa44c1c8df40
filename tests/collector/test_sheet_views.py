from __future__ import annotations

import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from collector.actions.submissions import resubmit
from collector.models import AuditEntry, Review, SheetImport, Submission
from collector.pairs import Text
from collector.sheets.rows import MAX_UPLOAD_BYTES
from tests.factories import NOW, CampaignFactory, PersonFactory, make_submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import DjangoAssertNumQueries

    from collector.models import Person

pytestmark = pytest.mark.django_db
GRID = "/review/grid/"
AS_JSON = {"Accept": "application/json"}


@pytest.fixture
def client(reviewer: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(reviewer)


def selection(*submissions: Submission) -> str:
    return " ".join(f"{submission.pk}:1" for submission in submissions)


def state(submission: Submission) -> str:
    return Submission.objects.get(pk=submission.pk).status


def body(answer: Any) -> Any:
    return json.loads(answer.content)


def content(answer: Any) -> bytes:
    data: bytes = answer.getvalue()
    return data


# -- Reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "index/", "rows/", "sheet.csv", "sheet.xlsx", "upload/"])
def test_contributors_are_told_whom_to_ask(path: str, sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(PersonFactory.create()).get(GRID + path)
    assert answer.status_code == 403
    assert "A campaign lead or an admin can give it to you" in answer.content.decode()


@pytest.mark.parametrize("role", ["reviewer", "lead", "admin"])
def test_reviewers_leads_and_admins_see_the_sheet(role: str, sign_in: Callable[[Person], Client]) -> None:
    make_submission(instruction="Why do herons stand?")
    answer = sign_in(PersonFactory.create(roles=[role])).get(GRID)
    assert answer.status_code == 200
    assert "Why do herons stand?" in answer.content.decode()


def test_locking_is_offered_to_leads_alone(client: Client, sign_in: Callable[[Person], Client]) -> None:
    make_submission()
    assert "/review/grid/lock/" not in client.get(GRID).content.decode().split('id="sheet"')[0]
    lead = sign_in(PersonFactory.create(roles=["lead"]))
    assert 'formaction="/review/grid/lock/"' in lead.get(GRID).content.decode()


def test_an_empty_sheet_says_what_will_be_here(client: Client) -> None:
    assert "The sheet is empty" in client.get(GRID).content.decode()


def test_a_filter_that_nothing_matches_can_be_cleared(client: Client) -> None:
    make_submission()
    assert "No record matches" in client.get(GRID, {"search": "heron"}).content.decode()


def test_text_of_people_is_escaped_and_what_is_unseen_is_marked(client: Client) -> None:
    make_submission(instruction="<script>alert(1)</script>\u202eabc")
    page = client.get(GRID).content.decode()
    assert "<script>alert(1)" not in page
    assert "U+202E" in page


@pytest.mark.parametrize("number", ["-1", "0", "x", "999999999", "1e9"])
def test_any_page_number_gives_a_page(number: str, client: Client) -> None:
    make_submission()
    assert client.get(GRID, {"page": number}).status_code == 200


@pytest.mark.parametrize(
    "query", [{"state": "draft"}, {"sort": "author__password"}, {"category": "nope"}, {"search": "a" * 300}]
)
def test_a_filter_that_can_not_be_read_is_said_and_never_guessed(query: dict[str, str], client: Client) -> None:
    make_submission()
    assert "field-error" in client.get(GRID, query).content.decode()
    assert client.get(GRID + "index/", query).status_code == 400
    assert client.get(GRID + "rows/", query).status_code == 400


def test_a_window_by_place_says_the_total(client: Client) -> None:
    for number in range(3):
        make_submission(now=NOW.replace(hour=number))
    got = body(client.get(GRID + "rows/", {"from": "1", "count": "2", "sort": "updated"}))
    assert (got["total"], len(got["rows"])) == (3, 2)
    assert got["rows"][0]["updated"].startswith("2026-03-02T01")


@pytest.mark.parametrize(
    "query", [{"count": "0"}, {"count": "201"}, {"from": "-1"}, {"from": "x"}, {"ids": "x"}, {"ids": ","}]
)
def test_windows_out_of_reach_are_refused(query: dict[str, str], client: Client) -> None:
    assert client.get(GRID + "rows/", query).status_code == 400


def test_a_long_text_is_cut_in_the_window_and_whole_on_its_own_address(client: Client) -> None:
    submission = make_submission(response="word " * 2000)
    (row,) = body(client.get(GRID + "rows/", {"ids": str(submission.pk)}))["rows"]
    assert (len(row["response"]), row["cut"]) == (4000, ["response"])
    assert body(client.get(f"{GRID}{submission.pk}/", headers=AS_JSON))["response"] == "word " * 2000


def test_the_index_has_twenty_bytes_a_record(client: Client) -> None:
    submission = make_submission()
    data = client.get(GRID + "index/").content
    assert (uuid.UUID(bytes=data[:16]), data[16:]) == (submission.pk, b"\x01\x00\x00\x00")


@pytest.mark.parametrize("rows", [1, 100])
def test_a_window_costs_the_same_questions_for_1_and_100_rows(
    rows: int, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = CampaignFactory.create()
    author = PersonFactory.create()
    category = make_submission(campaign=campaign).category
    ids = [str(make_submission(campaign=campaign, category=category, author=author).pk) for _row in range(rows)]
    with django_assert_num_queries(5):  # session, person, groups, texts, reviews
        answer = client.get(GRID + "rows/", {"ids": ",".join(ids)})
    assert len(body(answer)["rows"]) == rows


@pytest.mark.parametrize("rows", [1, 20])
def test_the_page_asks_the_same_questions_for_any_number_of_rows(
    rows: int, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _row in range(rows):
        make_submission(status="approved")
    # session, person, groups; the filter's lists; count, order, texts, reviews; the last batch; the page's frame
    with django_assert_max_num_queries(14):
        client.get(GRID)


# -- Editing ----------------------------------------------------------------------------------------------


def test_one_text_is_saved_and_the_row_comes_back(client: Client) -> None:
    submission = make_submission()
    fields = {"base_revision": 1, "response": "  Better.\r\n"}
    row = body(client.post(f"{GRID}{submission.pk}/", fields, headers=AS_JSON))
    assert (row["response"], row["revision"]) == ("  Better.\n", 2)


def test_a_conflict_gives_both_texts(client: Client) -> None:
    submission = make_submission()
    text = Text.of("Theirs", "", "Their response")
    resubmit(submission=submission, base_revision=1, text=text, by=submission.author, now=NOW)
    fields = {"base_revision": 1, "response": "Mine"}
    answer = client.post(f"{GRID}{submission.pk}/", fields, headers=AS_JSON)
    assert answer.status_code == 409
    assert body(answer)["current"]["response"] == "Their response"
    page = client.post(f"{GRID}{submission.pk}/", fields | {"instruction": "I", "context": ""}).content.decode()
    assert "Their response" in page
    assert ">\nMine</textarea>" in page
    assert 'name="base_revision" value="2"' in page


def test_a_refusal_names_its_reason_at_the_cell(client: Client, reviewer: Person) -> None:
    own = make_submission(author=reviewer)
    answer = client.post(f"{GRID}{own.pk}/", {"base_revision": 1, "response": "x"}, headers=AS_JSON)
    assert (answer.status_code, "your own submission" in body(answer)["detail"]) == (403, True)
    other = make_submission()
    answer = client.post(f"{GRID}{other.pk}/", {"base_revision": 1, "response": "a\x00"}, headers=AS_JSON)
    assert (answer.status_code, "NUL" in body(answer)["detail"]) == (400, True)


def test_a_record_that_is_not_visible_is_not_there(client: Client) -> None:
    draft = make_submission(status="draft")
    assert client.get(f"{GRID}{draft.pk}/").status_code == 404
    assert client.post(f"{GRID}{uuid.uuid4()}/", {"base_revision": 1}).status_code == 404


# -- Deciding ---------------------------------------------------------------------------------------------


def test_a_decision_is_asked_about_first_and_says_what_it_will_do(client: Client, reviewer: Person) -> None:
    fine, own = make_submission(), make_submission(author=reviewer)
    answer = client.post(GRID + "decide/", {"items": selection(fine, own), "decision": "approve"})
    page = answer.content.decode()
    assert "Approve 1 record?" in page
    assert "1 your own work" in page
    assert state(fine) == "submitted"


def test_without_a_script_the_answer_is_a_page_and_the_result_the_sheet(client: Client, reviewer: Person) -> None:
    fine, own = make_submission(), make_submission(author=reviewer)
    fields = {"items": [selection(fine), selection(own)], "decision": "approve", "confirmed": 1, "query": "sort=state"}
    answer = client.post(GRID + "decide/", fields)
    assert answer.headers["Location"] == "/review/grid/?sort=state"
    assert state(fine) == "approved"
    page = client.get(GRID).content.decode()
    assert "You approved 1 record." in page
    assert "own submission" in page
    assert "You decided 1 record at" in page


def test_the_grid_gets_the_outcome_of_each_record_and_undoes_the_batch(client: Client, reviewer: Person) -> None:
    fine, own = make_submission(), make_submission(author=reviewer)
    fields = {"items": selection(fine, own), "decision": "approve", "confirmed": 1}
    got = body(client.post(GRID + "decide/", fields, headers=AS_JSON))
    assert got["done"] == [str(fine.pk)]
    assert [row["id"] for row in got["refused"]] == [str(own.pk)]
    undone = body(client.post(GRID + "undo/", {"batch": got["batch"]}, headers=AS_JSON))
    assert (undone["detail"], state(fine)) == ("1 decision was taken back.", "submitted")


def test_a_rejection_without_a_word_asks_for_one(client: Client) -> None:
    submission = make_submission()
    fields = {"items": selection(submission), "decision": "reject", "confirmed": 1}
    answer = client.post(GRID + "decide/", fields)
    assert answer.status_code == 400
    assert "Tell the author why" in answer.content.decode()
    assert Review.objects.count() == 0


def test_everything_that_matches_can_be_decided_without_a_script(client: Client) -> None:
    wanted, other = make_submission(instruction="A heron"), make_submission(instruction="An oak")
    fields = {"all": 1, "query": "search=heron", "decision": "approve", "confirmed": 1}
    client.post(GRID + "decide/", fields)
    assert (state(wanted), state(other)) == ("approved", "submitted")


@pytest.mark.parametrize(
    "fields",
    [
        {"items": "nonsense", "decision": "approve"},
        {"items": "", "decision": "approve"},
        {"items": f"{uuid.uuid4()}:1", "decision": "destroy"},
        {"items": " ".join(f"{uuid.uuid4()}:1" for _item in range(1001)), "decision": "approve"},
    ],
)
def test_a_selection_that_can_not_be_acted_on_is_refused_clearly(fields: dict[str, str], client: Client) -> None:
    answer = client.post(GRID + "decide/", fields, headers=AS_JSON)
    assert answer.status_code in {400, 422}
    assert body(answer)["detail"]


def test_another_persons_batch_is_not_undone(client: Client) -> None:
    answer = client.post(GRID + "undo/", {"batch": str(uuid.uuid4())}, headers=AS_JSON)
    assert answer.status_code == 403


def test_leads_lock_what_is_selected(sign_in: Callable[[Person], Client], client: Client) -> None:
    submission = make_submission()
    fields = {"items": selection(submission), "act": "lock"}
    assert client.post(GRID + "lock/", fields, headers=AS_JSON).status_code == 403
    lead = sign_in(PersonFactory.create(roles=["lead"]))
    assert body(lead.post(GRID + "lock/", fields, headers=AS_JSON))["detail"] == "1 record is locked."
    assert Submission.objects.get().locked_at is not None
    lead.post(GRID + "lock/", fields | {"act": "unlock"})
    assert Submission.objects.get().locked_at is None


# -- Files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_download_holds_what_the_filter_matches_and_is_written_down(format: str, client: Client) -> None:
    make_submission(instruction="A heron")
    make_submission(instruction="An oak")
    answer = client.get(f"{GRID}sheet.{format}", {"search": "heron"})
    data = content(answer)
    assert "attachment" in answer.headers["Content-Disposition"]
    if format == "csv":
        assert (b"A heron" in data, b"An oak" in data) == (True, False)
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(data)).active
        assert sheet is not None
        assert [row[5] for row in sheet.values] == ["instruction", "A heron"]
    entry = AuditEntry.objects.get(verb="sheet.downloaded")
    assert (entry.target, entry.detail) == (format, {"rows": 1, "search": "heron", "sort": "-updated"})


def uploaded(client: Client, data: bytes, name: str = "sheet.csv") -> Any:
    return client.post(GRID + "upload/", {"file": SimpleUploadedFile(name, data)})


def test_an_edited_sheet_is_previewed_then_applied_once(client: Client) -> None:
    submission = make_submission(response="Because of oldword and nothing else.")
    data = content(client.get(GRID + "sheet.csv")).replace(b"oldword", b"newword")
    address = uploaded(client, data).headers["Location"]
    page = client.get(address).content.decode()
    assert "<del>oldword </del><ins>newword </ins>" in page
    seen = page.split('name="seen" value="')[1].split('"')[0]
    assert state(submission) == "submitted"
    assert client.post(address, {"seen": seen}).headers["Location"] == GRID
    assert Submission.objects.get().revision_number == 2
    again = client.post(address, {"seen": seen})
    assert again.status_code == 409
    assert "applied already" in again.content.decode()


@pytest.mark.parametrize("use", ["x", "x:1", f"{uuid.UUID(int=1)}:two", f"{uuid.UUID(int=1)}:{'9' * 60}"])
def test_a_choice_of_rows_that_cant_be_read_applies_nothing(use: str, client: Client) -> None:
    submission = make_submission(response="oldword")
    data = content(client.get(GRID + "sheet.csv")).replace(b"oldword", b"newword")
    address = uploaded(client, data).headers["Location"]
    answer = client.post(address, {"use": use, "seen": "x"})
    assert answer.status_code in {400, 409}
    assert state(submission) == "submitted"


def test_a_sheet_belongs_to_who_uploaded_it(client: Client, sign_in: Callable[[Person], Client]) -> None:
    make_submission(response="oldword")
    data = content(client.get(GRID + "sheet.csv")).replace(b"oldword", b"newword")
    address = uploaded(client, data).headers["Location"]
    other = sign_in(PersonFactory.create(roles=["reviewer"]))
    assert {other.get(address).status_code, other.post(address, {"seen": ""}).status_code} == {404}
    assert other.post(f"{address}discard/").status_code == 404


def test_a_dropped_sheet_is_gone(client: Client) -> None:
    make_submission(response="oldword")
    data = content(client.get(GRID + "sheet.csv")).replace(b"oldword", b"newword")
    client.post(f"{uploaded(client, data).headers['Location']}discard/")
    assert SheetImport.objects.count() == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "has to name the columns"), (b"PK\x03\x04rubbish", "can&#x27;t be opened")],
)
def test_a_bad_file_is_told_what_to_do(data: bytes, words: str, client: Client) -> None:
    answer = uploaded(client, data)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_file_that_is_too_large_is_not_even_read(client: Client) -> None:
    answer = client.post(GRID + "upload/", {}, headers={"Content-Length": str(MAX_UPLOAD_BYTES * 10)})
    assert answer.status_code == 413
    assert "larger than 32 MiB" in answer.content.decode()


def test_an_upload_without_a_token_is_refused(reviewer: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(reviewer, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert uploaded(strict, b"id").status_code == 403

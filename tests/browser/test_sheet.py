"""The sheet in a real browser: by mouse, by keyboard, with a batch, an edit, a workbook that comes back."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import openpyxl
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from collector.actions.submissions import resubmit
from collector.models import Category, Review, Submission
from collector.pairs import Text
from tests.factories import NOW, make_submission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person


@pytest.fixture
def author(installation: Campaign, colleague: Callable[..., Person]) -> Person:
    return colleague("Wilma Writer")


@pytest.fixture
def write(installation: Campaign, author: Person) -> Callable[..., Submission]:
    """Write a submission of the installation's campaign."""

    def write(instruction: str, **fields: object) -> Submission:
        category = Category.objects.get(slug=fields.pop("category", "open_qa"))
        return make_submission(
            campaign=installation,
            category=category,
            author=author,
            instruction=instruction,
            **fields,  # type: ignore[arg-type]  # a test's own fields
        )

    return write


@pytest.fixture
def open_sheet(
    live_server: LiveServer,
    installation: Campaign,
    colleague: Callable[..., Person],
    sign_in_as: Callable[[Person], Page],
) -> Iterator[Callable[..., Page]]:
    """Open the sheet as a reviewer; what the Content-Security-Policy stopped, or a script broke, fails the test."""
    broken: list[str] = []

    def open_sheet(query: str = "", *roles: str, grid: bool = True) -> Page:
        page = sign_in_as(colleague("Rita Reviewer", *(roles or ("reviewer",))))
        page.on("console", lambda message: broken.append(message.text) if "Content Security" in message.text else None)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(f"{live_server.url}/review/grid/{query}")
        if grid:
            expect(page.locator("html")).to_have_class("has-sheet sheet-ready")
        return page

    yield open_sheet
    assert broken == []


def row(page: Page, text: str) -> Locator:
    return page.locator(".tabulator-row", has_text=text)


def cell(page: Page, text: str, field: str) -> Locator:
    return row(page, text).locator(f'[tabulator-field="{field}"]')


def state(submission: Submission) -> str:
    submission.refresh_from_db()
    return submission.status


def response(submission: Submission) -> str:
    submission.refresh_from_db()
    return submission.revisions.get(number=submission.revision_number).response


def test_a_batch_is_decided_after_one_question_and_undone(
    write: Callable[..., Submission], open_sheet: Callable[..., Page]
) -> None:
    herons = [write(f"Heron number {number}?") for number in range(4)]
    rejected = write("An old decision?", status="rejected")
    page = open_sheet("?sort=instruction")
    cell(page, "Heron number 0", "select").click()
    cell(page, "Heron number 2", "select").click(modifiers=["Shift"])
    cell(page, "An old decision", "select").click()
    expect(page.locator("#selected")).to_have_text("Selected: 4")
    page.get_by_role("button", name="Approve").click()
    dialog = page.locator("#sheet-confirm")
    expect(dialog).to_contain_text("Approve 3 records?")
    expect(dialog).to_contain_text("1 not waiting for review")
    assert Axe().run(page).violations_count == 0
    dialog.get_by_role("button", name="Approve").click()
    expect(page.locator(".toast-stack")).to_contain_text("You approved 3 records.")
    expect(cell(page, "Heron number 0", "state")).to_contain_text("Approved")
    assert [state(heron) for heron in herons] == ["approved", "approved", "approved", "submitted"]
    assert state(rejected) == "rejected"
    page.locator(".toast-stack").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast-stack")).to_contain_text("3 decisions were taken back.")
    expect(cell(page, "Heron number 0", "state")).to_contain_text("Waiting for review")
    assert {state(heron) for heron in herons} == {"submitted"}


def test_a_rejection_asks_for_a_word_in_the_same_dialog(
    write: Callable[..., Submission], open_sheet: Callable[..., Page]
) -> None:
    submission = write("Why do herons stand?")
    page = open_sheet()
    cell(page, "Why do herons", "select").click()
    page.get_by_role("button", name="Reject").click()
    dialog = page.locator("#sheet-confirm")
    dialog.get_by_role("button", name="Reject").click()
    expect(dialog).to_contain_text("Tell the author why")
    dialog.get_by_label("Comment to the authors").fill("Too short.")
    dialog.get_by_role("button", name="Reject").click()
    expect(cell(page, "Why do herons", "state")).to_contain_text("Rejected")
    assert (state(submission), Review.objects.get().comment) == ("rejected", "Too short.")


def test_one_click_edits_a_cell_and_leaving_it_saves(
    write: Callable[..., Submission], open_sheet: Callable[..., Page]
) -> None:
    submission = write("Why do herons stand?", response="To fish.")
    page = open_sheet()
    cell(page, "Why do herons", "response").click()
    editor = page.locator("textarea.sheet-editor")
    expect(editor).to_be_focused()
    editor.fill("To fish,\n  in =shallow water.")
    page.locator("h1").click()
    expect(page.locator(".toast-stack")).to_contain_text("Saved")
    expect(cell(page, "Why do herons", "response")).to_have_text("To fish,\n  in =shallow water.")
    assert response(submission) == "To fish,\n  in =shallow water."


def test_enter_edits_escape_cancels_and_control_enter_saves(
    write: Callable[..., Submission], open_sheet: Callable[..., Page]
) -> None:
    submission = write("Why do herons stand?", response="To fish.")
    page = open_sheet()
    page.locator(".tabulator-cell[tabindex='0']").focus()
    page.keyboard.press("End")
    for _step in range(3):
        page.keyboard.press("ArrowLeft")
    expect(cell(page, "Why do herons", "response")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type(" Nonsense")
    page.keyboard.press("Escape")
    expect(cell(page, "Why do herons", "response")).to_have_text("To fish.")
    expect(cell(page, "Why do herons", "response")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type(" And to rest.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast-stack")).to_contain_text("Saved")
    expect(cell(page, "Why do herons", "response")).to_be_focused()
    assert response(submission) == "To fish. And to rest."


def test_a_conflict_in_a_cell_shows_both_texts_and_loses_neither(
    write: Callable[..., Submission], open_sheet: Callable[..., Page]
) -> None:
    submission = write("Why do herons stand?", response="To fish.")
    page = open_sheet()
    cell(page, "Why do herons", "response").click()
    page.locator("textarea.sheet-editor").fill("My version.")
    text = Text.of("Why do herons stand?", "", "Their version.")
    resubmit(submission=submission, base_revision=1, text=text, by=submission.author, now=NOW)
    page.keyboard.press("Control+Enter")
    dialog = page.locator("#sheet-conflict")
    expect(dialog.locator("[data-theirs]")).to_have_text("Their version.")
    expect(dialog.locator("textarea")).to_have_value("My version.")
    assert Axe().run(page).violations_count == 0
    page.keyboard.press("Escape")
    expect(cell(page, "Why do herons", "response")).to_contain_text("My version.")
    page.on("dialog", lambda leave: leave.accept())
    page.reload()
    expect(cell(page, "Why do herons", "response")).to_contain_text("My version.")
    cell(page, "Why do herons", "response").get_by_role("button", name="Compare").click()
    dialog.get_by_role("button", name="Save my text over it").click()
    expect(page.locator(".toast-stack")).to_contain_text("Saved")
    assert response(submission) == "My version."


def test_without_a_connection_the_text_stays_in_its_cell_until_it_is_saved(
    write: Callable[..., Submission], open_sheet: Callable[..., Page]
) -> None:
    submission = write("Why do herons stand?", response="To fish.")
    page = open_sheet()
    page.context.set_offline(True)
    cell(page, "Why do herons", "response").click()
    page.locator("textarea.sheet-editor").fill("To sleep.")
    page.keyboard.press("Control+Enter")
    expect(cell(page, "Why do herons", "response")).to_contain_text("there is no connection")
    expect(cell(page, "Why do herons", "response")).to_contain_text("To sleep.")
    page.context.set_offline(False)
    cell(page, "Why do herons", "response").get_by_role("button", name="Try again").click()
    expect(page.locator(".toast-stack")).to_contain_text("Saved")
    assert response(submission) == "To sleep."


def test_a_workbook_edited_by_another_program_comes_back_with_one_change_and_one_conflict(
    write: Callable[..., Submission], open_sheet: Callable[..., Page], live_server: LiveServer
) -> None:
    change = write("Why do herons stand?", response="=To fish.")
    conflict = write("Why do oaks stand?", response="Roots.")
    untouched = write("Why do lamps stand?", response="Feet.\x08")
    page = open_sheet()
    page.locator("summary", has_text="Download").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel workbook").click()
    book = openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes()))
    sheet = book.active
    assert sheet is not None
    column = [header.value for header in sheet[1]].index("response") + 1
    for number in range(2, sheet.max_row + 1):
        value = str(sheet.cell(number, column).value)
        if value == "=To fish.":
            sheet.cell(number, column).value = "To fish, they say."
        elif value == "Roots.":
            sheet.cell(number, column).value = "Deep roots."
    edited = io.BytesIO()
    book.save(edited)
    text = Text.of("Why do oaks stand?", "", "The author's roots.")
    resubmit(submission=conflict, base_revision=1, text=text, by=conflict.author, now=NOW)

    page.get_by_role("link", name="Upload an edited sheet").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "edited.xlsx", "mimeType": "application/octet-stream", "buffer": edited.getvalue()}
    )
    page.get_by_role("button", name="Show what would change").click()
    figures = page.locator("dl.figures")
    expect(figures).to_contain_text("Would change1")
    expect(figures).to_contain_text("In conflict1")
    expect(figures).to_contain_text("Unchanged1")
    expect(page.locator(".sheet-row-conflict")).to_contain_text("The author's roots.")
    expect(page.locator(".sheet-row-conflict")).to_contain_text("Deep roots.")
    assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="Apply 1 change").click()
    expect(page.locator(".toasts")).to_contain_text("1 change is applied.")
    assert [response(each) for each in (change, conflict, untouched)] == [
        "To fish, they say.",
        "The author's roots.",
        "Feet.\x08",
    ]


def test_filters_and_column_headings_change_what_is_shown(
    write: Callable[..., Submission], open_sheet: Callable[..., Page]
) -> None:
    write("B heron?", category="closed_qa", context="Herons stand.")
    write("A heron?")
    write("An oak?", status="approved")
    page = open_sheet()
    page.locator("select[name=state]").select_option("submitted")
    expect(page.locator(".tabulator-row")).to_have_count(2)
    page.get_by_role("button", name="Instruction").click()
    expect(page.locator(".tabulator-row").first).to_contain_text("A heron?")
    expect(page.get_by_role("columnheader", name="Instruction")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Instruction").click()
    expect(page.locator(".tabulator-row").first).to_contain_text("B heron?")
    page.locator("input[name=search]").fill("stand")
    page.keyboard.press("Enter")
    expect(page.locator(".tabulator-row")).to_have_count(1)


def test_the_keyboard_alone_selects_a_range_and_decides_it(
    write: Callable[..., Submission], open_sheet: Callable[..., Page]
) -> None:
    many = [write(f"Heron {number:02}?") for number in range(30)]
    page = open_sheet("?sort=instruction")
    page.locator("#row-height").focus()
    page.keyboard.press("Tab")  # the keys
    page.keyboard.press("Tab")  # select all, in the heading
    while "tabulator-cell" not in str(page.evaluate("document.activeElement.className")):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    for _row in range(20):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.locator("#selected")).to_have_text("Selected: 20")
    page.keyboard.press("a")
    expect(page.locator("#sheet-confirm")).to_contain_text("Approve 20 records?")
    page.keyboard.press("Enter")
    expect(page.locator(".toast-stack")).to_contain_text("You approved 20 records.")
    assert [state(each) for each in many] == ["submitted"] * 2 + ["approved"] * 20 + ["submitted"] * 8
    page.keyboard.press("Control+Home")
    page.keyboard.press("Control+a")
    expect(page.locator("#selected")).to_have_text("Selected: 30")
    page.keyboard.press("Escape")
    expect(page.locator("#selected")).to_have_text("Nothing selected")


def test_far_rows_come_when_they_are_scrolled_to(
    write: Callable[..., Submission], open_sheet: Callable[..., Page]
) -> None:
    for number in range(150):
        write(f"Heron {number:03}?", response="word " * (number % 7 * 20 + 1))
    page = open_sheet("?sort=instruction")
    page.locator(".tabulator-cell[tabindex='0']").focus()
    page.keyboard.press("Control+End")
    expect(row(page, "Heron 149?")).to_be_in_viewport()
    expect(page.locator(".tabulator-row:focus-within")).to_contain_text("Heron 149?")
    page.keyboard.press("Control+Home")
    expect(row(page, "Heron 000?")).to_be_in_viewport()
    assert page.locator(".tabulator-row").count() < 60


def test_leads_lock_records_from_the_sheet(write: Callable[..., Submission], open_sheet: Callable[..., Page]) -> None:
    submission = write("Why do herons stand?")
    page = open_sheet("", "lead")
    cell(page, "Why do herons", "select").click()
    page.get_by_role("button", name="Lock", exact=True).click()
    expect(cell(page, "Why do herons", "state")).to_contain_text("Locked")
    submission.refresh_from_db()
    assert submission.locked_at is not None


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("query", ["", "?view=table", "?search=nothing-has-this-word"])
def test_axe_finds_nothing(
    query: str, width: int, write: Callable[..., Submission], open_sheet: Callable[..., Page], page: Page
) -> None:
    write("Why do herons stand?")
    write("Why do oaks stand?", status="approved")
    page.set_viewport_size({"width": width, "height": 900})
    page = open_sheet(query, "reviewer", "lead", grid=not query)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_upload_has_nothing_for_axe(open_sheet: Callable[..., Page], live_server: LiveServer) -> None:
    page = open_sheet("upload/", grid=False)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()

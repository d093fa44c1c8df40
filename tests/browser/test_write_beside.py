"""What stands beside the editor: the count of what was pasted, notes, words, and passages that are skipped."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from collector.models import Draft, PassageSkip, Revision, Submission
from tests.browser.writing import PLACE, field, is_saved, let_in, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page, Route
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Person

ROOT = Path(__file__).resolve().parents[2]


class TestPaste:
    """What is pasted into the response is counted; what it was is not kept."""

    @staticmethod
    def copy(page: Page, text: str) -> None:
        """Put a text on the clipboard, as from another window."""
        field(page, "Instruction").fill(text)
        field(page, "Instruction").press("Control+a")
        field(page, "Instruction").press("Control+c")

    @staticmethod
    def figures(page: Page, count: int, characters: int) -> None:
        expect(page.locator("[name=pasted_count]")).to_have_value(str(count))
        expect(page.locator("[name=pasted_characters]")).to_have_value(str(characters))

    def test_it_is_counted_said_and_kept_with_the_submission(self, editor: Page) -> None:
        self.copy(editor, "ten chars😀")
        response = field(editor, "Response")
        response.press_sequentially("ten typed.")
        response.press("Control+v")
        self.figures(editor, 1, 10)
        note = editor.locator("#pasted-note")
        expect(note).to_have_text("50 % of the response was pasted; reviewers see this figure.")
        is_saved(editor)
        draft = Draft.objects.get()
        assert (draft.pasted_count, draft.pasted_characters) == (1, 10)
        editor.reload()
        expect(note).to_contain_text("50 %")
        editor.get_by_role("button", name="Submit", exact=True).click()
        editor.wait_for_url("**/submissions/**")
        revision = Revision.objects.get()
        assert (revision.pasted_count, revision.pasted_characters) == (1, 10)

    def test_typing_is_not_pasting(self, editor: Page) -> None:
        field(editor, "Response").press_sequentially("All my own.")
        self.figures(editor, 0, 0)
        expect(editor.locator("#pasted-note")).to_be_empty()

    def test_undo_takes_the_count_back_and_redo_brings_it_again(self, editor: Page) -> None:
        self.copy(editor, "pasted")
        response = field(editor, "Response")
        response.press_sequentially("typed ")
        response.press("Control+v")
        self.figures(editor, 1, 6)
        response.press("Control+z")
        expect(response).to_have_value("typed ")
        self.figures(editor, 0, 0)
        response.press("Control+Shift+z")
        self.figures(editor, 1, 6)

    def test_moving_ones_own_words_is_not_pasting(self, editor: Page) -> None:
        response = field(editor, "Response")
        response.press_sequentially("my own words")
        response.press("Control+a")
        response.press("Control+x")
        response.press("Control+v")
        expect(response).to_have_value("my own words")
        self.figures(editor, 0, 0)

    def test_an_emptied_response_begins_again(self, editor: Page) -> None:
        self.copy(editor, "pasted")
        response = field(editor, "Response")
        response.focus()
        response.press("Control+v")
        self.figures(editor, 1, 6)
        response.press("Control+a")
        response.press("Delete")
        response.press_sequentially("Mine.")
        self.figures(editor, 0, 0)

    def test_what_was_dropped_counts(self, editor: Page) -> None:
        field(editor, "Instruction").fill("dragged")
        field(editor, "Instruction").select_text()
        field(editor, "Instruction").drag_to(
            field(editor, "Response"), source_position={"x": 30, "y": 20}, target_position={"x": 30, "y": 20}
        )
        expect(field(editor, "Response")).to_have_value("dragged")
        self.figures(editor, 1, 7)


class TestNotes:
    """Live notes come from the server, here from a stub; they are never in the way."""

    ADDRESS = "/a-stub-of-the-notes/"

    def answered(self, editor: Page, answer: Callable[[Route], None]) -> None:
        """Let the editor ask the stub."""

        def with_our_address(route: Route) -> None:
            page = route.fetch()
            named = re.sub(r'data-notes="[^"]*"', f'data-notes="{self.ADDRESS}"', page.text())
            assert self.ADDRESS in named
            route.fulfill(response=page, body=named)

        editor.route(lambda address: PLACE in address and "/draft/" not in address, with_our_address, times=1)
        editor.route(f"**{self.ADDRESS}", answer)
        editor.reload()

    @pytest.fixture(autouse=True)
    def hang_up(self, page: Page) -> Iterator[None]:
        """Let go of the questions that a test leaves without an answer."""
        yield
        page.unroute_all(behavior="ignoreErrors")

    def test_they_are_shown_after_a_pause_and_the_focus_stays(self, editor: Page) -> None:
        asked: list[str | None] = []

        def answer(route: Route) -> None:
            asked.append(route.request.post_data)
            route.fulfill(content_type="text/html", body=f"<p>Note {len(asked)}</p>")

        self.answered(editor, answer)
        response = field(editor, "Response")
        response.press_sequentially("### Response: x")
        expect(editor.locator("#notes")).to_have_text("Note 1")
        expect(response).to_be_focused()
        assert len(asked) == 1
        assert "response=%23%23%23+Response%3A+x" in str(asked[0])

    def test_the_server_s_own_notes_are_shown(self, editor: Page) -> None:
        write(editor, response="### Response: write to wilma@example.com")
        expect(editor.locator("#notes")).to_contain_text("### Response:", timeout=15_000)

    def test_without_a_text_there_are_none(self, editor: Page) -> None:
        self.answered(editor, lambda route: route.fulfill(content_type="text/html", body="<p>Note</p>"))
        response = field(editor, "Response")
        response.fill("Something.")
        expect(editor.locator("#notes")).to_have_text("Note")
        response.fill("")
        expect(editor.locator("#notes")).to_be_empty()

    def test_they_do_not_vanish_from_under_the_keyboard(self, editor: Page) -> None:
        answers = iter(["One", "Two"])

        def answer(route: Route) -> None:
            route.fulfill(content_type="text/html", body=f'<a href="/mine/">{next(answers)}</a>')

        self.answered(editor, answer)
        write(editor, response="First.")
        link = editor.locator("#notes a")
        expect(link).to_have_text("One")
        field(editor, "Response").fill("Second.")
        with editor.expect_response(f"**{self.ADDRESS}"):
            link.focus()
        expect(link).to_have_text("One")
        expect(link).to_be_focused()
        field(editor, "Instruction").focus()
        expect(link).to_have_text("Two")

    def test_they_never_hold_typing_or_sending_up(self, editor: Page) -> None:
        self.answered(editor, lambda route: None)  # an answer that never comes
        with editor.expect_request(f"**{self.ADDRESS}"):
            write(editor)
        field(editor, "Response").press_sequentially(" still typing")
        editor.get_by_role("button", name="Submit", exact=True).click()
        editor.wait_for_url("**/submissions/**")
        assert Revision.objects.count() == 1

    def test_newer_text_calls_the_older_question_off(self, editor: Page) -> None:
        self.answered(editor, lambda route: None)
        with editor.expect_request(f"**{self.ADDRESS}"):
            write(editor, response="First.")
        with editor.expect_event("requestfailed", lambda request: request.url.endswith(self.ADDRESS)):
            write(editor, response="Second.")

    def test_a_failure_is_silent(self, editor: Page) -> None:
        self.answered(editor, lambda route: route.fulfill(status=500, content_type="text/html", body="<p>No</p>"))
        with editor.expect_response(f"**{self.ADDRESS}"):
            write(editor)
        is_saved(editor)
        expect(editor.locator("#notes")).to_be_empty()


def test_words_are_counted_against_the_healthy_range(editor: Page) -> None:
    line = editor.locator("[data-counts=response]")
    expect(line).to_contain_text("40–250 words is a healthy length")
    response = field(editor, "Response")
    response.fill("one two  three\nfour")
    expect(line).to_have_text(re.compile(r"4 of 40–250 words\s*short"))
    response.fill("word " * 40)
    expect(line).to_have_text(re.compile(r"40 of 40–250 words\s*good length"))
    response.fill("word " * 251)
    expect(line).to_have_text(re.compile(r"251 of 40–250 words\s*long"))
    expect(editor.locator("[data-spoken=response]")).to_have_text("Response: 251 of 40–250 words, long")
    response.fill("")
    expect(line).to_have_text("40–250 words is a healthy length")


@contextmanager
def without_scripts(browser: Browser, person: Person, address: str) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    let_in(context, person, address)
    yield context.new_page()
    context.close()


def test_a_passage_is_skipped_with_a_reason_and_without_scripts(
    browser: Browser, live_server: LiveServer, writer: Person
) -> None:
    with without_scripts(browser, writer, live_server.url) as page:
        page.goto(f"{live_server.url}/write/summarization/")
        before = page.locator("[name=passage]").input_value()
        field(page, "Instruction").fill("Sum it up.")
        page.get_by_text("Skip", exact=True).click()
        page.get_by_role("button", name="Skip this passage").click()
        expect(page.locator("#skip-error")).to_contain_text("Choose a reason")
        page.get_by_label("Unclear or badly written").check()
        page.get_by_label("In your words, if you like").fill("Who is “he”?")
        page.get_by_role("button", name="Skip this passage").click()
        expect(page.locator("[name=passage]")).not_to_have_value(before)
        expect(field(page, "Instruction")).to_have_value("Sum it up.")
        skip = PassageSkip.objects.get()
        assert (skip.passage.slug, skip.reason, skip.note) == (before, "unclear", "Who is “he”?")
        field(page, "Response").fill("In short.")
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.locator("main")).to_contain_text("Sent. What happens next")
    assert Revision.objects.get().pasted_count == 0


def test_looking_for_a_passage_makes_no_draft(page: Page, live_server: LiveServer, writer: Person) -> None:
    let_in(page.context, writer, live_server.url)
    page.goto(f"{live_server.url}/write/summarization/")
    before = page.locator("[name=passage]").input_value()
    page.get_by_text("Skip", exact=True).click()
    page.get_by_role("button", name="Skip this passage").click()
    expect(page.locator("#skip-error")).to_contain_text("Choose a reason")
    page.get_by_role("button", name="Another passage").click()
    expect(page.locator("[name=passage]")).not_to_have_value(before)
    page.get_by_role("button", name="Use my own text").click()
    expect(field(page, "Context")).to_be_empty()
    assert not Submission.objects.exists()


def test_a_skip_keeps_what_was_typed_and_saves_it_with_its_new_passage(
    page: Page, live_server: LiveServer, writer: Person
) -> None:
    let_in(page.context, writer, live_server.url)
    page.goto(f"{live_server.url}/write/summarization/")
    before = page.locator("[name=passage]").input_value()
    field(page, "Instruction").fill("Sum it up.")
    page.get_by_text("Skip", exact=True).click()
    page.get_by_label("Too hard for me").check()
    page.get_by_role("button", name="Skip this passage").click()
    expect(page.locator("[name=passage]")).not_to_have_value(before)
    expect(field(page, "Instruction")).to_have_value("Sum it up.")
    is_saved(page)
    draft = Draft.objects.get()
    assert draft.submission.passage is not None
    assert draft.context == draft.submission.passage.text
    assert draft.submission.passage.slug != before
    assert PassageSkip.objects.get().passage.slug == before

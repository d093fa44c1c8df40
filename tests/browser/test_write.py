"""No word is lost: the editor in a real browser, with everything failing around it that can."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from playwright.sync_api import expect

from collector.actions.campaigns import accept_terms, current_terms
from collector.models import Draft, Passage, PassageSkip, Revision, Submission
from tests import factories
from tests.browser.conftest import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person

ROOT = Path(__file__).resolve().parents[2]
PLACE = "/write/brainstorming/"
LONG = "A lamp like a heron, standing still.\n\n  - on one leg\n  - by the water"


@pytest.fixture
def writer(installation: Campaign, colleague: Callable[..., Person]) -> Person:
    """Somebody who accepted the terms."""
    person = colleague("Wilma Writer")
    terms = current_terms(installation)
    assert terms is not None
    accept_terms(terms=terms, by=person, now=factories.NOW)
    return person


def let_in(context: BrowserContext, person: Person, address: str) -> None:
    """Sign the person in without the form."""
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


@pytest.fixture
def editor(page: Page, live_server: LiveServer, writer: Person) -> Page:
    """The empty editor of a category without a passage."""
    let_in(page.context, writer, live_server.url)
    page.goto(f"{live_server.url}{PLACE}")
    return page


def field(page: Page, name: str) -> Locator:
    return page.get_by_label(name, exact=True)


def write(page: Page, instruction: str = "Name a lamp.", response: str = LONG) -> None:
    field(page, "Instruction").fill(instruction)
    field(page, "Response").fill(response)


def says(page: Page, words: str) -> None:
    expect(page.locator("#save-state")).to_contain_text(words, timeout=20_000)


def is_saved(page: Page) -> None:
    says(page, "Saved on the server at")


def cut(page: Page) -> None:
    """End a tab as a crash would: a tab that is closed is online for a moment, and its last save may get through."""
    page.evaluate("addEventListener('visibilitychange', (event) => event.stopImmediatePropagation(), true)")
    page.close()


@pytest.fixture
def serve(transactional_db: None) -> Iterator[Callable[[int], subprocess.Popen[str]]]:
    """Start the real web server on the tests' database, as often as it takes."""
    started: list[subprocess.Popen[str]] = []

    def serve(port: int) -> subprocess.Popen[str]:
        database = f"sqlite:///{connection.settings_dict['NAME']}"
        environment = os.environ | {"DATABASE_URL": database, "WOOLGATHER_VAR": str(settings.WOOLGATHER_VAR)}
        # Static files straight from the source, as for the other tests.
        environment |= {"DEBUG": "1", "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        command += ["--port", str(port), "config.wsgi:application"]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        started.append(process)
        assert process.stdout is not None
        assert any("Started worker" in line for line in process.stdout), "the server did not start"
        return process

    yield serve
    for process in started:
        kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """End a server and its workers at once, as a power cut would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_text_survives_a_killed_server(
    page: Page, writer: Person, serve: Callable[[int], subprocess.Popen[str]]
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = serve(port)
    let_in(page.context, writer, address)
    page.goto(f"{address}{PLACE}")
    write(page, response="Saved before the cut.")
    is_saved(page)

    kill(server)
    field(page, "Response").press_sequentially(" Typed after it.")
    says(page, "No connection to the server. Your text is kept in this browser")
    # Sending now must not lead to a dead page.
    page.get_by_role("button", name="Submit", exact=True).click()
    says(page, "so nothing was sent")

    serve(port)
    page.reload()
    expect(field(page, "Instruction")).to_have_value("Name a lamp.")
    expect(field(page, "Response")).to_have_value(re.compile("Typed after it.$"))
    is_saved(page)
    assert sorted(Draft.objects.get().response.split(". ")) == ["Saved before the cut", "Typed after it."]


def test_text_survives_an_expired_session(editor: Page, live_server: LiveServer, writer: Person) -> None:
    write(editor, response="Before.")
    is_saved(editor)
    Session.objects.all().delete()
    write(editor, response="After the session was gone.")
    says(editor, "You were signed out. Your text is kept in this browser")

    with editor.context.expect_page() as opened:
        editor.locator("#save-state").get_by_role("link", name="Sign in").click()
    other = opened.value
    other.locator("input[name=login]").fill(writer.email)
    other.locator("input[name=password]").fill(PASSWORD)
    other.locator("input[name=password]").press("Enter")
    other.wait_for_url(f"{live_server.url}/")

    editor.bring_to_front()
    is_saved(editor)
    assert Draft.objects.get().response == "After the session was gone."
    editor.get_by_role("button", name="Submit", exact=True).click()
    editor.wait_for_url("**/submissions/**")
    assert Revision.objects.get().response == "After the session was gone."


def test_a_text_is_not_given_to_whoever_signs_in_next(
    editor: Page, live_server: LiveServer, colleague: Callable[..., Person]
) -> None:
    let_in(editor.context, colleague("Otto Other"), live_server.url)
    write(editor)
    says(editor, "Otto Other is signed in now, so nothing was saved")
    assert not Submission.objects.exists()
    expect(field(editor, "Response")).to_have_value(LONG)


@pytest.mark.parametrize(
    ("choice", "text"), [("Use this text", "From the first tab."), ("Keep what is in the editor", "From the second.")]
)
def test_two_tabs_show_both_texts_and_the_person_chooses(editor: Page, choice: str, text: str) -> None:
    write(editor, response="In both.")
    is_saved(editor)
    second = editor.context.new_page()
    second.goto(editor.url)
    expect(field(second, "Response")).to_have_value("In both.")

    write(editor, response="From the first tab.")
    expect(editor.locator("[name=version]")).to_have_value("2", timeout=20_000)
    write(second, response="From the second.")
    other = second.locator("#other-text")
    expect(other).to_contain_text("From the first tab.", timeout=20_000)
    expect(field(second, "Response")).to_have_value("From the second.")
    assert Draft.objects.get().response == "From the first tab."

    # Until the choice is made, nothing is sent.
    second.get_by_role("button", name="Submit", exact=True).click()
    says(second, "choose one above")
    other.get_by_role("button", name=choice).click()
    is_saved(second)
    expect(other).to_be_empty()
    assert Draft.objects.get().response == text


def test_two_tabs_that_were_closed_offline_lose_neither_text(editor: Page) -> None:
    write(editor, response="In both.")
    is_saved(editor)
    address, context = editor.url, editor.context
    second = context.new_page()
    second.goto(address)
    context.set_offline(True)
    write(editor, response="From the first tab.")
    says(editor, "No connection")
    write(second, response="From the second tab.")
    says(second, "No connection")
    cut(second)
    cut(editor)

    context.set_offline(False)
    page = context.new_page()
    page.goto(address)
    expect(field(page, "Response")).to_have_value("From the second tab.")
    expect(page.locator("#other-text")).to_contain_text("From the first tab.")
    page.get_by_role("button", name="Use this text").click()
    is_saved(page)
    assert Draft.objects.get().response == "From the first tab."


def test_offline_then_online(editor: Page) -> None:
    editor.context.set_offline(True)
    write(editor)
    says(editor, "No connection to the server. Your text is kept in this browser")
    editor.get_by_role("button", name="Submit", exact=True).click()
    says(editor, "so nothing was sent")
    assert not Submission.objects.exists()
    editor.context.set_offline(False)
    is_saved(editor)
    assert Draft.objects.get().response == LONG


def test_a_closed_tab_is_picked_up_where_it_was(editor: Page, live_server: LiveServer) -> None:
    context = editor.context
    context.set_offline(True)  # closed before anything reached the server
    write(editor)
    cut(editor)
    context.set_offline(False)
    page = context.new_page()
    page.goto(f"{live_server.url}{PLACE}")
    expect(field(page, "Response")).to_have_value(LONG)
    says(page, "it was kept in this browser")
    is_saved(page)
    assert Draft.objects.get().response == LONG


def test_starting_afresh_leaves_an_empty_editor(editor: Page, live_server: LiveServer) -> None:
    context = editor.context
    context.set_offline(True)
    write(editor)
    cut(editor)
    context.set_offline(False)
    page = context.new_page()
    page.route("**/draft/", lambda route: route.abort())
    page.goto(f"{live_server.url}{PLACE}")
    expect(field(page, "Response")).to_have_value(LONG)
    page.get_by_role("button", name="Start afresh").click()
    expect(field(page, "Response")).to_be_empty()
    page.reload()
    expect(field(page, "Response")).to_be_empty()


def test_a_text_comes_back_beside_the_passage_it_was_written_from(
    page: Page, live_server: LiveServer, writer: Person
) -> None:
    let_in(page.context, writer, live_server.url)
    page.goto(f"{live_server.url}/write/summarization/")
    passage = page.locator("[name=passage]").input_value()
    page.context.set_offline(True)
    field(page, "Instruction").fill("Sum it up.")
    context = page.context
    cut(page)
    context.set_offline(False)
    for _time in range(3):
        again = context.new_page()
        again.route("**/draft/", lambda route: route.abort())
        again.goto(f"{live_server.url}/write/summarization/")
        expect(field(again, "Instruction")).to_have_value("Sum it up.")
        expect(again.locator("[name=passage]")).to_have_value(passage)
        expect(again.locator(".passage h2")).to_have_text(Passage.objects.get(slug=passage).title)
        again.close()


def test_a_save_whose_answer_was_lost_is_no_conflict(editor: Page) -> None:
    answers = iter([False])

    def lose_the_first(route: Route) -> None:
        if next(answers, True):
            route.continue_()
        else:
            route.fetch()
            route.abort("timedout")

    editor.route("**/draft/", lose_the_first)
    write(editor, response="One.")
    says(editor, "No connection")
    assert Draft.objects.get().response == "One."
    write(editor, response="One and two.")
    is_saved(editor)
    expect(editor.locator("#other-text")).to_be_empty()
    assert Draft.objects.get().response == "One and two."


def test_the_save_comes_two_seconds_after_the_last_change(page: Page, live_server: LiveServer, writer: Person) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/draft/") else None)
    page.clock.install()
    let_in(page.context, writer, live_server.url)
    page.goto(f"{live_server.url}{PLACE}")
    field(page, "Response").fill("One.")
    page.clock.run_for(1_900)
    field(page, "Response").fill("One, two.")
    page.clock.run_for(1_900)
    assert sent == []
    says(page, "Kept in this browser")
    with page.expect_response("**/draft/"):
        page.clock.run_for(200)
    is_saved(page)
    assert (len(sent), Draft.objects.get().response) == (1, "One, two.")


def test_a_double_click_makes_one_submission(editor: Page) -> None:
    write(editor)
    editor.get_by_role("button", name="Submit", exact=True).dblclick(no_wait_after=True)
    editor.wait_for_url("**/submissions/**")
    assert Submission.objects.get().status == "submitted"
    assert Revision.objects.count() == 1
    expect(editor.locator("main")).to_contain_text("Sent. What happens next")


def test_a_resend_after_a_time_out_makes_one_submission(editor: Page, live_server: LiveServer) -> None:
    write(editor)
    is_saved(editor)

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch(max_redirects=0)
            route.abort("timedout")
        else:
            route.continue_()

    editor.route(f"**{PLACE}", lose_the_answer)
    with editor.expect_event("requestfailed"):
        editor.get_by_role("button", name="Submit", exact=True).click(no_wait_after=True)
    editor.unroute(f"**{PLACE}")
    number = Submission.objects.get(status="submitted").pk

    page = editor.context.new_page()
    page.goto(f"{live_server.url}{PLACE}")
    expect(field(page, "Response")).to_have_value(LONG)
    page.get_by_role("button", name="Submit", exact=True).click()
    page.wait_for_url(f"**/submissions/{number}/**")
    assert (Submission.objects.count(), Revision.objects.count()) == (1, 1)
    # The server has it: nothing is brought back any more.
    page.goto(f"{live_server.url}{PLACE}")
    expect(field(page, "Response")).to_be_empty()


def test_control_and_enter_submit(editor: Page) -> None:
    write(editor)
    field(editor, "Response").press("Control+Enter")
    editor.wait_for_url("**/submissions/**")
    assert Revision.objects.get().response == LONG


def test_what_the_database_refuses_is_said_at_the_field(editor: Page) -> None:
    write(editor, response=" ")
    editor.get_by_role("button", name="Submit", exact=True).click()
    expect(editor.locator("#id_response-error")).to_have_text("Write a response.")
    expect(field(editor, "Instruction")).to_have_value("Name a lamp.")


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

"""No word is lost: the editor in a real browser, with everything failing around it that can."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from playwright.sync_api import expect

from collector.models import Draft, Passage, Revision, Submission
from tests import factories
from tests.browser.conftest import PASSWORD
from tests.browser.writing import LONG, PLACE, cut, field, is_saved, let_in, says, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page, Route
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Person

ROOT = Path(__file__).resolve().parents[2]


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
    page.clock.install(time=factories.NOW)
    let_in(page.context, writer, live_server.url)
    page.goto(f"{live_server.url}{PLACE}")
    page.clock.pause_at(factories.NOW + timedelta(hours=1))  # installed alone, it goes on ticking by itself
    field(page, "Response").fill("One.")
    page.clock.run_for(1_900)
    field(page, "Response").fill("One, two.")
    page.clock.run_for(1_900)
    assert sent == []
    says(page, "Kept in this browser")
    with page.expect_response("**/draft/"):
        page.clock.run_for(200)
    page.clock.resume()
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

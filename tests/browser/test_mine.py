"""An author and a reviewer talk: notices, the discussion, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from collector.actions.submissions import resubmit
from collector.models import Campaign, Category, Person, Submission
from collector.pairs import Text
from tests import factories
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def writer(installation: Campaign, colleague: Callable[..., Person]) -> Person:
    return colleague("Wilma Writer")


@pytest.fixture
def judge(colleague: Callable[..., Person]) -> Person:
    return colleague("Rita Reviewer", "reviewer")


@pytest.fixture
def submission(installation: Campaign, writer: Person, judge: Person) -> Submission:
    item = factories.make_submission(
        campaign=installation,
        category=Category.objects.get(slug="brainstorming"),
        author=writer,
        instruction="Name a lamp that looks like a heron.",
        response="Stillwater, because herons stand still.",
    )
    factories.decide(item, "request_changes", by=judge, comment="Say what the name does.")
    return item


def test_from_the_bell_to_an_answer(
    submission: Submission,
    writer: Person,
    judge: Person,
    sign_in_as: Callable[[Person], Page],
    live_server: LiveServer,
) -> None:
    page = sign_in_as(writer)
    bell = page.get_by_role("link", name="Notices: 1 unread")
    bell.click()
    page.get_by_role("button", name="A reviewer asks for changes").click()
    page.wait_for_url(f"**/submissions/{submission.pk}/")
    expect(page.get_by_role("region", name="A reviewer wrote")).to_contain_text("Say what the name does.")
    expect(page.get_by_role("link", name="Notices", exact=True)).to_be_visible()

    # Sent in place, with the keyboard left where it was.
    page.evaluate("window.isSamePage = true")
    page.get_by_label("Message").fill("Which name?\nThe lamp’s?")
    page.get_by_role("button", name="Send").press("Enter")
    expect(page.locator(".message")).to_contain_text("Which name?")
    expect(page.get_by_label("Message")).to_have_value("")
    expect(page.get_by_label("Message")).to_be_focused()
    assert page.evaluate("window.isSamePage")

    page = sign_in_as(judge)
    page.get_by_role("link", name="Notices: 1 unread").click()
    expect(page.locator("main")).not_to_contain_text("Wilma")
    page.get_by_role("button", name="New message").click()
    page.wait_for_url(f"**/submissions/{submission.pk}/#thread")
    expect(page.locator(".message")).to_contain_text("Which name?")


def test_a_refused_message_says_why_and_an_unsent_one_survives(
    submission: Submission, writer: Person, sign_in_as: Callable[[Person], Page], live_server: LiveServer
) -> None:
    page = sign_in_as(writer)
    page.goto(f"{live_server.url}/submissions/{submission.pk}/")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Write a message.")).to_be_visible()
    page.get_by_label("Message").fill("Half a thou")
    page.reload()
    expect(page.get_by_label("Message")).to_have_value("Half a thou")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".message")).to_contain_text("Half a thou")
    page.reload()
    expect(page.get_by_label("Message")).to_have_value("")


def test_without_a_script_everything_still_works(
    submission: Submission,
    writer: Person,
    browser: Browser,
    sign_in_as: Callable[[Person], Page],
    live_server: LiveServer,
) -> None:
    cookies = sign_in_as(writer).context.cookies()
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)  # type: ignore[arg-type]  # what one context gives, another takes
    page = context.new_page()
    page.goto(f"{live_server.url}/submissions/{submission.pk}/")
    page.get_by_label("Message").fill("Without a script.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".message")).to_contain_text("Without a script.")
    page.goto(f"{live_server.url}/notices/")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".told-new")).to_have_count(0)
    context.close()


def test_a_long_unchanged_stretch_is_folded_and_opens_with_the_keyboard(
    submission: Submission, writer: Person, sign_in_as: Callable[[Person], Page], live_server: LiveServer
) -> None:
    middle = " ".join(f"word{number}" for number in range(100))
    for number, (first, last) in enumerate((("Old", "end"), ("New", "ending"))):
        resubmit(
            submission=submission,
            base_revision=number + 1,
            text=Text.of("Name a lamp.", "", f"{first} {middle} {last}"),
            by=writer,
            now=NOW,
        )
    page = sign_in_as(writer)
    page.goto(f"{live_server.url}/submissions/{submission.pk}/")
    change = page.locator("details.changes[open]")
    expect(change.locator("del").first).to_contain_text("Old")
    expect(change.locator("ins").first).to_contain_text("New")
    fold = change.locator("details.diff-fold")
    expect(fold).not_to_have_attribute("open", "")
    fold.get_by_text("76 unchanged words").focus()
    page.keyboard.press("Enter")
    expect(fold).to_have_attribute("open", "")
    expect(fold).to_contain_text("word50")

"""What the components do in a browser: menus, dialogs, toasts, confirmations, with the keyboard too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.pages import sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person


@pytest.fixture
def shown(page: Page, live_server: LiveServer, installation: Campaign, colleague: Callable[..., Person]) -> Page:
    """The design system's page, signed in, with a clock that the test moves."""
    sign_in(page.context, live_server, colleague("Ada Admin", "admin", is_staff=True, is_superuser=True))
    page.clock.install()
    page.goto(f"{live_server.url}/ui/")
    return page


def test_a_dialog_takes_the_focus_closes_with_esc_and_gives_it_back(shown: Page) -> None:
    opener = shown.get_by_role("button", name="Open a dialog")
    opener.press("Enter")
    dialog = shown.get_by_role("dialog", name="Keys of this page")
    expect(dialog).to_be_visible()
    assert dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    shown.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_dialogs_own_button_closes_it(shown: Page) -> None:
    shown.get_by_role("button", name="Open a dialog").click()
    shown.get_by_role("dialog").locator("[data-dialog-close]").click()
    expect(shown.get_by_role("dialog")).to_be_hidden()


def test_a_toast_goes_by_itself(shown: Page) -> None:
    shown.get_by_role("button", name="Show a toast").click()
    toast = shown.locator(".toast-stack .toast")
    expect(toast).to_contain_text("Approved.")
    shown.mouse.move(0, 0)
    shown.clock.run_for(5_000)
    expect(toast).to_be_visible()
    shown.clock.run_for(2_000)
    expect(toast).to_have_count(0)


def test_a_toast_stays_while_it_is_pointed_at(shown: Page) -> None:
    shown.get_by_role("button", name="Show a toast").click()
    toast = shown.locator(".toast-stack .toast")
    toast.hover()
    shown.clock.run_for(60_000)
    expect(toast).to_be_visible()
    shown.mouse.move(0, 0)
    shown.clock.run_for(7_000)
    expect(toast).to_have_count(0)


def test_a_toast_stays_while_it_holds_the_focus(shown: Page) -> None:
    shown.get_by_role("button", name="Show one with an action").click()
    shown.locator(".toast-stack .toast-action").focus()
    shown.mouse.move(0, 0)
    shown.clock.run_for(60_000)
    expect(shown.locator(".toast-stack .toast")).to_be_visible()


def test_a_toasts_action_is_done_once_and_closes_it(shown: Page) -> None:
    shown.get_by_role("button", name="Show one with an action").click()
    shown.locator(".toast-stack").get_by_role("button", name="Undo").click()
    expect(shown.locator(".toast-stack .toast")).to_have_count(1)
    expect(shown.locator(".toast-stack .toast")).to_contain_text("Undone.")


def test_a_toast_can_be_dismissed(shown: Page) -> None:
    shown.get_by_role("button", name="Show a toast").click()
    shown.locator(".toast-stack").get_by_role("button", name="Dismiss").click()
    expect(shown.locator(".toast-stack .toast")).to_have_count(0)


def test_a_form_that_asks_first_is_sent_only_after_yes(shown: Page) -> None:
    form = shown.locator("form[data-confirm]")
    # Behind the document's own listener: what reaches the window unprevented would be sent.
    shown.evaluate(
        "window.sent = 0; window.addEventListener('submit', (e) => {"
        "  if (e.target.dataset.confirm && !e.defaultPrevented) { window.sent += 1; e.preventDefault(); } })"
    )
    form.get_by_role("button").click()
    dialog = shown.get_by_role("dialog", name="Withdraw this submission?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert shown.evaluate("window.sent") == 0
    form.get_by_role("button").click()
    dialog.get_by_role("button", name="Withdraw").click()
    expect(dialog).to_have_count(0)
    assert shown.evaluate("window.sent") == 1


def test_the_navigation_folds_into_a_menu_on_a_phone_even_without_a_script(
    page: Page, live_server: LiveServer, installation: Campaign, colleague: Callable[..., Person]
) -> None:
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    sign_in(context, live_server, colleague("Ada Admin", "reviewer", "admin", is_staff=True, is_superuser=True))
    phone = context.new_page()
    phone.goto(live_server.url)
    link = phone.get_by_role("link", name="Leaderboard")
    expect(link).to_be_hidden()
    phone.get_by_text("Menu", exact=True).click()
    link.click()
    phone.wait_for_url("**/leaderboard/")
    context.close()


def test_the_language_is_chosen_in_the_account_menu(
    page: Page, live_server: LiveServer, installation: Campaign, colleague: Callable[..., Person]
) -> None:
    sign_in(page.context, live_server, colleague("Ada Adler"))
    page.goto(f"{live_server.url}/leaderboard/")
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Deutsch").click()
    page.wait_for_url("**/leaderboard/")
    expect(page.locator("html")).to_have_attribute("lang", "de")

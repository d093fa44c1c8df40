"""Writing in the editor, for the tests about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.test import Client
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

    from collector.models import Person

PLACE = "/write/brainstorming/"
LONG = "A lamp like a heron, standing still.\n\n  - on one leg\n  - by the water"


def let_in(context: BrowserContext, person: Person, address: str) -> None:
    """Sign the person in without the form."""
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


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
    """End a tab as a crash would: one that is closed is back online for a moment, and would send its text after all."""
    page.evaluate("() => { window.fetch = () => new Promise(() => {}) }")
    page.close()

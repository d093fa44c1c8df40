from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person


@pytest.fixture
def laptop(page: Page) -> Page:
    """The browser with an authenticator in it: it has a fingerprint reader and never says no."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def test_a_passkey_is_added_signs_in_alone_and_is_the_second_step(
    laptop: Page,
    live_server: LiveServer,
    installation: Campaign,
    colleague: Callable[..., Person],
    sign_in_as: Callable[[Person], Page],
) -> None:
    violations: list[str] = []
    laptop.on("console", lambda message: violations.append(message.text) if message.type == "error" else None)
    person = colleague("Paula Passkey")
    sign_in_as(person)
    laptop.goto(f"{live_server.url}/profile/")
    laptop.get_by_label("Your account").get_by_role("link", name="Security").click()
    laptop.get_by_role("link", name="Add a passkey").click()
    laptop.get_by_label("Password").fill(PASSWORD)
    laptop.get_by_role("button", name="Go on").click()
    laptop.get_by_label("Name").fill("Laptop")
    laptop.get_by_label("Sign me in with it alone").check()
    laptop.get_by_role("button", name="Add a passkey").click()
    expect(laptop.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert Authenticator.objects.get(user=person, type="webauthn").wrap().is_passwordless is True

    laptop.context.clear_cookies()
    laptop.goto(f"{live_server.url}/accounts/login/?next=/mine/")
    laptop.get_by_role("button", name="Sign in with a passkey").click()
    laptop.wait_for_url(f"{live_server.url}/mine/")

    laptop.context.clear_cookies()
    laptop.goto(f"{live_server.url}/accounts/login/")
    laptop.locator("input[name=login]").fill(person.email)
    laptop.locator("input[name=password]").fill(PASSWORD)
    laptop.locator("input[name=password]").press("Enter")
    expect(laptop.get_by_role("heading", name="The second step")).to_be_visible()
    laptop.get_by_role("button", name="Use a passkey").click()
    laptop.wait_for_url(f"{live_server.url}/")
    assert violations == []

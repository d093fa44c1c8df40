"""Chromium on a live server, with a Celery worker that really runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from collector.actions.campaigns import accept_terms, current_terms
from collector.actions.setup import ensure_installation
from collector.models import Campaign, Person
from tests import factories
from tests.browser.shapes import FLAGS, find_chromium
from tests.browser.writing import PLACE, let_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = find_chromium()
PASSWORD = "a long and quiet password"

# Playwright's driver runs an event loop in this thread; Django would refuse the database calls between page actions.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here, and skip it where there is no Chromium unless that is a failure."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker("browser")
        # One browser and one worker at a time: the machine has two cores.
        item.add_marker(pytest.mark.xdist_group("browser"))
        if CHROMIUM is None and os.environ.get("WOOLGATHER_REQUIRE_CHROMIUM") != "1":
            item.add_marker(pytest.mark.skip(reason="Chromium is not installed (Debian: apt-get install chromium)"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Drive the system's Chromium."""
    assert CHROMIUM is not None, "Chromium is not installed"
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture
def installation(transactional_db: None) -> Campaign:
    """What a new installation begins with: the eight categories and an open campaign."""
    ensure_installation(now=factories.NOW)
    return Campaign.objects.get()


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Everybody signs in from one address here: the rate limits count from nothing in each test."""
    cache.clear()


@pytest.fixture
def colleague() -> Callable[..., Person]:
    """Make a person who can sign in with PASSWORD."""

    def colleague(name: str, *roles: str, **fields: Any) -> Person:
        handle = name.lower().replace(" ", "-")
        person: Person = factories.PersonFactory.create(
            display_name=name,
            handle=handle,
            email=f"{handle}@example.com",
            roles=list(roles),
            password=PASSWORD,
            **fields,
        )
        return person

    return colleague


@pytest.fixture
def sign_in_as(page: Page, live_server: LiveServer) -> Callable[[Person], Page]:
    """Sign in through the form, as a person would; whoever was signed in before is not any more."""

    def sign_in_as(person: Person) -> Page:
        page.context.clear_cookies()
        page.goto(f"{live_server.url}/accounts/login/")
        page.locator("input[name=login]").fill(person.email)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("input[name=password]").press("Enter")
        page.wait_for_url(f"{live_server.url}/")
        return page

    return sign_in_as


@pytest.fixture
def worker(transactional_db: None) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker on the tests' database, rung through files as in the embedded shape."""
    name = connection.settings_dict["NAME"]
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{name}", "WOOLGATHER_VAR": str(settings.WOOLGATHER_VAR)}
    command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker", "--pool", "solo"]
    command += ["--queues", "default,exports", "--loglevel", "WARNING", "--without-gossip", "--without-mingle"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def writer(installation: Campaign, colleague: Callable[..., Person]) -> Person:
    """Somebody who accepted the terms."""
    person = colleague("Wilma Writer")
    terms = current_terms(installation)
    assert terms is not None
    accept_terms(terms=terms, by=person, now=factories.NOW)
    return person


@pytest.fixture
def editor(page: Page, live_server: LiveServer, writer: Person) -> Page:
    """The empty editor of a category without a passage."""
    let_in(page.context, writer, live_server.url)
    page.goto(f"{live_server.url}{PLACE}")
    return page

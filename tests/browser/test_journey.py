"""The whole story in a browser: sign in, write, review, see the board move, release, download."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person

INSTRUCTION = "Suggest a name for a lamp that looks like a heron."
RESPONSE = "  Stillwater.\n\nHerons stand still in shallow water, and so does the lamp\u2028on its one leg."


def accept_terms(page: Page) -> None:
    page.get_by_role("button", name="Accept").click()


@pytest.mark.usefixtures("worker")
def test_from_sign_in_to_download(
    installation: Campaign,
    colleague: Callable[..., Person],
    sign_in_as: Callable[[Person], Page],
    live_server: LiveServer,
) -> None:
    writer, judge = colleague("Wilma Writer"), colleague("Rita Reviewer", "reviewer", "lead")

    # Write
    page = sign_in_as(writer)
    page.goto(f"{live_server.url}/write/brainstorming/")
    if "/terms/" in page.url:
        accept_terms(page)
    page.get_by_label("Instruction", exact=True).fill(INSTRUCTION)
    page.get_by_label("Response", exact=True).fill(RESPONSE)
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/submissions/**")
    expect(page.locator("main")).to_contain_text("Waiting for review")

    # Review
    page = sign_in_as(judge)
    page.goto(f"{live_server.url}/review/")
    expect(page.locator("main")).to_contain_text(INSTRUCTION)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("main")).not_to_contain_text(INSTRUCTION)

    # The board moved
    page.goto(f"{live_server.url}/leaderboard/")
    expect(page.locator("main")).to_contain_text("Wilma Writer")

    # Release
    page.goto(f"{live_server.url}/datasets/")
    page.get_by_role("button", name="Freeze and build").click()
    expect(page.locator("main")).to_contain_text("v1")
    page.goto(f"{live_server.url}/datasets/v1/")
    link = page.locator('a[href*="/datasets/v1/files/jsonl/"]').first
    expect(link).to_be_visible(timeout=60_000)

    # Download
    with page.expect_download() as download:
        link.click()
    lines = download.value.path().read_bytes().decode().split("\n")
    record = json.loads(lines[0])
    assert (record["instruction"], record["response"]) == (INSTRUCTION, RESPONSE)
    assert record["contributor"] == writer.pseudonym
    assert len(lines) == 2

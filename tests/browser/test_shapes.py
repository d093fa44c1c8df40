"""Text is set at a measure that can be read, and menus stay inside the smallest screens."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import pytest

from tests.browser.pages import sign_in
from tests.factories import CampaignFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person

# How many characters stand on each line but the last.
LINES = """(box) => {
  const lines = new Map();
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (let at = 0; at < node.length; at += 1) {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      const line = Math.round(range.getBoundingClientRect().bottom / 12);
      lines.set(line, (lines.get(line) ?? 0) + 1);
    }
  }
  return [...lines.values()].slice(0, -1);
}"""


def test_prose_is_set_at_65_to_75_characters_a_line(
    page: Page, live_server: LiveServer, installation: Campaign, colleague: Callable[..., Person]
) -> None:
    sign_in(page.context, live_server, colleague("Ada Admin", is_staff=True))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/ui/")
    lines = page.locator(".prose p").first.evaluate(LINES)
    assert len(lines) >= 4
    # A line ends where a word does, so each may be a word shorter or longer than the measure.
    assert 65 <= statistics.median(lines) <= 75, lines
    assert max(lines) <= 80, lines


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1440])
def test_no_menu_sticks_out(
    page: Page, live_server: LiveServer, installation: Campaign, colleague: Callable[..., Person], width: int
) -> None:
    CampaignFactory.create(name="The other campaign, whose name is rather long")
    sign_in(page.context, live_server, colleague("Ada " + "Admin" * 12, "reviewer", "admin", is_staff=True))
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(live_server.url)
    for menu in page.locator("details.menu:visible").all():
        menu.locator("summary").click()
        box = menu.locator(".menu-panel").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width

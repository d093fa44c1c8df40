"""The insights in a real browser: from what to do to where it is done, each plot's files, and no barrier on any tab."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from collector.models import Category, PassageSkip
from tests.browser.pages import sign_in
from tests.browser.test_axe import ALL_SHAPES, Shape, in_shape, name_of, violations
from tests.factories import PassageFactory, contributor_in, decide, make_submission, reviewer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person

TABS = ("pace", "mix", "people", "review", "reasons")


@pytest.fixture
def lead(installation: Campaign, colleague: Callable[..., Person]) -> Person:
    """A lead, and ten days of work: most is approved, some comes back, the newest waits."""
    now = timezone.now()
    installation.starts_on = (now - timedelta(days=12)).date()
    installation.ends_on = (now + timedelta(days=20)).date()
    installation.save()
    judges = [reviewer(display_name=name) for name in ("Ada Able", "Ben Brook")]
    authors = [contributor_in(installation) for _number in range(3)]
    category = Category.objects.get(slug="brainstorming")
    for place in range(30):
        item = make_submission(
            campaign=installation,
            category=category,
            author=authors[place % 3],
            response="word " * (10 + 5 * place),
            now=now - timedelta(days=4 + place % 8),
        )
        if place % 5:
            reasons = {"reasons": ["incomplete"]} if place % 5 == 1 else {}
            decision = "request_changes" if reasons else "approve"
            decide(item, decision, by=judges[place % 2], now=now - timedelta(days=1 + place % 3), **reasons)
    PassageSkip.objects.create(
        passage=PassageFactory.create(),
        person=authors[0],
        campaign=installation,
        category=category,
        reason="wrong",
        at=now,
    )
    return colleague("Lea Lead", "lead", is_staff=True)


@pytest.fixture
def open_page(page: Page, live_server: LiveServer, lead: Person) -> Iterator[Callable[..., Page]]:
    """Open a tab as the lead; what the Content-Security-Policy stopped fails the test."""
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)

    def open_page(query: str = "") -> Page:
        sign_in(page.context, live_server, lead)
        page.goto(f"{live_server.url}/insights/{query}")
        return page

    yield open_page
    assert broken == []


def test_from_the_navigation_to_what_waits_in_two_clicks(
    open_page: Callable[..., Page], live_server: LiveServer
) -> None:
    page = open_page()
    page.goto(live_server.url)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Insights").click()
    said = page.get_by_role("region", name="What to do next")
    said.get_by_role("link", name="See what waits").first.click()
    expect(page.locator("main")).to_contain_text("6 records")


def test_a_plot_opens_its_table_by_keyboard_and_comes_as_a_picture(open_page: Callable[..., Page]) -> None:
    page = open_page("?show=people")
    plot = page.locator("#top")
    plot.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(plot.get_by_role("row")).to_have_count(4)
    with page.expect_download() as download:
        plot.get_by_role("link", name="Plot as PNG").click()
    assert download.value.suggested_filename == "insights-top.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_the_filter_keeps_the_tab(open_page: Callable[..., Page]) -> None:
    page = open_page("?show=review")
    page.get_by_label("Period").select_option(label="All time")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Decisions, by reviewer")).to_be_visible()
    assert "period=all" in page.url


@pytest.mark.parametrize("width", [1440, 390])
def test_one_drawing_of_each_plot_shows_and_nothing_sticks_out(open_page: Callable[..., Page], width: int) -> None:
    for tab in TABS:
        page = open_page(f"?show={tab}")
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator("figure svg.plot:visible").count() == page.locator("figure.plot-figure").count() > 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=name_of)
def test_axe_finds_nothing_on_any_of_its_tabs(open_page: Callable[..., Page], shape: Shape) -> None:
    for tab in TABS:
        page = open_page(f"?show={tab}")
        in_shape(page, shape)
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        page.locator("header details").evaluate_all("all => all.forEach(one => { one.open = false; })")
        assert violations(page) == []

"""The agreement page in a real browser: what it says, two clicks to the items, its files, and no barrier anywhere."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from collector.models import Category, Review
from collector.views import agreement
from tests.browser.pages import sign_in
from tests.browser.test_axe import ALL_SHAPES, Shape, in_shape, name_of, violations
from tests.factories import contributor_in, decide, make_submission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person

AGREE = [("approve", "approve"), ("reject", "reject")] * 6
QUARREL = [("approve", "reject"), ("reject", "approve"), ("approve", "approve")] * 4


@pytest.fixture
def people(installation: Campaign, colleague: Callable[..., Person]) -> dict[str, Person]:
    """Two reviewers who agree on summaries and quarrel about stories, and a lead."""
    installation.reviews_per_item = 2
    installation.save()
    found = {
        "ada": colleague("Ada Able", "reviewer"),
        "ben": colleague("Ben Brook", "reviewer"),
        "lead": colleague("Lea Lead", "lead"),
    }
    author = contributor_in(installation)
    for slug, decisions in (("summarization", AGREE), ("creative_writing", QUARREL)):
        category = Category.objects.get(slug=slug)
        for place, pair in enumerate(decisions):
            item = make_submission(campaign=installation, category=category, author=author, context="A source.")
            for judge, decision in zip((found["ada"], found["ben"]), pair, strict=True):
                decide(item, decision, by=judge, rating_instruction=1 + place % 5, rating_response=3)
    Review.objects.update(seconds=75)
    return found


@pytest.fixture
def open_page(page: Page, live_server: LiveServer, people: dict[str, Person]) -> Iterator[Callable[..., Page]]:
    """Open the page as one of the people; what the Content-Security-Policy stopped fails the test."""
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)

    def open_page(who: str, query: str = "") -> Page:
        sign_in(page.context, live_server, people[who])
        page.goto(f"{live_server.url}/review/agreement/{query}")
        return page

    yield open_page
    assert broken == []


def test_from_what_it_says_to_the_items_in_two_clicks(open_page: Callable[..., Page], live_server: LiveServer) -> None:
    page = open_page("lead")
    said = page.get_by_role("region", name="In plain words")
    expect(said).to_contain_text("They agree well on Summarization (1.00), very little on Creative writing")
    said.get_by_role("link", name="See the items").first.click()
    page.wait_for_url(f"{live_server.url}/review/grid/?category=creative_writing&disputed=1")
    expect(page.locator("main")).to_contain_text("8 records")


def test_a_reviewers_name_leads_to_their_own_figures(open_page: Callable[..., Page]) -> None:
    page = open_page("lead")
    page.get_by_role("group", name="All figures by reviewer").get_by_role("link", name="Ben Brook").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ben Brook and colleagues")
    expect(page.locator("main")).not_to_contain_text("Ada Able")
    page.get_by_role("link", name="Everybody's figures").click()
    expect(page.locator("main")).to_contain_text("Ada Able")


def test_a_reviewer_reads_about_themself_alone(open_page: Callable[..., Page]) -> None:
    page = open_page("ada")
    expect(page.get_by_role("heading", level=1)).to_have_text("You and your colleagues")
    expect(page.locator("main")).to_contain_text("You agree most on Summarization")
    expect(page.locator("main")).not_to_contain_text("Ben Brook")


def test_a_plot_opens_its_table_by_keyboard_and_comes_as_a_file(open_page: Callable[..., Page]) -> None:
    page = open_page("lead", "?show=instruction")
    plot = page.locator("#instruction-categories")
    plot.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(plot.get_by_role("row", name="Summarization")).to_contain_text("12 shared items")
    with page.expect_download() as download:
        plot.get_by_role("link", name="Table as CSV").click()
    with download.value.path().open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0][:3] == ["name", "measure", "value"]
    assert ["Summarization", "instruction", "1.0"] in [row[:3] for row in rows]


@pytest.mark.parametrize("width", [1440, 390])
def test_one_drawing_of_each_plot_shows_and_its_words_are_readable(open_page: Callable[..., Page], width: int) -> None:
    page = open_page("lead")
    page.set_viewport_size({"width": width, "height": 900})
    assert page.locator("figure svg.plot:visible").count() == page.locator("figure.plot-figure").count()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heights = page.locator("svg.plot:visible .plot-label").evaluate_all(
        "labels => labels.map(label => label.getBoundingClientRect().height)"
    )
    assert heights
    assert min(heights) >= 12


def test_a_large_count_follows_by_itself(open_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "LATER", 1)
    page = open_page("lead")
    expect(page.get_by_role("region", name="In plain words")).to_be_visible()
    assert page.url.endswith("/review/agreement/")


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=name_of)
def test_axe_finds_nothing_on_any_of_its_tabs(open_page: Callable[..., Page], shape: Shape) -> None:
    for query in ("", "?show=response", "?show=time", "?show=gold", "?reviewer=ben-brook&show=overturned"):
        page = open_page("lead", query)
        in_shape(page, shape)
        page.locator("figure details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        assert violations(page) == []

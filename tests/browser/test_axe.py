"""axe-core finds nothing on any page: WCAG 2.2 A and AA and its best practices, light and dark, wide and phone.

Nor does any page scroll sideways in these shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.browser.pages import Visit, World, find_pages, make_world, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page, Request
    from pytest_django.fixtures import Settings
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person

Scheme = Literal["light", "dark"]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
Shape = tuple[dict[str, int], Scheme]
# Each width and each scheme once: what sticks out does so in both schemes, and a colour is one at any width.
DAILY: list[Shape] = [(WIDE, "light"), (PHONE, "dark")]
# The other pairs are left to the drills.
CROSSED: list[Shape] = [(WIDE, "dark"), (PHONE, "light")]


def name_of(shape: Shape) -> str:
    """Return a shape's name among a test's parameters."""
    return f"{shape[0]['width']}-{shape[1]}"


ALL_SHAPES = [*DAILY, *(pytest.param(shape, marks=pytest.mark.slow) for shape in CROSSED)]
RUN = """async ([tags, within]) => {
  const options = { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] };
  return (await axe.run({ include: within }, options)).violations;
}"""
STILL = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  await Promise.all(document.getAnimations().map((animation) => animation.finished));
}"""
# The elements that make a page wider than its window, without those in a box that scrolls by itself.
WIDER = """() => {
  if (document.scrollingElement.scrollWidth <= innerWidth) return [];
  const isCut = (box) => box && (getComputedStyle(box).overflowX !== "visible" || isCut(box.parentElement));
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !isCut(element.parentElement))
    .map((element) => element.outerHTML.slice(0, 100));
}"""


@pytest.fixture
def world(transactional_db: None, settings: Settings, tmp_path: Path) -> World:
    return make_world(settings, tmp_path / "datasets")


def violations(page: Page, *within: str) -> list[str]:
    """Return what axe finds on the page as it stands, or in some parts of it, one line for each element."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(RUN, [TAGS, within or ["html"]])
    return [
        f"{rule['id']}: {node['target']} {node['html'][:120]} {node['failureSummary'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]


def sticking_out(page: Page) -> list[str]:
    """Return what makes the page scroll sideways, the innermost last; nothing where it doesn't."""
    lines: list[str] = page.evaluate(WIDER)
    return [f"sticks out: {line}" for line in lines[-3:]]


def in_shape(page: Page, shape: Shape) -> None:
    size, scheme = shape
    page.set_viewport_size(size)  # type: ignore[arg-type]  # Playwright's own TypedDict, which the stubs keep to themselves
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    # Colours that are still on their way to the other scheme would be measured half-way.
    page.evaluate(STILL)


class Traffic:
    """What a page still asks the server for: a half second of silence is waited for only where something is asked."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.under_way: set[Request] = set()
        page.on("request", self._begun)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    # Playwright attaches something to what it calls, which a set's own methods don't allow.
    def _begun(self, request: Request) -> None:
        self.under_way.add(request)

    def _ended(self, request: Request) -> None:
        self.under_way.discard(request)

    def settle(self) -> None:
        """Wait for what the page asked for as it was loaded."""
        self.page.evaluate(STILL)
        if self.under_way:
            self.page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("shapes", [DAILY, pytest.param(CROSSED, marks=pytest.mark.slow)], ids=["daily", "crossed"])
def test_axe_finds_nothing_and_nothing_sticks_out_on_any_page(
    page: Page, live_server: LiveServer, world: World, shapes: list[Shape]
) -> None:
    visits = find_pages(world)
    found: dict[tuple[Visit, str], list[str]] = {}
    traffic = Traffic(page)
    for role, person in world.people.items():
        sign_in(page.context, live_server, person)
        for visit in visits:
            if visit.role != role:
                continue
            in_shape(page, shapes[0])
            page.goto(live_server.url + visit.path)
            traffic.settle()
            for shape in shapes:
                if shape is not shapes[0]:
                    in_shape(page, shape)
                if lines := [*violations(page), *sticking_out(page)]:
                    found[visit, name_of(shape)] = lines
    assert found == {}, "\n".join(f"{at}\n  " + "\n  ".join(lines) for at, lines in found.items())


def test_axe_finds_what_is_wrong(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/accounts/login/")
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert any(line.startswith("html-has-lang:") for line in violations(page))


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=name_of)
def test_axe_finds_nothing_on_what_opens(
    page: Page,
    live_server: LiveServer,
    installation: Campaign,
    colleague: Callable[..., Person],
    shape: Shape,
) -> None:
    sign_in(page.context, live_server, colleague("Ada Admin", "admin", is_staff=True, is_superuser=True))
    in_shape(page, shape)
    page.goto(f"{live_server.url}/ui/")
    page.get_by_role("button", name="Show one with an action").click()
    expect(page.locator(".toast-stack")).to_contain_text("Undo")
    # What an open menu covers is no target while it covers it.
    page.locator(".account-menu summary").click()
    assert violations(page, ".masthead", ".toast-stack") == []
    if shape[0] == PHONE:
        page.locator(".nav-menu summary").click()
        assert violations(page, ".masthead") == []
    page.get_by_role("button", name="Open a dialog").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def test_axe_finds_nothing_on_a_form_that_was_refused(
    page: Page, live_server: LiveServer, installation: Campaign, colleague: Callable[..., Person]
) -> None:
    page.goto(f"{live_server.url}/accounts/login/")
    page.locator("form[method=post]:has(input[name=login])").evaluate("form => { form.noValidate = true; }")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".field-error").first).to_be_visible()
    assert violations(page) == []


@pytest.mark.django_db
def test_a_page_that_nobody_can_open_is_noticed() -> None:
    with pytest.raises(AssertionError, match=r"nobody gets a page from .*'mine'"):
        find_pages(World({"nobody": None}, {}))

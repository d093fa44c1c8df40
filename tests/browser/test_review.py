"""The reviewer's desk in a browser: by keyboard alone, and through what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect

from collector.actions import gold, leases, queue
from collector.models import CannedReason, Category, GoldAnswer, Review, ReviewLease, ReviewSkip, Submission
from tests.browser.conftest import PASSWORD
from tests.factories import NOW, make_submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Person

TABS = 60
CANNED_TEXT = "Please offer more ideas."


@dataclass
class Desk:
    """A reviewer at their desk."""

    page: Page
    person: Person
    address: str
    campaign: Campaign
    category: Category

    def waiting(self, instruction: str, minute: int = 0) -> Submission:
        """Let a pair wait; the one with the smallest minute comes first."""
        now = NOW + timedelta(minutes=minute)
        return make_submission(campaign=self.campaign, category=self.category, instruction=instruction, now=now)

    def open(self) -> None:
        """Take the next item."""
        self.page.goto(f"{self.address}/review/")

    def shows(self, instruction: str) -> None:
        """Wait until the item is there, and the keys with it."""
        expect(self.page.locator("[data-ready] #pair")).to_contain_text(instruction)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def comment(self) -> Locator:
        """The comment's field."""
        return self.page.get_by_label("Comment to the author")


@pytest.fixture
def desk(
    installation: Campaign,
    colleague: Callable[..., Person],
    sign_in_as: Callable[[Person], Page],
    live_server: LiveServer,
) -> Desk:
    person = colleague("Rita Reviewer", "reviewer")
    category = Category.objects.get(slug="brainstorming")
    CannedReason.objects.all().delete()
    CannedReason.objects.create(category=category, reason="incomplete", label="Too few ideas", text=CANNED_TEXT)
    return Desk(sign_in_as(person), person, live_server.url, installation, category)


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    for _step in range(TABS):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {target}")


def review_of(submission: Submission) -> Review:
    return Review.objects.standing().get(submission=submission)


def test_the_whole_review_by_keyboard_alone(desk: Desk) -> None:
    page = desk.page
    names = ["First idea", "Second idea", "Third idea", "Fourth idea", "Fifth idea", "Sixth idea"]
    approved, changed, rejected, edited, skipped, undone = (
        desk.waiting(name, minute) for minute, name in enumerate(names)
    )

    # The queue, from the home page
    tab_to(page, page.get_by_role("link", name="Review", exact=True))
    desk.press("Enter")

    # Rate, approve
    desk.shows("First idea")
    desk.press("4", "5", "a")

    # Request changes: a canned reason, and words of one's own
    desk.shows("Second idea")
    desk.press("c")
    expect(page.get_by_label("Too few ideas")).to_be_focused()
    desk.press("Space", "m")
    page.keyboard.press("Control+End")
    page.keyboard.type(" Thank you.")
    desk.press("Control+Enter")

    # Reject: nothing is sent before the author is told why
    desk.shows("Third idea")
    desk.press("r")
    expect(page.locator("#desk-says")).to_contain_text("Say why")
    desk.press("m")
    page.keyboard.type("Off topic.")
    desk.press("Escape", "r")

    # Edit, then approve
    desk.shows("Fourth idea")
    desk.press("e")
    expect(page.locator("textarea[name=response]")).to_be_focused()
    desk.press("Control+a")
    page.keyboard.type("A better answer.")
    desk.press("Control+Enter")

    # Skip
    desk.shows("Fifth idea")
    desk.press("s")

    # Approve, undo, read the keys, approve again
    desk.shows("Sixth idea")
    desk.press("2", "3", "a")
    expect(page.locator("[data-undo]")).to_contain_text("Approved.")
    desk.press("u")
    desk.shows("Sixth idea")
    expect(page.locator("input[name=rating_instruction][value='2']")).to_be_checked()
    expect(page.locator("input[name=rating_response][value='3']")).to_be_checked()
    assert not Review.objects.standing().filter(submission=undone).exists()
    desk.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    desk.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    desk.press("a")

    # What was skipped comes last
    desk.shows("Fifth idea")
    desk.press("a")
    expect(page.get_by_role("heading", name="The queue is empty")).to_be_visible()

    assert [(review_of(one).rating_instruction, review_of(one).rating_response) for one in (approved, undone)] == [
        (4, 5),
        (2, 3),
    ]
    assert_sent_back(changed, f"{CANNED_TEXT} Thank you.")
    assert (review_of(rejected).decision, review_of(rejected).comment) == ("reject", "Off topic.")
    assert_edited(edited, desk.person)
    assert ReviewSkip.objects.filter(submission=skipped, reviewer=desk.person).exists()


def assert_sent_back(submission: Submission, comment: str) -> None:
    review = review_of(submission)
    assert (review.decision, review.reasons, review.comment) == ("request_changes", ["incomplete"], comment)


def assert_edited(submission: Submission, by: Person) -> None:
    revision = submission.revisions.get(number=2)
    submission.refresh_from_db()
    assert (revision.response, revision.created_by) == ("A better answer.", by)
    assert submission.status == Submission.Status.APPROVED


def test_after_ten_seconds_a_decision_stands(desk: Desk) -> None:
    submission = desk.waiting("First idea")
    desk.waiting("Second idea", 1)
    desk.page.clock.install()
    desk.open()
    desk.shows("First idea")
    desk.press("a")
    desk.shows("Second idea")
    desk.page.clock.fast_forward(11_000)
    bar = desk.page.locator("[data-undo]")
    expect(bar).to_contain_text("Ten seconds have passed")
    expect(bar.get_by_role("button", name="Undo")).to_be_hidden()
    desk.press("u")
    desk.page.clock.fast_forward(1_000)
    expect(bar).to_contain_text("Ten seconds have passed")
    desk.shows("Second idea")
    assert review_of(submission).decision == "approve"


def test_the_server_too_refuses_to_undo_what_is_older(desk: Desk) -> None:
    submission = desk.waiting("First idea")
    desk.waiting("Second idea", 1)
    desk.open()
    desk.shows("First idea")
    desk.press("a")
    desk.shows("Second idea")
    Review.objects.update(created_at=timezone.now() - timedelta(seconds=11))
    desk.press("u")
    expect(desk.page.locator(".toasts")).to_contain_text("seconds")
    assert review_of(submission).decision == "approve"


def test_a_reload_keeps_what_was_entered(desk: Desk) -> None:
    desk.waiting("First idea")
    desk.open()
    desk.shows("First idea")
    desk.press("3", "m")
    desk.page.keyboard.type("Half a thou")
    desk.page.reload()
    expect(desk.comment).to_have_value("Half a thou")
    expect(desk.page.locator("input[name=rating_instruction][value='3']")).to_be_checked()
    expect(desk.page.locator("#desk-says")).to_contain_text("is back")


def test_an_expired_session_keeps_what_was_entered(desk: Desk) -> None:
    submission = desk.waiting("First idea")
    page = desk.page
    desk.open()
    desk.shows("First idea")
    desk.press("m")
    page.keyboard.type("Careful words")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    desk.press("Escape", "r")
    page.locator("input[name=login]").fill(desk.person.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    desk.shows("First idea")
    expect(desk.comment).to_have_value("Careful words")
    desk.press("r")
    expect(page.get_by_role("heading", name="The queue is empty")).to_be_visible()
    assert review_of(submission).comment == "Careful words"


def test_what_was_decided_is_forgotten_here(desk: Desk) -> None:
    desk.waiting("First idea")
    desk.open()
    desk.shows("First idea")
    desk.press("m")
    desk.page.keyboard.type("Good.")
    desk.press("Escape", "a")
    expect(desk.page.get_by_role("heading", name="The queue is empty")).to_be_visible()
    assert desk.page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('woolgather:review:'))") == []


def test_the_page_says_when_a_colleague_has_the_item(desk: Desk, colleague: Callable[..., Person]) -> None:
    submission = desk.waiting("First idea")
    other = colleague("Otto Other", "reviewer")
    desk.page.clock.install()
    desk.open()
    desk.shows("First idea")
    desk.press("m")
    desk.page.keyboard.type("Not lost")
    ReviewLease.objects.all().delete()
    queue.renew_lease(submission=submission, by=other, now=timezone.now())
    desk.page.clock.fast_forward(61_000)
    notice = desk.page.locator("#lease-notice")
    expect(notice).to_contain_text("Another reviewer")
    expect(notice.get_by_role("link", name="Take the next")).to_be_visible()
    expect(desk.comment).to_have_value("Not lost")


def test_the_lease_is_renewed_while_the_page_is_open_and_not_while_nobody_is_there(desk: Desk) -> None:
    submission = desk.waiting("First idea")
    desk.page.clock.install()
    desk.open()
    desk.shows("First idea")
    ReviewLease.objects.update(expires_at=timezone.now() + timedelta(seconds=5))
    with desk.page.expect_response("**/renew/") as answer:
        desk.page.clock.fast_forward(61_000)
    assert answer.value.status == 200
    assert ReviewLease.objects.get(submission=submission).expires_at > timezone.now() + timedelta(minutes=5)
    renewals: list[str] = []
    desk.page.on("request", lambda request: renewals.append(request.url) if "/renew/" in request.url else None)
    desk.page.clock.fast_forward(31 * 60_000)
    desk.page.clock.fast_forward(10 * 60_000)
    assert desk.page.evaluate("1 + 1") == 2
    assert renewals == []
    with desk.page.expect_response("**/renew/"):
        desk.press("Shift")


def test_typing_never_decides(desk: Desk) -> None:
    desk.waiting("First idea")
    desk.open()
    desk.shows("First idea")
    desk.press("m")
    desk.page.keyboard.type("a car is sure 12345 me?")
    expect(desk.comment).to_have_value("a car is sure 12345 me?")
    expect(desk.page.locator("input[name=rating_instruction]:checked")).to_have_count(0)
    assert not Review.objects.exists()


def test_single_keys_can_be_switched_off(desk: Desk) -> None:
    page = desk.page
    desk.waiting("First idea")
    desk.open()
    desk.shows("First idea")
    desk.press("?")
    tab_to(page, page.get_by_label("Single keys decide"))
    desk.press("Space", "Escape", "m")
    expect(desk.comment).not_to_be_focused()
    page.reload()
    desk.shows("First idea")
    desk.press("m")
    expect(desk.comment).not_to_be_focused()
    tab_to(page, page.get_by_role("button", name="Keys"))
    desk.press("Enter")
    tab_to(page, page.get_by_label("Single keys decide"))
    desk.press("Space", "Escape", "m")
    expect(desk.comment).to_be_focused()


def test_an_edit_that_was_left_is_still_there(desk: Desk) -> None:
    submission = desk.waiting("First idea")
    page = desk.page
    desk.open()
    desk.shows("First idea")
    response = page.locator("textarea[name=response]")
    desk.press("e", "Control+a")
    page.keyboard.type("Almost")
    desk.press("Escape")
    expect(response).to_be_hidden()
    expect(page.locator("#desk-says")).to_contain_text("Your edit is kept")
    page.reload()
    desk.shows("First idea")
    desk.press("e")
    expect(response).to_have_value("Almost")
    desk.press("Escape", "a")
    expect(page.get_by_role("heading", name="The queue is empty")).to_be_visible()
    assert submission.revisions.count() == 1


def test_a_digit_rates_the_part_that_has_the_focus(desk: Desk) -> None:
    page = desk.page
    desk.waiting("First idea")
    desk.open()
    desk.shows("First idea")
    page.locator("input[name=rating_response][value='1']").focus()
    desk.press("5")
    expect(page.locator("input[name=rating_response][value='5']")).to_be_checked()
    expect(page.locator("input[name=rating_instruction]:checked")).to_have_count(0)


def test_a_check_says_so_only_afterwards(desk: Desk, colleague: Callable[..., Person]) -> None:
    lead = colleague("Lea Lead", "lead", "reviewer")
    submission = make_submission(
        campaign=desk.campaign, category=desk.category, instruction="Known idea", status=Submission.Status.APPROVED
    )
    gold.make_gold(submission=submission, decision="approve", why="It is complete.", by=lead, now=timezone.now())
    leases.hand_out(submission=submission, by=desk.person, now=timezone.now())  # as the queue does, at its rate
    page = desk.page
    page.goto(f"{desk.address}/review/{submission.pk}/")
    desk.shows("Known idea")
    expect(page.locator("main")).not_to_contain_text("check ")
    desk.press("a")
    expect(page.get_by_role("heading", name="This one was a check")).to_be_visible()
    expect(page.locator("main")).to_contain_text("It is complete.")
    assert GoldAnswer.objects.get().decision == "approve"
    desk.press("Enter")
    expect(page.get_by_role("heading", name="The queue is empty")).to_be_visible()


def test_the_desk_fits_a_phone(desk: Desk) -> None:
    desk.page.set_viewport_size({"width": 390, "height": 844})
    desk.waiting("First idea " + "w" * 300)
    desk.open()
    desk.shows("First idea")
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= 390

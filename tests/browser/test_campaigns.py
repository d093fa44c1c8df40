"""A lead begins a campaign and brings people in; a contributor is celebrated, quietly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core import mail
from django.utils import timezone
from playwright.sync_api import expect

from collector import tasks
from collector.models import Campaign, Person, Submission
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer


def confirm(page: Page, name: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def test_a_lead_begins_a_campaign_and_a_new_colleague_writes_in_it(
    installation: Campaign,
    colleague: Callable[..., Person],
    sign_in_as: Callable[[Person], Page],
    live_server: LiveServer,
) -> None:
    lead = colleague("Lena Lead", "lead")
    page = sign_in_as(lead)

    # Begin
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Campaigns").click()
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name", exact=True).fill("Autumn drive")
    page.get_by_role("spinbutton", name="Brainstorming").fill("20")
    page.get_by_role("button", name="Make the draft").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Autumn drive")
    expect(page.locator("main")).to_contain_text("Before it can open, it needs contributor terms.")
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Contributor terms").fill("Write in your own words.")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Open")

    # Bring somebody in
    page.get_by_role("link", name="Invite people").click()
    page.get_by_label("For how many people").fill("3")
    page.get_by_role("button", name="Make a link").click()
    address = page.locator(".invite-link").inner_text()
    page.context.clear_cookies()
    page.goto(address)
    page.locator("input[name=display_name]").fill("Nora New")
    page.locator("input[name=email]").fill("nora@elsewhere.example")
    page.locator("input[name=password1]").fill("Corr3ct horse!")
    page.locator("input[name=password2]").fill("Corr3ct horse!")
    page.locator("main form button[type=submit]").first.click()
    page.goto(f"{live_server.url}/campaigns/autumn-drive/")
    page.get_by_role("link", name="Write a pair").click()
    page.get_by_role("link", name=re.compile("Brainstorming")).first.click()
    page.get_by_role("button", name="Accept").click()
    page.get_by_label("Instruction", exact=True).fill("Suggest five names for a lamp.")
    page.get_by_label("Response", exact=True).fill("Heron, Moth, Pond, Ember and Tallow.")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/submissions/**")
    sent = Submission.objects.get()
    assert (sent.campaign.slug, sent.author.display_name) == ("autumn-drive", "Nora New")

    # Pause
    page = sign_in_as(lead)
    page.goto(f"{live_server.url}/campaigns/autumn-drive/")
    page.get_by_role("button", name="Pause").click()
    confirm(page, "Pause")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Paused")
    assert Campaign.objects.get(slug="autumn-drive").status == Campaign.Status.PAUSED


def test_a_lead_reminds_and_the_reader_ends_it_by_one_click(
    installation: Campaign,
    colleague: Callable[..., Person],
    sign_in_as: Callable[[Person], Page],
    live_server: LiveServer,
) -> None:
    lead, reader = colleague("Lena Lead", "lead"), colleague("Rolf Reader")
    page = sign_in_as(lead)
    page.goto(f"{live_server.url}/campaigns/{installation.slug}/")
    page.get_by_role("link", name="Announce or remind").click()
    page.get_by_label("Kind").select_option("reminder")
    page.get_by_label("Subject").fill("Ten minutes today?")
    page.get_by_label("Text", exact=True).fill("One good pair is **plenty**.")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator("#sending")).to_contain_text("2 people")
    page.get_by_role("button", name="Send me a trial").click()
    expect(page.locator("main")).to_contain_text("plenty")
    assert [one.to for one in mail.outbox] == [[lead.email]]
    page.get_by_role("button", name="Send now").click()
    confirm(page, "Send now")
    expect(page.locator("body")).to_contain_text("It is on its way.")
    tasks.send_mailings()
    sent = next(one for one in mail.outbox if one.to == [reader.email])
    way_out = sent.extra_headers["List-Unsubscribe"].strip("<>")
    page.context.clear_cookies()
    page.goto(live_server.url + way_out[way_out.index("/unsubscribe") :])
    page.get_by_role("button", name="End them").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("You get no more of these")
    reader.refresh_from_db()
    assert (reader.wants_reminders, reader.wants_announcements) == (False, True)


def test_a_first_approval_is_celebrated_until_it_is_put_away(
    installation: Campaign,
    colleague: Callable[..., Person],
    sign_in_as: Callable[[Person], Page],
    live_server: LiveServer,
) -> None:
    writer, judge = colleague("Wilma Writer"), colleague("Rita Reviewer", "reviewer")
    category = installation.categories.get(slug="brainstorming")
    factories.make_submission(
        campaign=installation,
        category=category,
        author=writer,
        status="approved",
        by_reviewer=judge,
        now=timezone.now(),
    )
    page = sign_in_as(writer)
    card = page.locator("#celebration")
    expect(card).to_contain_text("First: Brainstorming")
    card.get_by_role("button").click()
    expect(card).to_have_count(0)
    page.reload()
    expect(card).to_have_count(0)
    page.goto(f"{live_server.url}/people/{writer.handle}/")
    expect(page.locator("main")).to_contain_text("First: Brainstorming")

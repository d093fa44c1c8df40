"""The insights page: for whom it is, what is read from real work, its files, at the same number of queries."""

from __future__ import annotations

import csv
import re
import struct
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from collector import insight_queries as queries
from collector.actions import reviews, submissions
from collector.actions.setup import ensure_roles
from collector.insights.advice import Advice, Place
from collector.insights.report import ALL, Report
from collector.insights.sections import Tab
from collector.models import Campaign, CampaignCategory, Category, ImportBatch, PassageSkip, Person, Submission
from collector.pairs import Text
from collector.views import insights as views
from collector.views.insights import Period
from tests.factories import (
    CampaignFactory,
    CategoryFactory,
    PassageFactory,
    PersonFactory,
    contributor_in,
    decide,
    make_submission,
    reviewer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from time_machine import TimeMachineFixture

pytestmark = pytest.mark.django_db
URL = "/insights/"
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 4, 15, 12, 0, tzinfo=UTC)
TABS = ("pace", "mix", "people", "review", "reasons")


@pytest.fixture(autouse=True)
def today(time_machine: TimeMachineFixture) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def spring(db: None) -> Campaign:
    Campaign.objects.all().delete()
    return CampaignFactory.create(
        slug="spring",
        name="Spring",
        time_zone="Europe/Berlin",
        starts_on=date(2026, 3, 20),
        ends_on=date(2026, 5, 15),
    )


@pytest.fixture
def sums(spring: Campaign) -> Category:
    category = CategoryFactory.create(slug="sums", name="Sums", position=1)
    CampaignCategory.objects.create(campaign=spring, category=category, target=40)
    return category


@pytest.fixture
def lead(db: None) -> Person:
    return PersonFactory.create(display_name="Lea Lead", roles=["lead"], is_staff=True)


@pytest.fixture
def judge(db: None) -> Person:
    return reviewer(display_name="Rita Reviewer")


def work(campaign: Campaign, category: Category, judge: Person, number: int) -> None:
    """One pair a day for so many days, back from yesterday; of three one waits and one comes back."""
    authors = [contributor_in(campaign) for _author in range(2)]
    for place in range(number):
        status = ("approved", "submitted", "changes_requested")[place % 3]
        make_submission(
            campaign=campaign,
            category=category,
            author=authors[place % 2],
            status=status,
            by_reviewer=judge,
            now=NOW - timedelta(days=1 + place % 25),
            response="word " * (1 + place % 9),
        )


def measure(campaign: Campaign | None = None, first: date | None = None) -> Report:
    zone = ZoneInfo(campaign.time_zone) if campaign else UTC
    return Report(queries.facts(queries.Choice(campaign=campaign, first=first, zone=zone), NOW))


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


# -- What is read --------------------------------------------------------------------------------------------


def test_days_are_the_campaigns_even_when_clocks_change(spring: Campaign, sums: Category, judge: Person) -> None:
    """On 29 March 2026 Berlin's day has 23 hours: it ends at 22:00 UTC, the day before at 23:00."""
    for moment in (
        datetime(2026, 3, 28, 22, 59, tzinfo=UTC),
        datetime(2026, 3, 28, 23, 0, tzinfo=UTC),
        datetime(2026, 3, 29, 21, 59, tzinfo=UTC),
        datetime(2026, 3, 29, 22, 0, tzinfo=UTC),
    ):
        make_submission(campaign=spring, category=sums, status="approved", by_reviewer=judge, now=moment)
    days = [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)]
    found = measure(spring)
    assert [found.facts.sent[day, sums.pk] for day in days] == [1, 2, 1]
    assert [found.facts.approved[day, spring.pk, sums.pk] for day in days] == [1, 2, 1]
    assert [found.facts.decisions[day, sums.pk, "approve"] for day in days] == [1, 2, 1]
    assert measure(spring, date(2026, 3, 29)).mixes[ALL].all == 3


def test_a_contribution_stays_on_the_day_of_its_first_wording(spring: Campaign, sums: Category, judge: Person) -> None:
    sent = NOW - timedelta(days=9)
    item = make_submission(campaign=spring, category=sums, status="changes_requested", by_reviewer=judge, now=sent)
    submissions.resubmit(
        submission=item,
        base_revision=1,
        text=Text.of("Why is it so?", "", "One two three four."),
        by=item.author,
        now=NOW - timedelta(days=1),
    )
    found = measure(spring)
    assert found.facts.sent == {(sent.date(), sums.pk): 1}
    assert found.facts.lengths == {(sums.pk, 4): 1}
    assert measure(spring, NOW.date() - timedelta(days=3)).texts == {sums.pk: 1}  # the present wording is young


def test_withdrawn_texts_drafts_and_sources_are_no_contributions(spring: Campaign, sums: Category) -> None:
    make_submission(campaign=spring, category=sums, status="withdrawn", now=NOW)
    make_submission(campaign=spring, category=sums, status="draft", now=NOW)
    imported = make_submission(campaign=spring, category=sums, now=NOW)
    Person.objects.filter(pk=imported.author_id).update(is_source=True, is_active=False)
    found = measure(spring)
    assert found.makers == []
    assert found.facts.sent == {}
    assert found.texts == {sums.pk: 1}  # what is imported is in the set all the same


def test_what_was_imported_as_approved_is_progress_but_no_pace(spring: Campaign, sums: Category, judge: Person) -> None:
    batch = ImportBatch.objects.create(file_name="x", format="dolly", campaign=spring, started_at=NOW)
    ready, judged = (
        make_submission(campaign=spring, category=sums, now=NOW - timedelta(days=2)) for _number in range(2)
    )
    Submission.objects.update(import_batch=batch)
    Submission.objects.filter(pk=ready.pk).update(status="approved", approved_at=ready.submitted_at)
    decide(judged, "approve", by=judge, now=NOW - timedelta(days=1))
    found = measure(spring)
    assert found.overall.approved == 2
    assert sum(found.facts.approved.values()) == 1


def test_an_undone_decision_never_was_one_and_reasons_are_counted_one_by_one(
    spring: Campaign, sums: Category, judge: Person
) -> None:
    items = [make_submission(campaign=spring, category=sums, now=NOW) for _number in range(3)]
    undone = decide(items[0], "reject", by=judge, now=NOW, reasons=["copied"])
    reviews.undo(review=undone, by=judge, now=NOW + timedelta(seconds=3))
    decide(items[1], "reject", by=judge, now=NOW, reasons=["copied", "inaccurate"])
    decide(items[2], "request_changes", by=judge, now=NOW, reasons=["inaccurate"])
    found = measure(spring)
    assert found.mixes[ALL].all == 2
    assert found.facts.reviewers == {judge.pk: 2}
    assert found.facts.reasons == {
        ("reject", "copied"): 1,
        ("reject", "inaccurate"): 1,
        ("request_changes", "inaccurate"): 1,
    }


def test_what_waits_is_told_with_its_oldest_and_its_middle(spring: Campaign, sums: Category, judge: Person) -> None:
    for hours in (1, 5, 100):
        make_submission(campaign=spring, category=sums, now=NOW - timedelta(hours=hours))
    closed = CampaignFactory.create(status="closed")
    Submission.objects.filter(pk=make_submission(now=NOW - timedelta(days=50)).pk).update(campaign=closed)
    make_submission(campaign=spring, category=sums, status="approved", by_reviewer=judge, now=NOW)
    found = measure(spring)
    assert found.facts.waiting.number == 3
    assert found.oldest_wait == timedelta(hours=100)
    assert found.middle_waiting == timedelta(hours=5)
    assert measure().facts.waiting.number == 3  # a closed campaign's are no backlog


def test_the_wait_ends_with_the_verdict(spring: Campaign, sums: Category, judge: Person) -> None:
    item = make_submission(campaign=spring, category=sums, now=NOW - timedelta(hours=30))
    decide(item, "approve", by=judge, now=NOW - timedelta(hours=10))
    assert measure(spring).facts.waits == [20 * 3600]


def test_skips_are_counted_by_reason(spring: Campaign, sums: Category) -> None:
    for reason in ("wrong", "wrong", "too_hard"):
        PassageSkip.objects.create(
            passage=PassageFactory.create(),
            person=contributor_in(spring),
            campaign=spring,
            category=sums,
            reason=reason,
            at=NOW,
        )
    assert measure(spring).facts.skips == {"wrong": 2, "too_hard": 1}


def test_one_campaign_is_told_without_the_others(spring: Campaign, sums: Category, judge: Person) -> None:
    other = CampaignFactory.create(slug="other")
    work(spring, sums, judge, 6)
    work(other, sums, judge, 3)
    assert measure(spring).contributions == 6
    assert measure(other).contributions == 3
    assert measure().contributions == 9


# -- Who sees it, and what it says ---------------------------------------------------------------------------


@pytest.mark.parametrize("roles", [[], ["reviewer"]])
def test_it_is_for_leads(roles: list[str], spring: Campaign, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(PersonFactory.create(roles=roles))
    assert client.get(URL).status_code == 403
    assert client.get(f"{URL}?format=csv&chart=top&show=people").status_code == 403
    assert 'href="/insights/"' not in text(client.get("/"))


def test_leads_and_admins_find_it_in_the_navigation(
    spring: Campaign, lead: Person, admin: Person, sign_in: Callable[[Person], Client]
) -> None:
    for person in (lead, admin):
        assert 'href="/insights/" aria-current="page"' in text(sign_in(person).get(URL))


def test_a_new_installation_is_told_how_to_begin(
    spring: Campaign, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    for tab in TABS:
        page = text(sign_in(lead).get(f"{URL}?show={tab}"))
        assert "Nothing to tell yet" in page
        assert 'href="/invitations/"' in page
        assert "0%" not in page


def test_without_any_campaign_there_is_a_page(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    Campaign.objects.all().delete()
    page = text(sign_in(lead).get(URL))
    assert "no campaign is open here: open one first" in page
    assert 'href="/campaigns/"' in page


def test_the_open_campaign_is_shown_first_and_all_on_request(
    spring: Campaign, sums: Category, judge: Person, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    CampaignFactory.create(slug="closed", name="Closed", status="closed", starts_on=date(2026, 4, 1))
    work(spring, sums, judge, 3)
    client = sign_in(lead)
    assert client.get(URL).context["asked"].campaign == spring
    assert client.get(f"{URL}?campaign=all").context["asked"].campaign is None
    assert client.get(f"{URL}?campaign=none&period=ever&show=x").status_code == 200


def test_it_forecasts_and_names_the_top_twelve(
    spring: Campaign, sums: Category, judge: Person, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    work(spring, sums, judge, 24)
    page = text(sign_in(lead).get(f"{URL}?show=people"))
    assert re.search(r"<dt>Share of the top 12</dt><dd>100(\.0)?%</dd>", page)
    pace = text(sign_in(lead).get(URL))
    assert "8 of 40" in pace
    assert "Done on" in pace


def test_advice_leads_to_where_it_is_done(
    spring: Campaign, sums: Category, judge: Person, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    ensure_roles()
    work(spring, sums, judge, 24)
    client = sign_in(lead)
    advice = client.get(URL).context["advice"]
    assert [one.place for one, _href in advice][:2] == [Place.WAITING, Place.CAMPAIGN]
    assert advice[0][1] == "/review/grid/?campaign=spring&state=submitted&sort=submitted"
    assert [client.get(href).status_code for _one, href in advice] == [200] * len(advice)


@pytest.mark.parametrize("place", list(Place))
def test_every_place_opens_for_a_lead(
    place: Place, spring: Campaign, sums: Category, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    ensure_roles()
    for asked in (spring, None):
        page = views.Page(views.Asked(asked, Period.ALL, Tab.PACE), measure(asked), may_administer=True)
        assert sign_in(lead).get(page.place(Advice(1, "", "", place, sums.pk))).status_code == 200


def test_who_can_not_open_the_admin_is_not_sent_there(
    spring: Campaign, sums: Category, judge: Person, sign_in: Callable[[Person], Client]
) -> None:
    work(spring, sums, judge, 24)
    page = text(sign_in(PersonFactory.create(roles=["lead"])).get(URL))
    assert "/admin/" not in page


@pytest.mark.parametrize("tab", TABS)
def test_a_quiet_period_says_so_and_offers_all_time(
    tab: str, spring: Campaign, sums: Category, judge: Person, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    item = make_submission(campaign=spring, category=sums, now=NOW - timedelta(days=60))
    decide(item, "request_changes", by=judge, now=NOW - timedelta(days=59), reasons=["inaccurate"])
    Campaign.objects.update(status="closed")
    client = sign_in(lead)
    assert "Show all time" in text(client.get(f"{URL}?show={tab}"))
    assert client.get(f"{URL}?show={tab}").context["charts"] == []
    assert client.get(f"{URL}?show={tab}&period=all").context["charts"]


def test_short_responses_are_warned_of_with_the_threshold(
    spring: Campaign, sums: Category, judge: Person, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    work(spring, sums, judge, 30)
    page = text(sign_in(lead).get(f"{URL}?show=mix"))
    assert "A set of short answers makes a model of short answers." in page
    assert "below 15, half of databricks-dolly-15k" in page


# -- Files ---------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(spring: Campaign, sums: Category, judge: Person) -> Campaign:
    judge.display_name = '=HYPERLINK("http://example.com")'
    judge.save()
    work(spring, sums, judge, 12)
    PassageSkip.objects.create(
        passage=PassageFactory.create(),
        person=contributor_in(spring),
        campaign=spring,
        category=sums,
        reason="wrong",
        at=NOW,
    )
    item = make_submission(campaign=spring, category=sums, now=NOW - timedelta(days=1))
    decide(item, "reject", by=judge, now=NOW, reasons=["copied"])
    return spring


@pytest.mark.parametrize(
    ("tab", "idents"),
    [
        ("pace", {"per-day", "towards-target", "targets"}),
        ("mix", {"lengths", "median-lengths", "categories", "languages"}),
        ("people", {"lorenz", "top", "active-weeks"}),
        ("review", {"decisions", "approval", "waits", "load"}),
        ("reasons", {"reasons", "skips"}),
    ],
)
def test_each_plot_has_its_table_and_comes_as_csv_svg_and_png(
    tab: str, idents: set[str], busy: Campaign, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    client = sign_in(lead)
    charts = client.get(f"{URL}?show={tab}").context["charts"]
    assert {chart.ident for chart in charts} == idents
    for chart in charts:
        assert chart.rows
        table = client.get(URL + chart.csv)
        assert table.headers["Content-Disposition"] == f'attachment; filename="insights-{chart.ident}.csv"'
        rows = list(csv.reader(StringIO(table.content.decode())))
        assert len(rows) == len(chart.data) > 1
        assert all(len(row) == len(rows[0]) for row in rows)
        assert not any(cell.startswith("=") for row in rows for cell in row)
        drawn = client.get(URL + chart.svg)
        assert drawn.headers["Content-Type"] == "image/svg+xml"
        size = ET.fromstring(drawn.content).attrib
        picture = client.get(URL + chart.png)
        assert picture.headers["Content-Type"] == "image/png"
        assert struct.unpack(">II", picture.content[16:24]) == (2 * int(size["width"]), 2 * int(size["height"]))


def test_what_is_no_plot_is_no_file(busy: Campaign, lead: Person, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(lead)
    assert client.get(f"{URL}?format=png&chart=none").status_code == 404
    assert client.get(f"{URL}?format=pdf&chart=per-day").status_code == 404


def test_the_figures_come_alone_for_htmx(busy: Campaign, lead: Person, sign_in: Callable[[Person], Client]) -> None:
    fragment = text(sign_in(lead).get(URL, headers={"HX-Request": "true", "HX-Target": "figures"}))
    assert fragment.startswith('<div id="figures"')
    assert "<html" not in fragment


# -- Queries -------------------------------------------------------------------------------------------------


def test_one_text_and_fifty_take_the_same_number_of_queries_and_no_text_is_read(
    spring: Campaign,
    sums: Category,
    judge: Person,
    lead: Person,
    sign_in: Callable[[Person], Client],
    django_assert_max_num_queries: Any,
) -> None:
    client = sign_in(lead)
    counted = []
    for number in (1, 49):
        work(spring, sums, judge, number)
        client.get(URL)  # the session's own first queries
        with django_assert_max_num_queries(26) as queried:
            client.get(f"{URL}?show=people")
        counted.append(len(queried))
        columns = " ".join(query["sql"] for query in queried.captured_queries)
        assert not re.search(r'"(instruction|context|response)"', columns)
    assert counted[0] == counted[1]

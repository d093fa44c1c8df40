"""The insights page: for whom it is, what is read from real work, its files, at the same number of queries."""

from __future__ import annotations

import csv
import re
import struct
from datetime import date, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from collector.actions.setup import ensure_roles
from collector.insights.advice import Advice, Place
from collector.insights.sections import Tab
from collector.models import Campaign, Category, PassageSkip, Person
from collector.views import insights as views
from collector.views.insights import Period
from tests.collector.insights_site import NOW, judge, measure, spring, sums, today, work
from tests.factories import (
    CampaignFactory,
    PassageFactory,
    PersonFactory,
    contributor_in,
    decide,
    make_submission,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

__all__ = ["judge", "spring", "sums", "today"]  # fixtures

pytestmark = pytest.mark.django_db
URL = "/insights/"
BERLIN = ZoneInfo("Europe/Berlin")
TABS = ("pace", "mix", "people", "review", "reasons")


@pytest.fixture
def lead(db: None) -> Person:
    return PersonFactory.create(display_name="Lea Lead", roles=["lead"], is_staff=True)


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


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

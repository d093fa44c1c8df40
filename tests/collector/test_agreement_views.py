"""The agreement page: who sees what, from real reviews, at the same number of queries however many there are."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from collector import agreement_queries as queries
from collector.actions import gold, reviews
from collector.agreement.measures import Measure, Scale
from collector.agreement.report import report
from collector.models import Campaign, Category, Person, Review
from collector.views import agreement as views
from tests.factories import (
    NOW,
    CampaignFactory,
    CategoryFactory,
    PersonFactory,
    contributor_in,
    decide,
    make_submission,
    reviewer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.agreement.report import Report

pytestmark = pytest.mark.django_db
URL = "/review/agreement/"
DISPUTED = ("approve", "reject")


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def panel(db: None) -> Campaign:
    """A campaign in which two people decide each item unseen."""
    Campaign.objects.all().delete()
    return CampaignFactory.create(slug="panel", reviews_per_item=2)


@pytest.fixture
def judges(panel: Campaign) -> list[Person]:
    return [
        reviewer(display_name=name, handle=name.split()[0].lower()) for name in ("Ada Able", "Ben Brook", "Cy Cole")
    ]


@pytest.fixture
def lead(panel: Campaign) -> Person:
    return PersonFactory.create(display_name="Lea Lead", handle="lea", roles=["lead"])


def judge_items(
    panel: Campaign,
    category: Category,
    judges: list[Person],
    *pairs: tuple[str, str],
    author: Person | None = None,
    **fields: Any,
) -> list[Any]:
    """Have the first two of the judges decide an item for each pair of decisions."""
    author = author or contributor_in(panel)
    items = []
    for pair in pairs:
        item = make_submission(campaign=panel, category=category, author=author)
        for judge, decision in zip(judges, pair, strict=False):
            decide(item, decision, by=judge, **fields)
        items.append(item)
    return items


def agreeing(number: int) -> list[tuple[str, str]]:
    return [("approve", "approve") if place % 2 else ("reject", "reject") for place in range(number)]


def whole(**choice: Any) -> Report:
    chosen = queries.Choice(**choice)
    who = choice.get("reviewer")
    return report(queries.decisions(chosen), queries.answers(chosen), reviewer=who.pk if who else 0)


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


# -- What is read --------------------------------------------------------------------------------------------


def test_alpha_comes_from_the_reviews_of_the_same_revision(panel: Campaign, judges: list[Person]) -> None:
    category = CategoryFactory.create()
    judge_items(panel, category, judges, *agreeing(8), DISPUTED, DISPUTED)
    found = whole().overall.measures[Measure.DECISION]
    # Twenty answers, ten of each kind, and two of the ten pairs differ: Do = 4/20, De = 2*10*10/(20*19).
    assert found.value == pytest.approx(1 - (4 / 20) / (200 / 380))
    assert found.size == 10


def test_ratings_seconds_and_gold_are_read(panel: Campaign, judges: list[Person], lead: Person) -> None:
    category = CategoryFactory.create()
    ratings: dict[str, Any] = {"rating_instruction": 4, "rating_response": 2}
    items = judge_items(panel, category, judges, *agreeing(10), **ratings)
    Review.objects.update(seconds=30)
    for item in items[:5]:
        fixed = gold.make_gold(submission=item, decision="reject", why="It is one.", by=lead, now=NOW)
        gold.answer(
            gold=fixed, decision="reject" if item != items[0] else "approve", by=judges[2], now=NOW, comment="x"
        )
    measures = whole().overall.measures
    assert measures[Measure.INSTRUCTION_MEAN].value == 4
    assert measures[Measure.RESPONSE_MEAN].value == 2
    assert measures[Measure.SECONDS].value == 30
    assert measures[Measure.GOLD].value == pytest.approx(0.8)
    assert {row.key for row in whole().reviewers} == {judge.pk for judge in judges}


def test_an_undone_decision_counts_nowhere(panel: Campaign, judges: list[Person]) -> None:
    item = make_submission(campaign=panel)
    review = decide(item, "reject", by=judges[0])
    reviews.undo(review=review, by=judges[0], now=NOW + timedelta(seconds=5))
    assert whole().overall.decisions == 0


def test_a_revoked_approval_counts_as_overturned(judges: list[Person], admin: Person) -> None:
    campaign = CampaignFactory.create()
    for _item in range(10):
        item = make_submission(campaign=campaign, status="approved", by_reviewer=judges[0])
    reviews.revoke_approval(submission=item, reason="It was copied.", by=admin, now=NOW)
    found = whole().overall.measures[Measure.OVERTURNED]
    assert (found.value, found.size) == (0.1, 10)


def test_a_last_word_overturns_those_who_decided_otherwise(panel: Campaign, judges: list[Person], lead: Person) -> None:
    items = judge_items(panel, CategoryFactory.create(), judges, *[DISPUTED] * 5, *agreeing(3))
    for item in items[:5]:
        decide(item, "approve", by=lead)
    rows = {row.key: row.measures[Measure.OVERTURNED] for row in whole().reviewers}
    overall = whole().overall.measures[Measure.OVERTURNED]
    assert overall.value == pytest.approx(5 / 16)
    assert overall.size == 16
    assert rows[lead.pk].size == 0


def test_campaign_and_period_narrow_what_counts(panel: Campaign, judges: list[Person]) -> None:
    judge_items(panel, CategoryFactory.create(), judges, *agreeing(2))
    other = CampaignFactory.create()
    make_submission(campaign=other, status="approved", by_reviewer=judges[2])
    Review.objects.filter(reviewer=judges[2]).update(created_at=NOW + timedelta(days=40))
    assert whole(campaign=panel).overall.decisions == 4
    assert whole(since=NOW + timedelta(days=1)).overall.decisions == 1
    assert whole().overall.decisions == 5


def test_what_is_kept_is_what_would_be_counted_again(panel: Campaign, judges: list[Person]) -> None:
    category = CategoryFactory.create()
    judge_items(panel, category, judges, *agreeing(10))
    choice = queries.Choice()
    made = queries.make_report(choice, Scale.ORDINAL, queries.size())
    kept = queries.kept_report(choice, Scale.ORDINAL, queries.size())
    assert kept is not None
    assert (kept.overall, kept.categories, kept.reviewers) == (made.overall, made.categories, made.reviewers)
    assert queries.kept_report(choice, Scale.INTERVAL, queries.size()) is None


def test_nothing_kept_outlives_a_change_of_the_reviews(panel: Campaign, judges: list[Person]) -> None:
    category = CategoryFactory.create()
    items = judge_items(panel, category, judges, *agreeing(1), ("approve",))  # type: ignore[arg-type]  # one decides
    choice = queries.Choice()

    def is_kept() -> bool:
        found = queries.kept_report(choice, Scale.ORDINAL, queries.size()) is not None
        queries.make_report(choice, Scale.ORDINAL, queries.size())
        return found

    assert [is_kept(), is_kept()] == [False, True]
    review = decide(items[1], "approve", by=judges[1])
    assert [is_kept(), is_kept()] == [False, True]
    reviews.undo(review=review, by=judges[1], now=NOW)
    assert [is_kept(), is_kept()] == [False, True]
    Campaign.objects.update(reviews_per_item=1)
    assert [is_kept(), is_kept()] == [False, True]
    make_submission(campaign=panel, category=category)
    assert is_kept()  # a new submission changes no figure


# -- Who sees what -------------------------------------------------------------------------------------------


def test_contributors_are_told_whom_it_is_for(panel: Campaign, sign_in: Callable[[Person], Client]) -> None:
    response = sign_in(contributor_in(panel)).get(URL)
    assert response.status_code == 403


def test_a_lead_sees_every_reviewer(
    panel: Campaign, judges: list[Person], lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    judge_items(panel, CategoryFactory.create(name="Riddles"), judges, *agreeing(10), DISPUTED)
    page = text(sign_in(lead).get(URL))
    assert "Ada Able" in page
    assert "Ben Brook" in page
    assert "Reviewers&#x27; decisions agree well (0." in page


def test_a_reviewer_sees_their_own_figures_and_nobody_elses(
    panel: Campaign, judges: list[Person], sign_in: Callable[[Person], Client]
) -> None:
    judge_items(panel, CategoryFactory.create(), judges, *agreeing(10), DISPUTED)
    client = sign_in(judges[0])
    for address in (URL, f"{URL}?reviewer=ben", f"{URL}?format=csv&chart=table-categories&reviewer=ben"):
        page = text(client.get(address))
        assert "Ben Brook" not in page
        assert "Cy Cole" not in page
    assert "Your decisions and your colleagues&#x27; agree" in text(client.get(URL))
    assert client.get(f"{URL}?format=csv&chart=table-reviewers").status_code == 404


def test_a_lead_can_look_at_one_reviewer(
    panel: Campaign, judges: list[Person], lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    judge_items(panel, CategoryFactory.create(), judges, *agreeing(10))
    client = sign_in(lead)
    page = text(client.get(f"{URL}?reviewer=ada"))
    assert "Ada Able and colleagues" in page
    assert "Ben Brook" not in page
    assert client.get(f"{URL}?reviewer=nobody").status_code == 404


def test_an_unknown_filter_is_the_usual_one(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    assert sign_in(lead).get(f"{URL}?campaign=none&period=ever&scale=x&show=y").status_code == 200


# -- What the page says --------------------------------------------------------------------------------------


def test_without_reviews_it_says_what_is_needed(lead: Person, sign_in: Callable[[Person], Client]) -> None:
    page = text(sign_in(lead).get(URL))
    assert "Nothing to compare yet" in page
    assert "reviews per item" in page
    assert "gold items" in page


def test_with_too_few_shared_items_it_says_how_many_are_needed(
    panel: Campaign, judges: list[Person], lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    judge_items(panel, CategoryFactory.create(), judges, *agreeing(4))
    page = text(sign_in(lead).get(URL))
    assert "Needs at least 10 shared items; there are 4." in page
    assert "nan" not in page.lower().replace("finance", "")


def test_it_names_the_category_whose_guidelines_need_a_look_and_leads_to_its_items(
    panel: Campaign, judges: list[Person], lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    good = CategoryFactory.create(slug="sums", name="Summarization")
    bad = CategoryFactory.create(slug="tales", name="Creative writing")
    judge_items(panel, good, judges, *agreeing(12))
    judge_items(panel, bad, judges, *[DISPUTED, ("reject", "approve"), ("approve", "approve")] * 4)
    page = text(sign_in(lead).get(URL))
    assert "They agree well on Summarization (1.00), very little on Creative writing (-" in page
    assert "look at its guidelines" in page
    assert "/review/grid/?category=tales&amp;disputed=1" in page


@pytest.mark.parametrize("tab", ["decisions", "instruction", "response", "gold", "time", "overturned"])
def test_every_tab_has_its_plots(
    tab: str, panel: Campaign, judges: list[Person], lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    judge_items(panel, CategoryFactory.create(), judges, *agreeing(10), rating_instruction=3, rating_response=4)
    Review.objects.update(seconds=70)
    page = text(sign_in(lead).get(f"{URL}?show={tab}"))
    assert page.count('role="img"') >= 4


def test_a_large_count_comes_after_the_page(
    panel: Campaign,
    judges: list[Person],
    lead: Person,
    sign_in: Callable[[Person], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(views, "LATER", 4)
    judge_items(panel, CategoryFactory.create(), judges, *agreeing(3))
    client = sign_in(lead)
    first = text(client.get(URL))
    assert "Counting 6 reviews" in first
    assert 'hx-get="?count=1"' in first
    fragment = text(client.get(f"{URL}?count=1", headers={"HX-Request": "true", "HX-Target": "figures"}))
    assert fragment.startswith('<div id="figures"')
    assert "<html" not in fragment
    assert "Counting" not in text(client.get(URL))  # kept


# -- Files ---------------------------------------------------------------------------------------------------


def rows_of(response: Any) -> list[list[str]]:
    return list(csv.reader(StringIO(response.content.decode())))


def test_the_table_as_csv_has_unrounded_figures_and_no_formulas(
    panel: Campaign, judges: list[Person], lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    Person.objects.filter(pk=judges[0].pk).update(display_name='=HYPERLINK("http://example.com")')
    judge_items(panel, CategoryFactory.create(), judges, *agreeing(10), DISPUTED)
    response = sign_in(lead).get(f"{URL}?format=csv&chart=table-reviewers")
    rows = rows_of(response)
    assert response.headers["Content-Disposition"] == 'attachment; filename="agreement-table-reviewers.csv"'
    assert rows[0] == ["name", "measure", "value", "low", "high", "size", "counted", "gap"]
    assert len(rows) == 1 + 2 * len(Measure)
    assert all(row[0].startswith(("'=", "Ben")) for row in rows[1:])
    value = next(row for row in rows if row[:2] == ["Ben Brook", "decision"])[2]
    assert float(value) == pytest.approx(1 - (2 / 22) / (2 * 11 * 11 / (22 * 21)), abs=0.01)
    assert len(value) > 6


def test_each_plot_is_there_as_csv_and_as_svg(
    panel: Campaign, judges: list[Person], lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    judge_items(panel, CategoryFactory.create(), judges, *agreeing(10))
    client = sign_in(lead)
    charts = client.get(URL).context["charts"]
    assert len(charts) == 4
    for chart in charts:
        drawn = client.get(f"{URL}{chart.svg}")
        assert drawn.headers["Content-Type"] == "image/svg+xml"
        assert ET.fromstring(drawn.content).tag.endswith("svg")
        assert len(rows_of(client.get(f"{URL}{chart.csv}"))) == 1 + len(chart.rows)
    assert client.get(f"{URL}?format=svg&chart=none").status_code == 404
    assert client.get(f"{URL}?format=pdf&chart={charts[0].ident}").status_code == 404


# -- Queries -------------------------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_the_reviews(
    panel: Campaign,
    judges: list[Person],
    lead: Person,
    sign_in: Callable[[Person], Client],
    django_assert_max_num_queries: Any,
) -> None:
    client = sign_in(lead)
    counted = []
    for _time in range(2):
        judge_items(panel, CategoryFactory.create(), [*judges[_time:], judges[0]], *agreeing(6))
        client.get(URL)  # the session's own first queries
        judge_items(panel, CategoryFactory.create(), judges, *agreeing(1))
        with django_assert_max_num_queries(25) as queried:
            client.get(URL)
        counted.append(len(queried))
    assert counted[0] == counted[1]

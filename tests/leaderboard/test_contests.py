"""Boards of a contest's days, and the pages where leads plan them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.utils import timezone

from collector.actions.points import plan_contest
from collector.actions.submissions import withdraw
from collector.models import Contest
from leaderboard import queries
from leaderboard.queries import Board, Choice, contests_of, standings
from tests.factories import NOW, CampaignFactory, PersonFactory, TeamFactory, contributor_in, make_submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from collector.models import Campaign, Person

pytestmark = pytest.mark.django_db
MONDAY = NOW.date()


@pytest.fixture
def lead() -> Person:
    return PersonFactory.create(roles=["lead"])


def plan(campaign: Campaign, lead: Person, starts: date = MONDAY, days: int = 7, **fields: Any) -> Contest:
    ends = starts + timedelta(days=days - 1)
    said: dict[str, Any] = {"name": "Spring week", "starts_on": starts, "ends_on": ends} | fields
    return plan_contest(campaign=campaign, by=lead, now=NOW, **said)


def ask(contest: Contest, person: Person, board: Board = Board.PEOPLE) -> queries.Standings:
    return standings(choice=Choice(board=board, contest=contest), start=None, person=person)


def writers(contest: Contest, person: Person) -> list[tuple[int, str, int]]:
    return [(row.rank, row.name, row.points) for row in ask(contest, person).rows if row.count]


def test_only_the_days_of_the_contest_count(campaign: Campaign, lead: Person) -> None:
    ada, bob = contributor_in(campaign, display_name="Ada"), contributor_in(campaign, display_name="Bob")
    for person, days in ((ada, -1), (ada, 0), (bob, 0), (bob, 6), (ada, 7)):
        make_submission(campaign=campaign, author=person, status="approved", now=NOW + timedelta(days=days))
    assert writers(plan(campaign, lead), ada) == [(1, "Bob", 20), (2, "Ada", 10)]


def test_another_campaign_does_not_count(campaign: Campaign, lead: Person, author: Person) -> None:
    make_submission(campaign=CampaignFactory.create(), author=author, status="approved")
    assert writers(plan(campaign, lead), author) == []


def test_a_contest_of_a_category_counts_that_one(campaign: Campaign, lead: Person, author: Person) -> None:
    pair = make_submission(campaign=campaign, author=author, status="approved")
    make_submission(campaign=campaign, author=author, status="approved")
    assert writers(plan(campaign, lead, category=pair.category), author) == [(1, author.display_name, 10)]


def test_what_is_taken_back_within_the_days_is_gone(campaign: Campaign, lead: Person, author: Person) -> None:
    pair = make_submission(campaign=campaign, author=author, status="approved")
    withdraw(submission=pair, by=author, now=NOW + timedelta(days=1))
    assert writers(plan(campaign, lead), author) == []


def test_a_day_is_one_of_the_campaigns_zone(lead: Person) -> None:
    campaign = CampaignFactory.create(time_zone="Asia/Tokyo")
    author = contributor_in(campaign)
    sunday = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)  # already Monday in Tokyo
    make_submission(campaign=campaign, author=author, status="approved", now=sunday)
    assert len(writers(plan(campaign, lead), author)) == 1


def test_teams_and_reviewers_have_their_boards_of_it(campaign: Campaign, lead: Person, reviewer: Person) -> None:
    ada = contributor_in(campaign, team=TeamFactory.create())
    make_submission(campaign=campaign, author=ada, status="approved", by_reviewer=reviewer)
    contest = plan(campaign, lead)
    team = ask(contest, ada, Board.TEAMS).own
    judge = ask(contest, reviewer, Board.REVIEWERS).own
    assert (team and team.points, judge and judge.count) == (10, 1)


def test_the_own_row_stands_among_its_neighbours_at_the_same_price_for_many(
    campaign: Campaign, lead: Person, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(queries, "SHOWN", 2)
    everybody = [contributor_in(campaign, display_name=f"P{number}") for number in range(6)]
    for number, person in enumerate(everybody):
        for _pair in range(6 - number):
            make_submission(campaign=campaign, author=person, status="approved")
    contest = plan(campaign, lead)
    with django_assert_num_queries(5):
        found = ask(contest, everybody[4])
    assert [row.name for row in found.rows] == ["P0", "P1"]
    assert [(row.rank, row.name) for row in found.around if row.count] == [(3, "P2"), (4, "P3"), (5, "P4"), (6, "P5")]
    assert found.own is not None
    assert (found.own.rank, found.to_next) == (5, 10)


def test_who_left_the_boards_is_not_on_it(campaign: Campaign, lead: Person) -> None:
    ada = contributor_in(campaign, on_boards="away")
    make_submission(campaign=campaign, author=ada, status="approved")
    assert writers(plan(campaign, lead), ada) == []


def test_contests_show_from_their_first_day_to_a_month_after_their_last(campaign: Campaign, lead: Person) -> None:
    plan(campaign, lead, starts=MONDAY + timedelta(days=1), name="To come")
    plan(campaign, lead, starts=MONDAY - timedelta(days=3), name="Running")
    plan(campaign, lead, starts=MONDAY - timedelta(days=37), name="Over")
    plan(campaign, lead, starts=MONDAY - timedelta(days=60), name="Long over")
    assert [contest.name for contest in contests_of(campaign, NOW)] == ["Running", "Over"]


# -- Pages ----------------------------------------------------------------------------------------------------


FORM = {"name": "Spring week", "prize": "A cake", "starts_on": "2026-03-02", "ends_on": "2026-03-08", "category": ""}


def test_a_lead_plans_a_contest_on_the_page(
    campaign: Campaign, lead: Person, sign_in: Callable[[Person], Client]
) -> None:
    page = sign_in(lead).post("/leaderboard/contests/new/", FORM | {"campaign": campaign.slug}, follow=True)
    assert "“Spring week” is planned." in page.content.decode()
    assert Contest.objects.get().prize == "A cake"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("ends_on", "2026-03-01", "before it starts"),
        ("ends_on", "2027-03-01", "at most 92 days"),
        ("ends_on", "soon", "valid date"),
        ("name", "a\x00b", "Null characters"),
        ("name", "", "required"),
        ("category", "99999999", "valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    campaign: Campaign, lead: Person, sign_in: Callable[[Person], Client], field: str, value: str, says: str
) -> None:
    page = sign_in(lead).post("/leaderboard/contests/new/", FORM | {"campaign": campaign.slug, field: value})
    assert page.status_code == 400
    assert says in page.content.decode()
    assert not Contest.objects.exists()


def test_a_lead_changes_and_removes_it(campaign: Campaign, lead: Person, sign_in: Callable[[Person], Client]) -> None:
    contest, client = plan(campaign, lead), sign_in(lead)
    client.post(f"/leaderboard/contests/{contest.pk}/", FORM | {"name": "Late spring"})
    assert Contest.objects.get().name == "Late spring"
    client.post(f"/leaderboard/contests/{contest.pk}/remove/")
    assert not Contest.objects.exists()


@pytest.mark.parametrize("path", ["new/", "{pk}/", "{pk}/remove/"])
def test_others_plan_nothing(
    campaign: Campaign, lead: Person, author: Person, sign_in: Callable[[Person], Client], path: str
) -> None:
    contest = plan(campaign, lead)
    assert sign_in(author).post(f"/leaderboard/contests/{path.format(pk=contest.pk)}", FORM).status_code == 403
    assert Contest.objects.get().name == "Spring week"


def test_everybody_sees_what_runs(
    campaign: Campaign, lead: Person, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    plan(campaign, lead, starts=timezone.now().date(), prize="A cake")
    client = sign_in(author)
    for path in ("/leaderboard/contests/", "/leaderboard/?display=wall"):
        page = client.get(path).content.decode()
        assert "Spring week" in page
        assert "A cake" in page
    assert "Spring week" in client.get("/leaderboard/").content.decode()


def test_the_wall_shows_a_contest_of_any_open_campaign_on_its_days_there(
    campaign: Campaign, lead: Person, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    campaign.time_zone = "Pacific/Kiritimati"  # 14 hours ahead of the server
    campaign.save()
    CampaignFactory.create(starts_on=MONDAY)  # which lists go before
    plan(campaign, lead, starts=MONDAY + timedelta(days=1), days=1)
    client = sign_in(author)
    seen = []
    for hour in (9, 11, 33, 35):
        with time_machine.travel(datetime.combine(MONDAY, time(), tzinfo=UTC) + timedelta(hours=hour), tick=False):
            seen.append("Spring week" in client.get("/leaderboard/?display=wall").content.decode())
    assert seen == [False, True, True, False]


def test_an_unknown_contest_is_the_usual_board(author: Person, sign_in: Callable[[Person], Client]) -> None:
    for value in ("0", "x", "9" * 40):
        assert sign_in(author).get("/leaderboard/", {"contest": value}).status_code == 200


def test_the_api_ranks_a_contest(
    campaign: Campaign, lead: Person, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    contest = plan(campaign, lead)
    make_submission(campaign=campaign, author=author, status="approved")
    body = sign_in(author).get("/api/v1/leaderboard/", {"contest": contest.pk}).json()
    assert body["own"]["points"] == 10


def test_the_campaigns_board_is_all_of_its_time(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    make_submission(campaign=campaign, author=author, status="approved", now=NOW - timedelta(days=200))
    make_submission(campaign=CampaignFactory.create(), author=author, status="approved")
    body = sign_in(author).get("/api/v1/leaderboard/", {"period": "campaign", "campaign": campaign.slug}).json()
    assert (body["period"], body["own"]["count"]) == ("campaign", 1)
    assert (
        sign_in(author)
        .get("/leaderboard/", {"period": "campaign", "campaign": campaign.slug})
        .context["standings"]
        .own.count
        == 1
    )


def test_the_list_costs_the_same_for_many(
    campaign: Campaign, lead: Person, sign_in: Callable[[Person], Client], django_assert_num_queries: Any
) -> None:
    client = sign_in(lead)
    plan(campaign, lead)
    client.get("/leaderboard/contests/")
    with django_assert_num_queries(7):
        client.get("/leaderboard/contests/")
    for number in range(5):
        plan(campaign, lead, name=f"Week {number}")
    with django_assert_num_queries(7):
        client.get("/leaderboard/contests/")

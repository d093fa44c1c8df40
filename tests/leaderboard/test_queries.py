from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import caches

from collector import counts
from collector.actions.submissions import withdraw
from leaderboard import queries
from leaderboard.queries import Board, Choice, Period, Standings, since, standings
from tests.factories import NOW, TeamFactory, contributor_in, make_submission, reviewer

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from collector.models import Campaign, Person

pytestmark = pytest.mark.django_db


def approved(campaign: Campaign, author: Person, times: int = 1) -> None:
    for _time in range(times):
        make_submission(campaign=campaign, author=author, status="approved")


def ask(person: Person, now: datetime = NOW, **choice: Any) -> Standings:
    """Ask for a board as it stands at a moment; all time, unless another period is chosen."""
    asked = Choice(**{"period": Period.ALL} | choice)
    return standings(choice=asked, start=since(asked.period, now, UTC), person=person)


def people(person: Person, **choice: Any) -> list[tuple[int, str]]:
    return [(row.rank, row.name) for row in ask(person, **choice).rows if row.count]


def test_equal_points_share_a_rank_and_the_name_decides_the_order(campaign: Campaign) -> None:
    zoe, ada, bob = (contributor_in(campaign, display_name=name) for name in ("Zoe", "Ada", "Bob"))
    approved(campaign, zoe)
    approved(campaign, ada)
    approved(campaign, bob, 2)
    assert people(ada) == [(1, "Bob"), (2, "Ada"), (2, "Zoe")]


def test_own_row_knows_the_distance_to_the_next(campaign: Campaign) -> None:
    ada, bob = contributor_in(campaign), contributor_in(campaign)
    approved(campaign, ada)
    approved(campaign, bob, 3)
    found = ask(ada)
    assert found.own is not None
    assert found.to_next == 2 * found.own.points


def test_who_left_is_not_on_the_board(campaign: Campaign) -> None:
    ada = contributor_in(campaign)
    approved(campaign, ada)
    ada.is_active = False
    ada.save()
    assert people(ada) == []


def test_withdrawn_work_leaves_the_board(campaign: Campaign) -> None:
    ada = contributor_in(campaign)
    withdraw(submission=make_submission(campaign=campaign, author=ada, status="approved"), by=ada, now=NOW)
    assert people(ada) == []


def test_awards_before_the_period_do_not_count(campaign: Campaign) -> None:
    ada = contributor_in(campaign)
    approved(campaign, ada)
    assert ask(ada, period=Period.DAY).rows
    assert ask(ada, NOW + timedelta(days=1), period=Period.DAY).rows == []


def test_team_counts_points_per_active_member(campaign: Campaign) -> None:
    team = TeamFactory.create()
    ada = contributor_in(campaign, team=team)
    contributor_in(campaign, team=team)
    approved(campaign, ada)
    own = ask(ada, board=Board.TEAMS).own
    assert own is not None
    assert (own.members, own.per_head) == (2, own.points / 2)


def test_reviewers_board_counts_reviews(campaign: Campaign) -> None:
    rita = reviewer()
    for _time in range(2):
        make_submission(campaign=campaign, status="approved", by_reviewer=rita)
    own = ask(rita, board=Board.REVIEWERS).own
    assert own is not None
    assert own.count == 2


@pytest.mark.parametrize(("board", "budget"), [(Board.PEOPLE, 1), (Board.TEAMS, 2), (Board.REVIEWERS, 1)])
def test_board_costs_the_same_for_many(
    campaign: Campaign, board: Board, budget: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """One read of the standings; teams also count their members."""
    everybody = [contributor_in(campaign, team=TeamFactory.create()) for _number in range(4)]
    for person in everybody:
        approved(campaign, person)
    with django_assert_num_queries(budget):
        ask(everybody[0], board=board)


def test_week_begins_on_monday_in_the_campaigns_zone() -> None:
    sunday_utc = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)  # already Monday in Tokyo
    assert since(Period.WEEK, sunday_utc, ZoneInfo("Asia/Tokyo")) == datetime(2026, 3, 1, 15, 0, tzinfo=UTC)


def test_day_begins_at_midnight_after_a_clock_change() -> None:
    after = datetime(2026, 3, 29, 10, 0, tzinfo=UTC)
    assert since(Period.DAY, after, ZoneInfo("Europe/Berlin")) == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)


def test_own_row_stands_among_its_neighbours_where_it_is_further_down(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SHOWN", 2)
    everybody = [contributor_in(campaign, display_name=f"P{number}") for number in range(6)]
    for number, person in enumerate(everybody):
        approved(campaign, person, 6 - number)
    found = ask(everybody[4])
    assert [row.name for row in found.rows] == ["P0", "P1"]
    writers = [(row.rank, row.name) for row in found.around if row.count]  # reviewers have points, too
    assert writers == [(3, "P2"), (4, "P3"), (5, "P4"), (6, "P5")]
    assert found.own is not None
    assert (found.own.rank, found.to_next) == (5, found.around[1].points - found.own.points)


def test_own_row_further_down_costs_a_few_queries_however_many_there_are(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(queries, "SHOWN", 1)
    everybody = [contributor_in(campaign) for _number in range(6)]
    for number, person in enumerate(everybody):
        approved(campaign, person, 6 - number)
    with django_assert_max_num_queries(5):
        ask(everybody[4])


def test_own_row_further_down_among_equals_has_nobody_above(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SHOWN", 2)
    everybody = [contributor_in(campaign) for _number in range(4)]
    for person in everybody:
        approved(campaign, person)
    found = ask(everybody[3])
    assert found.own is not None
    assert (found.own.rank, found.to_next, found.around[0]) == (1, None, found.own)


def test_the_nearest_above_and_below_stand_around_the_own_row(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SHOWN", 1)
    everybody = [contributor_in(campaign, display_name=f"P{number}") for number in range(8)]
    for person, times in zip(everybody, (9, 4, 4, 4, 3, 2, 2, 2), strict=True):
        approved(campaign, person, times)
    found = ask(everybody[4])
    writers = [(row.rank, row.name) for row in found.around if row.count]
    assert writers == [(2, "P2"), (2, "P3"), (5, "P4"), (6, "P5"), (6, "P6")]


def test_a_large_board_counts_its_people_once_in_some_seconds(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(queries, "SHOWN", 2)
    monkeypatch.setattr(counts, "LARGE", 2)
    ada, bob, eve = (contributor_in(campaign) for _number in range(3))
    for person in (ada, bob, eve):
        approved(campaign, person)
    try:
        with django_assert_num_queries(2):
            first = ask(ada)
        with django_assert_num_queries(1):
            again = ask(ada)
    finally:
        caches["process"].clear()
    assert again == first


def test_a_category_has_a_board_of_its_own(campaign: Campaign) -> None:
    ada, bob = contributor_in(campaign, display_name="Ada"), contributor_in(campaign, display_name="Bob")
    one = make_submission(campaign=campaign, author=ada, status="approved")
    make_submission(campaign=campaign, author=bob, status="approved")
    assert people(ada, category=one.category_id) == [(1, "Ada")]
    assert people(ada, campaign=campaign.pk) == [(1, "Ada"), (1, "Bob")]
    assert people(ada, campaign=campaign.pk + 1) == []


def test_a_board_turns_at_midnight_of_the_campaign(campaign: Campaign) -> None:
    campaign.time_zone = "Europe/Berlin"
    campaign.save()
    zone = ZoneInfo("Europe/Berlin")
    ada = contributor_in(campaign)
    before = datetime(2026, 3, 28, 22, 59, tzinfo=UTC)  # a minute before midnight, the night clocks change
    make_submission(campaign=campaign, author=ada, status="approved", now=before)
    make_submission(campaign=campaign, author=ada, status="approved", now=before + timedelta(minutes=2))
    for moment, count in ((before, 1), (before + timedelta(minutes=2), 1), (before + timedelta(hours=24), 0)):
        found = standings(choice=Choice(period=Period.DAY), start=since(Period.DAY, moment, zone), person=ada)
        assert sum(row.count for row in found.rows) == count


def test_who_hides_stands_there_under_the_pseudonym_alone(campaign: Campaign) -> None:
    ada = contributor_in(campaign, display_name="Ada", team=TeamFactory.create())
    bob = contributor_in(campaign, display_name="Bob")
    approved(campaign, ada)
    ada.on_boards = "pseudonym"
    ada.save()
    (row,) = [row for row in ask(bob).rows if row.count]
    assert (row.name, row.handle, row.team) == (ada.pseudonym, "", "")
    assert ask(ada).own == row


def test_who_leaves_the_boards_is_not_ranked_but_counts_for_the_team(campaign: Campaign) -> None:
    ada, bob = contributor_in(campaign, team=TeamFactory.create()), contributor_in(campaign, display_name="Bob")
    approved(campaign, ada, 2)
    approved(campaign, bob)
    ada.on_boards = "away"
    ada.save()
    assert people(ada) == [(1, "Bob")]
    assert ask(ada).own is None
    team = ask(ada, board=Board.TEAMS).own
    assert team is not None
    assert team.count == 2

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from collector.actions.submissions import withdraw
from leaderboard.queries import Board, Period, numbers, since, standings
from tests.factories import NOW, TeamFactory, contributor_in, make_submission, reviewer

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from collector.models import Campaign, Person

pytestmark = pytest.mark.django_db


def approved(campaign: Campaign, author: Person, times: int = 1) -> None:
    for _time in range(times):
        make_submission(campaign=campaign, author=author, status="approved")


def people(person: Person) -> list[tuple[int, str]]:
    found = standings(board=Board.PEOPLE, since=None, person=person)
    return [(row.rank, row.name) for row in found.rows if row.count]


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
    found = standings(board=Board.PEOPLE, since=None, person=ada)
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
    found = standings(board=Board.PEOPLE, since=NOW + timedelta(seconds=1), person=ada)
    assert found.rows == []


def test_team_counts_points_per_active_member(campaign: Campaign) -> None:
    team = TeamFactory.create()
    ada = contributor_in(campaign, team=team)
    contributor_in(campaign, team=team)
    approved(campaign, ada)
    own = standings(board=Board.TEAMS, since=None, person=ada).own
    assert own is not None
    assert (own.members, own.per_head) == (2, own.points / 2)


def test_reviewers_board_counts_reviews(campaign: Campaign) -> None:
    rita = reviewer()
    for _time in range(2):
        make_submission(campaign=campaign, status="approved", by_reviewer=rita)
    own = standings(board=Board.REVIEWERS, since=None, person=rita).own
    assert own is not None
    assert own.count == 2


@pytest.mark.parametrize(("board", "budget"), [(Board.PEOPLE, 1), (Board.TEAMS, 2), (Board.REVIEWERS, 1)])
def test_board_costs_the_same_for_many(
    campaign: Campaign, board: Board, budget: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """One grouped read of the ledger; teams also count their members."""
    everybody = [contributor_in(campaign, team=TeamFactory.create()) for _number in range(4)]
    for person in everybody:
        approved(campaign, person)
    with django_assert_num_queries(budget):
        standings(board=board, since=None, person=everybody[0])


def test_week_begins_on_monday_in_the_campaigns_zone() -> None:
    sunday_utc = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)  # already Monday in Tokyo
    assert since(Period.WEEK, sunday_utc, ZoneInfo("Asia/Tokyo")) == datetime(2026, 3, 1, 15, 0, tzinfo=UTC)


def test_day_begins_at_midnight_after_a_clock_change() -> None:
    after = datetime(2026, 3, 29, 10, 0, tzinfo=UTC)
    assert since(Period.DAY, after, ZoneInfo("Europe/Berlin")) == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)


def test_person_numbers_count_approved_by_category_and_day(campaign: Campaign) -> None:
    ada = contributor_in(campaign)
    approved(campaign, ada, 2)
    found = numbers(ada, NOW)
    assert (found.approved, found.days[-1].approved, len(found.categories)) == (2, 2, 2)

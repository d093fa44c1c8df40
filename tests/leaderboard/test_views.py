from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.utils import timezone

from tests.factories import contributor_in, make_submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Campaign, Person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("board", ["people", "teams", "reviewers"])
def test_board_without_points_says_how_it_begins(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client], board: str
) -> None:
    page = sign_in(author).get(f"/leaderboard/?board={board}&period=all")
    assert "Nobody has points here yet" in page.content.decode()


def test_board_marks_my_row(campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]) -> None:
    make_submission(campaign=campaign, author=author, status="approved")
    page = sign_in(author).get("/leaderboard/?period=all").content.decode()
    assert page.count('class="board-own"') == 1


def test_person_page_hides_the_address(campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]) -> None:
    other = contributor_in(campaign, display_name="Ada")
    page = sign_in(author).get(f"/people/{other.handle}/").content.decode()
    assert "Ada" in page
    assert other.email not in page


def test_who_left_has_no_page(campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]) -> None:
    other = contributor_in(campaign, is_active=False)
    assert sign_in(author).get(f"/people/{other.handle}/").status_code == 404


def test_api_refuses_an_unknown_period(author: Person, sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(author).get("/api/v1/leaderboard/?period=year")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["period"])


def test_api_refuses_an_unknown_filter(author: Person, sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(author).get("/api/v1/leaderboard/?perod=day")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["perod"])


def test_api_ranks_people(campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]) -> None:
    make_submission(campaign=campaign, author=author, status="approved")
    body = sign_in(author).get("/api/v1/leaderboard/?board=people&period=all").json()
    assert body["own"]["handle"] == author.handle
    assert body["own"] in body["results"]


@pytest.mark.parametrize("how", ["pseudonym", "away"])
def test_who_hides_has_a_page_for_nobody_else(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client], how: str
) -> None:
    other = contributor_in(campaign, on_boards=how)
    assert sign_in(author).get(f"/people/{other.handle}/").status_code == 404
    assert sign_in(other).get(f"/people/{other.handle}/").status_code == 200


def test_the_wall_has_people_and_teams_and_no_menu(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    make_submission(campaign=campaign, author=author, status="approved", now=timezone.now())
    page = sign_in(author).get("/leaderboard/?display=wall").content.decode()
    assert author.display_name in page
    assert "every 30s" in page
    assert "main-nav" not in page


@pytest.mark.parametrize(("days", "title"), [(0, "This week"), (7, "This month"), (40, "All time")])
def test_a_wall_that_would_be_empty_looks_further_back(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client], days: int, title: str
) -> None:
    wednesday = datetime(2026, 3, 18, 9, tzinfo=UTC)
    make_submission(campaign=campaign, author=author, status="approved", now=wednesday - timedelta(days=days))
    with time_machine.travel(wednesday, tick=False):
        page = sign_in(author).get("/leaderboard/?display=wall").content.decode()
    assert f"<h1>{title}</h1>" in page
    assert author.display_name in page


def test_the_wall_asks_for_its_figures_alone(author: Person, sign_in: Callable[[Person], Client]) -> None:
    asked = {"HX-Request": "true", "HX-Target": "wall"}
    page = sign_in(author).get("/leaderboard/?display=wall", headers=asked).content.decode()
    assert page.strip().startswith('<div id="wall"')


def test_a_board_of_one_category_is_chosen_by_its_slug(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    pair = make_submission(campaign=campaign, author=author, status="approved")
    other = make_submission(campaign=campaign, status="approved")
    address = f"/leaderboard/?period=all&category={pair.category.slug}"
    page = sign_in(author).get(address).content.decode()
    assert author.display_name in page
    assert other.author.display_name not in page
    body = sign_in(author).get(f"/api/v1{address}").json()
    assert [row["handle"] for row in body["results"] if row["count"]] == [author.handle]


def test_the_api_refuses_an_unknown_category(author: Person, sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(author).get("/api/v1/leaderboard/?category=nothing")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["category"])

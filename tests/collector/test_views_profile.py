from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import PersonFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Person

pytestmark = pytest.mark.django_db
PROFILE = {"display_name": "Ada", "handle": "ada", "team": "", "time_zone": "Europe/Berlin"}


def test_a_profile_is_changed(author: Person, sign_in: Callable[[Person], Client]) -> None:
    sign_in(author).post("/profile/", PROFILE)
    author.refresh_from_db()
    assert (author.display_name, author.handle, author.time_zone) == ("Ada", "ada", "Europe/Berlin")


def test_a_handle_that_is_taken_is_said_at_its_field(author: Person, sign_in: Callable[[Person], Client]) -> None:
    other = PersonFactory.create()
    answer = sign_in(author).post("/profile/", PROFILE | {"handle": other.handle})
    assert answer.status_code == 400
    assert "This handle is taken." in answer.content.decode()


@pytest.mark.parametrize("change", [{"time_zone": "Mars/Olympus"}, {"handle": "../admin"}, {"display_name": "a\x00"}])
def test_what_is_not_right_is_refused(
    change: dict[str, str], author: Person, sign_in: Callable[[Person], Client]
) -> None:
    assert sign_in(author).post("/profile/", PROFILE | change).status_code == 400


def test_the_role_is_not_a_field(author: Person, sign_in: Callable[[Person], Client]) -> None:
    sign_in(author).post("/profile/", PROFILE | {"is_staff": "on", "is_superuser": "on", "groups": "4"})
    author.refresh_from_db()
    assert not author.is_staff
    assert author.role_names == {"contributor"}


def test_a_person_chooses_how_to_stand_on_the_boards(author: Person, sign_in: Callable[[Person], Client]) -> None:
    sign_in(author).post("/profile/", PROFILE | {"on_boards": "pseudonym"})
    author.refresh_from_db()
    assert author.on_boards == "pseudonym"
    sign_in(author).post("/profile/", PROFILE)
    author.refresh_from_db()
    assert author.on_boards == "pseudonym"


def test_an_unknown_way_to_stand_there_is_refused(author: Person, sign_in: Callable[[Person], Client]) -> None:
    assert sign_in(author).post("/profile/", PROFILE | {"on_boards": "everywhere"}).status_code == 400

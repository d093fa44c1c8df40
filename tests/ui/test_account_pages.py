from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.models import Person

pytestmark = pytest.mark.django_db

OUTSIDE = ["login/", "signup/", "password/reset/", "password/reset/done/", "confirm-email/", "inactive/"]
INSIDE = ["logout/", "password/change/", "reauthenticate/", "email/"]


@pytest.mark.parametrize("page", OUTSIDE)
def test_pages_before_signing_in_wear_the_house_style(page: str) -> None:
    response = Client().get(f"/accounts/{page}")
    assert response.status_code == 200
    assert response.content.decode().count("<h1>") == 1
    assert "entrance-card" in response.content.decode()


@pytest.mark.parametrize("page", INSIDE)
def test_pages_of_the_account_wear_the_house_style(page: str, sign_in: Callable[[Person], Client]) -> None:
    response = sign_in(factories.PersonFactory.create(password="a long and quiet password")).get(f"/accounts/{page}")
    assert response.status_code == 200
    assert "entrance-card" in response.content.decode()


def test_a_wrong_password_is_said_in_the_form() -> None:
    response = Client().post("/accounts/login/", {"login": "nobody@example.com", "password": "wrong"})
    assert 'role="alert"' in response.content.decode()


def test_sign_in_goes_on_to_where_the_person_wanted_to_be() -> None:
    factories.PersonFactory.create(email="ann@example.com", password="a long and quiet password")
    client = Client()
    assert 'name="next" value="/mine/"' in client.get("/accounts/login/?next=/mine/").content.decode()
    response = client.post(
        "/accounts/login/", {"login": "ann@example.com", "password": "a long and quiet password", "next": "/mine/"}
    )
    assert response["Location"] == "/mine/"


def test_no_page_allows_inline_code() -> None:
    policy = Client().get("/accounts/login/")["Content-Security-Policy"]
    assert "unsafe-inline" not in policy

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from collector.models import Submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.models import Category, Person

pytestmark = pytest.mark.django_db


def test_a_stranger_is_sent_to_sign_in() -> None:
    answer = Client().get("/mine/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/?next=/mine/")


def test_an_htmx_request_without_a_session_moves_the_page_to_sign_in() -> None:
    answer = Client().get("/mine/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/accounts/login/?next=/mine/")


def test_invalid_utf8_is_refused_instead_of_replaced(
    author: Person, category: Category, sign_in: Callable[[Person], Client]
) -> None:
    body = b"id=" + str(uuid.uuid4()).encode() + b"&version=0&instruction=a&response=%ff%fe"
    kind = "application/x-www-form-urlencoded"
    answer = sign_in(author).post(f"/write/{category.slug}/", body, content_type=kind)
    assert answer.status_code == 400
    assert not Submission.objects.exists()


@pytest.mark.parametrize("path", ["/mine/?status=%00", "/leaderboard/?board=%00", "/mine/?page=%ff"])
def test_a_nul_or_invalid_utf8_in_the_address_is_refused(
    path: str, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    assert sign_in(author).get(path).status_code == 400


def test_a_form_without_its_token_is_refused_with_a_way_on(author: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(author, backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.post("/profile/", {})
    assert answer.status_code == 403
    assert "Your text is kept in this browser" in answer.content.decode()


def test_a_form_too_large_for_one_request_is_said_to_be(
    author: Person, category: Category, settings: object, sign_in: Callable[[Person], Client]
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000  # type: ignore[attr-defined]  # pytest-django's wrapper
    body = b"response=" + b"x" * 2000
    kind = "application/x-www-form-urlencoded"
    assert sign_in(author).post(f"/write/{category.slug}/", body, content_type=kind).status_code == 413


def test_times_are_shown_in_the_persons_own_zone(author: Person, sign_in: Callable[[Person], Client]) -> None:
    from tests.factories import make_submission

    author.time_zone = "Asia/Kolkata"
    author.save()
    submission = make_submission(author=author)
    assert "15:00 IST" in sign_in(author).get(f"/submissions/{submission.pk}/").content.decode()

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

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


def a_form(response: bytes, *others: bytes) -> bytes:
    """A multipart body as programs send it, byte for byte."""
    fields = {b"id": str(uuid.uuid4()).encode(), b"version": b"0", b"instruction": b"Why?", b"response": response}
    parts = [b'Content-Disposition: form-data; name="%b"\r\n\r\n%b' % pair for pair in fields.items()]
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in [*parts, *others]) + b"--x--\r\n"


A_FILE = b'Content-Disposition: form-data; name="f"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n%b'
GENUINE = "\ufffd".encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (a_form(b"a\xff"), 400),
        (a_form(b"a\xff" + GENUINE), 400),
        (a_form(b"a\xff", A_FILE % GENUINE), 400),
        (a_form("so \ufffd, é".encode()), 302),
        (a_form(GENUINE, A_FILE % b"\xff\xfe"), 302),
    ],
    ids=[
        "invalid",
        "invalid beside it",
        "invalid, with a file that holds it",
        "it was sent",
        "it, and a file of bytes",
    ],
)
def test_a_multipart_form_is_stored_as_sent_or_refused(
    author: Person, category: Category, sign_in: Callable[[Person], Client], body: bytes, status: int
) -> None:
    answer = sign_in(author).post(f"/write/{category.slug}/", body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == status
    assert Submission.objects.exists() is (status == 302)


def test_a_multipart_form_with_a_large_file_is_not_read_into_memory(
    author: Person, category: Category, settings: Any, sign_in: Callable[[Person], Client]
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    client, kind = sign_in(author), "multipart/form-data; boundary=x"
    for response, status in ((b"a\xff", 400), (b"x" * 2000, 413), (b"Because.", 302)):
        body = a_form(response, A_FILE % (b"\xff" * 5000))
        assert client.post(f"/write/{category.slug}/", body, content_type=kind).status_code == status


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


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/accounts/login/", "multipart/form-data; boundary=x"),
        ("/accounts/login/", "application/x-www-form-urlencoded"),
        ("/api/v1/submissions/", "application/json"),
        ("/scim/v2/Users", "application/scim+json"),
    ],
)
def test_no_body_of_any_kind_is_read_beyond_what_a_page_takes(
    path: str, kind: str, client: Client, settings: object
) -> None:
    settings.WOOLGATHER_MAX_REQUEST_BYTES = 1000  # type: ignore[attr-defined]  # pytest-django's wrapper
    assert client.post(path, b"x" * 1001, content_type=kind).status_code == 413


def test_times_are_shown_in_the_persons_own_zone(author: Person, sign_in: Callable[[Person], Client]) -> None:
    from tests.factories import make_submission

    author.time_zone = "Asia/Kolkata"
    author.save()
    submission = make_submission(author=author)
    assert "15:00 IST" in sign_in(author).get(f"/submissions/{submission.pk}/").content.decode()

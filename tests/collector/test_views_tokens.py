from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from collector.actions.tokens import create_token
from collector.models import ApiToken, AuditEntry, Person
from tests.factories import NOW, PersonFactory

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db
BODY = {"name": "nightly import", "scope": "write", "days": "90"}


def use(raw: str) -> int:
    return Client().get("/api/v1/categories/", headers={"Authorization": f"Bearer {raw}"}).status_code


def test_a_token_is_made_shown_once_used_and_ended(sign_in: Callable[[Person], Client]) -> None:
    person = PersonFactory.create()
    client = sign_in(person)
    page = client.post("/profile/tokens/", BODY).content.decode()
    shown = re.search(r"<code data-token>(wg_[\w-]+)</code>", page)
    assert shown is not None
    raw = shown[1]
    assert use(raw) == 200
    again = client.get("/profile/tokens/").content.decode()
    assert raw not in again
    assert "nightly import" in again
    token = ApiToken.objects.get()
    assert token.expires_at is not None
    assert token.expires_at - timezone.now() > timedelta(days=89)
    assert raw not in (token.token_hash, token.hint)
    client.post(f"/profile/tokens/{token.pk}/revoke/")
    assert use(raw) == 401
    assert "None yet" in client.get("/profile/tokens/").content.decode()
    verbs = list(AuditEntry.objects.filter(target=person.handle).values_list("verb", flat=True))
    assert sorted(verbs) == ["token.created", "token.revoked"]
    assert raw not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_ninety_days_are_offered_first(sign_in: Callable[[Person], Client]) -> None:
    page = sign_in(PersonFactory.create()).get("/profile/tokens/").content.decode()
    assert '<option value="90" selected>' in page


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        ("contributor", ["read", "write"]),
        ("reviewer", ["read", "write", "review"]),
        ("lead", ["read", "write", "review", "admin"]),
        ("admin", ["read", "write", "review", "admin"]),
    ],
)
def test_a_token_reaches_no_further_than_the_role(
    role: str, scopes: list[str], sign_in: Callable[[Person], Client]
) -> None:
    client = sign_in(PersonFactory.create(roles=[role]))
    page = client.get("/profile/tokens/").content.decode()
    assert re.findall(r'<option value="(read|write|review|admin)"', page) == scopes
    for scope in ("read", "write", "review", "admin"):
        status = client.post("/profile/tokens/", BODY | {"scope": scope}).status_code
        assert status == (200 if scope in scopes else 400)


def test_the_action_itself_holds_to_the_role() -> None:
    person = PersonFactory.create()
    with pytest.raises(ValidationError):
        create_token(person=person, scope="admin", by=person, now=NOW)
    assert create_token(person=person, scope="admin", by=None, now=NOW)[0].scope == "admin"


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": "a\x00b"}, {"days": "9999"}, {"days": "0"}, {"scope": ""}])
def test_what_is_wrong_is_said_and_makes_nothing(wrong: dict[str, str], sign_in: Callable[[Person], Client]) -> None:
    assert sign_in(PersonFactory.create()).post("/profile/tokens/", BODY | wrong).status_code == 400
    assert not ApiToken.objects.exists()


def test_a_strangers_token_is_not_there(sign_in: Callable[[Person], Client]) -> None:
    token, raw = create_token(person=PersonFactory.create(), scope="read", by=None, now=NOW)
    client = sign_in(PersonFactory.create(roles=["admin"], is_superuser=True))
    assert client.post(f"/profile/tokens/{token.pk}/revoke/").status_code == 404
    assert token.hint not in client.get("/profile/tokens/").content.decode()
    assert use(raw) == 200


def test_when_a_token_was_used_is_noted_at_most_every_ten_minutes(
    django_assert_num_queries: Callable[..., object],
) -> None:
    token, raw = create_token(person=PersonFactory.create(), scope="read", by=None, now=NOW)
    use(raw)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    use(raw)
    token.refresh_from_db()
    assert token.last_used_at == first
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=first - timedelta(minutes=11))
    use(raw)
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_at >= first


def test_an_expired_token_is_refused() -> None:
    person = PersonFactory.create()
    _token, raw = create_token(
        person=person, scope="read", by=None, now=NOW, expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert use(raw) == 401

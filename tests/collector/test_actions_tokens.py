from __future__ import annotations

from datetime import timedelta

import pytest

from collector.actions.tokens import create_token, find_token
from tests.factories import NOW, PersonFactory

pytestmark = pytest.mark.django_db


def test_a_token_opens_only_with_its_secret() -> None:
    token, raw = create_token(person=PersonFactory.create(), scope="read", by=None, now=NOW)
    assert find_token(raw=raw, now=NOW) == token
    assert find_token(raw=raw + "x", now=NOW) is None
    assert raw not in str(list(type(token).objects.values()))


def test_a_token_ends_with_its_time() -> None:
    _token, raw = create_token(
        person=PersonFactory.create(), scope="read", by=None, now=NOW, expires_at=NOW + timedelta(days=1)
    )
    assert find_token(raw=raw, now=NOW + timedelta(days=2)) is None

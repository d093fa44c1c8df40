"""The cursor pages of every list of the API, and what its addresses may be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import get_resolver
from rest_framework.generics import ListAPIView

from collector.api_auth import CursorPages, KnownParameters
from tests import factories
from tests.collector.callers import Caller
from tests.exports.helpers import approve, freeze

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.models import Campaign, Category, Person

# A position that is neither number, time nor id, one that no zone can hold, one with NUL, one beyond every number,
# an offset beyond every table, and what is no base64 at all.
CURSORS = [
    "cD1hYmM=",
    "cD1ub25zZW5zZQ==",
    "cD0wMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5",
    "cD0lMDA=",
    "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5",
    "bz05OTk5OTk5OTk5OTk5OTk5OTk5",
    "…",
    "x",
]
LISTS = ["categories/", "campaigns/", "passages/", "submissions/", "submissions/{pk}/reviews/", "runs/"]


def views(patterns: list[Any]) -> Iterator[type]:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from views(pattern.url_patterns)
        elif hasattr(pattern.callback, "view_class"):
            yield pattern.callback.view_class


def test_every_list_has_the_house_s_pages() -> None:
    lists = {view for view in views(get_resolver().url_patterns) if issubclass(view, ListAPIView)}
    assert len(lists) >= len(LISTS) + 2
    for view in lists:
        assert issubclass(view.pagination_class or object, CursorPages), view


@pytest.mark.parametrize("path", [*LISTS, "datasets/", "datasets/v1/changes/"])
def test_a_cursor_that_was_tampered_with_is_not_found(
    campaign: Campaign, category: Category, admin: Person, path: str, settings: Any
) -> None:
    settings.WOOLGATHER_DATASET_NAME = "set"
    [submission] = approve(campaign, category)
    freeze()
    factories.PassageFactory.create()
    address = f"/api/v1/{path.format(pk=submission.pk)}"
    caller = Caller(admin)
    assert caller.get(address).status_code == 200
    for cursor in CURSORS:
        assert caller.get(address, cursor=cursor).status_code in {200, 404}, cursor


def test_no_address_of_the_api_ignores_a_parameter() -> None:
    ours = [view for view in views(get_resolver().url_patterns) if view.__module__.endswith("api")]
    assert len(ours) > len(LISTS)
    assert [view for view in ours if KnownParameters not in view.permission_classes] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "address",
    ["datasets/v1/", "datasets/v1/changes/", "datasets/v1/files/a.csv", "leaderboard/", "campaigns/spring/"],
)
def test_a_parameter_that_is_not_known_is_named(author: Person, address: str) -> None:
    answer = Caller(author).get(f"/api/v1/{address}?nonsense=1")
    assert (answer.status_code, answer.json()["errors"]) == (400, {"nonsense": ["There is no such parameter."]})

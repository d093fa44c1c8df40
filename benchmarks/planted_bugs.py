"""Bugs of kinds that happen, for a search to find; ask_api.py plants one after the other."""

from __future__ import annotations

from typing import Any
from unittest import mock

from collector import api, serializers
from collector.api_auth import KnownParameters
from exports import downloads
from leaderboard import api as board


class PlantedError(Exception):
    """What no code expects."""


def _parameters() -> Any:
    check = KnownParameters.has_permission

    def bug(self: Any, request: Any, view: Any) -> bool:
        if any(not value.isascii() for value in request.query_params.values()):
            raise PlantedError
        return check(self, request, view)

    return mock.patch.object(KnownParameters, "has_permission", bug)


def _choices() -> Any:
    validate = board.AskedSerializer.validate

    def bug(self: Any, attrs: dict[str, Any]) -> Any:
        if attrs.get("board") == "teams" and attrs.get("period") != "week":
            raise PlantedError
        return validate(self, attrs)

    return mock.patch.object(board.AskedSerializer, "validate", bug)


def _body() -> Any:
    read = serializers.SubmissionInput.to_internal_value

    def bug(self: Any, data: Any) -> Any:
        if isinstance(data, dict) and not isinstance(data.get("source_title", ""), str):
            raise PlantedError
        return read(self, data)

    return mock.patch.object(serializers.SubmissionInput, "to_internal_value", bug)


def _address() -> Any:
    find = api.PassageDetail.get_object

    def bug(self: Any) -> Any:
        if not self.kwargs["slug"].isascii():
            raise PlantedError
        return find(self)

    return mock.patch.object(api.PassageDetail, "get_object", bug)


def _header() -> Any:
    wanted = downloads._wanted  # noqa: SLF001 - where the header is read

    def bug(request: Any, tag: str, size: int) -> range | None:
        if "Range" in request.headers and not request.headers["Range"].startswith("bytes="):
            raise PlantedError
        return wanted(request, tag, size)

    return mock.patch.object(downloads, "_wanted", bug)


def planted() -> list[tuple[str, str, Any]]:
    """Each bug as its name, the operation that has it and the patch that puts it there."""
    return [
        ("query: a value that isn't ASCII", "GET /api/v1/submissions/", _parameters()),
        ("query: teams, not of this week", "GET /api/v1/leaderboard/", _choices()),
        ("body: a title that is no text", "POST /api/v1/submissions/", _body()),
        ("path: a slug that isn't ASCII", "GET /api/v1/passages/{slug}/", _address()),
        ("header: a range not in bytes", "GET /api/v1/datasets/{version}/files/{path}", _header()),
    ]

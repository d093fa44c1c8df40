"""Downloads leave threads for pages."""

from __future__ import annotations

import gc
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from rest_framework.request import Request

from ui.streams import NoRoomError, stream, takes_a_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpResponseBase
    from pytest_django.fixtures import Settings


# Django looks after its connections when an answer is closed.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def two(settings: Settings) -> Callable[[], HttpResponseBase]:
    """Ask for a file where two may be sent at once."""
    settings.WOOLGATHER_STREAMS = 2

    @takes_a_thread
    def send(request: object) -> StreamingHttpResponse:
        return StreamingHttpResponse(iter([b"one", b"two"]))

    request = RequestFactory().get("/datasets/v1/all.zip")
    return lambda: send(request)


def test_whoever_comes_while_enough_are_sent_is_told_when_to_come_again(two: Callable[[], HttpResponseBase]) -> None:
    under_way = [two(), two()]
    refused = two()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    page = refused.content.decode()  # type: ignore[attr-defined]
    assert "Other downloads are under way" in page
    assert re.search(r'href="/datasets/v1/all.zip">(<[^>]*>)?Try again<', page)
    for answer in under_way:
        answer.close()


def test_what_was_sent_makes_room(two: Callable[[], HttpResponseBase]) -> None:
    for _number in range(5):
        assert b"".join(two()) == b"onetwo"


def test_what_was_broken_off_makes_room_once(two: Callable[[], HttpResponseBase]) -> None:
    for _number in range(5):
        answer: Any = two()
        assert next(iter(answer)) == b"one"
        answer.close()
        answer.close()
    under_way = [two() for _number in range(3)]
    assert [answer.status_code for answer in under_way] == [200, 200, 503]
    for answer in under_way:
        answer.close()


def test_what_nobody_closed_makes_room_when_it_is_forgotten(two: Callable[[], HttpResponseBase]) -> None:
    for _number in range(5):
        answer = two()
        assert answer.status_code == 200
        del answer
        gc.collect()


def test_a_page_and_a_fault_keep_nothing(settings: Settings) -> None:
    settings.WOOLGATHER_STREAMS = 1
    request = RequestFactory().get("/")

    @takes_a_thread
    def page(request: object) -> HttpResponse:
        return HttpResponse(b"small")

    @takes_a_thread
    def fault(request: object) -> HttpResponse:
        raise LookupError

    for _number in range(3):
        assert page(request).status_code == 200
        with pytest.raises(LookupError):
            fault(request)


def test_a_file_that_lies_ready_keeps_room_while_it_is_sent(settings: Settings) -> None:
    settings.WOOLGATHER_STREAMS = 1
    for _number in range(3):
        answer = stream(iter([b"one"]), content_type="text/plain")
        with pytest.raises(NoRoomError):
            stream(iter([b"two"]), content_type="text/plain")
        assert b"".join(answer) == b"one"


def test_what_is_broken_off_closes_its_file(settings: Settings) -> None:
    settings.WOOLGATHER_STREAMS = 1
    closed = []

    def pieces() -> Iterator[bytes]:
        try:
            yield from (b"one", b"two")
        finally:
            closed.append(True)

    answer: Any = stream(pieces(), content_type="text/plain")
    assert next(iter(answer)) == b"one"
    answer.close()
    assert closed == [True]


def test_a_program_reads_it_as_a_problem(settings: Settings) -> None:
    settings.WOOLGATHER_STREAMS = 1

    @takes_a_thread
    def send(view: object, request: object) -> StreamingHttpResponse:
        return StreamingHttpResponse(iter([b"one"]))

    request = Request(RequestFactory().get("/api/v1/datasets/v1/files/all.parquet"))
    first, second = send(None, request), send(None, request)
    problem = json.loads(second.content)  # type: ignore[attr-defined]
    assert (problem["status"], problem["title"]) == (503, "Other downloads are under way")
    first.close()

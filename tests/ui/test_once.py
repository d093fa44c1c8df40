"""What is kept while a page is made, and never longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from ui.once import ReadOnceMiddleware, once_a_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


class Source:
    """Something that is read, and counts how often."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.read = once_a_page(self._read)

    def _read(self, *args: object) -> int:
        self.asked.append(args)
        return len(self.asked)


@pytest.fixture
def source() -> Source:
    return Source()


def answered(view: Callable[[], object], method: str = "get") -> None:
    def respond(request: HttpRequest) -> HttpResponse:
        view()
        return HttpResponse()

    ReadOnceMiddleware(respond)(getattr(RequestFactory(), method)("/"))


def test_parts_of_a_page_share_what_was_read(source: Source) -> None:
    answered(lambda: [source.read(7), source.read(7), source.read(7)])
    assert source.asked == [(7,)]


def test_other_arguments_are_read_for_themselves(source: Source) -> None:
    answered(lambda: [source.read(7), source.read(8), source.read(7)])
    assert source.asked == [(7,), (8,)]


def test_the_next_page_reads_anew(source: Source) -> None:
    answered(lambda: source.read(7))
    answered(lambda: source.read(7))
    assert source.asked == [(7,), (7,)]


def test_a_request_that_may_write_keeps_nothing(source: Source) -> None:
    answered(lambda: [source.read(7), source.read(7)], "post")
    assert source.asked == [(7,), (7,)]


def test_a_job_keeps_nothing(source: Source) -> None:
    assert [source.read(7), source.read(7)] == [1, 2]


def test_a_page_that_failed_leaves_nothing_behind(source: Source) -> None:
    def fail() -> None:
        source.read(7)
        1 / 0  # noqa: B018

    with pytest.raises(ZeroDivisionError):
        answered(fail)
    assert source.read(7) == 2

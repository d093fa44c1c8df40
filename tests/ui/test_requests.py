"""Every request has an id: in the log, on the answer, on error pages; and no name, address or path beside it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError
from structlog.contextvars import bound_contextvars, get_contextvars

from ui import logs, requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Person


def record(message: str, *arguments: Any, **extra: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "test", "levelno": logging.INFO, "levelname": "INFO", "msg": message})
    made.args = arguments
    made.__dict__ |= extra
    return made


def failure(text: str) -> Any:
    try:
        raise ValueError(text)  # noqa: TRY301 - the traceback is what is wanted
    except ValueError as error:
        return (type(error), error, error.__traceback__)


NASTY = "one\nINFO forged\r\x1b[31m\x00\u2028\x85 \ud800 “quoted”"


def test_a_line_stays_one_line() -> None:
    line = logs.LineFormatter().format(record("said %s", NASTY))
    assert line.endswith(r"INFO test said one\nINFO forged\r\x1b[31m\x00\u2028\x85 \ud800 “quoted”")


def test_a_line_says_to_which_request_and_job_it_belongs() -> None:
    with bound_contextvars(request_id="abc12345", job_id="j1"):
        assert logs.LineFormatter().format(record("done")).endswith(" INFO test done [request=abc12345 job=j1]")
    assert logs.LineFormatter().format(record("done")).endswith(" INFO test done")


def test_what_an_exception_says_passes_for_no_line_of_the_log() -> None:
    text = logs.LineFormatter().format(record("failed", exc_info=failure(NASTY)))
    assert "\x1b" not in text
    assert not any(line.startswith("INFO forged") for line in text.splitlines())


def test_json_is_one_object_a_line_whatever_is_in_it() -> None:
    with bound_contextvars(request_id="abc12345"):
        text = logs.JsonFormatter().format(record("said %s", NASTY, exc_info=failure(NASTY)))
    assert len(text.splitlines()) == 1
    assert text.isascii()
    assert text.isprintable()
    read = json.loads(text)
    assert (read["event"], read["level"], read["logger"]) == (f"said {NASTY}", "info", "test")
    assert read["request_id"] == "abc12345"
    assert "ValueError: one" in read["exception"]
    assert read["timestamp"].endswith("Z")


def test_the_format_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="line or json"):
        logs.formatter("xml")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    written = [json.loads(logs.JsonFormatter().format(each)) for each in caplog.records if hasattr(each, "facts")]
    caplog.clear()
    return written


@pytest.mark.django_db
def test_a_request_is_one_line(
    author: Person, sign_in: Callable[[Person], Client], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "woolgather.request")
    answer = sign_in(author).get(f"/people/{author.handle}/?q={author.email}")
    [line] = lines(caplog)
    assert {name: line[name] for name in ("event", "method", "route", "status", "person")} == {
        "event": "request",
        "method": "GET",
        "route": "person",
        "status": 200,
        "person": author.pk,
    }
    assert line["milliseconds"] > 0
    assert author.email not in json.dumps(line)
    assert author.handle not in json.dumps(line)
    assert len(answer.headers["X-Request-ID"]) == 32
    assert "request_id" not in get_contextvars(), "the next request begins without"


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["0af7651916cd43dd", "edge.7f3a-1_x", "A" * 64])
def test_an_id_from_the_proxy_is_kept(client: Client, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        "",
        "short",
        "A" * 65,
        "evil\nINFO forged",
        "<script>alert(1)</script>",
        "a b c d e f g",
        "ünïcödé-ünïcödé",
        "abcdefgh\n",
    ],
)
def test_anything_else_is_replaced(client: Client, given: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "woolgather.request")
    made = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert requests.ACCEPTED.match(made)
    assert made != given


@pytest.mark.django_db
def test_error_pages_show_the_id_to_quote(client: Client) -> None:
    answer = client.get("/no-such-page/", headers={"X-Request-ID": "0af7651916cd43dd"})
    assert answer.status_code == 404
    assert "<code>0af7651916cd43dd</code>" in answer.content.decode()
    api = client.get("/api/v1/no-such-thing/", headers={"X-Request-ID": "0af7651916cd43dd"})
    assert api.json()["request_id"] == "0af7651916cd43dd"


@pytest.mark.django_db
def test_a_failure_shows_the_id_that_its_traceback_is_logged_under(
    author: Person,
    sign_in: Callable[[Person], Client],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_args: Any) -> None:
        seen.append(get_contextvars().get("request_id", ""))
        raise RuntimeError("the inside of it")

    seen: list[str] = []
    monkeypatch.setattr("collector.views.home.render", broken)
    client = sign_in(author)
    client.raise_request_exception = False
    answer = client.get("/", headers={"X-Request-ID": "0af7651916cd43dd"})
    assert answer.status_code == 500
    page = answer.content.decode()
    assert "<code>0af7651916cd43dd</code>" in page
    assert "the inside of it" not in page
    assert seen == ["0af7651916cd43dd"]


@pytest.mark.django_db
def test_probes_and_files_are_quiet_until_they_fail(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "woolgather.request")
    client.get("/healthz")
    assert lines(caplog) == []
    client.post("/healthz")
    assert [line["status"] for line in lines(caplog)] == [405]
    client.get("/no-such-page/")
    assert [(line["route"], line["status"]) for line in lines(caplog)] == [("none", 404)]


@pytest.mark.django_db
def test_without_a_database_the_line_is_written_all_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Gone:
        @property
        def pk(self) -> int:
            raise DatabaseError

    caplog.set_level(logging.DEBUG, "woolgather.request")
    middleware = requests.RequestMiddleware(lambda request: _signed_in(request, Gone()))
    from django.test import RequestFactory

    middleware(RequestFactory().get("/"))
    [line] = lines(caplog)
    assert (line["person"], line["route"]) == (None, "none")


def _signed_in(request: Any, user: Any) -> Any:
    from django.http import HttpResponse

    request.user = user
    return HttpResponse()

"""Error reports and traces really arrive, and carry nothing that people wrote, nor who they are."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from operations import observing

if TYPE_CHECKING:
    from collections.abc import Iterator

# Every worker would send for itself.
pytestmark = pytest.mark.xdist_group("observing")

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ["the secret recipe", "wilma@example.com", "a-one-time-token", "cookie-value", "203.0.113.9", "Netscape"]

# A process of its own, as both libraries patch Django for good. It breaks in the middle of a request and of a job.
PROGRAM = """
import logging, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from django.test import Client
from django.urls import get_resolver
from config import accounts, urls
from django.contrib.auth.decorators import login_not_required
from django.urls import path

def broken(request, token):
    text = request.POST["instruction"]
    logging.getLogger("collector").error("could not keep %s of %s", text, "wilma@example.com")
    logging.getLogger("collector").error(f"could not keep: {text}")
    raise ValueError(f"bad text: {text} of wilma@example.com")

urls.urlpatterns.insert(0, path("broken/<str:token>/", login_not_required(broken), name="broken"))
client = Client(raise_request_exception=False, REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Netscape")
client.cookies["seen"] = "cookie-value"
answer = client.post(
    "/broken/a-one-time-token/?q=wilma@example.com",
    {"instruction": "the secret recipe"},
    headers={"X-Request-ID": "0af7651916cd43dd"}, SERVER_NAME="localhost",
)
assert answer.status_code == 500
if os.environ.get("SENTRY_DSN"):
    import sentry_sdk
    sentry_sdk.flush(10)
if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
    from opentelemetry import trace
    trace.get_tracer_provider().force_flush()
"""


class Collector:
    """Takes whatever is sent, and unpacks it."""

    def __init__(self) -> None:
        self.port = 0
        self.bodies: list[tuple[str, bytes]] = []


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            collector.bodies.append((self.path, content))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield collector
        server.shutdown()
        thread.join(5)


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes]]:
    """What a broken request sends where both are set."""
    var = tmp_path_factory.mktemp("var")
    with collecting() as collector:
        environment = os.environ | {
            "WOOLGATHER_VAR": str(var),
            "DATABASE_URL": f"sqlite:///{var / 'none.sqlite3'}",
            "SENTRY_DSN": f"http://key@127.0.0.1:{collector.port}/1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "the secret recipe" in done.stderr, "the log on this machine has what is left out elsewhere"
        return collector.bodies


def test_an_error_report_arrives(sent: list[tuple[str, bytes]]) -> None:
    reports = [body for path, body in sent if path == "/api/1/envelope/"]
    [broken] = [body for body in reports if b'"ValueError"' in body]
    assert b"/broken/{token}/" in broken
    assert b'"request_id":"0af7651916cd43dd"' in broken
    assert b"(what it says is in the log)" in broken
    assert b'"function":"broken"' in broken
    assert any(b"could not keep %s of %s" in body for body in reports)


def test_a_trace_arrives(sent: list[tuple[str, bytes]]) -> None:
    [trace] = [body for path, body in sent if path == "/v1/traces"]
    assert b"POST broken/<str:token>/" in trace
    assert b"woolgather" in trace


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_of_a_person_is_in_it(sent: list[tuple[str, bytes]], secret: str) -> None:
    assert sent
    assert [path for path, body in sent if secret.encode() in body] == []


def test_nothing_is_imported_where_nothing_is_set() -> None:
    program = (
        "import sys, django; django.setup(); import config.wsgi;"
        "print([name for name in ('sentry_sdk', 'opentelemetry.sdk') if name in sys.modules])"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("library", "begin", "setting"),
    [
        ("sentry_sdk", observing.start_sentry, "SENTRY_DSN"),
        ("opentelemetry.sdk.trace", observing.start_traces, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ],
)
def test_what_is_set_but_not_installed_is_said(
    monkeypatch: pytest.MonkeyPatch, library: str, begin: object, setting: str
) -> None:
    from django.core.exceptions import ImproperlyConfigured

    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImproperlyConfigured, match=f"{setting} is set, but .*make observe-deps"):
        begin("http://127.0.0.1:1")  # type: ignore[operator]  # either of the two

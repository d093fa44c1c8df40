from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from woolgather_client import BadFields, Client, Conflict, Damaged, NotFound, Unavailable
from woolgather_client.models import File, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAIR = {"category": "open_qa", "instruction": "Why?", "response": "So."}
ID = "6f1d3f0a-0b5e-4c55-9f0e-3c8a3c3a7b11"
STORED = {
    "id": ID,
    "campaign": "first",
    "status": "submitted",
    "revision": 1,
    "context": "",
    "language": "en",
    "licence": "CC-BY-SA-4.0",
    "submitted_at": "2026-03-02T09:30:00Z",
    "something_new": 1,
    **PAIR,
}
BYTES = bytes(range(256)) * 5000
SHA = hashlib.sha256(BYTES).hexdigest()
VERSION = Version(name="woolgather", version="v1", status="ready")
FILE = File(path="data/train.parquet", sha256=SHA, rows=1, url="/ignored", bytes=len(BYTES))


class Server:
    """Answers with what it is given, one after the other, and remembers what was asked and how long was waited."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = iter(answers)
        self.asked: list[httpx.Request] = []
        self.waited: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options: Any) -> Client:
        transport = httpx.MockTransport(self)
        return Client("http://here", token="t", transport=transport, sleep=self.waited.append, **options)


def problem(status: int, **body: Any) -> httpx.Response:
    return httpx.Response(status, json={"title": "No", "status": status, **body})


def test_a_lost_answer_is_asked_for_again_with_the_same_id() -> None:
    server = Server(httpx.ReadError("cut"), problem(503), httpx.Response(200, json=STORED))
    sent = server.client().submit(**PAIR)
    bodies = {request.content for request in server.asked}
    assert (len(server.asked), len(bodies)) == (3, 1)
    assert (str(sent.id), sent.submitted_at and sent.submitted_at.year) == (ID, 2026)
    assert server.waited == [0.5, 1.0]


def test_it_waits_as_long_as_the_server_asks_for() -> None:
    limited = httpx.Response(429, headers={"Retry-After": "7"}, json={})
    server = Server(limited, httpx.Response(200, json=STORED))
    server.client().submission(ID)
    assert server.waited == [7.0]


def test_a_review_is_never_sent_twice() -> None:
    server = Server(httpx.ReadError("cut"))
    with pytest.raises(Unavailable):
        server.client().review(ID, revision=1, decision="approve")
    assert len(server.asked) == 1


def test_after_the_last_attempt_it_is_unavailable() -> None:
    server = Server(*[problem(503, detail="Later.") for _attempt in range(3)])
    with pytest.raises(Unavailable, match="Later"):
        server.client(retries=2).submission(ID)


@pytest.mark.parametrize(("status", "kind"), [(400, BadFields), (404, NotFound), (409, Conflict)])
def test_a_refusal_carries_the_servers_words(status: int, kind: type[Any]) -> None:
    server = Server(problem(status, detail="Not so.", code="id_taken", errors={"response": ["Write one."]}))
    with pytest.raises(kind) as caught:
        server.client().submit(**PAIR)
    assert (caught.value.status, caught.value.code, caught.value.detail) == (status, "id_taken", "Not so.")
    assert caught.value.errors == {"response": ["Write one."]}


def test_a_refusal_without_a_problem_document_is_one_too() -> None:
    with pytest.raises(NotFound, match="404"):
        Server(httpx.Response(404, html="<p>Nothing</p>")).client().submission(ID)


def test_lists_follow_the_cursor_and_keep_the_filters() -> None:
    first = httpx.Response(200, json={"next": "http://elsewhere/x/?cursor=abc&status=draft", "results": [STORED]})
    server = Server(first, httpx.Response(200, json={"next": None, "results": [STORED]}))
    assert len(list(server.client().submissions(status=["draft", "submitted"]))) == 2
    assert server.asked[1].url.host == "here"
    assert server.asked[1].url.params.get_list("status") == ["draft", "submitted"]
    assert server.asked[1].url.params["cursor"] == "abc"


class Broken(httpx.SyncByteStream):
    """Half of the bytes, then nothing more."""

    def __iter__(self) -> Iterator[bytes]:
        yield BYTES[: len(BYTES) // 2]
        raise httpx.ReadError("cut")


def ranged(request: httpx.Request) -> httpx.Response:
    start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    assert request.headers["If-Range"] == f'"{SHA}"'
    return httpx.Response(206, content=BYTES[start:])


def client_of(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> Client:
    return Client(
        "http://here", token="t", transport=httpx.MockTransport(answer), sleep=lambda _seconds: None, **options
    )


def test_a_broken_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, stream=Broken()) if len(asked) == 1 else ranged(request)

    target = client_of(answer).download(VERSION, FILE, tmp_path / "a" / "train.parquet")
    assert target.read_bytes() == BYTES
    assert asked[1].headers["Range"] == f"bytes={len(BYTES) // 2}-"
    assert [path.name for path in target.parent.iterdir()] == ["train.parquet"]


def test_another_process_goes_on_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "train.parquet.part").write_bytes(BYTES[:100])
    assert client_of(ranged).download(VERSION, FILE, tmp_path / "train.parquet").read_bytes() == BYTES


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(BYTES)
    Server().client().download(VERSION, FILE, tmp_path / "train.parquet")


def test_wrong_bytes_never_stand_at_the_target(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"the old one")
    client = client_of(lambda _request: httpx.Response(200, content=BYTES[:-1] + b"x"))
    with pytest.raises(Damaged):
        client.download(VERSION, FILE, tmp_path / "train.parquet")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("train.parquet", b"the old one")]


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../out", "..\\out", ""])
def test_a_server_can_not_write_outside_the_folder(tmp_path: Path, path: str) -> None:
    version = {
        "name": "w",
        "version": "v1",
        "status": "ready",
        "files": [{"path": path, "sha256": "0", "rows": 0, "url": ""}],
    }
    with pytest.raises(Damaged):
        client_of(lambda _request: httpx.Response(200, json=version)).download_version("v1", tmp_path / "in")
    assert list(tmp_path.iterdir()) == []

"""A Hub on this machine: it answers the client's requests as the Hub's API does, and keeps what it is given."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOKEN = "hf_good"


def git_hash(data: bytes) -> str:
    """Return git's name for a file with these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Commit:
    """The files of one state of a repository; ``lfs`` are the paths that are kept as large files."""

    oid: str
    files: dict[str, bytes]
    lfs: set[str] = field(default_factory=set)
    summary: str = ""


@dataclass
class Repository:
    """A dataset repository."""

    private: bool
    commits: list[Commit]
    tags: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Commit | None:
        """Return the commit that a branch, a tag or an oid names."""
        oid = self.commits[-1].oid if revision == "main" else self.tags.get(revision, revision)
        return next((commit for commit in self.commits if commit.oid == oid), None)


class HubServer:
    """Repositories and large files by their sha256; ``refuse`` maps what is asked to the status it is refused with."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.refuse: dict[str, int] = {}
        self.garble = False
        self.asked: list[str] = []
        self.agents: set[str] = set()
        hub = self

        class Handler(_Handler):
            server_state = hub

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def make(self, name: str, files: Mapping[str, bytes] | None = None, *, private: bool = True) -> Repository:
        """Make a repository as the Hub does: with one commit that holds .gitattributes."""
        first = {".gitattributes": b"*.parquet filter=lfs\n", **(files or {})}
        repository = Repository(private, [Commit(hashlib.sha1(name.encode()).hexdigest(), first)])
        self.repositories[name] = repository
        return repository


class _Handler(BaseHTTPRequestHandler):
    server_state: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def answer(self, body: Any = None, status: int = 200, **headers: str) -> None:
        """Send JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def missing(self, code: str = "RepoNotFound") -> None:
        """Send the Hub's 404."""
        self.answer({"error": "not found"}, 404, X_Error_Code=code, X_Error_Message="not found")

    def serve(self) -> None:
        """Find what is asked for and answer it."""
        hub = self.server_state
        self.path_only = unquote(urlsplit(self.path).path)
        size = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(size) if size else self.chunked()
        hub.agents.add(self.headers.get("User-Agent", ""))
        for prefix, step, known in STEPS:
            if self.path_only.startswith(prefix) and (not known or f"/{known}" in self.path_only):
                name = step.__name__.removeprefix("_")
                hub.asked.append(name)
                # What is signed needs no token; nothing else is answered without one.
                if name != "upload" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    words = "Invalid credentials in Authorization header"
                    self.answer({"error": words}, 401, X_Error_Message=words)
                elif name in hub.refuse:
                    words = "You don't have the rights to do that"
                    self.answer({"error": words}, hub.refuse[name], X_Error_Message=words)
                else:
                    step(self)
                return
        self.answer({"error": "unknown"}, 404)

    do_GET = do_POST = do_PUT = do_HEAD = serve  # noqa: N815 - http.server's names

    def chunked(self) -> bytes:
        """Return a body that was sent in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return b""
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def found(self, start: str) -> tuple[str, Repository | None, list[str]]:
        """Return the repository that the path names, and the rest of the path."""
        owner, name, *rest = self.path_only.removeprefix(start).split("/")
        name = f"{owner}/{name.removesuffix('.git')}"
        return name, self.server_state.repositories.get(name), rest


API = "/api/datasets/"


def _validate(self: _Handler) -> None:
    content = json.loads(self.body)["content"]
    card = yaml.safe_load(content.split("---\n")[1])
    self.answer({"errors": [], "warnings": []} if card["configs"] else {"errors": ["no configs"]})


def _create(self: _Handler) -> None:
    asked = json.loads(self.body)
    assert asked["type"] == "dataset"
    name = f"{asked['organization']}/{asked['name']}"
    if name in self.server_state.repositories:
        self.answer({"error": "exists", "url": f"{self.server_state.url}/datasets/{name}"}, 409)
        return
    self.server_state.make(name, private=asked["visibility"] == "private")
    self.answer({"url": f"{self.server_state.url}/datasets/{name}"})


def _refs(self: _Handler) -> None:
    _name, repository, _rest = self.found(API)
    assert repository
    main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.commits[-1].oid}
    tags = [
        {"name": name, "ref": f"refs/tags/{name}", "targetCommit": oid} for name, oid in sorted(repository.tags.items())
    ]
    self.answer({"branches": [main], "converts": [], "tags": tags})


def _entries(commit: Commit) -> list[dict[str, Any]]:
    folders = sorted({path.rpartition("/")[0] for path in commit.files} - {""})
    entries: list[dict[str, Any]] = [{"type": "directory", "path": path, "oid": git_hash(b"")} for path in folders]
    for path, data in sorted(commit.files.items()):
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git_hash(data)}
        if path in commit.lfs:
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{path}\nsize {len(data)}\n".encode()
            entry["oid"] = git_hash(pointer)
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": len(pointer)}
        entries.append(entry)
    return entries


def _tree(self: _Handler) -> None:
    _name, repository, rest = self.found(API)
    commit = repository.at(rest[1]) if repository else None
    if commit is None:
        self.missing("RevisionNotFound")
        return
    self.answer(_entries(commit))


def _preupload(self: _Handler) -> None:
    _name, repository, rest = self.found(API)
    assert repository
    assert rest == ["preupload", "main"]
    there = repository.commits[-1].files
    files = []
    for asked in json.loads(self.body)["files"]:
        path = asked["path"]
        mode = "lfs" if path.endswith(".parquet") else "regular"
        entry = {"path": path, "uploadMode": mode, "shouldIgnore": False}
        if path in there:
            data = there[path]
            entry["oid"] = hashlib.sha256(data).hexdigest() if mode == "lfs" else git_hash(data)
        files.append(entry)
    self.answer({"files": files})


def _batch(self: _Handler) -> None:
    hub = self.server_state
    asked = json.loads(self.body)
    objects = []
    for each in asked["objects"]:
        entry: dict[str, Any] = {"oid": each["oid"], "size": each["size"]}
        if each["oid"] not in hub.large:
            entry["actions"] = {"upload": {"href": f"{hub.url}/upload/{each['oid']}?X-Amz-Signature=sesame"}}
        objects.append(entry)
    self.answer({"transfer": "basic", "objects": objects})


def _upload(self: _Handler) -> None:
    oid = self.path_only.rpartition("/")[2]
    assert hashlib.sha256(self.body).hexdigest() == oid
    self.server_state.large[oid] = self.body
    self.answer({})


def _commit(self: _Handler) -> None:
    name, repository, _rest = self.found(API)
    assert repository
    head, *operations = [json.loads(line) for line in self.body.split(b"\n") if line]
    before = repository.commits[-1]
    if head["value"].get("parentCommit") != before.oid:
        self.answer({"error": "the branch moved"}, 412, X_Error_Message="the branch moved")
        return
    files, lfs = dict(before.files), set(before.lfs)
    for operation in operations:
        value = operation["value"]
        lfs.discard(value["path"])
        if operation["key"] == "deletedFile":
            del files[value["path"]]
        elif operation["key"] == "file":
            data = base64.b64decode(value["content"])
            files[value["path"]] = data[::-1] if self.server_state.garble else data
        else:
            assert operation["key"] == "lfsFile"
            files[value["path"]] = self.server_state.large[value["oid"]]
            lfs.add(value["path"])
    oid = hashlib.sha1(before.oid.encode() + self.body).hexdigest()
    repository.commits.append(Commit(oid, files, lfs, head["value"]["summary"]))
    self.answer({"commitUrl": f"{self.server_state.url}/datasets/{name}/commit/{oid}", "commitOid": oid})


def _tag(self: _Handler) -> None:
    _name, repository, rest = self.found(API)
    assert repository
    tag = json.loads(self.body)["tag"]
    if tag in repository.tags:
        self.answer({"error": "Tag reference exists already"}, 409)
        return
    repository.tags[tag] = rest[1]
    self.answer({})


def _info(self: _Handler) -> None:
    name, repository, rest = self.found(API)
    if repository is None:
        self.missing()
        return
    commit = repository.at(rest[1] if rest else "main")
    if commit is None:
        self.missing("RevisionNotFound")
        return
    siblings = [{"rfilename": path} for path in sorted(commit.files)]
    self.answer({"id": name, "private": repository.private, "sha": commit.oid, "siblings": siblings})


def _resolve(self: _Handler) -> None:
    _name, repository, rest = self.found("/datasets/")
    commit = repository.at(rest[1]) if repository else None
    path = "/".join(rest[2:])
    if commit is None or path not in commit.files:
        self.missing("EntryNotFound")
        return
    data = commit.files[path]
    self.answer(data, ETag=f'"{git_hash(data)}"', X_Repo_Commit=commit.oid)


# The beginning of the path, what answers it, and what the path holds further on.
STEPS: list[tuple[str, Callable[[_Handler], None], str]] = [
    ("/api/validate-yaml", _validate, ""),
    ("/api/repos/create", _create, ""),
    (API, _refs, "refs"),
    (API, _tree, "tree/"),
    (API, _preupload, "preupload/"),
    (API, _commit, "commit/"),
    (API, _tag, "tag/"),
    (API, _info, ""),
    ("/datasets/", _batch, "objects/batch"),
    ("/datasets/", _resolve, "resolve/"),
    ("/upload/", _upload, ""),
]

"""A bucket on this machine: it answers gcsfs as the JSON API of Google Cloud Storage does."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

OBJECTS = re.compile(r"/(?:download/|upload/)?storage/v1/b/bucket(?:/o(?:/(.*))?)?")


class GcsServer:
    """One bucket, called ``bucket``; ``refuse`` is the status that everything is answered with, 0 for none."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, bytes] = {}
        self.refuse = 0
        store = self

        class Handler(_Handler):
            store_state = store

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    store_state: GcsServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def answer(self, body: Any, status: int = 200, **headers: str) -> None:
        """Send JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        for name, value in {"Content-Length": str(len(data)), "Content-Type": kind, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def entry(self, name: str) -> dict[str, str]:
        """Return what a listing says of an object."""
        data = self.store_state.objects[name]
        digest = base64.b64encode(hashlib.md5(data).digest()).decode()
        return {"bucket": "bucket", "name": name, "size": str(len(data)), "md5Hash": digest, "generation": "1"}

    def serve(self) -> None:
        """Find what is asked for and answer it."""
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match = OBJECTS.fullmatch(url.path)
        if self.store_state.refuse:
            status = self.store_state.refuse
            self.answer({"error": {"code": status, "message": "not for you"}}, status)
        elif match is None:
            self.answer({"error": {"code": 404, "message": "no such bucket"}}, 404)
        elif url.path.startswith("/upload/"):
            self.take(asked, body)
        elif match[1] is None:
            names = [name for name in sorted(self.store_state.objects) if name.startswith(asked.get("prefix", ""))]
            self.answer({"items": [self.entry(name) for name in names]})
        else:
            self.give(unquote(match[1]), asked)

    do_GET = do_POST = do_PUT = serve  # noqa: N815 - http.server's names

    def take(self, asked: dict[str, str], body: bytes) -> None:
        """Take an object whole, or in parts under the name of its upload."""
        store = self.store_state
        if asked["uploadType"] == "multipart":
            boundary = re.search(r"boundary=['\"]?([^'\";]+)", self.headers["Content-Type"])
            assert boundary
            _start, about, rest = body.split(b"--" + boundary[1].encode(), 2)
            name = json.loads(about.split(b"\n\n", 1)[1])["name"]
            content = rest.split(b"\n\n", 1)[1].rpartition(b"\n--" + boundary[1].encode())[0]
            store.objects[name] = content
            self.answer(self.entry(name))
        elif "upload_id" not in asked:
            store.parts[asked["name"]] = b""
            at = f"{store.url}/upload/storage/v1/b/bucket/o?uploadType=resumable&upload_id={asked['name']}"
            self.answer({}, Location=at)
        else:
            name = asked["upload_id"]
            store.parts[name] += body
            if len(store.parts[name]) < int(self.headers["Content-Range"].rpartition("/")[2]):
                self.answer(b"", 308, Range=f"bytes=0-{len(store.parts[name]) - 1}")
                return
            store.objects[name] = store.parts.pop(name)
            self.answer(self.entry(name))

    def give(self, name: str, asked: dict[str, str]) -> None:
        """Send an object, a range of it, or what a listing says of it."""
        data = self.store_state.objects.get(name)
        if data is None:
            self.answer({"error": {"code": 404, "message": "no such object"}}, 404)
        elif asked.get("alt") != "media":
            self.answer(self.entry(name))
        elif match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(match[1]), int(match[2] or len(data) - 1)
            self.answer(data[start : end + 1], 206, Content_Range=f"bytes {start}-{end}/{len(data)}")
        else:
            self.answer(data)

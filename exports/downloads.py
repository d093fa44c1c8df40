"""Handing files out over HTTP: whole, in ranges that resume a broken download, or all of them as one zip."""

from __future__ import annotations

import re
import zipfile
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, cast

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from exports import serving
from ui.streams import WHOLE, NoRoomError, stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.http import HttpRequest, HttpResponseBase
    from rest_framework.request import Request

    from exports.models import DatasetVersion

CHUNK = 256 * 1024
# One range, as RFC 9110 section 14.1.2 writes it; whoever asks for several gets the whole file.
ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
STORED = (".parquet",)  # compressed already
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same archive whenever it is made


def file_response(
    *, request: HttpRequest | Request, version: DatasetVersion, path: str, root: Path
) -> HttpResponseBase:
    """Return a file, or the range of it that the request asks for (RFC 9110, section 14).

    The file's SHA-256 is its entity tag: ``If-Range`` with another tag gets the whole file, which is the new one.

    Raises:
        serving.NotServed: there is no such file to hand out.
        NoRoomError: it is large, and enough others are sent.
    """
    file = serving.open_file(version, path, root=root)
    entry = next(entry for entry in serving.listed(version) if entry["path"] == path)
    tag = f'"{entry["sha256"]}"'
    size = file.seek(0, 2)
    file.seek(0)
    wanted = _wanted(request, tag, size)
    answer: HttpResponseBase
    if wanted is None:
        answer = _sent(file, range(size))
    elif not wanted:
        file.close()
        answer = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        answer.headers["Content-Range"] = f"bytes */{size}"
    else:
        answer = _sent(file, wanted)
        answer.status_code = HTTPStatus.PARTIAL_CONTENT
        answer.headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    answer.headers["ETag"] = tag
    answer.headers["Accept-Ranges"] = "bytes"
    return _guarded(answer, serving.download_name(version, path))


def _wanted(request: HttpRequest | Request, tag: str, size: int) -> range | None:
    """Return the range that is asked for; an empty one where it lies outside the file, None for the whole file."""
    asked = ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or asked.groups() == ("", "") or request.headers.get("If-Range", tag) != tag:
        return None
    first, last = asked.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    start = int(first)
    if last and int(last) < start:
        return None  # not a range at all: to be ignored
    return range(start, min(int(last) + 1, size) if last else size)


def _sent(file: IO[bytes], wanted: range) -> HttpResponse | StreamingHttpResponse:
    """Return what little is wanted in one piece, and more in many: ``file`` is closed in any case."""
    pieces = _part(file, wanted)
    answer: HttpResponse | StreamingHttpResponse
    if len(wanted) <= WHOLE:
        answer = HttpResponse(b"".join(pieces), content_type="application/octet-stream")
    else:
        try:
            answer = stream(pieces, content_type="application/octet-stream")
        except NoRoomError:
            file.close()
            raise
    answer.headers["Content-Length"] = str(len(wanted))
    return answer


def _part(file: IO[bytes], wanted: range) -> Iterator[bytes]:
    with file:
        file.seek(wanted.start)
        left = len(wanted)
        while left and (data := file.read(min(CHUNK, left))):
            left -= len(data)
            yield data


def zip_response(*, version: DatasetVersion, root: Path) -> HttpResponseBase:
    """Return all files of a version as one zip, packed while it is sent: no copy on the disk, little in memory.

    Raises:
        serving.NotServed: the version is not ready, or one of its files is gone.
    """
    if not version.is_ready:
        raise serving.NotServed(_("The files of this version are not available."))
    for entry in serving.listed(version):
        serving.open_file(version, entry["path"], root=root).close()  # before the first byte is sent
    answer = StreamingHttpResponse(_packed(version, root), content_type="application/zip")
    return _guarded(answer, f"{version.name}-{version.label}.zip")


def _packed(version: DatasetVersion, root: Path) -> Iterator[bytes]:
    out = _Outbox()
    with zipfile.ZipFile(cast("IO[bytes]", out), "w", allowZip64=True) as archive:
        for entry in serving.listed(version):
            info = zipfile.ZipInfo(f"{version.name}-{version.label}/{entry['path']}", ZIP_TIME)
            info.compress_type = zipfile.ZIP_STORED if entry["path"].endswith(STORED) else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with (
                serving.open_file(version, entry["path"], root=root) as file,
                archive.open(info, "w", force_zip64=True) as member,
            ):
                while data := file.read(CHUNK):
                    member.write(data)
                    yield from out.taken()
            yield from out.taken()
    yield from out.taken()


class _Outbox:
    """What ZipFile writes to: bytes that are waiting to be sent. It can't seek, so sizes follow each member."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> list[bytes]:
        waiting, self._waiting = self._waiting, []
        return waiting


def _guarded(answer: HttpResponseBase, name: str) -> HttpResponseBase:
    """Add what keeps a download a download: saved under a name, never run, never kept by a cache between."""
    answer.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer

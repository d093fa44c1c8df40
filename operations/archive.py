"""The backup's file: a tar whose last member, ``manifest.json``, names every other with its sha256.

Anybody can open it with ``tar`` and ``zstd``. The manifest goes last, so that a file that broke off has none, and
every member is hashed while it is written: what the manifest says is what went in.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, TypedDict

from exports.release import sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = "woolgather-backup"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
TEMP = ".backup-"
CHUNK = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
Tell = Callable[[int], object]
"""Called with the number of bytes that were read since the last call."""


class BadArchive(Exception):
    """The file is not a backup, or not as it was written; ``str()`` says what is wrong with it."""


class Member(TypedDict):
    """One file of a backup, as its manifest lists it."""

    path: str
    sha256: str
    bytes: int


class _Hashed:
    """Reads a file and hashes what was read."""

    def __init__(self, file: IO[bytes], tell: Tell) -> None:
        self._file, self._tell = file, tell
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        self._tell(len(data))
        return data


@dataclass
class Writer:
    """Puts members into the tar."""

    tar: tarfile.TarFile
    members: list[Member] = field(default_factory=list)

    def add(self, path: str, source: Path, tell: Tell = lambda _count: None) -> None:
        """Add a file as it is at this moment: should it grow meanwhile, its beginning."""
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            self._add(path, size, _Hashed(file, tell))

    def add_bytes(self, path: str, data: bytes) -> None:
        """Add a small file."""
        self._add(path, len(data), _Hashed(BytesIO(data), lambda _count: None))

    def finish(self, manifest: dict[str, Any]) -> None:
        """Add the manifest, last."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION}
        raw = json.dumps({**head, **manifest, "members": self.members}, ensure_ascii=False, indent=1).encode()
        self.tar.addfile(_info(MANIFEST, len(raw)), BytesIO(raw))

    def _add(self, path: str, size: int, source: _Hashed) -> None:
        self.tar.addfile(_info(path, size), source)
        self.members.append({"path": path, "sha256": source.sha256.hexdigest(), "bytes": size})


def _info(path: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.size, info.mode = size, 0o600
    return info


@contextmanager
def written(target: Path) -> Iterator[tuple[Writer, Path]]:
    """Yield a writer and a hidden directory for what goes in; the file gets its name when all of it is on the disk.

    Only its owner may read it. What a killed backup left in the directory is removed first; what a living one is
    filling is left alone.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    work = target.parent / f"{TEMP}{secrets.token_hex(6)}"
    work.mkdir(mode=0o700)
    lock = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        temp = work / "archive.tar"
        descriptor = os.open(temp, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar), work
            file.flush()
            os.fsync(file.fileno())
        temp.replace(target)
        sync_directory(target.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        os.close(lock)


def _sweep(home: Path) -> None:
    for path in home.glob(f"{TEMP}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue  # its writer lives
        finally:
            os.close(descriptor)


def verified(path: Path, tell: Tell = lambda _count: None) -> dict[str, Any]:
    """Read every byte of a backup and return its manifest.

    Raises:
        BadArchive: it is cut off, changed, or no backup at all.
        OSError: it can't be read.
    """
    found: dict[str, Member] = {}
    raw = b""
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for info in tar:
                if not info.isreg() or not _is_inside(info.name) or info.name in found or raw:
                    raise BadArchive(f"{path} is not a backup: it holds {info.name!r}.")
                member = tar.extractfile(info)
                assert member is not None  # noqa: S101 - a regular file
                if info.name == MANIFEST:
                    raw = member.read()
                    continue
                source = _Hashed(member, tell)
                while source.read(CHUNK):
                    pass
                found[info.name] = {"path": info.name, "sha256": source.sha256.hexdigest(), "bytes": info.size}
    except tarfile.TarError as error:
        raise BadArchive(f"{path} is not a whole backup ({error}): copy it again, or take another.") from error
    return _agreed(path, raw, found)


def _agreed(path: Path, raw: bytes, found: dict[str, Member]) -> dict[str, Any]:
    if not raw:
        raise BadArchive(f"{path} has no manifest: it broke off while it was written or copied.")
    try:
        manifest: dict[str, Any] = json.loads(raw)
        listed = {member["path"]: member for member in manifest["members"]}
        known = manifest["format"] == FORMAT
        version = int(manifest["format_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadArchive(f"{path} is not a backup: its manifest can't be read.") from error
    if not known or version > FORMAT_VERSION:
        raise BadArchive(f"{path} was made by another program, or by a newer version of this one.")
    for name in sorted(set(found) ^ set(listed)):
        raise BadArchive(f"{path} was changed: {name} {'is not listed' if name in found else 'is missing'}.")
    for name, member in found.items():
        if member != listed[name]:
            raise BadArchive(f"{path} was changed or is damaged: {name} is not what was backed up.")
    return manifest


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\\" not in name


def extract(path: Path, names: dict[str, Path], tell: Tell = lambda _count: None) -> None:
    """Write members to where they belong, whole or not at all; the files are their owner's alone."""
    with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
        for info in tar:
            target = names.get(info.name)
            member = tar.extractfile(info)
            if target is None or member is None:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            temp = target.with_name(f".restoring-{secrets.token_hex(6)}")
            try:
                with os.fdopen(os.open(temp, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
                    while data := member.read(CHUNK):
                        out.write(data)
                        tell(len(data))
                    out.flush()
                    os.fsync(out.fileno())
                temp.replace(target)
            finally:
                temp.unlink(missing_ok=True)
            sync_directory(target.parent)

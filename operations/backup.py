"""Backing an installation up: the database at one moment and what can't be made again from it, in one file."""

from __future__ import annotations

import hashlib
import logging
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import connection

from collector.errors import Refused
from collector.models import AuditEntry
from exports import manifest as exported
from exports import store
from exports.models import DatasetVersion
from exports.places import version_path
from operations import archive, engines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from collector.models import Person
    from exports.release import Progress

logger = logging.getLogger(__name__)
NAME = re.compile(r"woolgather-\d{8}T\d{6}Z\.tar")
BACKED_UP = "installation.backed_up"
SECRET = "secret_key"  # noqa: S105 - the file's name
# Of a run: what it was and how it went. Weights and checkpoints are trained again, or copied by whoever needs them.
RUN_FILES = {".json", ".jsonl", ".yaml", ".yml", ".md", ".txt", ".svg", ".csv", ".log"}
RUN_FILE_BYTES = 64 << 20
RELEASED = {DatasetVersion.Status.READY, DatasetVersion.Status.WITHDRAWN}


class BackupFailed(Exception):
    """There is no backup; ``str()`` says why and what to do."""

    for_people = True


class BackedUp(NamedTuple):
    """A backup that was made."""

    path: Path
    bytes: int
    sha256: str
    manifest: dict[str, Any]
    removed: list[Path]


def home() -> Path:
    """Return where backups lie unless told otherwise."""
    return Path(settings.WOOLGATHER_VAR) / "backups"


def file_name(now: datetime) -> str:
    """Return the name of a backup made now."""
    return f"woolgather-{now:%Y%m%dT%H%M%SZ}.tar"


def engine() -> str:
    """Return which database this installation uses."""
    return engines.POSTGRESQL if connection.vendor == "postgresql" else engines.SQLITE


def _nothing(_done: int, _total: int, _message: str) -> None:
    """Report progress to nobody."""


def back_up(
    *,
    target: Path,
    by: Person | None,
    now: datetime,
    with_datasets: bool = False,
    keep: int = 0,
    progress: Progress = _nothing,
) -> BackedUp:
    """Write a backup while the app goes on; ``target`` appears when all of it is on the disk, readable by its owner.

    The database is one moment's; the files beside it are those that lie there a little later. What a store has and this
    disk hasn't is fetched; where the store is away, the backup is made all the same, and its manifest names the
    versions under ``left_out``. Of the backups that lie beside it under the usual names only the newest ``keep`` stay
    (0: all).

    Raises:
        BackupFailed
    """
    try:
        with archive.written(target) as (writer, work):
            _write(writer, work, now, with_datasets=with_datasets, progress=progress)
    except engines.NotPossible as error:
        raise BackupFailed(str(error)) from error
    except OSError as error:
        if error.errno in archive.FULL:
            raise BackupFailed(engines.full(target.parent)) from error
        raise BackupFailed(f"{target} could not be written ({error.strerror or error}).") from error
    manifest = archive.verified(target)
    with target.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    removed = rotate(target.parent, keep=keep, newest=target)
    made = BackedUp(target, target.stat().st_size, sha256, manifest, removed)
    detail = {"sha256": sha256, "bytes": made.bytes, "left_out": manifest["left_out"]}
    AuditEntry.objects.create(by=by, verb=BACKED_UP, target=target.name[:200], at=now, detail=detail)
    return made


def _write(writer: archive.Writer, work: Path, now: datetime, *, with_datasets: bool, progress: Progress) -> None:
    progress(0, 0, "Copying the database")
    dump = work / "database"
    if engine() == engines.POSTGRESQL:
        member, facts = "database.pgdump", engines.copy_postgresql(dump)
    else:
        plain = work / "plain"
        member, facts = "database.sqlite3.zst", engines.copy_sqlite(engines.sqlite_path(), plain)
        compress(plain, dump)
        plain.unlink()
    progress(0, 0, "Gathering the files")
    stored, left_out = _from_store(facts["datasets"], work / "datasets", with_datasets=with_datasets)
    files = [(member, dump), *_files(facts["datasets"], with_datasets=with_datasets), *stored]
    total, done = sum(path.stat().st_size for _name, path in files if path.exists()), 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        progress(min(done, total), total, "Writing the backup")

    for name, path in files:
        try:
            writer.add(name, path, tell)
        except FileNotFoundError:
            logger.info("%s went away while the backup was made", path)
    dump.unlink()
    writer.finish(
        {
            "made_at": now.isoformat(),
            "woolgather": _own_version(),
            "engine": engine(),
            "database": member,
            "with_datasets": with_datasets,
            "left_out": left_out,
            "holds_secret_key": any(entry["path"] == SECRET for entry in writer.members),
            **facts,
        }
    )


def compress(source: Path, target: Path) -> None:
    """Compress a file with Zstandard."""
    import pyarrow as pa

    with source.open("rb") as file, pa.CompressedOutputStream(pa.OSFile(str(target), "wb"), "zstd") as out:
        while data := file.read(archive.CHUNK):
            out.write(data)


def _own_version() -> str:
    project = tomllib.loads((Path(settings.BASE_DIR) / "pyproject.toml").read_text(encoding="utf-8"))
    version: str = project["project"]["version"]
    return version


def _files(versions: list[dict[str, Any]], *, with_datasets: bool) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each file that the database can't bring back."""
    var = Path(settings.WOOLGATHER_VAR)
    if (secret := var / SECRET).is_file() and settings.EMBEDDED:
        yield SECRET, secret
    media = var / "media"
    yield from ((f"media/{path.relative_to(media).as_posix()}", path) for path in _plain(media))
    runs = Path(settings.WOOLGATHER_RUNS)
    for path in _plain(runs):
        if path.suffix in RUN_FILES and path.stat().st_size <= RUN_FILE_BYTES:
            yield f"runs/{path.relative_to(runs).as_posix()}", path
    for version in versions:
        yield from _of_version(version, _on_disk(version), with_datasets=with_datasets)


def _of_version(version: dict[str, Any], folder: Path, *, with_datasets: bool) -> Iterator[tuple[str, Path]]:
    for path in _plain(folder):
        name = path.relative_to(folder).as_posix()
        if with_datasets or name == exported.MANIFEST:
            yield f"datasets/{version['name']}/{version['version']}/{name}", path


def _on_disk(version: dict[str, Any]) -> Path:
    return version_path(Path(settings.WOOLGATHER_DATASETS), version["name"], int(version["version"][1:]))


def _from_store(
    versions: list[dict[str, Any]], work: Path, *, with_datasets: bool
) -> tuple[list[tuple[str, Path]], list[str]]:
    """Fetch of the released versions what only the store has.

    Returns name and path of each file, and the names of the versions that it did not give.
    """
    if not settings.WOOLGATHER_DATASETS_STORE:
        return [], []
    files: list[tuple[str, Path]] = []
    left_out, answers = [], True
    for version in versions:
        if version["status"] not in RELEASED or (_on_disk(version) / exported.MANIFEST).is_file():
            continue
        folder, fetched = work / version["name"] / version["version"], 0
        if answers:
            try:
                only = "" if with_datasets else exported.MANIFEST
                fetched = store.fetch(version["name"], int(version["version"][1:]), folder, only=only)
            except Refused as error:
                # One wait for a store that is away is enough.
                answers = False
                logger.warning("the backup goes without what the store alone has: %s", error)
        if not fetched:
            left_out.append(f"{version['name']} {version['version']}")
            continue
        files += _of_version(version, folder, with_datasets=with_datasets)
    return files, left_out


def _plain(folder: Path) -> list[Path]:
    """Return the files below a folder that have a name of their own: no links, nothing hidden, in order."""
    return sorted(
        path
        for path in (folder.rglob("*") if folder.is_dir() else ())
        if path.is_file()
        and not path.is_symlink()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def rotate(folder: Path, *, keep: int, newest: Path) -> list[Path]:
    """Remove the oldest backups of the usual names but for the newest ``keep`` (0: none is removed)."""
    if keep < 1:
        return []
    known = sorted((path for path in folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)
    removed = [path for path in known[keep:] if path != newest]
    for path in removed:
        path.unlink()
    return removed

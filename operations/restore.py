"""Putting a backup in an installation's place: checked first, then swapped in, compared, and made fit to go on."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from collector.actions.standings import rebuild_standings
from collector.models import AuditEntry, Person, Submission
from exports import places
from exports.manifest import MANIFEST
from exports.models import DatasetVersion
from jobs.actions import requeue_interrupted
from operations import archive, engines
from operations.backup import SECRET, engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from exports.release import Progress


class RestoreRefused(Exception):
    """Nothing was changed; ``str()`` says why and what to do."""


class NotEmpty(RestoreRefused):
    """There is something here that would be lost."""


class Restored(NamedTuple):
    """What was restored."""

    manifest: dict[str, Any]
    migrated: list[str]
    requeued: int
    sessions: int
    files: int
    to_build: list[tuple[str, str]]
    """Dataset (name, version) whose files are to be built again."""


def _nothing(_done: int, _total: int, _message: str) -> None:
    """Report progress to nobody."""


def examine(path: Path, progress: Progress = _nothing) -> dict[str, Any]:
    """Read every byte of a backup and return its manifest, once it is sure that it could be restored here.

    Raises:
        RestoreRefused
    """
    try:
        total, done = path.stat().st_size, 0

        def tell(count: int) -> None:
            nonlocal done
            done += count
            progress(min(done, total), total, "Checking the backup")

        manifest = archive.verified(path, tell)
    except archive.BadArchive as error:
        raise RestoreRefused(str(error)) from error
    except OSError as error:
        raise RestoreRefused(f"{path} can't be read ({error.strerror or error}).") from error
    if manifest["engine"] != engine():
        raise RestoreRefused(
            f"This backup is of {manifest['engine']}, this installation uses {engine()}: a backup goes back to the "
            "kind of database that it came from. Set DATABASE_URL, then try again."
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if newer := [name for name in manifest["migrations"] if name not in known]:
        raise RestoreRefused(
            f"This backup was made by a newer version ({manifest['woolgather']}; this one doesn't know {newer[0]}). "
            "Install that version, then try again."
        )
    return manifest


def is_empty() -> bool:
    """Say whether nobody has worked here yet; a first admin who never signed in doesn't count."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
    if "collector_person" not in tables:
        return True
    if Person.objects.filter(last_login__isnull=False).exists() or Submission.objects.exists():
        return False
    return "exports_datasetversion" not in tables or not DatasetVersion.objects.exists()


def restore(
    *,
    path: Path,
    now: datetime,
    replace: bool = False,
    keep_sessions: bool = False,
    progress: Progress = _nothing,
) -> Restored:
    """Restore a backup and bring it to this version's migrations; until all is compared, what was here can come back.

    Raises:
        RestoreRefused: nothing was changed.
    """
    manifest = examine(path, progress)
    connection.close()
    try:
        if engines.put_back():
            progress(0, 0, "An earlier restore was cut off: what was here before it is back")
    except engines.NotPossible as error:
        raise RestoreRefused(str(error)) from error
    if not replace and not is_empty():
        raise NotEmpty(
            "People have worked in this installation: restoring would remove all of it. Make a backup of it, then "
            "give --replace."
        )
    var = Path(settings.WOOLGATHER_VAR)
    work = _beside_the_database() / f".restore-{secrets.token_hex(6)}"
    try:
        work.mkdir(mode=0o700, parents=True)
        copy = _unpacked(path, manifest, work, progress)
        connection.close()
        with _replaced(manifest["engine"], copy) as found:
            _require_equal(manifest, found)
            migrated = _migrate(manifest)
            _require_ledger()
            requeued = requeue_interrupted(now=now)
            sessions = 0 if keep_sessions else _drop_sessions()
            AuditEntry.objects.create(
                by=None,
                verb="installation.restored",
                target=path.name[:200],
                at=now,
                detail={"made_at": manifest["made_at"], "engine": manifest["engine"]},
            )
            # Last of all: the database can still come back, a file that was written over can't.
            files = _put_files(path, manifest, var)
            connection.close()
    except engines.NotPossible as error:
        raise RestoreRefused(str(error)) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise RestoreRefused(
                "The disk is full: what was here before is still in place. Free space, then try again."
            ) from error
        raise RestoreRefused(
            f"The backup could not be put in place ({error}). What was here is still there."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Restored(manifest, migrated, requeued, sessions, files, _to_build())


def _beside_the_database() -> Path:
    """Return a directory from which a file can become the database by one rename."""
    return Path(settings.WOOLGATHER_VAR) if engine() == engines.POSTGRESQL else engines.sqlite_path().parent


def _unpacked(path: Path, manifest: dict[str, Any], work: Path, progress: Progress) -> Path:
    member = manifest["database"]
    packed = work / "packed"
    total = next(entry["bytes"] for entry in manifest["members"] if entry["path"] == member)
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total, "Unpacking the database")

    archive.extract(path, {member: packed}, tell)
    progress(0, 0, "Restoring the database")
    if not member.endswith(".zst"):
        return packed
    import pyarrow as pa

    plain = work / "plain"
    with pa.CompressedInputStream(pa.OSFile(str(packed)), "zstd") as source, plain.open("xb") as out:
        while data := source.read(archive.CHUNK):
            out.write(data)
        out.flush()
        os.fsync(out.fileno())
    packed.unlink()
    return plain


@contextmanager
def _replaced(name: str, copy: Path) -> Iterator[dict[str, Any]]:
    swap: AbstractContextManager[dict[str, Any]] = (
        engines.replaced_postgresql(copy)
        if name == engines.POSTGRESQL
        else engines.replaced_sqlite(copy, engines.sqlite_path())
    )
    with swap as found:
        try:
            yield found
        finally:
            # What takes the old database back must find nobody holding on to the new one.
            connection.close()


def _require_equal(manifest: dict[str, Any], found: dict[str, Any]) -> None:
    for key in ("tables", "ledger", "migrations"):
        if manifest[key] != found[key]:
            raise RestoreRefused(
                f"What was restored is not what was backed up ({key} differ). What was here before is still in place."
            )


def _migrate(manifest: dict[str, Any]) -> list[str]:
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    applied = {f"{app}.{name}" for app, name in MigrationLoader(connection).applied_migrations}
    return sorted(applied - set(manifest["migrations"]))


def _require_ledger() -> None:
    found = rebuild_standings(is_dry=True)
    if not found.is_right:
        raise RestoreRefused(
            f"The boards of the backup differ from its ledger ({found.missing + found.changed + found.superfluous} "
            "rows). What was here before is still in place."
        )


def _drop_sessions() -> int:
    from django.contrib.sessions.models import Session

    return Session.objects.all().delete()[0]


def _put_files(path: Path, manifest: dict[str, Any], var: Path) -> int:
    """Write the files beside the database: all of them where nobody looks, and then each to its place by a rename.

    So a full disk or a damaged member changes nothing that was here. The key comes last.
    """
    datasets = Path(settings.WOOLGATHER_DATASETS)
    hidden = var / f".restore-{secrets.token_hex(6)}"
    homes = {"media": var / "media", "runs": Path(settings.WOOLGATHER_RUNS)}
    names = [entry["path"] for entry in manifest["members"]]
    kept = [name for name in names if name == SECRET or name.partition("/")[0] in {*homes, "datasets"}]
    try:
        archive.extract(path, {name: hidden / name for name in kept})
        for found in sorted((hidden / "datasets").glob(f"*/*/{MANIFEST}")):
            _show(found.parent, datasets, var)
        for name in kept:
            top, _, rest = name.partition("/")
            if top in homes:
                _put(hidden / name, homes[top] / rest)
        if SECRET in kept:
            _put(hidden / SECRET, var / SECRET)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return len(kept)


def _put(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    file.replace(place)


def _show(folder: Path, datasets: Path, var: Path) -> None:
    """Give a whole version its name; of the others, keep the manifest where nobody takes it for a version."""
    name, label = folder.parent.name, folder.name
    final = places.version_path(datasets, name, int(label.removeprefix("v")))
    if [path.name for path in folder.iterdir()] == [MANIFEST]:
        kept = var / "restored" / name / label
        kept.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).replace(kept / MANIFEST)
    elif not final.exists():
        final.parent.mkdir(parents=True, exist_ok=True)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        places.appear(folder, final)


def _to_build() -> list[tuple[str, str]]:
    root = Path(settings.WOOLGATHER_DATASETS)
    ready = DatasetVersion.objects.ready().select_related("dataset").order_by("dataset__name", "number")
    return [
        (version.name, version.label)
        for version in ready
        if not places.version_path(root, version.name, version.number).exists()
    ]

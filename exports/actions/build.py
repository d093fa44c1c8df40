"""Building the files of a frozen version: hidden, complete, then visible by one rename, then ready in the database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from collector.errors import Refused
from collector.models import AuditEntry
from exports import columnar, manifest, places, queries, release, store
from exports import parts as pieces
from exports.destinations import MissingLibrary, Unreachable
from exports.failpoints import reach
from exports.filters import Filter
from exports.models import DatasetVersion
from webhooks.actions import record
from webhooks.models import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exports.writers.sink import FileEntry

Clock = Callable[[], datetime]
Status = DatasetVersion.Status
BEAT_EVERY = timedelta(seconds=10)


class BuildFailed(Exception):
    """The files could not be written; ``str()`` says why and what to do. The version is marked failed."""

    for_people = True


class StoreAway(BuildFailed):
    """The files are written, but the store takes them not now; the version goes on being built."""


class CannotRebuild(Refused):
    """This version's files can't be made again, or not there."""

    code = "cannot_rebuild"


class Built(NamedTuple):
    """A version's directory and the sha256 of its manifest."""

    path: Path
    sha256: str


def _nothing(_done: int, _total: int, _message: str) -> None:
    """Report progress to nobody."""


def build_version(
    *,
    version: DatasetVersion,
    root: Path,
    clock: Clock,
    progress: release.Progress = _nothing,
    hold: Callable[[], object] = lambda: None,
    parts: Sequence[columnar.Part] = (),
) -> Built:
    """Write the files of a frozen version under ``root`` and mark it ready; done twice, it is done once.

    ``parts`` are those that ``write_part`` wrote, all of the version, to be put together; without them the records are
    read here. The bytes are the same. ``progress`` and ``hold`` may raise to stop the work: nothing stays behind then.
    ``hold`` runs in the transaction that publishes, so that a worker which lost its job publishes nothing.

    Raises:
        BuildFailed: the disk refused, or the files that are there are others; the version is marked failed.
        StoreAway: the store can't be reached; the version stays as it is, and building it again goes on from there.
        CannotRebuild: the version was withdrawn.
    """
    version = DatasetVersion.objects.select_related("dataset", "parent__dataset").get(pk=version.pk)
    final = places.version_path(root, version.name, version.number)
    if version.job is None and version.is_building:
        progress = _beating(version, progress, clock)
    if version.status == Status.READY:
        return rebuild_version(version=version, root=root, progress=progress)
    if version.status == Status.WITHDRAWN:
        raise CannotRebuild(_("%(version)s was withdrawn.") % {"version": version})
    try:
        places.sweep(root, version.name)
        if final.exists():
            # A build that was killed after its rename left its work here, complete: adopt it.
            return _publish(version, final, None, clock, hold, progress)
        with places.temporary(root, version.name, version.number) as temp:
            reach("temp-made")
            _write(version, temp, progress, pieces.Assembled(root, parts) if parts else None)
            reach("before-rename")
            return _publish(version, final, temp, clock, hold, progress)
    except StoreAway:
        raise
    except OSError as error:
        _fail(version, places.disk_message(error, root), clock())
        raise BuildFailed(places.disk_message(error, root)) from error
    except BuildFailed as error:
        _fail(version, str(error), clock())
        raise


def _beating(version: DatasetVersion, progress: release.Progress, clock: Clock) -> release.Progress:
    """Say in the database from time to time that the build goes on: nobody renews a lease for it."""
    last = clock()

    def beat(now: datetime) -> None:
        DatasetVersion.objects.building().filter(pk=version.pk).update(beat_at=now)

    def tell(done: int, total: int, message: str) -> None:
        nonlocal last
        if (now := clock()) - last >= BEAT_EVERY:
            last = now
            beat(now)
        progress(done, total, message)

    beat(last)
    return tell


def write_part(
    *, version: DatasetVersion, part: columnar.Part, root: Path, progress: release.Progress = _nothing
) -> None:
    """Write one part of a version that is being built, for ``build_version`` to put together; twice is once.

    Raises:
        OSError: the disk refuses; nothing stays behind.
    """
    pieces.write_part(
        root=root,
        release=_release(version, is_whole=False),
        part=part,
        batches=columnar.batches(version, part),
        progress=progress,
    )


def has_part(*, version: DatasetVersion, part: columnar.Part, root: Path) -> bool:
    """Say whether a part lies under ``root``, complete."""
    return pieces.is_written(root, _release(version, is_whole=False), part)


def _write(
    version: DatasetVersion, directory: Path, progress: release.Progress, records: release.Records | None = None
) -> release.Written:
    return release.write(
        directory=directory,
        release=_release(version),
        records=records or release.Stream(columnar.batches(version)),
        progress=progress,
    )


def _release(version: DatasetVersion, *, is_whole: bool = True) -> release.Release:
    changes = release.Changes()
    if version.parent is not None and is_whole:
        changes = queries.told(version, version.parent)
    return release.Release(
        name=version.name,
        number=version.number,
        filter=Filter.of(version.filter),
        licence=version.licence,
        rows=version.rows,
        splits=version.splits,
        frozen_at=version.frozen_at,
        content_sha256=version.content_hash,
        about=version.about,
        formats=tuple(version.formats),
        parent=version.parent.label if version.parent else None,
        changes=changes,
        sources=release.Repeated(lambda: queries.sources(version)),
        preferences=columnar.preference_batches(version),
    )


def _publish(
    version: DatasetVersion,
    final: Path,
    temp: Path | None,
    clock: Clock,
    hold: Callable[[], object],
    progress: release.Progress,
) -> Built:
    with transaction.atomic():
        hold()
        if temp is not None:
            with contextlib.suppress(places.AlreadyThere):  # another worker was faster: adopt what it made
                places.appear(temp, final)
        reach("after-rename")
        adopted = _adopt(version, final)
        if not settings.WOOLGATHER_DATASETS_STORE:
            _mark_ready(version, adopted, clock())
    if settings.WOOLGATHER_DATASETS_STORE:
        # Outside a transaction: it may take minutes. Ready comes after it, when every host can hand the files out.
        _keep_in_store(version, final, progress)
        reach("after-store")
        with transaction.atomic():
            hold()
            _mark_ready(version, adopted, clock())
    reach("after-ready")
    return Built(final, adopted[1])


def _keep_in_store(version: DatasetVersion, final: Path, progress: release.Progress) -> None:
    try:
        store.keep(version, final, progress)
    except (Unreachable, MissingLibrary) as error:
        raise StoreAway(str(error)) from error
    except Refused as error:
        raise BuildFailed(str(error)) from error


def _mark_ready(version: DatasetVersion, adopted: tuple[list[FileEntry], str], now: datetime) -> None:
    files, sha256 = adopted
    published = DatasetVersion.objects.filter(pk=version.pk, status__in=[Status.BUILDING, Status.FAILED]).update(
        status=Status.READY, ready_at=now, manifest_sha256=sha256, files=files, failure=""
    )
    if published:
        _tell_ready(version, sha256, now)
    AuditEntry.objects.get_or_create(
        verb="dataset.ready",
        target=str(version),
        defaults={"by": version.created_by, "at": now, "detail": {"sha256": sha256}},
    )


def _tell_ready(version: DatasetVersion, sha256: str, now: datetime) -> None:
    data = {"dataset": version.name, "version": version.label, "rows": version.rows, "sha256": sha256}
    record(kind=Kind.VERSION_READY, data=data, path=reverse("dataset-detail", args=[version.label]), now=now)


def _adopt(version: DatasetVersion, final: Path) -> tuple[list[FileEntry], str]:
    """Return the files and the manifest's sha256 of the directory, once it is certain that it is this version."""
    report = manifest.verify(final)
    if not report.faults:
        found, sha256 = manifest.read(final)
        if (found["name"], found["version"], found["content_sha256"]) == (
            version.name,
            version.label,
            version.content_hash,
        ):
            return found["files"], sha256
        report.faults.append(_("it is another version of that name"))
    raise BuildFailed(
        _("%(path)s exists, but it is not what this version froze (%(fault)s). Move it away, then try again.")
        % {"path": final, "fault": report.faults[0].rstrip(".")}
    )


def rebuild_version(*, version: DatasetVersion, root: Path, progress: release.Progress = _nothing) -> Built:
    """Write the files of a ready version again under ``root``, to the same bytes; check them where they are there.

    The database is only read.

    Raises:
        CannotRebuild: the version is not ready, something else is in its place, or the bytes would differ.
        BuildFailed: the disk refused.
    """
    version = DatasetVersion.objects.select_related("dataset", "parent__dataset").get(pk=version.pk)
    if version.status != Status.READY:
        raise CannotRebuild(
            _("%(version)s is %(status)s, not ready.")
            % {"version": version, "status": version.get_status_display().lower()}
        )
    final = places.version_path(root, version.name, version.number)
    try:
        places.sweep(root, version.name)
        if not final.exists():
            with places.temporary(root, version.name, version.number) as temp:
                _write(version, temp, progress)
                _require_same(version, temp)
                with contextlib.suppress(places.AlreadyThere):
                    places.appear(temp, final)
    except OSError as error:
        raise BuildFailed(places.disk_message(error, root)) from error
    report = manifest.verify(final)
    if report.faults:
        raise CannotRebuild(
            _("%(path)s exists and is damaged: %(fault)s Move it away, then build it again.")
            % {"path": final, "fault": report.faults[0]}
        )
    _require_same(version, final)
    return Built(final, report.sha256)


def _require_same(version: DatasetVersion, directory: Path) -> None:
    _manifest, sha256 = manifest.read(directory)
    if sha256 != version.manifest_sha256:
        raise CannotRebuild(
            _(
                "The files in %(path)s are not those that %(version)s was released with (another version, or another "
                "release of pyarrow wrote them). Nothing was replaced; copy the released files instead."
            )
            % {"path": directory.parent, "version": version}
        )


def _fail(version: DatasetVersion, reason: str, now: datetime) -> None:
    fail_version(version=version, reason=reason, now=now)


@transaction.atomic
def fail_version(*, version: DatasetVersion, reason: str, now: datetime) -> None:
    """Mark a version that is being built as failed; any other is left as it is."""
    failed = DatasetVersion.objects.building().filter(pk=version.pk).update(status=Status.FAILED, failure=reason)
    if failed:
        AuditEntry.objects.create(
            by=version.created_by, verb="dataset.failed", target=str(version), at=now, detail={"reason": reason}
        )

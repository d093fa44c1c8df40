"""The background build: how it is started, what the worker does, what happens when it can't."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exports import actions, fan_out, places, store
from exports.models import DatasetVersion
from exports.splits import DEFAULT, Shares
from jobs.actions import enqueue
from jobs.registry import JobContext, JobPayload, TryAgain, periodically, register
from jobs.tasks import ring

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from collector.models import Person
    from exports.filters import Filter

logger = logging.getLogger(__name__)
KIND = "exports.build"


def start(
    *,
    name: str,
    filter: Filter,
    formats: Sequence[str],
    by: Person,
    now: datetime,
    licence: str = "",
    shares: Shares = DEFAULT,
) -> DatasetVersion:
    """Freeze the next version and have it built in the background; the page and the API both come through here.

    Raises what ``actions.request_version`` raises.
    """
    near = actions.compare(by=by, filter=filter)
    with transaction.atomic():
        version = actions.request_version(
            name=name,
            filter=filter,
            formats=formats,
            by=by,
            now=now,
            url=settings.SITE_URL,
            licence=licence,
            shares=shares,
            near=near,
            highest_on_disk=places.highest_number(root(), name) if _is_name(name) else 0,
        )
        _queue(version, by, now)
    return version


def start_again(*, version: DatasetVersion, by: Person, now: datetime) -> DatasetVersion:
    """Have a failed version built again. Raises what ``actions.restart_version`` raises."""
    with transaction.atomic():
        version = actions.restart_version(version=version, by=by, now=now)
        _queue(version, by, now)
    return version


def root() -> Path:
    """Return the directory under which this installation keeps its datasets."""
    return Path(settings.WOOLGATHER_DATASETS)


def _is_name(name: str) -> bool:
    from exports import naming

    return naming.NAME.fullmatch(name) is not None and naming.RESERVED.fullmatch(name) is None


def _queue(version: DatasetVersion, by: Person | None, now: datetime) -> None:
    job = enqueue(
        kind=KIND, payload={"version": version.pk}, by=by, now=now, key=f"version:{version.pk}", queue="exports"
    )
    actions.attach_job(version=version, job_id=job.pk)
    ring(job)


def _version_id(payload: JobPayload) -> int:
    return int(payload["version"] or 0)


def building_failed(payload: JobPayload, reason: str) -> None:
    """Mark the version failed when its job ended without success, and sweep what a killed attempt left."""
    version = DatasetVersion.objects.select_related("dataset").filter(pk=_version_id(payload)).first()
    if version is None:
        return
    actions.fail_version(version=version, reason=reason, now=timezone.now())
    swept = places.sweep(root(), version.name)
    _sweep_parts(version)
    swept += store.sweep(version)
    logger.info("%s failed; %d unfinished directories and objects removed", version, swept)


@register(KIND, on_failure=building_failed)
def build(context: JobContext) -> dict[str, Any]:
    """Build the version that the payload names."""
    version = DatasetVersion.objects.select_related("dataset").get(pk=_version_id(context.payload))
    if version.status == DatasetVersion.Status.WITHDRAWN:
        return {"version": version.label}
    _sweep_parts(version)
    parts = fan_out.written_in_parts(context, version, root()) if fan_out.is_worth_it(version) else []
    try:
        built = actions.build_version(
            version=version, root=root(), clock=timezone.now, progress=context.progress, hold=context.hold, parts=parts
        )
    except actions.StoreAway as error:
        raise TryAgain(str(error)) from error
    _sweep_parts(version)
    return {"version": version.label, "rows": version.rows, "sha256": built.sha256}


def _sweep_parts(version: DatasetVersion) -> None:
    building = DatasetVersion.objects.named(version.name).building()
    places.sweep_parts(
        root(), version.name, keep={f"v{number}" for number in building.values_list("number", flat=True)}
    )


# -- Builds whose command was killed --------------------------------------------------------------------------

ADOPT = "exports.adopt"
ADOPT_EVERY = timedelta(seconds=30)
# Several beats late: the process is gone, or stands still. Should it go on, both write the same bytes.
SILENT_FOR = timedelta(seconds=60)


@register(ADOPT)
def adopt(_context: JobContext) -> dict[str, Any]:
    """Give a background job to each build that a command began and nobody goes on with."""
    now = timezone.now()
    adopted = []
    for version in DatasetVersion.objects.abandoned(now - SILENT_FOR).select_related("dataset", "created_by"):
        with transaction.atomic():
            _queue(version, version.created_by, now)
        adopted.append(str(version))
        logger.warning("%s was begun and left; a worker goes on with it", version)
    return {"adopted": adopted}


def has_abandoned(now: datetime) -> bool:
    """Say whether a build has nobody."""
    return DatasetVersion.objects.abandoned(now - SILENT_FOR).exists()


# -- Parts of large versions --------------------------------------------------------------------------------


@register(fan_out.PART)
def write_part(context: JobContext) -> dict[str, Any]:
    """Write the part of a version that the payload names."""
    return fan_out.write_part(context, root())


periodically(ADOPT, every=ADOPT_EVERY, is_due=has_abandoned)

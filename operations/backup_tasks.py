"""Backups by the clock: queued by the sweeper every so many hours, made by a worker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from jobs.registry import JobContext, periodically, register
from operations import backup

if TYPE_CHECKING:
    from datetime import datetime

KIND = "operations.backup"


@register(KIND)
def make_backup(context: JobContext) -> dict[str, Any]:
    """Make the backup that is due, and remove those that are too many."""
    now = timezone.now()
    made = backup.back_up(
        target=backup.home() / backup.file_name(now),
        by=None,
        now=now,
        keep=settings.WOOLGATHER_BACKUP_KEEP,
        progress=context.progress,
    )
    left_out = made.manifest["left_out"]
    return {"path": made.path.name, "bytes": made.bytes, "sha256": made.sha256, "left_out": left_out}


def is_wanted(_now: datetime) -> bool:
    """Say whether this installation makes its backups by itself."""
    hours: int = settings.WOOLGATHER_BACKUP_EVERY_HOURS
    return hours > 0


periodically(KIND, every=timedelta(hours=max(1, settings.WOOLGATHER_BACKUP_EVERY_HOURS)), is_due=is_wanted)

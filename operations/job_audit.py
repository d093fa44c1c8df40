"""What people do with background jobs, in the audit: the floor of the jobs knows no audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.models import AuditEntry

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser

    from jobs.models import Job


def note(*, job: Job, act: str, by: AbstractBaseUser | None, now: datetime, **_kwargs: object) -> None:
    """Write that somebody started a job again or cancelled it; None for a command."""
    AuditEntry.objects.create(
        by_id=by.pk if by else None, verb=f"job.{act}", target=f"{job.kind} {job.pk}", detail={"kind": job.kind}, at=now
    )

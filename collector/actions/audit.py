"""A line of the audit, for floors that keep out of the core's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from collector.models import AuditEntry

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser


@transaction.atomic
def note(*, verb: str, target: str, by: AbstractBaseUser | None, now: datetime) -> None:
    """Write who did what to what; call it in the transaction of what it tells of. None is a command."""
    AuditEntry.objects.create(by_id=by.pk if by else None, verb=verb, target=target, at=now)

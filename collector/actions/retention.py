"""Forgetting what is no longer needed, after the days that the settings say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q

from collector.models import ApiToken, AuditEntry, Draft, Invitation, InvitationLink, Notice, SheetImport, Submission
from jobs.models import Job

if TYPE_CHECKING:
    from django.db.models import QuerySet


def expired(*, now: datetime) -> dict[str, QuerySet[Any]]:
    """Return the rows whose time is over, by what they are; a kind that is kept for ever (0 days) is not named."""
    found: dict[str, QuerySet[Any]] = {"sessions": Session.objects.filter(expire_date__lt=now)}

    def before(kind: str) -> datetime | None:
        days: int = settings.WOOLGATHER_RETENTION_DAYS[kind]
        return now - timedelta(days=days) if days > 0 else None

    if day := before("addresses"):
        found["addresses"] = AuditEntry.objects.filter(at__lt=day).exclude(ip=None)
    if day := before("notices"):
        found["notices"] = Notice.objects.filter(read_at__lt=day)
    if day := before("access"):
        found["invitations"] = Invitation.objects.filter(expires_at__lt=day)
        found["invitation links"] = InvitationLink.objects.filter(expires_at__lt=day)
        found["tokens"] = ApiToken.objects.filter(Q(expires_at__lt=day) | Q(revoked_at__lt=day))
    if day := before("drafts"):
        withdrawn = Submission.Status.WITHDRAWN
        found["drafts"] = Draft.objects.filter(submission__status=withdrawn, submission__updated_at__lt=day)
        found["uploaded sheets"] = SheetImport.objects.filter(created_at__lt=day)
    if day := before("jobs"):
        found["jobs"] = Job.objects.exclude(status__in=Job.ACTIVE).filter(finished_at__lt=day)
    return found


def apply_retention(*, now: datetime, is_dry: bool = False) -> dict[str, int]:
    """Forget what is expired; returns how many rows of each kind. Twice is the same as once.

    Each kind has a transaction of its own: what was done stays done where a later one fails.
    """
    counts: dict[str, int] = {}
    for kind, rows in expired(now=now).items():
        with transaction.atomic():
            counts[kind] = rows.count()
            if is_dry or not counts[kind]:
                continue
            if kind == "addresses":
                rows.forget_addresses()  # type: ignore[attr-defined]  # the audit's own
            else:
                rows.delete()
    gone = {kind: count for kind, count in counts.items() if count}
    if gone and not is_dry:
        AuditEntry.objects.create(by=None, verb="retention.applied", target="retention", detail=gone, at=now)
    return counts


def is_anything_expired(now: datetime) -> bool:
    """Say whether a run would forget anything."""
    return any(rows.exists() for rows in expired(now=now).values())

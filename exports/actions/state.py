"""What happens to a version after its first build: taken up again, withdrawn, downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from collector.errors import Conflict, NotAllowed
from collector.models import AuditEntry, Person, Role
from collector.text import is_blank, validate_text
from exports.actions.freeze import NotALead
from exports.models import DatasetVersion

if TYPE_CHECKING:
    from datetime import datetime

Status = DatasetVersion.Status


class WrongState(Conflict):
    """The version's state forbids this."""

    code = "wrong_state"


def _locked(version: DatasetVersion) -> DatasetVersion:
    return DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset").get(pk=version.pk)


@transaction.atomic
def restart_version(*, version: DatasetVersion, by: Person | None, now: datetime) -> DatasetVersion:
    """Take a failed version up again: the same number, the same frozen records.

    Raises:
        NotALead, WrongState
    """
    if by is not None and not by.has_role(Role.LEAD):
        raise NotALead(_("Only a campaign lead or an admin can build a version."))
    version = _locked(version)
    if version.status != Status.FAILED:
        raise WrongState(_("%(version)s has not failed: it is %(status)s.") % _state(version))
    version.status, version.failure = Status.BUILDING, ""
    version.save(update_fields=["status", "failure"])
    AuditEntry.objects.create(by=by, verb="dataset.restarted", target=str(version), at=now)
    return version


@transaction.atomic
def withdraw_version(*, version: DatasetVersion, reason: str, by: Person, now: datetime) -> DatasetVersion:
    """Stop serving a ready version's files, for a reason that its page shows; its number stays taken.

    Raises:
        NotAllowed: the person is not an admin.
        WrongState: it is not ready.
        ValidationError: no reason given.
    """
    if not by.has_role(Role.ADMIN):
        raise NotAllowed(_("Only an admin can withdraw a version."))
    if is_blank(reason):
        raise ValidationError({"reason": [_("Say why the version is withdrawn; its page will show it.")]})
    validate_text(reason)
    version = _locked(version)
    if version.status != Status.READY:
        raise WrongState(_("%(version)s can't be withdrawn: it is %(status)s.") % _state(version))
    version.status = Status.WITHDRAWN
    version.withdrawn_because, version.withdrawn_by, version.withdrawn_at = reason, by, now
    version.save(update_fields=["status", "withdrawn_because", "withdrawn_by", "withdrawn_at"])
    AuditEntry.objects.create(by=by, verb="dataset.withdrawn", target=str(version), at=now, detail={"reason": reason})
    return version


def record_download(*, version: DatasetVersion, path: str, by: Person, now: datetime) -> None:
    """Note that a person was given a file."""
    AuditEntry.objects.create(
        by=by, verb="dataset.downloaded", target=f"{version} {path}"[:200], at=now, detail={"path": path}
    )


def _state(version: DatasetVersion) -> dict[str, object]:
    return {"version": version, "status": version.get_status_display().lower()}

"""Handing a ready version on: to a directory, an object store or the Hub, with a line in the audit before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from collector.errors import NotAllowed
from collector.models import AuditEntry, Person, Role
from exports import delivery, hub, manifest
from exports.actions.build import CannotRebuild
from exports.actions.state import WrongState
from exports.models import DatasetVersion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exports.actions.build import Clock
    from exports.delivery import Delivered
    from exports.destinations import Destination
    from exports.release import Progress

PROPRIETARY = "LicenseRef-Proprietary"


def _nothing(_done: int, _total: int, _message: str) -> None:
    """Report progress to nobody."""


def require_may_deliver(by: Person | None) -> None:
    """Make sure that this person may hand versions on; None is whoever sits at the server.

    Raises:
        NotAllowed
    """
    if by is not None and not by.has_role(Role.ADMIN):
        raise NotAllowed(_("Only an admin can hand a version on."))


def deliver_version(
    *,
    version: DatasetVersion,
    directory: Path,
    destination: Destination,
    by: Person | None,
    clock: Clock,
    check: bool = False,
    progress: Progress = _nothing,
) -> Delivered:
    """Copy the files of a ready version from ``directory`` to a destination, as ``<destination>/<name>/v<N>/``.

    Raises:
        NotAllowed, WrongState, CannotRebuild: see ``_ready``.
        Refused: as ``delivery.deliver`` does.
    """
    version = _ready(version, directory, by)
    place = destination.place(version.name, version.number)
    delivered = delivery.deliver(
        directory=directory,
        place=place,
        check=check,
        progress=progress,
        announce=_began(version, place.shown, by, clock),
    )
    return _note(version, delivered, by, clock)


def push_version(
    *,
    version: DatasetVersion,
    directory: Path,
    repository: str,
    public: bool,
    by: Person | None,
    clock: Clock,
    progress: Progress = _nothing,
) -> Delivered:
    """Push the files of a ready version to a dataset repository of the Hub, and tag them with its number.

    Raises:
        NotPublic: the version is for the company alone.
        NotAllowed, WrongState, CannotRebuild: see ``_ready``.
        Refused: as ``hub.push`` does.
    """
    version = _ready(version, directory, by)
    may_be_public = version.licence != PROPRIETARY
    if public and not may_be_public:
        raise hub.NotPublic(
            _("%(version)s is for the company alone (%(licence)s): it can't go into a public repository.")
            % {"version": version, "licence": version.licence}
        )
    delivered = hub.push(
        directory=directory,
        repository=repository,
        public=public,
        may_be_public=may_be_public,
        progress=progress,
        announce=_began(version, hub.address(repository, version.label), by, clock),
    )
    return _note(version, delivered, by, clock)


def _ready(version: DatasetVersion, directory: Path, by: Person | None) -> DatasetVersion:
    """Return the version as it is now.

    Raises:
        NotAllowed: the person is not an admin.
        WrongState: it is not ready, or was withdrawn.
        CannotRebuild: the directory holds something else.
    """
    require_may_deliver(by)
    version = DatasetVersion.objects.select_related("dataset").get(pk=version.pk)
    if not version.is_ready:
        raise WrongState(
            _("%(version)s can't be handed on: it is %(status)s.")
            % {"version": version, "status": version.get_status_display().lower()}
        )
    try:
        _found, sha256 = manifest.read(directory)
    except manifest.NotAManifest as error:
        raise CannotRebuild(str(error)) from error
    if sha256 != version.manifest_sha256:
        raise CannotRebuild(
            _("The files in %(path)s are not those that %(version)s was released with.")
            % {"path": directory, "version": version}
        )
    return version


def _began(version: DatasetVersion, to: str, by: Person | None, clock: Clock) -> Callable[[], object]:
    """Return what notes, before the first byte leaves, that it will: a delivery that breaks off is known too."""
    return lambda: AuditEntry.objects.create(
        by=by,
        verb="dataset.delivery_began",
        target=str(version),
        at=clock(),
        detail={"to": to, "sha256": version.manifest_sha256},
    )


def _note(version: DatasetVersion, delivered: Delivered, by: Person | None, clock: Clock) -> Delivered:
    detail = {"to": delivered.to, "sha256": delivered.sha256, "sent": delivered.sent}
    known = AuditEntry.objects.filter(verb="dataset.delivered", target=str(version), detail__to=delivered.to)
    # Nothing was sent and that is known: looking twice is no second delivery.
    if delivered.sent or not known.exists():
        AuditEntry.objects.create(by=by, verb="dataset.delivered", target=str(version), at=clock(), detail=detail)
    return delivered

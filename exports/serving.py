"""Which files of a version may be handed out, and how: looked up in its list, never made of what a client sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from django.utils.translation import gettext as _

from exports import places, store
from exports.manifest import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from exports.models import DatasetVersion


class NotServed(LookupError):
    """There is no such file to hand out; ``str()`` says why."""


def listed(version: DatasetVersion) -> list[dict[str, Any]]:
    """Return the files of a version that may be had: the manifest and what it lists; of a withdrawn one it alone."""
    manifest = {"path": MANIFEST, "sha256": version.manifest_sha256, "bytes": None, "rows": 0}
    if version.is_withdrawn:
        return [manifest]
    return [manifest, *version.files] if version.is_ready else []


def open_file(version: DatasetVersion, path: str, *, root: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        NotServed: the version is not ready, doesn't list the file, or the file is gone from the disk and the store.
    """
    there = listed(version)
    entry = next((entry for entry in there if entry["path"] == path), None)
    if not there or (entry is None and version.is_withdrawn):
        raise NotServed(_("The files of this version are not available."))
    if entry is None:
        raise NotServed(_("This version has no such file."))
    try:
        file: Path = places.version_path(root, version.name, version.number) / entry["path"]
        return file.open("rb")
    except OSError as error:
        try:
            stored = store.open_file(version, entry["path"], entry["bytes"])
        except store.StoreFault as fault:
            raise NotServed(str(fault)) from fault
        if stored is not None:
            return stored
        raise NotServed(
            _("The file is missing on this machine. An admin can write it again: export_dataset --version %(version)s")
            % {"version": version.label}
        ) from error


def download_name(version: DatasetVersion, path: str) -> str:
    """Return the name a download is saved under: it says which version the file is of."""
    return f"{version.name}-{version.label}-{path.replace('/', '-')}"

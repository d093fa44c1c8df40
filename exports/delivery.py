"""Handing a released version on: a copy, byte for byte, that is complete before anybody can see it."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _

from collector.errors import Conflict, Refused
from exports import destinations, manifest, places
from exports.manifest import MANIFEST
from exports.release import sync_directories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exports.destinations import Place
    from exports.release import Progress
    from exports.writers.sink import FileEntry

READ_BACK = 8 << 20
"""Files of at most so many bytes are always read back after they were sent: every paper, and most versions whole."""


class Damaged(Refused):
    """What lies on this machine, or what came to lie there, is not what was released."""

    code = "damaged"


class Taken(Conflict):
    """Something else lies where the version belongs."""

    code = "taken"


class Delivered(NamedTuple):
    """What a delivery did: where the version lies now, its files and bytes, and how many files were sent for that."""

    to: str
    sha256: str
    files: int
    bytes: int
    sent: int


def _nothing(_done: int, _total: int, _message: str) -> None:
    """Report progress to nobody."""


def checked(directory: Path) -> tuple[manifest.Manifest, str]:
    """Return the manifest of a version's directory and its sha256, once every file was read and fits.

    Raises:
        Damaged: a file is not as released.
    """
    report = manifest.verify(directory)
    if report.faults:
        raise Damaged(
            _("%(path)s is not as released, and was not handed on: %(fault)s")
            % {"path": directory, "fault": report.faults[0]}
        )
    return manifest.read(directory)


def deliver(
    *,
    directory: Path,
    place: Place,
    check: bool = False,
    progress: Progress = _nothing,
    announce: Callable[[], object] = lambda: None,
) -> Delivered:
    """Copy a version's directory to a place; done twice, it is done once, and what was interrupted goes on.

    Who finds ``manifest.json`` at the place finds the whole version: on a disk the directory gets its name when it is
    complete, in a store the manifest goes last, after everything else is there and was compared. Sizes are compared
    always, the sha256 of what was sent up to ``READ_BACK`` bytes a file, and of every file with ``check``. What lies
    there without a manifest, left by an interrupted delivery, is read back before it is trusted.

    ``progress`` is called with bytes; ``announce`` before the first of them leaves.

    Raises:
        Damaged: the version is not as released here, or did not arrive so.
        Taken: the place holds another version, or files of none.
        Unreachable: the disk or the store refuses.
    """
    found, sha256 = checked(directory)
    raw = (directory / MANIFEST).read_bytes()
    files = sorted(found["files"], key=lambda entry: entry["path"])
    total = len(raw) + sum(entry["bytes"] for entry in files)
    with place.errors():
        if isinstance(place, destinations.Directory) and not place.path.exists():
            announce()
            if _appear(directory, place, files, _teller(progress, total)):
                return Delivered(place.shown, sha256, len(files) + 1, total, len(files) + 1)
        there = place.read(MANIFEST)
        _require_free(place, files, there, raw)
        missing = _missing(place, files, vouched=there is not None, check=check)
        entries = missing if there is not None else [*missing, _entry_of(raw)]
        if entries:
            announce()
            tell = _teller(progress, sum(entry["bytes"] for entry in entries))
            for entry in missing:
                place.put(directory / entry["path"], entry["path"], tell)
                tell(0)  # from this thread: a store's library may have told from one of its own
            _require_arrived(place, files, missing, check=check)
            if there is None:
                place.put(directory / MANIFEST, MANIFEST, tell)
            if place.read(MANIFEST) != raw:
                raise Damaged(_not_arrived(place, MANIFEST))
    return Delivered(place.shown, sha256, len(files) + 1, total, len(entries))


def _entry_of(raw: bytes) -> FileEntry:
    return {"path": MANIFEST, "sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw), "rows": 0}


def _teller(progress: Progress, total: int) -> Callable[[int], None]:
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total, _("Delivering"))

    progress(0, total, _("Delivering"))
    return tell


def _appear(
    directory: Path, place: destinations.Directory, files: list[FileEntry], tell: Callable[[int], None]
) -> bool:
    """Copy into a hidden directory, check it, and give it its name; False if somebody else was faster."""
    places.sweep(place.root, place.name)
    with places.temporary(place.root, place.name, place.number) as temp:
        for path in [*(entry["path"] for entry in files), MANIFEST]:
            destinations.copy(directory / path, temp, path, tell)
        report = manifest.verify(temp)
        if report.faults:
            raise Damaged(_not_arrived(place, report.faults[0]))
        sync_directories(temp)
        with contextlib.suppress(places.AlreadyThere):
            places.appear(temp, place.path)
            return True
    return False


def _require_free(place: Place, files: list[FileEntry], there: bytes | None, raw: bytes) -> None:
    if there is not None and there != raw:
        raise Taken(
            _(
                "%(place)s already holds another version under this number. A version never changes: choose another "
                "place, or move that one away."
            )
            % {"place": place.shown}
        )
    foreign = sorted(set(place.sizes()) - {entry["path"] for entry in files} - {MANIFEST})
    if foreign:
        raise Taken(
            _("%(place)s holds files that are not of this version, such as %(path)s. Move them away, then try again.")
            % {"place": place.shown, "path": foreign[0]}
        )


def _missing(place: Place, files: list[FileEntry], *, vouched: bool, check: bool) -> list[FileEntry]:
    """Return what has to be sent; a manifest that is there vouches for files of the right size."""
    sizes = place.sizes()
    return [
        entry
        for entry in files
        if sizes.get(entry["path"]) != entry["bytes"]
        or ((check or not vouched) and place.sha256(entry["path"]) != entry["sha256"])
    ]


def _require_arrived(place: Place, files: list[FileEntry], sent: list[FileEntry], *, check: bool) -> None:
    sizes = place.sizes()
    for entry in files:
        if sizes.get(entry["path"]) != entry["bytes"]:
            raise Damaged(_not_arrived(place, entry["path"]))
    for entry in sent:
        if (check or entry["bytes"] <= READ_BACK) and place.sha256(entry["path"]) != entry["sha256"]:
            raise Damaged(_not_arrived(place, entry["path"]))


def _not_arrived(place: Place, what: str) -> str:
    return _("What arrived at %(place)s is not what was sent (%(what)s). Try again.") % {
        "place": place.shown,
        "what": what.rstrip("."),
    }

"""Where released versions are kept for every host: a bucket that the worker fills and web reads from.

Without ``WOOLGATHER_DATASETS_STORE`` versions lie on this machine's disk alone. With it, a version is ready when it
lies there, whole: any host can then hand it out, and what lies on a disk is a copy that may go.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

from django.conf import settings
from django.core.checks import Error, register
from django.utils.translation import gettext as _

from collector.errors import Refused
from exports import delivery, destinations
from exports.destinations import Destination, Stored
from exports.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exports.models import DatasetVersion
    from exports.release import Progress

logger = logging.getLogger(__name__)
REMEMBERED = 64


class StoreFault(Exception):
    """The store can't hand the file out now, or what it has is not what was released; ``str()`` says which."""


def configured() -> Destination | None:
    """Return the store of this installation, or None where versions lie on the disk alone.

    Raises:
        BadDestination: the setting names no bucket.
    """
    text: str = settings.WOOLGATHER_DATASETS_STORE
    if not text:
        return None
    found = destinations.parse(text)
    if found.protocol == "file":
        raise destinations.BadDestination(
            "WOOLGATHER_DATASETS_STORE needs s3://BUCKET/PREFIX or gs://BUCKET/PREFIX; a directory that several hosts "
            "share is named with WOOLGATHER_VAR instead."
        )
    return found


@register()
def check_store(**_named: object) -> list[Error]:
    """Say at the start what a download would else say to whoever comes first."""
    try:
        if found := configured():
            found.require()
    except (destinations.BadDestination, Refused) as error:
        return [Error(str(error), id="exports.E001")]
    return []


def place(version: DatasetVersion) -> Stored | None:
    """Return where a version lies in the store, or will; None where there is no store."""
    if not settings.WOOLGATHER_DATASETS_STORE:
        return None
    # A connection that another process made is of no use to this one.
    return _place(settings.WOOLGATHER_DATASETS_STORE, version.name, version.number, os.getpid())


@lru_cache(maxsize=REMEMBERED)
def _place(_store: str, name: str, number: int, _process: int) -> Stored:
    found = configured()
    assert found is not None  # noqa: S101 - the setting is not empty
    made = found.place(name, number)
    assert isinstance(made, Stored)  # noqa: S101 - no directory, see configured()
    return made


def keep(version: DatasetVersion, directory: Path, progress: Progress) -> None:
    """Copy a version to the store, its manifest last; what was interrupted goes on, what is there is left.

    Raises:
        Refused: as ``delivery.deliver`` does.
    """
    there = place(version)
    if there is None:
        return
    own = threading.get_ident()

    def tell(done: int, total: int, message: str) -> None:
        # The library tells from the thread of its event loop, where no database may be asked.
        if threading.get_ident() == own:
            progress(done, total, message)

    delivery.deliver(directory=directory, place=there, progress=tell)


def open_file(version: DatasetVersion, path: str, size: int | None) -> BinaryIO | None:
    """Open a file of a version in the store; None where there is no store.

    Raises:
        StoreFault: it is not there, is not of the size that was released, or the store does not answer.
    """
    there = place(version)
    if there is None:
        return None
    with _faults(version):
        file = there.open(path)
        if size is not None and file.seek(0, 2) != size:
            file.close()
            raise StoreFault(_("The file in the store is not the one that was released. Tell an admin."))
        file.seek(0)
        return file


@contextmanager
def _faults(version: DatasetVersion) -> Iterator[None]:
    there = place(version)
    assert there is not None  # noqa: S101 - asked before
    try:
        with there.errors():
            try:
                yield
            except FileNotFoundError as error:
                raise StoreFault(_("The file is missing in the store. Tell an admin.")) from error
    except Refused as error:
        logger.warning("%s: %s", version, error)
        raise StoreFault(_("The store of the files does not answer. Try again in a minute.")) from error


def sweep(version: DatasetVersion) -> int:
    """Remove what a build that failed left of a version in the store: files without a manifest; returns how many.

    Never raises for a store that is away: whoever builds the version again goes on with what is there.
    """
    there = place(version)
    if there is None:
        return 0
    try:
        with there.errors():
            if there.read(MANIFEST) is not None:
                return 0
            return there.remove()
    except Refused as error:
        logger.warning("%s could not be tidied up in the store: %s", version, error)
        return 0


def fetch(version_name: str, number: int, directory: Path, *, only: str = "") -> int:
    """Copy what the store has of a version into an empty directory; returns how many files that were.

    Args:
        only: the one file that is wanted; all by default.

    Raises:
        Refused: the store does not answer.
    """
    found = configured()
    assert found is not None  # noqa: S101 - asked before
    there = found.place(version_name, number)
    with there.errors():
        wanted = [path for path in sorted(there.sizes()) if only in {"", path}]
        for path in wanted:
            there.get(path, directory / path)
    return len(wanted)

"""Where versions lie on the disk, and how a directory appears there: hidden, locked, then by one rename."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from exports import naming
from exports.release import sync_directory

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

TEMP = ".tmp-"
PARTS = ".parts-"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class AlreadyThere(Exception):
    """The directory of this version exists."""


def version_path(root: Path, name: str, number: int) -> Path:
    """Return ``<root>/<name>/v<N>``; the name is checked once more, here where a path is made of it."""
    return root / naming.valid_name(name) / f"v{int(number)}"


def highest_number(root: Path, name: str) -> int:
    """Return the highest version number that lies under ``root``, whoever put it there; 0 for none."""
    home = root / naming.valid_name(name)
    try:
        names = [entry.name for entry in home.iterdir()]
    except OSError:
        return 0
    return max((int(match[1]) for entry in names if (match := naming.VERSION.fullmatch(entry))), default=0)


@contextmanager
def temporary(root: Path, name: str, number: int) -> Iterator[Path]:
    """Make a hidden directory beside the versions, locked while its writer lives, and remove it afterwards.

    The lock is the kernel's: it goes with the process, so what a killed writer leaves can be told from what a
    living one is filling.
    """
    home = root / naming.valid_name(name)
    home.mkdir(parents=True, exist_ok=True)
    while True:
        path = home / f"{TEMP}v{int(number)}-{secrets.token_hex(6)}"
        path.mkdir(mode=0o755)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink > 0 and path.exists():
                break
        except OSError:
            os.close(descriptor)
            raise
        # A sweeper took the new directory for debris between its making and its locking.
        os.close(descriptor)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def sweep(root: Path, name: str) -> int:
    """Remove the hidden directories of one dataset whose writers are gone; returns how many."""
    home = root / naming.valid_name(name)
    swept = 0
    for path in home.glob(f"{TEMP}*") if home.is_dir() else ():
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # its writer lives
        else:
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
        finally:
            os.close(descriptor)
    return swept


def sweep_parts(root: Path, name: str, *, keep: Container[str]) -> int:
    """Remove the parts of the versions (``v3``) that are not to be kept; returns of how many."""
    home = root / naming.valid_name(name)
    swept = 0
    for path in home.glob(f"{PARTS}*") if home.is_dir() else ():
        if path.name.removeprefix(PARTS).partition("-")[0] not in keep:
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    return swept


def appear(temp: Path, final: Path) -> None:
    """Give a finished directory its name, in one step, and make the name durable.

    Raises:
        AlreadyThere: another writer was faster, or something else has the name.
        OSError: the disk refuses.
    """
    try:
        temp.rename(final)
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
            raise AlreadyThere(str(final)) from error
        raise
    sync_directory(final.parent)


def disk_message(error: OSError, root: Path) -> str:
    """Say what a failed write means and what to do."""
    if error.errno in FULL:
        return (
            f"The disk that holds {root} is full: the version was not written and nothing was left behind. "
            "Free some space, then try again."
        )
    return f"The files could not be written under {root} ({error.strerror or error}). Mend that, then try again."

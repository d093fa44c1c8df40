"""Where a version can be delivered: a directory, or a place in an object store, by what was typed after ``--to``."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import logging
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext as _

from collector.errors import Refused
from exports import places
from exports.release import sync_directory
from exports.writers.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator

Tell = Callable[[int], None]
"""Called with the number of bytes that have gone out since the last call."""

UNAUTHORIZED = 401
CHUNK = 1 << 20
READ = 4 << 20
"""Bytes that one reader of an object holds in memory."""
PART = 16 << 20
"""Bytes of one part of a large upload. Two parts are under way at a time, so that memory holds some 32 MiB."""


class BadDestination(ValueError):
    """What was typed names no place that can be used; ``str()`` says what can. Never quotes credentials."""


class MissingLibrary(Refused):
    """The library that speaks to this store is not installed."""

    code = "missing_library"


class Unreachable(Refused):
    """The place answered with a refusal, or not at all."""

    code = "unreachable"


class Place(Protocol):
    """Where one version lies, or will: files by their paths below it."""

    shown: str
    """As people, the log and the audit read it; it never holds credentials."""

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every file that is there, by path."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a small file, or None where there is none."""

    def sha256(self, path: str) -> str:
        """Read a whole file back, in pieces, and return its sha256."""

    def put(self, source: Path, path: str, tell: Tell) -> None:
        """Write one file; it is there whole or not at all."""

    def get(self, path: str, target: Path) -> None:
        """Copy a file from there to here."""

    def errors(self) -> contextlib.AbstractContextManager[None]:
        """Turn what the disk or the store answers into ``Unreachable``, which says what to do."""


class Directory:
    """A version's directory on a disk."""

    def __init__(self, root: Path, name: str, number: int) -> None:
        self.root, self.name, self.number = root, name, number
        self.path = places.version_path(root, name, number)
        self.shown = str(self.path)

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every file; one that is no plain file counts as −1, so that it fits nothing."""
        return {
            path.relative_to(self.path).as_posix(): -1 if path.is_symlink() else path.stat().st_size
            for path in self.path.rglob("*")
            if path.is_symlink() or not path.is_dir()
        }

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or None."""
        try:
            return (self.path / path).read_bytes()
        except FileNotFoundError:
            return None

    def sha256(self, path: str) -> str:
        """Return the sha256 of a file."""
        with (self.path / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def put(self, source: Path, path: str, tell: Tell) -> None:
        """Copy one file, hidden and synced, then give it its name."""
        with places.temporary(self.root, self.name, self.number) as temp:
            copy(source, temp, path, tell)
            final = self.path / path
            final.parent.mkdir(parents=True, exist_ok=True)
            (temp / path).replace(final)
            sync_directory(final.parent)

    def get(self, path: str, target: Path) -> None:
        """Copy a file."""
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path / path, target)

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Say what a disk's refusal means."""
        try:
            yield
        except OSError as error:
            raise Unreachable(places.disk_message(error, self.root)) from error


def copy(source: Path, directory: Path, path: str, tell: Tell) -> None:
    """Copy a file below a directory, in pieces, and make it durable."""
    with source.open("rb") as file, Sink(directory, path) as sink:
        while chunk := file.read(CHUNK):
            tell(sink.write(chunk))


@dataclass(frozen=True)
class Store:
    """A kind of object store: its module and package, how to sign in, and how it is told to use little memory."""

    module: str
    sign_in: str
    options: dict[str, Any]


S3 = Store(
    "s3fs",
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)",
    {"chunksize": PART, "max_concurrency": 2},
)
GCS = Store("gcsfs", "GOOGLE_APPLICATION_CREDENTIALS", {"chunksize": PART})
STORES = {"s3": S3, "gs": GCS, "gcs": GCS}


class Stored:
    """A version's place in an object store. There are no directories: a path is the end of an object's name."""

    def __init__(self, *, fs: Any, base: str, shown: str, store: Store) -> None:
        self._fs, self._base, self._store = fs, base, store
        self.shown = shown

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every object below the place, asked anew."""
        self._fs.invalidate_cache()
        # Some stores answer with a leading slash that the name given to them lacked.
        base = self._base.lstrip("/") + "/"
        found = self._fs.find(self._base, detail=True)
        return {
            name.lstrip("/").removeprefix(base): entry["size"]
            for name, entry in found.items()
            if entry["type"] == "file"
        }

    def read(self, path: str) -> bytes | None:
        """Return the bytes of an object, or None."""
        try:
            data: bytes = self._fs.cat_file(f"{self._base}/{path}")
        except FileNotFoundError:
            return None
        return data

    def sha256(self, path: str) -> str:
        """Return the sha256 of an object's bytes as they come back."""
        digest = hashlib.sha256()
        with self._fs.open(f"{self._base}/{path}", "rb", block_size=PART, cache_type="readahead") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def put(self, source: Path, path: str, tell: Tell) -> None:
        """Upload one file; the store shows it when its last byte is there."""
        from fsspec.callbacks import Callback

        class Telling(Callback):
            told = 0

            def call(self, *_args: object, **_named: object) -> None:
                """Pass on what came since the last call; some libraries count on, others count anew."""
                if self.value > self.told:
                    tell(self.value - self.told)
                    self.told = self.value

        self._fs.put_file(str(source), f"{self._base}/{path}", callback=Telling(), **self._store.options)

    def get(self, path: str, target: Path) -> None:
        """Copy an object into a file, in pieces."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.open(path) as file, target.open("xb") as out:
            shutil.copyfileobj(file, out, CHUNK)

    def open(self, path: str) -> BinaryIO:
        """Open an object for reading from anywhere in it; it comes in pieces as it is read."""
        file: BinaryIO = self._fs.open(f"{self._base}/{path}", "rb", block_size=READ, cache_type="readahead")
        return file

    def remove(self) -> int:
        """Remove everything below the place; returns how many objects that were."""
        names = self._fs.find(self._base)
        if names:
            self._fs.rm(names)
        return len(names)

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Say what a store's refusal means; the libraries' own words are cut to one line."""
        try:
            yield
        except FileNotFoundError as error:
            raise Unreachable(
                _("There is no bucket for %(place)s. Make it, or mend --to, then try again.") % {"place": self.shown}
            ) from error
        except _not_signed_in(self._store) as error:
            raise Unreachable(
                _("No credentials for %(place)s (%(reason)s). Set %(variables)s, then try again.") % self._said(error)
            ) from error
        except _failures(self._store) as error:
            if _is_refusal(error):
                raise Unreachable(
                    _("%(place)s refuses (%(reason)s). Set %(variables)s to what may list, read and write there.")
                    % self._said(error)
                ) from error
            raise Unreachable(
                _("%(place)s did not take the version (%(reason)s). It is not visible there; try again.")
                % self._said(error)
            ) from error

    def _said(self, error: Exception) -> dict[str, str]:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        return {"place": self.shown, "reason": reason[:200], "variables": self._store.sign_in}


def _not_signed_in(store: Store) -> tuple[type[Exception], ...]:
    if store is S3:
        from botocore import exceptions

        return exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound
    from google.auth.exceptions import GoogleAuthError

    return (GoogleAuthError,)


def _is_refusal(error: Exception) -> bool:
    # s3fs translates the answer; gcsfs makes a 403 an OSError and keeps the code of a 401.
    return isinstance(error, PermissionError) or getattr(error, "code", 0) == UNAUTHORIZED or "Forbidden" in str(error)


def _failures(store: Store) -> tuple[type[Exception], ...]:
    from aiohttp import ClientError

    if store is S3:
        from botocore import exceptions

        return OSError, ClientError, exceptions.BotoCoreError, exceptions.ClientError
    from gcsfs.retry import HttpError

    return OSError, ClientError, HttpError, ValueError


@dataclass(frozen=True)
class Destination:
    """What ``--to`` names: a directory, or a bucket with a prefix; versions lie below it."""

    path: str
    protocol: str = "file"

    @property
    def shown(self) -> str:
        """The destination as it may be read by anybody."""
        return self.path if self.protocol == "file" else f"{self.protocol}://{self.path}"

    def require(self) -> None:
        """Make sure that the library is there before anything is begun.

        Raises:
            MissingLibrary
        """
        store = STORES.get(self.protocol)
        if store is None or importlib.util.find_spec(store.module):
            return
        raise MissingLibrary(
            _("%(protocol)s:// needs %(package)s: run “make deliver-deps”, or pip install %(package)s.")
            % {"protocol": self.protocol, "package": store.module}
        )

    def place(self, name: str, number: int) -> Place:
        """Return where a version lies below this destination.

        Raises:
            MissingLibrary
        """
        if self.protocol == "file":
            return Directory(Path(self.path), name, number)
        self.require()
        import fsspec

        store = STORES[self.protocol]
        # Where they found their credentials is nothing for the terminal.
        for logger in ("botocore", "aiobotocore"):
            logging.getLogger(logger).setLevel(logging.WARNING)
        # Else gcsfs asks over gRPC what kind of bucket it is, which needs a right that nothing else here needs.
        os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        # What a listing said a minute ago may be wrong by now.
        fs = fsspec.filesystem(self.protocol, skip_instance_cache=True, use_listings_cache=False)
        # The path is checked as that of a directory is, although there are none.
        below = places.version_path(Path("/"), name, number).as_posix()
        return Stored(fs=fs, base=self.path + below, shown=self.shown + below, store=store)


LOCATION = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*(?:::[A-Za-z0-9+.:-]*)?):(.*)", re.DOTALL)
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,220}[A-Za-z0-9]")
# What a store or its library would take for something else than a part of a name: versions, wildcards, queries.
UNFIT = re.compile(r"[\x00-\x20\x7f\\?#*\[\]{}]")


def parse(text: str) -> Destination:
    """Read what was typed after ``--to``.

    Raises:
        BadDestination: it is neither a directory nor a bucket in a store that can be used.
    """
    if not text or "\0" in text:
        raise BadDestination(_("--to needs a directory, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX."))
    match = LOCATION.fullmatch(text)
    if match is None:
        return Destination(str(Path(text).resolve()))
    protocol, rest = match[1].lower(), match[2]
    if protocol == "file":
        return _directory(text)
    if protocol not in STORES:
        raise BadDestination(
            _("--to can't write to %(protocol)s. It can to a directory, s3://BUCKET/PREFIX and gs://BUCKET/PREFIX.")
            % {"protocol": f"{protocol}:"}
        )
    if "@" in rest:
        raise BadDestination(
            _("Leave credentials out of the address: it would be kept in logs. Set %(variables)s instead.")
            % {"variables": STORES[protocol].sign_in}
        )
    parts = rest.removeprefix("//").removesuffix("/").split("/")
    if (
        not rest.startswith("//")
        or not BUCKET.fullmatch(parts[0])
        or any(part in {"", ".", ".."} or UNFIT.search(part) for part in parts)
    ):
        raise BadDestination(
            _("That is no place in a bucket: write %(protocol)s://BUCKET or %(protocol)s://BUCKET/PREFIX.")
            % {"protocol": protocol}
        )
    return Destination("/".join(parts), protocol)


def _directory(text: str) -> Destination:
    url = urlsplit(text)
    path = unquote(url.path)
    if url.netloc not in {"", "localhost"} or url.query or url.fragment or not path.startswith("/") or "\0" in path:
        raise BadDestination(_("A directory is written as file:///path/to/it, or as its path alone."))
    return Destination(str(Path(path).resolve()))

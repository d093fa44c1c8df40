"""``manifest.json``: what a version is and what its files are; and the check of a directory against it."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from exports import naming
from exports.schema import arrow_schema, described

if TYPE_CHECKING:
    from exports.writers.sink import FileEntry

MANIFEST = "manifest.json"


class Manifest(TypedDict):
    """The keys of a manifest."""

    name: str
    version: str
    filter: dict[str, Any]
    counts: dict[str, Any]
    schema: list[dict[str, object]]
    licence: str
    parent: str | None
    splits: dict[str, int]
    split_rule: str
    notes: list[str]
    left_out: NotRequired[dict[str, int]]
    semantic_version: NotRequired[str]
    frozen_at: str
    content_sha256: str
    files: list[FileEntry]


# Older manifests have none of it. Said here, because annotations that are texts hide it from the class.
LATER = {"left_out", "semantic_version"}


class NotAManifest(ValueError):
    """There is no manifest, or it can't be read as one; ``str()`` says why."""


@dataclass
class Report:
    """What a check found; no faults means that every byte is as released."""

    path: Path
    files: int = 0
    rows: int = 0
    sha256: str = ""
    version: str = ""
    name: str = ""
    faults: list[str] = field(default_factory=list)


def to_bytes(manifest: Manifest) -> bytes:
    """Return the manifest's bytes: indented JSON, keys in the order above, files by path."""
    ordered = {**manifest, "files": sorted(manifest["files"], key=lambda entry: entry["path"])}
    return (json.dumps(ordered, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def read(directory: Path) -> tuple[Manifest, str]:
    """Return the manifest of a version's directory and the sha256 of its bytes.

    Raises:
        NotAManifest: it is missing, or not what this module writes.
    """
    path = directory / MANIFEST
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise NotAManifest(f"{path} can't be read ({error.strerror or error}).") from error
    try:
        manifest = json.loads(raw)
        missing = sorted(set(Manifest.__annotations__) - LATER - set(manifest))
        if missing:
            raise NotAManifest(f"{path} lacks {', '.join(missing)}.")
        for entry in manifest["files"]:
            _plain_path(entry["path"])
            if not (
                isinstance(entry["bytes"], int) and isinstance(entry["rows"], int) and isinstance(entry["sha256"], str)
            ):
                raise NotAManifest(f"{path}: the entry of {entry['path']} is not complete.")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise (
            error if isinstance(error, NotAManifest) else NotAManifest(f"{path} is not a manifest ({error}).")
        ) from error
    return manifest, hashlib.sha256(raw).hexdigest()


def _plain_path(text: str) -> None:
    parts = PurePosixPath(text).parts
    if not parts or text.startswith("/") or "\\" in text or "\0" in text or any(part in {"..", "."} for part in parts):
        raise NotAManifest(f"the manifest names {text!r}, which is no path inside the version.")


def verify(directory: Path) -> Report:
    """Read every file of a version again and compare it with the manifest: presence, size, sha256, rows, columns.

    Files that the manifest doesn't list are faults too. Nothing is written.
    """
    report = Report(path=directory)
    try:
        manifest, report.sha256 = read(directory)
    except NotAManifest as error:
        report.faults.append(str(error))
        return report
    report.version, report.name = manifest["version"], manifest["name"]
    if not naming.VERSION.fullmatch(report.version):
        report.faults.append(f"{MANIFEST}: {report.version!r} is no version.")
    listed = {entry["path"]: entry for entry in manifest["files"]}
    there = {
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    report.faults += [
        f"{path}: is there, but the manifest doesn't list it." for path in sorted(there - set(listed) - {MANIFEST})
    ]
    ordered = sorted(listed.items())
    # Hashing and reading leave Python's lock: two files at once.
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="verify") as readers:
        found = list(readers.map(lambda item: _file_fault(directory, item[1]), ordered))
    for (path, entry), fault in zip(ordered, found, strict=True):
        report.files += 1
        if fault:
            report.faults.append(f"{path}: {fault}")
        elif path.startswith("data/"):
            report.rows += entry["rows"]
    if not report.faults:
        report.faults += _count_faults(manifest)
    return report


def _file_fault(directory: Path, entry: FileEntry) -> str:  # noqa: PLR0911 - one a fault
    path = directory / entry["path"]
    try:
        if path.is_symlink() or not path.is_file():
            return "is missing." if not path.exists() else "is not a plain file."
        size = path.stat().st_size
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"can't be read ({error.strerror or error})."
    if size != entry["bytes"]:
        return f"has {size:,} bytes, the manifest says {entry['bytes']:,}."
    if actual != entry["sha256"]:
        return f"was changed: its sha256 is {actual[:16]}…, the manifest says {entry['sha256'][:16]}…."
    if entry["path"].endswith(".parquet"):
        return _parquet_fault(path, entry["rows"], is_record=entry["path"].startswith("data/"))
    if entry["path"].endswith(".jsonl"):
        return _lines_fault(path, entry["rows"])
    return ""


def _parquet_fault(path: Path, rows: int, *, is_record: bool) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as parquet:
            if is_record and not parquet.schema_arrow.equals(arrow_schema(), check_metadata=False):
                return "its columns are not those of a record."
            if parquet.metadata.num_rows != rows:
                return f"holds {parquet.metadata.num_rows:,} rows, the manifest says {rows:,}."
    except pa.ArrowException as error:
        return f"can't be read as Parquet ({error})."
    return ""


def _lines_fault(path: Path, rows: int) -> str:
    with path.open("rb") as file:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    return "" if lines == rows else f"holds {lines:,} lines, the manifest says {rows:,}."


def _count_faults(manifest: Manifest) -> list[str]:
    """Say where the manifest contradicts itself: its splits, its files, its schema."""
    faults = []
    if manifest["schema"] != described():
        faults.append(f"{MANIFEST}: its schema is not that of a record.")
    for kind in ("data", "jsonl"):
        rows: dict[str, int] = {}
        for entry in manifest["files"]:
            folder, _, name = entry["path"].partition("/")
            if folder == kind:
                split = name.split("-")[0].removesuffix(".jsonl")
                rows[split] = rows.get(split, 0) + entry["rows"]
        if rows != manifest["splits"]:
            faults.append(f"{MANIFEST}: the files in {kind}/ hold {rows}, its splits say {manifest['splits']}.")
    return faults

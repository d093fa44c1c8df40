"""Find, verify and read a dataset version on disk: ``<root>/<name>/v<N>/`` with its ``manifest.json``."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from .errors import TrainingError
from .plan import stable_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = re.compile(r"v([1-9][0-9]*)")
COLUMNS = ("id", "instruction", "context", "response", "category", "licence")
HELD_OUT_SPLITS = ("test", "validation")
HELD_OUT_PERCENT = 10


class DatasetMissingError(TrainingError):
    """There is no such version; the message lists those there are."""


class DatasetDamagedError(TrainingError):
    """A file is missing or is not the one its manifest describes."""


class DatasetEmptyError(TrainingError):
    """Nothing to train on."""


@dataclass(frozen=True)
class Row:
    """The columns of a record that training needs, as they were written."""

    id: str
    instruction: str
    context: str
    response: str
    category: str
    licence: str


@dataclass(frozen=True)
class Dataset:
    """A complete dataset version: where it is and what its manifest promises."""

    path: Path
    name: str
    version: str
    manifest: dict[str, Any]
    sha256: str
    """sha256 of manifest.json, which in turn holds the hash of every file."""

    @property
    def files(self) -> list[dict[str, Any]]:
        """The manifest's list of ``{path, sha256, bytes, rows}``."""
        return list(self.manifest["files"])

    def split_files(self, split: str) -> list[Path]:
        """Return the Parquet files of one split, in order; empty when the version has no such split."""
        pattern = re.compile(rf"data/{re.escape(split)}-[0-9]{{5}}-of-[0-9]{{5}}\.parquet")
        return [self.path / file["path"] for file in self.files if pattern.fullmatch(file["path"])]


@dataclass(frozen=True)
class HeldOut:
    """Rows kept away from training, and how they were chosen."""

    rows: list[Row]
    how: str


def versions(root: Path) -> dict[str, list[str]]:
    """Return the complete versions under ``root``, oldest first, by dataset name."""
    found: dict[str, list[str]] = {}
    if not root.is_dir():
        return found
    for home in sorted(root.iterdir()):
        if home.name.startswith(".") or not home.is_dir():
            continue
        names = [
            entry.name
            for entry in home.iterdir()
            if VERSION.fullmatch(entry.name) and (entry / "manifest.json").is_file()
        ]
        if names:
            found[home.name] = sorted(names, key=lambda name: int(name[1:]))
    return found


def find_dataset(wanted: str | None, *, root: Path, default_name: str) -> Dataset:
    """Return the version ``wanted`` names: none (the latest), ``v2``, ``name/v2``, ``name``, a directory.

    Raises DatasetMissingError when there is none, listing the versions that exist.
    """
    if wanted and (Path(wanted) / "manifest.json").is_file():
        return open_dataset(Path(wanted))
    known = versions(root)
    listing = ", ".join(f"{name}/{version}" for name, all_ in known.items() for version in all_)
    if not known:
        asked = f"there is no {wanted}, nor any other version, " if wanted else "there is no dataset version yet "
        raise DatasetMissingError(f"Nothing to train on: {asked}under {root}. Make one with export_dataset.")
    name, _, version = (wanted or "").rpartition("/")
    if version in known and not name:  # only a dataset's name was given: its latest version
        name, version = version, ""
    if not name:
        name = default_name if default_name in known or len(known) > 1 else next(iter(known))
    if not version and name in known:
        version = known[name][-1]
    if version not in known.get(name, []):
        asked = wanted or f"version of {name}"
        raise DatasetMissingError(
            f"There is no dataset {asked} under {root}. There are: {listing}. Choose with --dataset."
        )
    return open_dataset(root / name / version)


def open_dataset(path: Path) -> Dataset:
    """Read the manifest of the version at ``path``. Raises DatasetDamagedError when it makes no sense."""
    path = path.resolve()
    file = path / "manifest.json"
    try:
        raw = file.read_bytes()
        manifest = json.loads(raw)
        listed = manifest["files"]
        whole = isinstance(listed, list) and all(
            isinstance(entry["path"], str) and isinstance(entry["sha256"], str) for entry in listed
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetDamagedError(f"{file} cannot be read as a manifest ({error}). Build the version again.") from error
    if not whole:
        raise DatasetDamagedError(f"{file} does not list its files as it should. Build the version again.")
    version = str(manifest.get("version") or path.name)
    return Dataset(
        path=path,
        name=str(manifest.get("name") or path.parent.name),
        version=version if version.startswith("v") else f"v{version}",
        manifest=manifest,
        sha256=hashlib.sha256(raw).hexdigest(),
    )


def verify(dataset: Dataset) -> None:
    """Compare every file with its sha256 in the manifest.

    Raises DatasetDamagedError naming the first that differs.
    """
    for entry in dataset.files:
        relative = PurePosixPath(entry["path"])
        if relative.is_absolute() or ".." in relative.parts:
            raise DatasetDamagedError(f"The manifest of {dataset.path} names {entry['path']}, outside its directory.")
        file = dataset.path / relative
        try:
            with file.open("rb") as stream:
                actual = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise DatasetDamagedError(
                f"{file} is in the manifest but cannot be read ({error.strerror}). "
                f"Build it again: export_dataset --version {dataset.version}."
            ) from error
        if actual != entry["sha256"]:
            raise DatasetDamagedError(
                f"{file} is not the file of the manifest: its sha256 is {actual[:12]}…, expected "
                f"{entry['sha256'][:12]}…. Build it again: export_dataset --version {dataset.version}."
            )


def read_split(dataset: Dataset, split: str) -> list[Row]:
    """Return the rows of a split in file order. Call :func:`verify` first: this trusts the files."""
    from pyarrow import parquet  # a command that only asks for help need not load it

    rows: list[Row] = []
    for file in dataset.split_files(split):
        columns = parquet.read_table(file, columns=list(COLUMNS)).to_pydict()
        rows.extend(Row(*values) for values in zip(*(columns[name] for name in COLUMNS), strict=True))
    return rows


def training_and_held_out(dataset: Dataset) -> tuple[list[Row], HeldOut]:
    """Return the rows to train on and those to measure with, which never overlap.

    The version's own ``test`` split is used, else its ``validation`` split; where it has neither, one row in
    ten is kept back by a hash of its question, so that two rows with the same question stay on the same side.
    """
    train = read_split(dataset, "train")
    for split in HELD_OUT_SPLITS:
        rows = read_split(dataset, split)
        if rows:
            if not train:
                raise DatasetEmptyError(
                    f"{dataset.path} has no rows in its train split. Approve more pairs and export again."
                )
            return train, HeldOut(rows=by_hash(rows), how=f"the {split} split of the version")
    if len(train) <= 1:
        raise DatasetEmptyError(
            f"{dataset.path} has {len(train)} rows; at least two are needed. Approve more and export again."
        )
    groups = sorted({_question(row) for row in train}, key=stable_rank)
    kept_back = set(groups[: max(1, len(groups) * HELD_OUT_PERCENT // 100)]) if len(groups) > 1 else set()
    held_out = [row for row in train if _question(row) in kept_back]
    rest = [row for row in train if _question(row) not in kept_back]
    if not held_out or not rest:
        raise DatasetEmptyError(
            f"All rows of {dataset.path} ask the same question, so none can be held out. Collect more."
        )
    how = f"{len(held_out)} of its {len(train)} rows, kept back by a hash (the version has no test split)"
    return rest, HeldOut(rows=by_hash(held_out), how=how)


def share_of(rows: list[Row], *, most: int = 0, only: Sequence[str] = (), without: Sequence[str] = ()) -> list[Row]:
    """Return ``most`` of the rows (0: all), each category in proportion, in the order they had.

    A smaller share is part of every larger one. ``only`` and ``without`` name categories. Raises DatasetEmptyError
    for a category that no row has, or when no row is left.
    """
    known = {row.category for row in rows}
    if unknown := [name for name in (*only, *without) if name not in known]:
        raise DatasetEmptyError(f"No row has the category {unknown[0]}. There are: {', '.join(sorted(known))}.")
    chosen = [row for row in rows if (not only or row.category in only) and row.category not in without]
    if not chosen:
        raise DatasetEmptyError("No row is left to train on: --only and --without leave out every category.")
    if not most or most >= len(chosen):
        return chosen
    by_category: dict[str, list[Row]] = {}
    for row in by_hash(chosen):
        by_category.setdefault(row.category, []).append(row)
    # Where a row stands within its category, as a share of it: a prefix of this order takes of each alike.
    places = {
        row.id: ((place + 0.5) / len(group), stable_rank(row.id))
        for group in by_category.values()
        for place, row in enumerate(group)
    }
    kept = set(sorted(places, key=lambda row_id: (places[row_id], row_id))[:most])
    return [row for row in chosen if row.id in kept]


def by_hash(rows: Sequence[Row]) -> list[Row]:
    """Return the rows in an order that only their ids decide: the first N are a fair, stable sample."""
    return sorted(rows, key=lambda row: (stable_rank(row.id), row.id))


def _question(row: Row) -> str:
    return f"{row.instruction}\0{row.context}".casefold()

"""Writes the whole directory of a version from plain values: no database, no clock, the same bytes every time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from exports import card, card_plots, changelog, croissant, papers, semver
from exports.composition import Composition, Counts
from exports.failpoints import reach
from exports.manifest import MANIFEST, Manifest, to_bytes
from exports.schema import described, iso
from exports.splits import DEFAULT, PROMPT_RULE, SPLITS, Shares, missing_split_notes
from exports.writers import preferences
from exports.writers.formats import configuration, frame
from exports.writers.lanes import Lanes, Sizes, Wanted
from exports.writers.parquet import Shards
from exports.writers.sink import FileEntry, Sink, write_text

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from exports.columnar import Part
    from exports.edits import Edit
    from exports.filters import Filter
    from exports.writers.text import Frame

Item = TypeVar("Item")
Progress = Callable[[int, int, str], None]
"""Called with rows done, rows in all, and what is being done; may raise to stop the work."""


class WrongRows(Exception):
    """The records that came are not those that were frozen."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Against the parent: ids added; ids removed with the reason; ids edited with the revision before and after."""

    added: Iterable[str] = ()
    removed: Iterable[tuple[str, str]] = ()
    edited: Iterable[tuple[str, int, int]] = ()
    edits: Iterable[Edit] = ()
    """The edited ones again, with what changed in them: the first some hundred with their texts."""
    counts: Mapping[str, int] = field(default_factory=lambda: {"added": 0, "removed": 0, "edited": 0})
    composition: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    """Records before and after: of each category, each language and so on."""
    withdrawn: Iterable[str] = ()
    """Ids that left at an earlier version because their authors withdrew them."""
    parent_semantic: str = ""


@dataclass(frozen=True)
class Repeated(Generic[Item]):
    """What is read anew for each paper that needs it, rather than kept."""

    read: Callable[[], Iterator[Item]]

    def __iter__(self) -> Iterator[Item]:
        return self.read()


@dataclass(frozen=True, kw_only=True)
class Release:
    """Everything that the files of a version say, apart from the records themselves."""

    name: str
    number: int
    filter: Filter
    licence: str
    rows: int
    splits: dict[str, int]
    frozen_at: datetime
    content_sha256: str
    about: dict[str, Any]
    formats: tuple[str, ...] = ()
    parent: str | None = None
    changes: Changes = field(default_factory=Changes)
    sources: Iterable[tuple[str, str, str, int]] = ()
    """Title, URL, licence and number of records of each source, in a fixed order."""
    preferences: Iterable[tuple[str, pa.RecordBatch]] = ()
    """(split, rows of the preference format), in order; read only where that format is asked for."""

    @property
    def papers(self) -> int:
        """Which papers it has; see exports.about.PAPERS."""
        return int(self.about.get("papers", 1))

    @property
    def split_rule(self) -> str:
        """How the splits were made, in words."""
        rule: str = self.about.get("split_rule", PROMPT_RULE)
        return rule

    @property
    def notes(self) -> list[str]:
        """What is missing, and why: a split without records, the preference format without pairs."""
        notes = missing_split_notes(self.splits, Shares(*self.about.get("shares", DEFAULT)))
        if preferences.FOLDER in self.formats and not self.about.get("preferences"):
            notes.append(
                "There are no preference pairs: reviewers turned down no other response to an instruction of this "
                "version."
            )
        return notes

    @property
    def semantic_version(self) -> str:
        """The semantic version, such as ``1.2.0``."""
        return semver.of(self.about, self.number)

    @property
    def version(self) -> str:
        """The number as paths write it, such as ``v3``."""
        return f"v{self.number}"

    @property
    def configurations(self) -> tuple[str, ...]:
        """The formats that are written as Parquet too; older versions have none."""
        if not self.about.get("configurations"):
            return ()
        return tuple(name for name in sorted(self.formats) if configuration(name))

    def wanted(self, part: Part | None = None) -> Wanted:
        """Return what is to be written of the whole, or of one part."""
        if part is None:
            return Wanted(splits=self.splits, formats=self.line_formats, configurations=self.configurations)
        return Wanted(
            splits={part.split: part.rows},
            formats=self.line_formats,
            configurations=self.configurations,
            shards={part.split: Shards(Shards.for_rows(self.splits[part.split]).of, part.shard)},
        )

    @property
    def line_formats(self) -> tuple[str, ...]:
        """The formats that have a row for each record."""
        return tuple(name for name in self.formats if name != preferences.FOLDER)

    def frame(self, path: str) -> Frame:
        """Return what the file at a path has around its rows."""
        return frame(path.partition("/")[0])


@dataclass(frozen=True)
class Written:
    """The files of a version as they were written; ``manifest`` is the exact bytes of manifest.json."""

    files: list[FileEntry]
    manifest: bytes
    counts: Counts


class Records(Protocol):
    """Where the records come from: what writes their files into a directory and counts what they are."""

    def write(
        self, directory: Path, release: Release, composition: Composition, progress: Progress
    ) -> tuple[list[FileEntry], Sizes]:
        """Return the entries of the files and the size of the Parquet data."""


@dataclass(frozen=True)
class Stream:
    """Records that come one batch after the other: ``batches`` are (split, rows) in their order, each a row group."""

    batches: Iterable[tuple[str, pa.RecordBatch]]

    def write(
        self, directory: Path, release: Release, composition: Composition, progress: Progress
    ) -> tuple[list[FileEntry], Sizes]:
        """Write each batch as it comes."""
        done = 0
        with Lanes(directory, release.wanted()) as lanes:
            for split, batch in self.batches:
                lanes.add(split, batch)
                composition.add(batch, split)
                half = done < (release.rows + 1) // 2 <= done + batch.num_rows
                done += batch.num_rows
                progress(done, release.rows, "Writing records")
                if half:
                    lanes.settle()
                    reach("half-written")
            return lanes.finish()


def write(*, directory: Path, release: Release, records: Records, progress: Progress) -> Written:
    """Write a version into an empty directory.

    Every file is synced to the disk, the directories too. Memory holds a few batches, however many rows there are.

    Raises:
        OSError: the disk is full or breaks; the directory is left as it is, for the caller to remove.
        WrongRows: the rows are more, fewer or otherwise split than the release says.
    """
    composition = Composition()
    files, sizes = records.write(directory, release, composition, progress)
    if preferences.FOLDER in release.formats:
        files += preferences.write(directory, release.preferences, sizes)
    counts = composition.counts()
    if counts["rows"] != release.rows or counts["splits"] != release.splits:
        raise WrongRows(f"{release.name} {release.version} froze {release.splits}, but {counts['splits']} came.")
    progress(release.rows, release.rows, "Writing the card")
    notes = release.notes
    data = list(files)
    pictures = card_plots.plots(counts, composition.lengths(card_plots.LENGTHS)) if release.papers > 1 else []
    text = card.render(
        release=release,
        counts=counts,
        sizes=sizes,
        notes=notes,
        pictures=[(plot.path, plot.told) for plot in pictures],
    )
    files.append(write_text(directory, "README.md", text))
    files += [write_text(directory, plot.path, plot.svg) for plot in pictures]
    files.append(papers.write_licence(directory, release=release, counts=counts))
    write_changes = changelog.write if semver.KEY in release.about else papers.write_changes
    files.append(write_changes(directory, release=release))
    files.append(write_text(directory, "croissant.json", croissant.render(release=release, counts=counts, files=data)))
    reach("papers-written")
    manifest: Manifest = {
        "name": release.name,
        "version": release.version,
        "filter": release.filter.as_dict(),
        "counts": dict(counts),
        "schema": described(),
        "licence": release.licence,
        "parent": release.parent,
        "splits": {split: release.splits[split] for split in SPLITS if release.splits.get(split)},
        "split_rule": release.split_rule,
        "notes": notes,
        "frozen_at": iso(release.frozen_at),
        "content_sha256": release.content_sha256,
        "files": files,
    }
    if left_out := release.about.get("left_out"):
        manifest["left_out"] = left_out
    if semver.KEY in release.about:
        manifest["semantic_version"] = release.semantic_version
    raw = to_bytes(manifest)
    with Sink(directory, MANIFEST) as sink:
        sink.write(raw)
    sync_directories(directory)
    return Written(files=sorted(files, key=lambda entry: entry["path"]), manifest=raw, counts=counts)


def sync_directories(top: Path) -> None:
    """Make the names in a directory and below durable, not only the files' contents."""
    for folder in [top, *(path for path in top.rglob("*") if path.is_dir())]:
        sync_directory(folder)


def sync_directory(folder: Path) -> None:
    """Make the names in one directory durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A version in parts, each a shard of Parquet with its lines: written by any worker, put together by one.

Whoever writes a part writes the same bytes, so a part that is there is done; nobody has to know who did it. The parts
lie in a hidden directory beside the versions, which the workers share.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exports import places
from exports.release import sync_directories
from exports.schema import figures_schema
from exports.writers.lanes import Lanes
from exports.writers.parquet import Size
from exports.writers.sink import FileEntry, Sink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from exports.columnar import Part
    from exports.composition import Composition
    from exports.release import Progress, Release
    from exports.writers.lanes import Sizes

FIGURES_FILE, ENTRIES_FILE = "figures.arrow", "part.json"
COPY_BYTES = 1 << 20


def home(root: Path, release: Release) -> Path:
    """Return where the parts of a version lie until it is put together: of just these frozen records."""
    folder = f"{places.PARTS}{release.version}-{release.content_sha256[:16]}"
    return places.version_path(root, release.name, release.number).with_name(folder)


def name_of(part: Part) -> str:
    """Return the name of a part's directory."""
    return f"{part.split}-{part.shard:05d}"


def is_written(root: Path, release: Release, part: Part) -> bool:
    """Say whether the part is there, complete: its directory appears by one rename."""
    return (home(root, release) / name_of(part)).is_dir()


def write_part(
    *,
    root: Path,
    release: Release,
    part: Part,
    batches: Iterable[tuple[str, pa.RecordBatch]],
    progress: Progress,
) -> None:
    """Write one part and let it appear; where it is there already, nothing is done.

    Raises:
        OSError: the disk refuses; nothing stays behind.
    """
    import pyarrow as pa

    if is_written(root, release, part):
        return
    with places.temporary(root, release.name, release.number) as temp:
        done = 0
        schema = figures_schema()
        with (
            Lanes(temp, release.wanted(part)) as lanes,
            pa.OSFile(str(temp / FIGURES_FILE), "wb") as file,
            pa.ipc.new_file(file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as figures,
        ):
            for split, batch in batches:
                lanes.add(split, batch)
                figures.write_batch(batch.select(schema.names))
                done += batch.num_rows
                progress(done, part.rows, "Writing records")
            files, sizes = lanes.finish()
        notes = {"files": files, "sizes": {name: list(size) for name, size in sizes.items()}}
        (temp / ENTRIES_FILE).write_text(json.dumps(notes), encoding="utf-8")
        sync_directories(temp)
        there = home(root, release)
        there.mkdir(exist_ok=True)
        try:
            places.appear(temp, there / name_of(part))
        except places.AlreadyThere:  # another worker was faster, with the same bytes
            return


@dataclass(frozen=True)
class Assembled:
    """The records of a version whose parts are all written."""

    root: Path
    parts: Sequence[Part]

    def write(
        self, directory: Path, release: Release, composition: Composition, progress: Progress
    ) -> tuple[list[FileEntry], Sizes]:
        """Link the shards, put the lines one after the other, count what the records are."""
        there = home(self.root, release)
        sizes: Sizes = {}
        # Split by split, each one's Parquet before its texts: the order in which one process writes them.
        shards: dict[str, dict[str, list[FileEntry]]] = {}
        texts: dict[str, dict[str, list[tuple[Path, FileEntry]]]] = {}
        done = 0
        for part in self.parts:
            folder = there / name_of(part)
            notes = _notes(folder)
            for name, size in notes["sizes"].items():
                before = sizes.get(name, Size(0, 0, 0))
                sizes[name] = Size(*(one + more for one, more in zip(before, size, strict=True)))
            for entry in notes["files"]:
                if entry["path"].endswith(".parquet"):
                    _link(folder / entry["path"], directory / entry["path"])
                    shards.setdefault(part.split, {}).setdefault(entry["path"].partition("/")[0], []).append(entry)
                else:
                    pieces = texts.setdefault(part.split, {}).setdefault(entry["path"], [])
                    pieces.append((folder / entry["path"], entry))
            for batch in _figures(folder):
                composition.add(batch, part.split)
            done += part.rows
            progress(done, release.rows, "Putting the parts together")
        files: list[FileEntry] = []
        for split, tables in shards.items():
            files += (entry for of_table in tables.values() for entry in of_table)
            files += (_join(directory, path, pieces, release) for path, pieces in texts[split].items())
        return files, sizes


def _notes(folder: Path) -> dict[str, Any]:
    notes: dict[str, Any] = json.loads((folder / ENTRIES_FILE).read_text(encoding="utf-8"))
    return notes


def _figures(folder: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with pa.OSFile(str(folder / FIGURES_FILE), "rb") as file, pa.ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())


def _join(directory: Path, path: str, pieces: Sequence[tuple[Path, FileEntry]], release: Release) -> FileEntry:
    head, between, tail = release.frame(path)
    with Sink(directory, path) as sink:
        sink.write(head)
        for number, (piece, entry) in enumerate(pieces):
            if number:
                sink.write(between)
            with piece.open("rb") as file:
                while data := file.read(COPY_BYTES):
                    sink.write(data)
            sink.rows += entry["rows"]
        sink.write(tail)
    return sink.entry()

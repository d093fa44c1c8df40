"""Two directories are compared without a database, and only the texts that may differ are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from exports import differences
from exports.differences import compare
from exports.schema import to_arrow
from exports.writers.parquet import ParquetSplit, Shards
from tests.exports.helpers import record

if TYPE_CHECKING:
    from pathlib import Path

    from exports.schema import Record

GROUP = 2


def write(directory: Path, **splits: list[Record]) -> Path:
    """Write the Parquet files of a version, two records a row group."""
    directory.mkdir()
    for split, records in splits.items():
        writer = ParquetSplit(directory, split, Shards.for_rows(len(records)))
        for first in range(0, len(records), GROUP):
            writer.add(to_arrow(records[first : first + GROUP]))
        writer.finish()
    return directory


def test_records_are_told_apart_by_id(tmp_path: Path) -> None:
    before = write(tmp_path / "a", train=[record(1), record(2)], test=[record(3)])
    after = write(tmp_path / "b", train=[record(2, approvals=2), record(4)], test=[record(3)])
    found = compare(before, after)
    assert (found.added, found.removed, found.edited) == ([record(4).id], [record(1).id], [record(2).id])
    assert found.step == "major"
    (edit,) = found.edits()
    assert (edit.facts, edit.texts) == ({"approvals": (1, 2)}, {})


def test_a_move_to_another_split_is_an_edit(tmp_path: Path) -> None:
    before = write(tmp_path / "a", train=[record(1), record(2)])
    after = write(tmp_path / "b", train=[record(1)], test=[record(2)])
    found = compare(before, after)
    assert [edit.facts for edit in found.edits()] == [{"split": ("train", "test")}]
    assert found.figures["splits"] == {"test": (0, 1), "train": (2, 1)}


def test_equal_versions_differ_in_nothing(tmp_path: Path) -> None:
    rows = [record(number) for number in range(5)]
    found = compare(write(tmp_path / "a", train=rows), write(tmp_path / "b", train=rows))
    assert (found.added, found.removed, found.edited, list(found.edits()), found.step) == ([], [], [], [], "patch")


def test_texts_of_rewritten_records_are_compared(tmp_path: Path) -> None:
    rows = [record(number) for number in range(7)]
    before = write(tmp_path / "a", train=rows)
    rows[6] = record(6, response="Blue.", revision=2)
    rows[1] = record(1, instruction="Name a hue.", context="x", revision=3)
    found = compare(before, write(tmp_path / "b", train=rows))
    assert [(edit.id, edit.revisions, edit.fields) for edit in found.edits()] == [
        (record(1).id, (1, 3), ["instruction", "context", "revision"]),
        (record(6).id, (1, 2), ["response", "revision"]),
    ]
    assert [edit.texts for edit in found.edits(only="response")] == [{"response": ("Red.", "Blue.")}]
    assert [edit.texts for edit in found.edits(with_texts=False)] == [None, None]


def test_only_row_groups_with_a_rewritten_record_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [record(number) for number in range(10)]
    before = write(tmp_path / "a", train=rows)
    rows[5] = record(5, response="Blue.", revision=2)
    found = compare(before, write(tmp_path / "b", train=rows))
    groups: list[int] = []
    read = pq.ParquetFile.read_row_group

    def noting(self: pq.ParquetFile, group: int, **options: Any) -> Any:
        groups.append(group)
        return read(self, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", noting)
    assert len(list(found.edits())) == 1
    assert groups == [2, 2]


def test_edits_come_in_order_over_many_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "CHUNK_ROWS", 3)
    rows = [record(number) for number in range(10)]
    before = write(tmp_path / "a", train=rows[:6], validation=rows[6:])
    other = [record(number, response=f"{number}", revision=2) for number in range(10)]
    found = compare(before, write(tmp_path / "b", train=other[:6], validation=other[6:]))
    assert [edit.texts for edit in found.edits()] == [{"response": ("Red.", str(number))} for number in range(10)]


def test_an_id_that_comes_twice_is_refused(tmp_path: Path) -> None:
    before = write(tmp_path / "a", train=[record(1)])
    with pytest.raises(ValueError, match="twice"):
        compare(before, write(tmp_path / "b", train=[record(2)], test=[record(2)]))


def test_a_version_without_files_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    found = compare(tmp_path / "a", write(tmp_path / "b", train=[record(1)]))
    assert (found.added, found.composition) == ([record(1).id], {"open_qa": (0, 1)})

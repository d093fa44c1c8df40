"""A directory is checked to the byte, and a version opens in the tools of the field."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from exports import differences, manifest
from exports.schema import COLUMNS
from tests.exports.helpers import approve, approve_in_every_split, release

if TYPE_CHECKING:
    from pathlib import Path

    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db


@pytest.fixture
def released(root: Path, campaign: Campaign, category: Category) -> Path:
    """The directory of a version with all three splits."""
    approve_in_every_split(campaign, category)
    approve(campaign, category, instruction="def f():\n    # \u2028 e\u0301", response="    return 1\r alone")
    version = release(root)
    assert set(version.splits) == {"train", "validation", "test"}
    return root / "set" / "v1"


def test_an_untouched_version_has_no_faults(released: Path) -> None:
    report = manifest.verify(released)
    assert (report.faults, report.rows, report.version) == ([], 13, "v1")


def test_the_manifest_lists_every_file_but_itself(released: Path) -> None:
    found, _sha256 = manifest.read(released)
    there = {path.relative_to(released).as_posix() for path in released.rglob("*") if path.is_file()}
    assert {entry["path"] for entry in found["files"]} == there - {"manifest.json"}
    assert set(found) >= {"name", "version", "filter", "counts", "schema", "licence", "parent", "splits", "files"}
    assert [column["name"] for column in found["schema"]] == list(COLUMNS)


def test_a_flipped_byte_is_found(released: Path) -> None:
    path = released / "jsonl" / "train.jsonl"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    assert [fault.split(":")[0] for fault in manifest.verify(released).faults] == ["jsonl/train.jsonl"]


def test_a_missing_file_is_found(released: Path) -> None:
    (released / "LICENSE").unlink()
    assert manifest.verify(released).faults == ["LICENSE: is missing."]


def test_a_stray_file_is_found(released: Path) -> None:
    (released / "data" / "extra.parquet").write_bytes(b"")
    assert manifest.verify(released).faults == ["data/extra.parquet: is there, but the manifest doesn't list it."]


def test_a_truncated_file_is_told_by_its_size(released: Path) -> None:
    path = released / "data" / "test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    (fault,) = manifest.verify(released).faults
    assert "bytes, the manifest says" in fault


def test_a_link_out_of_the_directory_is_a_fault(released: Path, tmp_path: Path) -> None:
    path = released / "README.md"
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert manifest.verify(released).faults == ["README.md: is not a plain file."]


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", "a\\b", ""])
def test_a_manifest_that_points_outside_is_refused(released: Path, path: str) -> None:
    content = json.loads((released / "manifest.json").read_text())
    content["files"][0]["path"] = path
    (released / "manifest.json").write_text(json.dumps(content))
    assert "no path inside the version" in manifest.verify(released).faults[0]


def test_what_is_no_manifest_is_a_fault(tmp_path: Path) -> None:
    assert "can't be read" in manifest.verify(tmp_path).faults[0]
    (tmp_path / "manifest.json").write_text("[1]")
    assert len(manifest.verify(tmp_path).faults) == 1


def test_load_dataset_gives_the_counts_of_the_card(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(released), cache_dir=str(tmp_path / "cache"))
    found, _sha256 = manifest.read(released)
    assert {split: rows.num_rows for split, rows in loaded.items()} == found["splits"]
    assert loaded["train"].column_names == list(COLUMNS)
    texts = {(row["instruction"], row["response"]) for rows in loaded.values() for row in rows}
    assert ("def f():\n    # \u2028 e\u0301", "    return 1\r alone") in texts


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # rdflib's own
def test_croissant_is_valid_and_reads_the_records(released: Path, caplog: pytest.LogCaptureFixture) -> None:
    croissant = pytest.importorskip("mlcroissant")
    with caplog.at_level(logging.WARNING):
        dataset = croissant.Dataset(jsonld=str(released / "croissant.json"))
        rows = list(dataset.records("test-00000-of-00001"))
    issues = dataset.metadata.ctx.issues
    assert (list(issues.errors), list(issues.warnings)) == ([], [])
    assert len(rows) == manifest.read(released)[0]["splits"]["test"]
    assert not [record for record in caplog.records if "@context" in record.getMessage()]


def test_a_difference_names_what_is_only_in_one(
    released: Path, root: Path, campaign: Campaign, category: Category
) -> None:
    (new,) = approve(campaign, category)
    release(root)
    found = differences.compare(root / "set" / "v1", root / "set" / "v2")
    assert (found.added, found.removed, found.edited) == ([str(new.pk)], [], [])
    assert found.composition == {category.slug: (13, 14)}

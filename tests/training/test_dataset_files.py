from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.material import make_version, record
from training.dataset_files import (
    DatasetDamagedError,
    DatasetEmptyError,
    DatasetMissingError,
    Row,
    find_dataset,
    open_dataset,
    read_split,
    share_of,
    training_and_held_out,
    verify,
)

if TYPE_CHECKING:
    from pathlib import Path

SPLITS = {"train": [record(n) for n in range(8)], "test": [record(n) for n in range(8, 11)]}


def find(root: Path, wanted: str | None = None) -> str:
    found = find_dataset(wanted, root=root, default_name="animals")
    return f"{found.name}/{found.version}"


def test_the_latest_version_is_the_highest_number_not_the_last_word(tmp_path: Path) -> None:
    for number in (1, 2, 9, 10):
        make_version(tmp_path, SPLITS, number=number)
    assert find(tmp_path) == "animals/v10"


@pytest.mark.parametrize("wanted", ["v1", "animals/v1"])
def test_a_version_is_found_by_its_name(tmp_path: Path, wanted: str) -> None:
    make_version(tmp_path, SPLITS, number=1)
    make_version(tmp_path, SPLITS, number=2)
    assert find(tmp_path, wanted) == "animals/v1"


def test_a_datasets_name_means_its_latest_version(tmp_path: Path) -> None:
    make_version(tmp_path, SPLITS, number=1)
    make_version(tmp_path, SPLITS, name="birds", number=3)
    assert find(tmp_path, "birds") == "birds/v3"


def test_a_directory_is_taken_as_it_is(tmp_path: Path) -> None:
    path = make_version(tmp_path / "elsewhere", SPLITS, number=4)
    assert find(tmp_path, str(path)) == "animals/v4"


def test_the_only_dataset_there_is_needs_no_name(tmp_path: Path) -> None:
    make_version(tmp_path, SPLITS, name="birds")
    assert find(tmp_path) == "birds/v1"


def test_a_missing_version_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    make_version(tmp_path, SPLITS, number=1)
    make_version(tmp_path, SPLITS, number=2)
    with pytest.raises(DatasetMissingError, match=r"no dataset v7 .*animals/v1, animals/v2"):
        find(tmp_path, "v7")


def test_with_no_version_at_all_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetMissingError, match="export_dataset"):
        find(tmp_path)


def test_a_version_without_a_manifest_is_not_there(tmp_path: Path) -> None:
    make_version(tmp_path, SPLITS, number=1)
    (make_version(tmp_path, SPLITS, number=2) / "manifest.json").unlink()
    assert find(tmp_path) == "animals/v1"


def test_a_true_version_passes(tmp_path: Path) -> None:
    verify(open_dataset(make_version(tmp_path, SPLITS)))


def test_a_changed_byte_is_found_and_its_file_named(tmp_path: Path) -> None:
    path = make_version(tmp_path, SPLITS)
    file = path / "data" / "test-00000-of-00001.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DatasetDamagedError, match=r"test-00000-of-00001\.parquet is not the file of the manifest"):
        verify(open_dataset(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = make_version(tmp_path, SPLITS)
    (path / "data" / "train-00000-of-00001.parquet").unlink()
    with pytest.raises(DatasetDamagedError, match=r"train-00000-of-00001\.parquet .*cannot be read"):
        verify(open_dataset(path))


def test_a_manifest_may_not_point_outside_its_directory(tmp_path: Path) -> None:
    path = make_version(tmp_path, SPLITS)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"][0]["path"] = "../../secret"
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetDamagedError, match="outside its directory"):
        verify(open_dataset(path))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": [{"path": 3}]}', '{"files": null}', "\x00"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(DatasetDamagedError, match=r"manifest\.json"):
        open_dataset(tmp_path)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    odd = record(1, response="  indented\n\u2028 e\u0301 <|im_end|>\t ", context="\ufeff")
    dataset = open_dataset(make_version(tmp_path, {"train": [odd]}))
    (row,) = read_split(dataset, "train")
    assert (row.response, row.context, row.id) == (odd["response"], odd["context"], odd["id"])


def test_only_files_of_the_manifest_are_read(tmp_path: Path) -> None:
    path = make_version(tmp_path, SPLITS)
    stray = path / "data" / "train-00001-of-00002.parquet"
    stray.write_bytes((path / "data" / "test-00000-of-00001.parquet").read_bytes())
    assert len(read_split(open_dataset(path), "train")) == 8


def test_the_test_split_is_held_out(tmp_path: Path) -> None:
    dataset = open_dataset(make_version(tmp_path, {**SPLITS, "validation": [record(n) for n in range(11, 15)]}))
    train, held_out = training_and_held_out(dataset)
    assert len(train) == 8
    assert {row.id for row in held_out.rows} == {row["id"] for row in SPLITS["test"]}
    assert "test split" in held_out.how


def test_the_validation_split_serves_where_there_is_no_test_split(tmp_path: Path) -> None:
    splits = {"train": SPLITS["train"], "validation": SPLITS["test"], "test": []}
    _train, held_out = training_and_held_out(open_dataset(make_version(tmp_path, splits)))
    assert "validation split" in held_out.how


def test_without_either_a_tenth_is_kept_back_the_same_way_each_time_and_says_so(tmp_path: Path) -> None:
    rows = [record(n) for n in range(100)]
    train, held_out = training_and_held_out(open_dataset(make_version(tmp_path / "a", {"train": rows})))
    _again, same = training_and_held_out(open_dataset(make_version(tmp_path / "b", {"train": rows[::-1]})))
    assert (len(train), len(held_out.rows)) == (90, 10)
    assert held_out.rows == same.rows
    assert "10 of its 100 rows" in held_out.how


def test_rows_with_the_same_question_never_end_up_on_both_sides(tmp_path: Path) -> None:
    rows = [record(n, instruction=f"Question {n % 20}", context="", response=f"Answer {n}") for n in range(100)]
    train, held_out = training_and_held_out(open_dataset(make_version(tmp_path, {"train": rows})))
    assert held_out.rows
    assert not {row.instruction for row in train} & {row.instruction for row in held_out.rows}


@pytest.mark.parametrize("splits", [{"train": []}, {"train": [record(1)]}, {"train": [], "test": [record(1)]}])
def test_too_little_to_train_on_is_said(tmp_path: Path, splits: dict[str, list[dict[str, object]]]) -> None:
    with pytest.raises(DatasetEmptyError):
        training_and_held_out(open_dataset(make_version(tmp_path, splits)))


def chosen(*, most: int = 0, **given: list[str]) -> list[Row]:
    rows = [_row(record(number)) for number in range(90)]
    return share_of(rows, most=most, **given)


def _row(values: dict[str, Any]) -> Row:
    return Row(*(values[name] for name in ("id", "instruction", "context", "response", "category", "licence")))


@given(st.integers(1, 90), st.integers(1, 90))
def test_a_smaller_share_is_part_of_a_larger_one(one: int, other: int) -> None:
    small, large = chosen(most=min(one, other)), chosen(most=max(one, other))
    assert {row.id for row in small} <= {row.id for row in large}
    assert (len(small), len(large)) == (min(one, other), max(one, other))


@given(st.integers(3, 90))
def test_a_share_takes_of_each_category_in_proportion(most: int) -> None:
    found = Counter(row.category for row in chosen(most=most))
    assert found["closed_qa"] == pytest.approx(most / 3, abs=1)


def test_a_share_keeps_the_rows_in_their_order() -> None:
    every = [row.id for row in chosen()]
    assert [row.id for row in chosen(most=40)] == sorted((row.id for row in chosen(most=40)), key=every.index)


def test_categories_can_be_chosen_or_left_out() -> None:
    assert {row.category for row in chosen(only=["closed_qa"])} == {"closed_qa"}
    assert {row.category for row in chosen(without=["closed_qa"])} == {"open_qa"}
    assert len(chosen(only=["closed_qa"], most=10)) == 10


def test_a_category_that_no_row_has_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(DatasetEmptyError, match=r"category qa\. There are: closed_qa, open_qa"):
        chosen(only=["qa"])
    with pytest.raises(DatasetEmptyError, match="leave out every category"):
        chosen(without=["closed_qa", "open_qa"])

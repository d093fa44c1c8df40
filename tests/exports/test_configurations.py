"""Each format is a configuration that `load_dataset` and TRL take as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exports import manifest
from exports.writers.formats import FORMATS
from tests.exports.helpers import approve, approve_in_every_split, release
from tests.exports.test_preferences import QUESTION, improve, reject

if TYPE_CHECKING:
    from pathlib import Path

    from collector.models import Campaign, Category

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

CONFIGURATIONS = [name for name in FORMATS if name != "csv"]


@pytest.fixture
def released(root: Path, campaign: Campaign, category: Category) -> Path:
    """The directory of a version with all three splits, in every format."""
    approve_in_every_split(campaign, category)
    approve(campaign, category, instruction="def f():\n    # \u2028 e\u0301", context="c\t\x0b", response=" 1\r alone")
    improve(campaign, category)
    reject(campaign, category, instruction=QUESTION)
    release(root, formats=list(FORMATS))
    return root / "set" / "v1"


def load(released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """Load a configuration by the card's word."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    return datasets.load_dataset(str(released), name, cache_dir=str(tmp_path / "cache"))


def lines_of(released: Path, name: str, split: str) -> list[dict[str, Any]]:
    """Return the rows as the format's own file has them."""
    (path,) = (released / name).glob(f"{split}.json*")
    text = path.read_text("utf-8")
    rows: list[dict[str, Any]] = json.loads(text) if path.suffix == ".json" else list(map(json.loads, lines(text)))
    return rows


def lines(text: str) -> list[str]:
    """Return the lines of a text that ends with one, parted at LF alone."""
    return text.removesuffix("\n").split("\n")


@pytest.mark.parametrize("name", ["default", *CONFIGURATIONS])
def test_load_dataset_gives_just_the_rows_of_the_lines(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    loaded = load(released, tmp_path, monkeypatch, name)
    folder = "jsonl" if name == "default" else name
    assert set(loaded) == {path.name.partition(".")[0] for path in (released / folder).glob("*.json*")}
    for split, rows in loaded.items():
        found = [{key: value for key, value in row.items() if key != "approved_at"} for row in rows]
        expected = lines_of(released, folder, split)
        assert found == [{key: value for key, value in row.items() if key != "approved_at"} for row in expected]


@pytest.mark.parametrize("name", ["default", *CONFIGURATIONS])
def test_the_card_tells_the_rows_and_features_of_the_files(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    loaded = load(released, tmp_path, monkeypatch, name)
    card = yaml.safe_load((released / "README.md").read_text("utf-8").split("---\n")[1])
    (info,) = [entry for entry in card["dataset_info"] if entry["config_name"] == name]
    assert {entry["name"]: entry["num_examples"] for entry in info["splits"]} == loaded.num_rows
    datasets = pytest.importorskip("datasets")
    features = datasets.Features._from_yaml_list(info["features"])
    assert next(iter(loaded.values())).features == features


def test_the_counts_of_the_manifest_are_those_of_the_files(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _sha256 = manifest.read(released)
    for name in CONFIGURATIONS:
        loaded = load(released, tmp_path, monkeypatch, name)
        for split, rows in loaded.items():
            listed = [entry["rows"] for entry in found["files"] if entry["path"].startswith(f"{name}/{split}")]
            assert listed == [rows.num_rows, rows.num_rows], "once as Parquet, once as lines"


@pytest.mark.train
@pytest.mark.parametrize(
    ("name", "conversational", "columns"),
    [
        ("chat", True, {"messages"}),
        ("prompt_completion", False, {"prompt", "completion"}),
        ("preference", False, {"prompt", "chosen", "rejected"}),
    ],
)
def test_trl_knows_the_format(
    released: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    conversational: bool,
    columns: set[str],
) -> None:
    from trl.data_utils import apply_chat_template, is_conversational

    loaded = load(released, tmp_path, monkeypatch, name)
    for row in next(iter(loaded.values())):
        assert is_conversational(row) is conversational
        assert columns <= set(row)
        if conversational:
            assert apply_chat_template(row, Template())["text"].startswith("user: ")


class Template:
    """A chat template as TRL calls it."""

    def apply_chat_template(self, messages: list[dict[str, str]], **_how: Any) -> str:
        """Return the turns, one a line."""
        return "\n".join(f"{turn['role']}: {turn['content']}" for turn in messages)

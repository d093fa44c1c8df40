from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.training import material
from training import base_models
from training.base_models import BaseModelError, check_safe, find_base_model, model_hash
from training.loading import load_tokenizer

if TYPE_CHECKING:
    from pathlib import Path


def model(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, content in {"config.json": "{}", "model.safetensors": "weights", **files}.items():
        (path / name).write_text(content)
    return path


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl", "tf_model.h5", "last.ckpt"])
def test_weights_that_can_run_code_are_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).write_bytes(b"\x80\x04")
    with pytest.raises(BaseModelError, match=rf"{name}.*Convert the model to safetensors"):
        check_safe(tmp_path)


def test_a_directory_without_a_model_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match="holds no model"):
        check_safe(tmp_path)


def test_an_adapter_is_no_base_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").write_text("")
    with pytest.raises(BaseModelError, match="adapter"):
        check_safe(tmp_path)


def test_a_directory_is_described_by_its_bytes_and_its_own_licence(tmp_path: Path) -> None:
    path = model(tmp_path / "m", **{"README.md": "---\nlicense: mit\n---\n# A model\n"})
    found = find_base_model(str(path), models=tmp_path, allow_hub=False)
    assert (found.licence, found.path, found.sha256) == ("mit", path, model_hash(path))


def test_a_model_that_states_no_licence_has_an_unknown_one(tmp_path: Path) -> None:
    path = model(tmp_path / "m", **{"README.md": "license: in the text, not in the front matter"})
    assert find_base_model(str(path), models=tmp_path, allow_hub=False).licence == "unknown"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_any_change_to_the_model_changes_its_hash(tmp_path: Path, name: str) -> None:
    path = model(tmp_path / "m", **{"tokenizer.json": "{}"})
    before = model_hash(path)
    (path / name).write_text("changed")
    assert model_hash(path) != before


def test_the_readme_is_not_part_of_the_models_identity(tmp_path: Path) -> None:
    path = model(tmp_path / "m")
    before = model_hash(path)
    (path / "README.md").write_text("hello")
    assert model_hash(path) == before


def test_a_name_that_is_neither_directory_nor_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match="Check --model"):
        find_base_model("./not/here", models=tmp_path, allow_hub=False)


@pytest.mark.train
def test_a_hub_name_that_is_not_here_is_not_fetched_unasked(
    libraries: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BaseModelError, match="--allow-hub"):
        find_base_model("nobody/no-such-model", models=tmp_path, allow_hub=False)


@pytest.mark.train
def test_digits_of_every_script_stand_apart_as_smollm2_learnt_them(libraries: None, tmp_path: Path) -> None:
    tokenizer = material.make_tokenizer(tmp_path)
    base_models._digits_apart(tokenizer)
    tokenizer.save_pretrained(tmp_path / "saved")
    saved = load_tokenizer(tmp_path / "saved").backend_tokenizer.pre_tokenizer
    places = [place for _text, place in saved.pre_tokenize_str("x ½ ٣12")]
    assert places == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7)]

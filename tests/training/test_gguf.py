"""A run as GGUF: written by llama.cpp's own converter, opened in llama.cpp, compared with the run."""

from __future__ import annotations

import io
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.training import material
from tests.training.conftest import Trainer
from training import gguf_files, merging, parity, runs
from training.answering import opened
from training.battery import OWN, read_battery
from training.gguf_files import GgufError
from training.llama_cpp import LlamaCppError, llama_cpp
from training.places import Places
from training.prompts import Codec, Piece
from training.report import Silence

if TYPE_CHECKING:
    from collections.abc import Iterator

# Every worker would make the run and its files for itself.
pytestmark = [pytest.mark.train, pytest.mark.xdist_group("gguf")]

# The converter knows tokenizers by a hash of what they make of a text, and nobody's is that of the tiny model.
KNOWS_THE_TOKENIZER = """
import runpy, sys
sys.path.insert(0, {real!r})
from conversion.base import TextModel
TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
runpy.run_path({real!r} + "/convert_hf_to_gguf.py", run_name="__main__")
"""


def installed_converter() -> Path:
    """Return what `make gguf-deps` fetched; without it these tests are skipped, or fail where it was promised."""
    there = Path(django_settings.WOOLGATHER_GGUF_CONVERTER)
    if not (there / gguf_files.SCRIPT).is_file():
        if os.environ.get("WOOLGATHER_REQUIRE_TORCH") == "1":
            pytest.fail(f"WOOLGATHER_REQUIRE_TORCH=1, but {there} has no converter: run `make gguf-deps`")
        pytest.skip("llama.cpp's converter is not here: run `make gguf-deps`")
    return there


@dataclass
class Exported:
    """A run, its export with two GGUF files, and what the command printed."""

    trainer: Trainer
    converter: Path
    path: Path
    said: dict[str, Any]


@pytest.fixture(scope="module")
def converter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real converter, told which tokenizer the tiny model has."""
    path = tmp_path_factory.mktemp("converter")
    (path / gguf_files.SCRIPT).write_text(KNOWS_THE_TOKENIZER.format(real=str(installed_converter())))
    (path / gguf_files.VERSION).write_text("a test\n")
    return path


@pytest.fixture(scope="module")
def exported(
    libraries: None, tiny_model: Path, converter: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exported]:
    root = tmp_path_factory.mktemp("exported")
    trainer = Trainer(Places(root / "datasets", root / "runs", root / "models", "animals"), tiny_model)
    material.make_version(
        trainer.places.datasets,
        {"train": [material.record(n) for n in range(120)], "test": [material.record(n) for n in range(120, 140)]},
    )
    trainer(steps=20, output="mine")
    out = io.StringIO()
    with override_settings(WOOLGATHER_RUNS=trainer.places.runs, WOOLGATHER_MODELS=trainer.places.models):
        call_command(
            "export_model",
            "mine",
            output=root / "whole",
            gguf=["f32", "q8_0"],
            converter=converter,
            json=True,
            stdout=out,
        )
        yield Exported(trainer, converter, root / "whole", json.loads(out.getvalue()))


def questions() -> Any:
    return read_battery(OWN)[::32]


def test_a_gguf_answers_in_llama_cpp_as_its_run_does(exported: Exported) -> None:
    whole, small = exported.said["gguf"]
    assert [whole["file"], small["file"]] == ["mine-f32.gguf", "mine-q8_0.gguf"]
    for one in (whole, small):
        assert (exported.path / one["file"]).stat().st_size == one["bytes"]
        assert one["prompts"] == 8
        assert one["places"] >= one["tokens"] > 100
        assert 0 <= one["mean_difference"] <= one["mean_allowed"]
        assert one["largest_difference"] <= one["largest_allowed"]
        assert one["trained_difference"] > 10 * one["mean_difference"]
    assert small["bytes"] < whole["bytes"]
    assert whole["same_next"] == whole["places"]
    assert whole["same_answers"] == 8
    assert whole["perplexity"] == pytest.approx(whole["perplexity_of_run"], rel=1e-3)


def test_what_llama_cpp_reads_as_control_in_plain_words_is_said(exported: Exported) -> None:
    # The tiny model's authors added <think> without marking it special; every other control token stays words.
    assert exported.said["gguf"][0]["read_as_control"] == ["<think>"]
    assert "Except `<think>`" in (exported.path / "README.md").read_text()


def test_the_card_says_how_the_files_compare_and_the_modelfile_names_the_first(exported: Exported) -> None:
    card = (exported.path / "README.md").read_text()
    assert "| mine-f32.gguf |" in card
    assert "| mine-q8_0.gguf |" in card
    assert "8 of 8" in card
    lines = (exported.path / "Modelfile").read_text().split("\n")
    assert "FROM ./mine-f32.gguf" in lines
    assert "# FROM ./mine-q8_0.gguf" in lines
    assert 'PARAMETER stop "<|im_end|>"' in lines
    assert any(line.startswith('LICENSE """Data animals/v1: CC-BY-SA-4.0') for line in lines)


def test_a_gguf_that_is_another_model_is_not_kept(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A run on the same base with the same template: only its weights are others.
    exported.trainer(steps=1, output="other")

    def convert(_model: Path, *, kind: str, name: str, into: Path, **_given: Any) -> Path:
        return Path(shutil.copy(exported.path / f"mine-{kind}.gguf", into / f"{name}-{kind}.gguf"))

    monkeypatch.setattr(gguf_files, "convert", convert)
    with pytest.raises(GgufError, match="not the model that was trained"):
        merging.merge(
            wanted="other",
            output=tmp_path / "whole",
            places=exported.trainer.places,
            report=Silence(),
            gguf=["q8_0"],
            converter=exported.converter,
        )
    assert list(tmp_path.glob("*whole*")) == []


def test_a_gguf_whose_template_asks_otherwise_is_refused(exported: Exported) -> None:
    with opened(wanted="mine", places=exported.trainer.places) as run:
        pieces = tuple(Piece("text", "Be brief.") if piece.kind == "text" else piece for piece in run.fmt.pieces)
        asks_otherwise = replace(run, fmt=replace(run.fmt, pieces=pieces))
        told = parity.golden(asks_otherwise, questions(), most=2)
        with pytest.raises(GgufError, match=r"asks .* otherwise than training did"):
            parity.compare(exported.path / "mine-f32.gguf", kind="f32", run=asks_otherwise, told=told)


def test_a_gguf_that_splits_words_otherwise_is_refused(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(wanted="mine", places=exported.trainer.places) as run:
        told = parity.golden(run, questions(), most=2)
        plain = Codec.text
        monkeypatch.setattr(Codec, "text", lambda self, text: plain(self, text.replace("½", "1/2")))
        with pytest.raises(GgufError, match="as other tokens than training did"):
            parity.compare(exported.path / "mine-f32.gguf", kind="f32", run=run, told=told)


def test_dollys_format_is_asked_and_ends_in_llama_cpp_as_in_training(
    exported: Exported, converter: Path, tmp_path: Path
) -> None:
    base = material.make_model(tmp_path / "base", chat=False)
    exported.trainer(model=str(base), steps=60, learning_rate=2e-2, output="dolly")
    made = merging.merge(
        wanted="dolly",
        output=tmp_path / "whole",
        places=exported.trainer.places,
        report=Silence(),
        gguf=["f16"],
        converter=converter,
    )
    (one,) = made.gguf
    assert one.file == "dolly-f16.gguf"
    assert one.same_answers == one.prompts
    assert 'PARAMETER stop "### End"' in (tmp_path / "whole" / "Modelfile").read_text()
    asked = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
    with llama_cpp(tmp_path / "whole" / one.file, context=512) as gguf:
        prompt = gguf.rendered([{"role": "system", "content": "A pond."}, {"role": "user", "content": "Where?"}])
        assert prompt == f"{asked}\n\n### Instruction:\nWhere?\n\nInput:\nA pond.\n\n### Response:\n"
        *_words, end = gguf.tokens("Yes.\n\n### End", template=True)
        _answer, ended = gguf.answer(gguf.tokens(prompt, template=True), most=60)
    assert ended
    tokenizer = runs.Run(exported.trainer.places.runs / "dolly")
    assert json.loads((tmp_path / "whole" / "generation_config.json").read_text())["eos_token_id"][0] == end
    assert tokenizer.name == "dolly"


def test_a_missing_converter_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Run `make gguf-deps`") as failure:
        call_command("export_model", output=tmp_path / "whole", gguf=["f16"], converter=tmp_path)
    assert failure.value.returncode == 1


def test_a_converter_that_fails_leaves_one_line_and_no_file(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "converter").mkdir()
    (tmp_path / "converter" / gguf_files.SCRIPT).write_text(
        "import sys\nsys.exit('INFO:hf-to-gguf:so far\\nERROR:hf-to-gguf:Model Tiny is not supported')\n"
    )
    with pytest.raises(CommandError) as failure:
        call_command("export_model", "mine", output=tmp_path / "whole", gguf=["f16"], converter=tmp_path / "converter")
    assert failure.value.returncode == 1
    assert "as f16: Model Tiny is not supported The model" in str(failure.value)
    assert "\n" not in str(failure.value)
    assert list(tmp_path.glob("*whole*")) == []


def test_a_file_that_is_no_gguf_is_not_opened(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with (
        pytest.raises(LlamaCppError, match=r"cannot open broken\.gguf"),
        llama_cpp(tmp_path / "broken.gguf", context=64),
    ):
        pass

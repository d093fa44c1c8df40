"""A finished run answers: a file of questions, word by word, and as one whole model."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from tests.training import material
from training import runs
from training.answering import Wish, opened
from training.battery import BatteryError
from training.report import Silence

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Trainer

pytestmark = pytest.mark.train
FEW = Wish(max_new_tokens=6)


@pytest.fixture
def trained(finetune: Trainer, settings: Any) -> Trainer:
    """An installation with a finished run."""
    settings.WOOLGATHER_RUNS = finetune.places.runs
    settings.WOOLGATHER_DATASETS = finetune.places.datasets
    settings.WOOLGATHER_MODELS = finetune.places.models
    finetune(steps=20, output="mine")
    return finetune


def questions(tmp_path: Path, *rows: dict[str, str]) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_file_of_questions_is_answered_in_its_order_as_one_by_one(trained: Trainer, tmp_path: Path) -> None:
    from training import actions

    asked = [{"instruction": f"Where does the otter number {n} live?", "context": "By a pond." * n} for n in range(3)]
    output = tmp_path / "answers.jsonl"
    done = actions.generate_all(
        wanted="mine", questions=questions(tmp_path, *asked), output=output, wish=FEW, places=trained.places
    )
    assert done == {"run": "mine", "path": str(output), "answered": 3, "failed": 0}
    rows = runs.read_jsonl(output)
    assert [row["id"] for row in rows] == ["line-1", "line-2", "line-3"]
    with opened(wanted="mine", places=trained.places) as loaded:
        alone = [
            loaded.answer(instruction=question["instruction"], context=question["context"], wish=FEW)["response"]
            for question in asked
        ]
    assert [row["response"] for row in rows] == alone


def test_a_question_that_does_not_fit_is_said_beside_the_others(trained: Trainer, tmp_path: Path) -> None:
    from training import actions

    asked = questions(tmp_path, {"instruction": "why " * 600}, {"instruction": "Why?"})
    output = tmp_path / "answers.jsonl"
    done = actions.generate_all(wanted="mine", questions=asked, output=output, wish=FEW, places=trained.places)
    assert (done["answered"], done["failed"]) == (1, 1)
    first, second = runs.read_jsonl(output)
    assert "there is room for" in first["error"]
    assert "response" in second


def test_answers_never_overwrite_a_file(trained: Trainer, tmp_path: Path) -> None:
    from training import actions

    (tmp_path / "answers.jsonl").write_text("mine")
    with pytest.raises(runs.RunError, match="exists"):
        actions.generate_all(
            wanted="mine",
            questions=questions(tmp_path, {"instruction": "Why?"}),
            output=tmp_path / "answers.jsonl",
            wish=FEW,
            places=trained.places,
        )
    assert (tmp_path / "answers.jsonl").read_text() == "mine"


def test_a_file_of_questions_with_a_mistake_names_the_line(trained: Trainer, tmp_path: Path) -> None:
    from training import actions

    with pytest.raises(BatteryError, match="line 2: the instruction is missing"):
        actions.generate_all(
            wanted="mine",
            questions=questions(tmp_path, {"instruction": "Why?"}, {"context": "x"}),
            output=tmp_path / "answers.jsonl",
            wish=FEW,
            places=trained.places,
        )


def test_streaming_says_the_same_words(trained: Trainer) -> None:
    said: list[str] = []
    with opened(wanted="mine", places=trained.places) as loaded:
        answer = loaded.answer(
            instruction="Where does the otter number 3 live?", context="", wish=Wish(20), say=said.append
        )
    assert "".join(said) == answer["response"].rstrip()
    assert len(said) > 1


def test_questions_are_answered_as_they_are_typed(
    trained: Trainer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Where?\n\nWhy?\n"))
    call_command("generate", interactive=True, max_new_tokens=4, json=True)
    lines = capsys.readouterr().out.strip().split("\n")
    assert [json.loads(line)["run"] for line in lines] == ["mine", "mine"]


def test_a_question_that_is_too_long_does_not_end_the_conversation(
    trained: Trainer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("why " * 600 + "\nWhy?\n"))
    call_command("generate", interactive=True, max_new_tokens=4, json=True)
    out, err = capsys.readouterr()
    assert len(out.strip().split("\n")) == 1
    assert "there is room for" in err


@pytest.mark.parametrize(
    "flags",
    [
        {"input": "a.jsonl"},
        {"prompt": "a", "output": "a.jsonl"},
        {"prompt": "a", "stream": True, "json": True},
        {"input": "a.jsonl", "output": "b.jsonl", "stream": True},
    ],
)
def test_flags_of_generate_that_contradict_each_other_end_with_2(flags: dict[str, Any]) -> None:
    with pytest.raises(CommandError) as failure:
        call_command("generate", **flags)
    assert failure.value.returncode == 2


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_whole_model_gives_the_logits_of_its_run(trained: Trainer, tmp_path: Path, method: str) -> None:
    from training.merging import TOLERANCE, merge

    trained(steps=10, method=method, output="other")
    made = merge(wanted="other", output=tmp_path / "whole", places=trained.places, report=Silence())
    assert made.largest_difference <= TOLERANCE
    assert made.same_answers == made.prompts == 8
    files = {path.name for path in (tmp_path / "whole").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "prompt.json", "README.md"} <= files
    assert "adapter_model.safetensors" not in files


def test_the_whole_model_can_be_trained_further(trained: Trainer, tmp_path: Path) -> None:
    from training.merging import merge

    merge(wanted="mine", output=tmp_path / "whole", places=trained.places, report=Silence())
    first = runs.Run(trained.places.runs / "mine").facts()
    outcome = trained(model=str(tmp_path / "whole"), steps=1, output="further", bf16=first["settings"]["bf16"])
    assert outcome.loss_before == pytest.approx(first["loss_after"], abs=0.02)


def test_a_merge_that_changes_the_model_is_not_kept(
    trained: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import PeftModel

    from training.merging import MergeError, merge

    monkeypatch.setattr(PeftModel, "merge_and_unload", lambda self, **_given: self.unload(), raising=False)
    with pytest.raises(MergeError, match="differs from mine"):
        merge(wanted="mine", output=tmp_path / "whole", places=trained.places, report=Silence())
    assert list(tmp_path.glob("*whole*")) == []


def test_a_merge_never_overwrites(trained: Trainer, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="exists") as failure:
        call_command("export_model", "mine", output=tmp_path)
    assert failure.value.returncode == 1


def test_a_base_models_template_asks_as_it_was_trained(trained: Trainer, tmp_path: Path) -> None:
    from training.loading import load_tokenizer
    from training.merging import merge
    from training.prompts import Codec, PromptFormat, prompt_tokens

    base = material.make_model(tmp_path / "base", chat=False)
    outcome = trained(model=str(base), steps=2, output="dolly")
    merge(wanted="dolly", output=tmp_path / "whole", places=trained.places, report=Silence())
    tokenizer = load_tokenizer(tmp_path / "whole")
    messages = [{"role": "system", "content": 'A "map"'}, {"role": "user", "content": "Where?"}]
    asked = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    fmt = PromptFormat.from_dict(runs.Run(outcome.path).facts()["prompt"])
    codec = Codec(load_tokenizer(outcome.path / "model"))
    trained_on = prompt_tokens(codec, fmt, instruction="Where?", context='A "map"')
    assert asked == codec.tokenizer.decode(trained_on)

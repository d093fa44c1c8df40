from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import material
from tests.training.conftest import Trainer
from training import runs
from training.base_models import BaseModelError
from training.dataset_files import DatasetDamagedError
from training.errors import TrainingError
from training.evaluate import NonFiniteLossError, PromptTooLongError
from training.options import OptionError
from training.sitting import StoppedError

if TYPE_CHECKING:
    from training.places import Places

pytestmark = pytest.mark.train
ROOT = Path(__file__).resolve().parents[2]

# Trains like the fixture does, and is killed, as by a power cut, when the seventh of twelve steps is done.
KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from training import actions
from training.options import FinetuneOptions
from training.places import Places
from training.report import Silence
root, model = Path(sys.argv[1]), sys.argv[2]
steps = iter(range(1, 100))
def cut():
    if next(steps) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return False
actions.finetune(
    options=FinetuneOptions(model=model, output="cut", steps=12, save_steps=2, batch_size=4, eval_rows=12,
                            sample_tokens=4, learning_rate=5e-3,
                            battery="none"),
    places=Places(root / "datasets", root / "runs", root / "models", "animals"),
    report=Silence(), now=datetime(2026, 1, 2, tzinfo=UTC), wants_to_stop=cut,
)
"""


def weights(path: Path) -> str:
    (file,) = (path / "model").glob("*.safetensors")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def facts(path: Path) -> dict[str, Any]:
    return dict(json.loads((path / "run.json").read_text()))


def steps_of(path: Path) -> list[int]:
    return [line["step"] for line in runs.read_jsonl(path / "metrics.jsonl")]


def test_training_lowers_the_held_out_loss_and_writes_the_whole_run(finetune: Trainer) -> None:
    outcome = finetune(steps=25, output="mine", battery="default")
    run = facts(outcome.path)
    assert outcome.loss_after < outcome.loss_before - 0.2
    assert (run["status"], run["steps"], run["dataset"]["version"]) == ("complete", 25, "v1")
    assert run["loss_before"] == pytest.approx(outcome.loss_before)
    assert run["dataset"]["manifest_sha256"] == _sha256(finetune.places.datasets / "animals" / "v1" / "manifest.json")
    assert steps_of(outcome.path) == list(range(1, 26))
    samples = runs.read_jsonl(outcome.path / "samples.jsonl")
    assert len(samples) == 74
    assert {"instruction", "reference", "before", "after"} <= set(samples[0])
    card = (outcome.path / "README.md").read_text()
    assert all(part in card for part in ("CC-BY-SA-4.0", "Apache-2.0", run["base_model"]["sha256"], "## Limits"))
    assert {path.name for path in outcome.path.iterdir()} == {
        ".lock",
        "README.md",
        "dropped.jsonl",
        "evaluations.jsonl",
        "held_out.jsonl",
        "metrics.jsonl",
        "model",
        "run.json",
        "run.yaml",
        "samples.jsonl",
        "tensorboard",
        "truncated.jsonl",
    }


def test_all_weights_can_be_trained_and_answer(finetune: Trainer) -> None:
    from training import actions

    outcome = finetune(steps=8, method="full", output="full")
    assert (outcome.path / "model" / "model.safetensors").exists()
    assert outcome.loss_after < outcome.loss_before
    answer = actions.generate(
        wanted="full", prompt="Where?", context="", max_new_tokens=5, temperature=0, seed=0, places=finetune.places
    )
    assert isinstance(answer["response"], str)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(finetune: Trainer) -> None:
    once, again = finetune(output="a", seed=5), finetune(output="b", seed=5)
    other = finetune(output="c", seed=6)
    assert weights(once.path) == weights(again.path)
    assert weights(once.path) != weights(other.path)


def test_a_run_cut_off_by_sigkill_resumes_to_the_same_steps_and_the_same_weights(finetune: Trainer) -> None:
    place = finetune.places
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(place.datasets.parent), str(finetune.model)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    cut = place.runs / "cut"
    assert facts(cut)["status"] == "running"
    assert max(steps_of(cut)) < 12

    resumed = finetune.resume()
    unbroken = finetune(steps=12, output="unbroken")
    assert resumed.steps == unbroken.steps == 12
    assert steps_of(cut) == list(range(1, 13))
    assert weights(cut) == weights(unbroken.path)
    assert resumed.loss_after == unbroken.loss_after
    run = facts(cut)
    assert run["tokens_trained"] == facts(unbroken.path)["tokens_trained"]
    assert run["duration_seconds"] >= run["train_seconds"]
    assert [sitting["status"] for sitting in run["sittings"]] == ["cut off", "complete"]


def test_a_stopped_run_is_saved_says_how_to_go_on_and_does(finetune: Trainer) -> None:
    asked = itertools.count(1)
    with pytest.raises(StoppedError, match=r"after step 3 of 6.*--resume mine"):
        finetune(output="mine", wants_to_stop=lambda: next(asked) == 3)
    path = finetune.places.runs / "mine"
    assert facts(path)["status"] == "interrupted"
    assert finetune.resume("mine").steps == 6
    assert [sitting["status"] for sitting in facts(path)["sittings"]] == ["interrupted", "complete"]
    assert weights(path) == weights(finetune(output="unbroken").path)


def test_an_unfinished_run_is_no_model(finetune: Trainer) -> None:
    from training import actions

    with pytest.raises(StoppedError):
        finetune(output="mine", wants_to_stop=lambda: True)
    with pytest.raises(runs.RunError, match="no finished run"):
        actions.generate(
            wanted=None, prompt="Hi", context="", max_new_tokens=1, temperature=0, seed=0, places=finetune.places
        )


def test_all_steps_done_but_not_yet_written_is_resumed_to_the_same_weights(finetune: Trainer) -> None:
    whole = finetune(output="whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.sitting.save_model", _no_space)
        with pytest.raises(OSError, match="No space"):
            finetune(output="mine")
    assert facts(finetune.places.runs / "mine")["status"] == "failed"
    assert finetune.resume("mine").steps == 6
    assert facts(finetune.places.runs / "mine")["error"] is None
    assert weights(finetune.places.runs / "mine") == weights(whole.path)


def test_the_checkpoints_stay_until_the_run_is_said_to_be_complete(finetune: Trainer) -> None:
    seen = []
    update = runs.Run.update

    def watch(run: runs.Run, **changes: Any) -> None:
        update(run, **changes)
        if changes.get("status") == "complete":
            seen.append(runs.last_checkpoint(run) is not None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs.Run, "update", watch)
        outcome = finetune(output="mine")
    assert seen == [True]
    assert not (outcome.path / "checkpoints").exists()


def test_the_output_of_another_run_is_refused(finetune: Trainer) -> None:
    outcome = finetune(output="mine")
    before = weights(outcome.path)
    with pytest.raises(runs.RunExistsError, match="finished run"):
        finetune(output="mine")
    assert weights(outcome.path) == before


def test_a_resumed_run_keeps_its_settings(finetune: Trainer) -> None:
    with pytest.raises(StoppedError):
        finetune(output="mine", wants_to_stop=lambda: True)
    with pytest.raises(OptionError, match=r"--steps 99 \(the run has 6\)"):
        finetune.resume("mine", steps=99)
    assert finetune.resume("mine", steps=6).steps == 6


def test_a_resume_on_changed_data_is_refused(finetune: Trainer) -> None:
    with pytest.raises(StoppedError):
        finetune(output="mine", wants_to_stop=lambda: True)
    manifest = finetune.places.datasets / "animals" / "v1" / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(runs.RunError, match="changed since"):
        finetune.resume("mine")


def test_a_damaged_dataset_is_refused_before_anything_is_written(finetune: Trainer) -> None:
    file = finetune.places.datasets / "animals" / "v1" / "data" / "train-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(DatasetDamagedError, match=r"train-00000-of-00001\.parquet"):
        finetune(output="mine")
    assert not finetune.places.runs.exists()


def test_rows_over_the_limit_are_counted_and_listed_by_id(finetune: Trainer) -> None:
    long = material.record(900, response="long " * 300)
    empty = material.record(901, response=" ")
    rows = [material.record(n) for n in range(120)]
    material.make_version(finetune.places.datasets, {"train": [*rows, long, empty], "test": rows[:10]}, number=2)
    outcome = finetune(output="mine", max_length=200)
    assert facts(outcome.path)["rows"]["dropped"] == {"no_trained_tokens": 1, "too_long": 1}
    assert {line["id"]: line["reason"] for line in runs.read_jsonl(outcome.path / "dropped.jsonl")} == {
        long["id"]: "too_long",
        empty["id"]: "no_trained_tokens",
    }
    assert "dropped.jsonl" in (outcome.path / "README.md").read_text()


def test_a_limit_no_row_keeps_to_is_refused(finetune: Trainer) -> None:
    with pytest.raises(TrainingError, match=r"None of the 120 rows .*120 too long.*--max-length"):
        finetune(max_length=8)


def test_few_rows_train_with_a_warning_that_stays_with_the_run(finetune: Trainer) -> None:
    rows = [material.record(n) for n in range(23)]
    material.make_version(finetune.places.datasets, {"train": rows[:20], "test": rows[20:]}, number=2)
    outcome = finetune(output="mine")
    assert "Only 20 rows" in facts(outcome.path)["warnings"][0]
    assert "Take care" in (outcome.path / "README.md").read_text()
    assert len(runs.read_jsonl(outcome.path / "samples.jsonl")) == 3


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_rows(finetune: Trainer) -> None:
    with pytest.raises(NonFiniteLossError, match=r"NaN or infinite at step \d+ \(rows [0-9a-f-]{36}, .*--lr"):
        finetune(output="mine", learning_rate=1e30, steps=30)
    run = facts(finetune.places.runs / "mine")
    assert run["status"] == "failed"
    assert "NaN" in run["error"]


def test_accumulating_gradients_does_not_change_the_training(finetune: Trainer) -> None:
    whole = finetune(output="whole", batch_size=8)
    parts = finetune(output="parts", batch_size=2, gradient_accumulation=4)
    losses = [[line["loss"] for line in runs.read_jsonl(run.path / "metrics.jsonl")] for run in (whole, parts)]
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)
    assert whole.loss_after == pytest.approx(parts.loss_after, rel=2e-3)


def test_a_base_model_that_changed_is_not_used_with_an_adapter_of_another(finetune: Trainer, tmp_path: Path) -> None:
    from training import actions

    base = material.make_model(tmp_path / "base")
    outcome = finetune(model=str(base), output="mine")
    (base / "config.json").write_text((base / "config.json").read_text() + "\n")
    with pytest.raises(runs.RunError, match="changed since"):
        actions.generate(
            wanted=outcome.run, prompt="Hi", context="", max_new_tokens=1, temperature=0, seed=0, places=finetune.places
        )


def test_a_trained_model_answers_with_what_it_learnt_and_stops_there(finetune: Trainer) -> None:
    from training import actions

    rows = [material.record(n, instruction="Say it.", context="", response="otter") for n in range(120)]
    other = [material.record(n) for n in range(200, 210)]
    material.make_version(finetune.places.datasets, {"train": rows, "test": other}, number=2)
    finetune(output="mine", steps=60, method="full", learning_rate=1e-2)

    def ask(**changes: Any) -> dict[str, Any]:
        asked = {
            "wanted": None,
            "prompt": "Say it.",
            "context": "",
            "max_new_tokens": 20,
            "temperature": 0.0,
            "seed": 1,
        }
        return actions.generate(places=finetune.places, **{**asked, **changes})

    assert ask()["response"] == "otter"  # the end token was trained: it says no more than that
    assert ask(context="A context.")["prompt_tokens"] > ask()["prompt_tokens"]
    hot = [ask(temperature=50.0, seed=seed)["response"] for seed in (1, 1, 2)]
    assert hot[0] == hot[1] != hot[2]
    with pytest.raises(PromptTooLongError, match="Shorten"):
        ask(prompt="word " * 600)


@pytest.mark.parametrize("bf16", [True, False])
def test_training_and_measuring_run_in_the_precision_the_run_states(
    finetune: Trainer, monkeypatch: pytest.MonkeyPatch, bf16: bool
) -> None:
    import torch

    from training import loss

    seen = set()

    def spy(*given: Any) -> Any:
        seen.add(torch.is_autocast_enabled("cpu"))
        return loss.answer_nll(*given)

    monkeypatch.setattr("training.hardware.bf16_pays", lambda _device: bf16)
    monkeypatch.setattr("training.trainer.answer_nll", spy)
    monkeypatch.setattr("training.evaluate.answer_nll", spy)
    outcome = finetune(output="mine", steps=2)
    assert facts(outcome.path)["settings"]["bf16"] is bf16
    assert seen == {bf16}


def test_a_damaged_base_model_is_said_to_be_one(finetune: Trainer, tmp_path: Path) -> None:
    base = material.make_model(tmp_path / "base")
    file = base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(BaseModelError, match=r"cannot be read.*Copy the model again"):
        finetune(model=str(base), output="mine")
    assert not (finetune.places.runs / "mine").exists()


def test_running_out_of_memory_says_what_to_lower(finetune: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_given: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr("training.trainer.answer_nll", exhausted)
    with pytest.raises(TrainingError, match="lower --max-length"):
        finetune(output="mine")
    assert facts(finetune.places.runs / "mine")["status"] == "failed"


def test_nothing_but_safetensors_is_kept(finetune: Trainer) -> None:
    outcome = finetune(output="mine")
    assert {path.suffix for path in (outcome.path / "model").iterdir()} == {".json", ".jinja", ".safetensors"}


@pytest.mark.slow
def test_the_real_small_model_learns(places: Places, libraries: None) -> None:
    questions = [material.record(n) for n in range(160)]
    material.make_version(places.datasets, {"train": questions[:120], "test": questions[120:]})
    outcome = Trainer(places, Path())(model=None, steps=12, batch_size=8, learning_rate=5e-4, eval_rows=24)
    assert outcome.loss_after < outcome.loss_before / 2
    assert facts(outcome.path)["base_model"]["licence"] == "Apache-2.0"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _no_space(*_args: object) -> None:
    raise OSError(28, "No space left on device")

"""What a run measures and asks on its way, and when it stops by itself."""

from __future__ import annotations

import itertools
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from training import runs
from training.battery import BatteryError
from training.evaluate import NonFiniteLossError
from training.options import OptionError
from training.sitting import StoppedError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Trainer

pytestmark = pytest.mark.train


def evaluations(path: Path) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in runs.read_jsonl(path / "evaluations.jsonl")}


def samples(path: Path) -> list[dict[str, Any]]:
    return runs.read_jsonl(path / "samples.jsonl")


def test_the_held_out_loss_is_measured_before_at_each_checkpoint_and_after(finetune: Trainer) -> None:
    outcome = finetune(steps=7, save_steps=3, output="mine")
    found = evaluations(outcome.path)
    assert list(found) == [0, 3, 6, 7]
    assert (found[0], found[7]) == (outcome.loss_before, outcome.loss_after)
    line = runs.read_jsonl(outcome.path / "evaluations.jsonl")[1]
    assert set(line["by_category"]) == {"open_qa", "closed_qa"}


def test_the_battery_is_asked_before_on_the_way_and_after(finetune: Trainer, tmp_path: Path) -> None:
    battery = tmp_path / "mine.jsonl"
    battery.write_text("".join(json.dumps({"instruction": f"Where is {n}?"}) + "\n" for n in range(4)))
    outcome = finetune(steps=6, save_steps=3, output="mine", battery=str(battery), checkpoint_samples=2)
    found = samples(outcome.path)
    assert [sample["source"] for sample in found] == ["held out"] * 10 + ["battery"] * 4
    assert all({"before", "after", "before_tokens", "after_tokens"} <= set(sample) for sample in found)
    on_the_way = {sample["instruction"]: [answer["step"] for answer in sample["steps"]] for sample in found[10:]}
    assert on_the_way == {"Where is 0?": [3, 6], "Where is 1?": [], "Where is 2?": [3, 6], "Where is 3?": []}
    facts = runs.Run(outcome.path).facts()
    assert facts["battery"]["path"] == str(battery)
    assert len(facts["battery"]["sha256"]) == 64


def test_a_mistake_in_the_battery_is_said_before_anything_is_written(finetune: Trainer, tmp_path: Path) -> None:
    battery = tmp_path / "mine.jsonl"
    battery.write_text("{}\n")
    with pytest.raises(BatteryError, match="line 1: the instruction is missing"):
        finetune(output="mine", battery=str(battery))
    assert not (finetune.places.runs / "mine").exists()


def test_a_resume_with_a_changed_battery_is_refused(finetune: Trainer, tmp_path: Path) -> None:
    battery = tmp_path / "mine.jsonl"
    battery.write_text('{"instruction": "Why?"}\n')
    with pytest.raises(StoppedError):
        finetune(output="mine", battery=str(battery), wants_to_stop=lambda: True)
    battery.write_text('{"instruction": "How?"}\n')
    with pytest.raises(runs.RunError, match=r"battery .* changed since mine began"):
        finetune.resume("mine")


def test_measuring_on_the_way_changes_nothing_in_the_training(finetune: Trainer) -> None:
    often = finetune(steps=6, save_steps=1, output="often")
    once = finetune(steps=6, save_steps=6, output="once", checkpoint_samples=0)
    weights = [(path / "model" / "adapter_model.safetensors").read_bytes() for path in (often.path, once.path)]
    assert weights[0] == weights[1]


def test_a_resumed_run_has_the_course_of_an_unbroken_one(finetune: Trainer) -> None:
    asked = itertools.count(1)
    with pytest.raises(StoppedError):
        finetune(steps=8, save_steps=3, output="mine", wants_to_stop=lambda: next(asked) == 4)
    path = finetune.places.runs / "mine"
    assert list(evaluations(path)) == [0, 3, 4]
    finetune.resume("mine")
    unbroken = finetune(steps=8, save_steps=3, output="unbroken")
    assert evaluations(path).items() >= evaluations(unbroken.path).items()
    assert [sample["after"] for sample in samples(path)] == [sample["after"] for sample in samples(unbroken.path)]


def test_training_stops_when_the_held_out_loss_stops_falling_and_the_best_weights_stay(finetune: Trainer) -> None:
    outcome = finetune(steps=60, save_steps=2, patience=2, learning_rate=0.5, method="full", output="mine")
    facts = runs.Run(outcome.path).facts()
    found = evaluations(outcome.path)
    best = min((step for step in found if step), key=lambda step: found[step])
    assert facts["steps"] < 60
    assert facts["kept_step"] == best == facts["steps"] - 4
    assert outcome.loss_after == found[best]
    assert f"those of step {best}" in (outcome.path / "README.md").read_text()


def test_the_weights_that_stay_are_those_that_were_measured(finetune: Trainer) -> None:
    from training.evaluate import held_out_loss
    from training.loading import load_model, load_tokenizer
    from training.preparing import prepared
    from training.prompts import Codec
    from training.report import Silence

    outcome = finetune(steps=40, save_steps=2, patience=2, learning_rate=0.5, method="full", output="mine")
    model = load_model(outcome.path / "model", device="cpu")
    codec = Codec(load_tokenizer(outcome.path / "model"))
    bf16 = runs.Run(outcome.path).facts()["settings"]["bf16"]
    with prepared(options=finetune.options(), places=finetune.places, report=Silence()) as ready:
        loss = held_out_loss(model, ready.material.held_out, codec, device="cpu", bf16=bf16)
    assert loss.loss == pytest.approx(outcome.loss_after, abs=1e-5)


def test_a_run_that_had_stopped_early_when_it_was_cut_off_does_not_train_on(
    finetune: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_given: object) -> None:
        raise KeyboardInterrupt

    flags: dict[str, Any] = {"steps": 60, "save_steps": 2, "patience": 2, "learning_rate": 0.5, "method": "full"}
    with monkeypatch.context() as broken:
        broken.setattr("training.sitting.save_model", cut_off)
        with pytest.raises(StoppedError):
            finetune(output="mine", **flags)
    outcome = finetune.resume("mine")
    unbroken = finetune(output="unbroken", **flags)
    assert (outcome.steps, outcome.loss_after) == (unbroken.steps, unbroken.loss_after)


def test_the_lengths_of_responses_are_set_beside_those_of_the_data(finetune: Trainer) -> None:
    outcome = finetune(output="mine", sample_tokens=6)
    lengths = runs.Run(outcome.path).facts()["lengths"]
    assert list(lengths) == ["data", "before", "after"]
    assert all(0 <= found["p10"] <= found["p50"] <= found["p90"] <= 6 for found in lengths.values())
    assert "| what people wrote |" in (outcome.path / "README.md").read_text()


def test_tensorboard_reads_the_curves(finetune: Trainer) -> None:
    from tensorboardX.proto.event_pb2 import Event

    outcome = finetune(steps=4, save_steps=2, output="mine")
    (file,) = (outcome.path / "tensorboard").iterdir()
    tags = {value.tag for event in _events(file.read_bytes(), Event) for value in event.summary.value}
    assert {"train/loss", "train/learning_rate", "eval/loss", "eval/loss_open_qa"} <= tags


def test_tensorboard_reads_the_curve_of_a_run_that_failed(finetune: Trainer) -> None:
    from tensorboardX.proto.event_pb2 import Event

    before = set(threading.enumerate())
    with pytest.raises(NonFiniteLossError):
        finetune(output="mine", learning_rate=1e30, steps=30)
    (file,) = (finetune.places.runs / "mine" / "tensorboard").iterdir()
    tags = {value.tag for event in _events(file.read_bytes(), Event) for value in event.summary.value}
    assert "train/loss" in tags
    assert set(threading.enumerate()) <= before


def test_nothing_is_written_for_trackers_that_were_not_asked_for(finetune: Trainer) -> None:
    assert not (finetune(output="mine", log_to="none").path / "tensorboard").exists()


def test_a_tracker_that_is_not_installed_is_said_before_anything_is_written(
    finetune: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_given: None if name == "wandb" else object())
    with pytest.raises(OptionError, match="wandb: it is not installed"):
        finetune(output="mine", log_to="tensorboard,wandb")
    assert not (finetune.places.runs / "mine").exists()


def _events(raw: bytes, kind: Any) -> list[Any]:
    """Read TFRecords: a length of eight bytes, four of its checksum, the event, four of its checksum."""
    found = []
    at = 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 8], "little")
        found.append(kind.FromString(raw[at + 12 : at + 12 + length]))
        at += 16 + length
    return found

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import material
from tests.training.conftest import NOW, Trainer
from training.errors import TrainingError
from training.options import FinetuneOptions
from training.quiet import hushed
from training.report import Silence

if TYPE_CHECKING:
    from training.places import Places

pytestmark = pytest.mark.train
ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "train.lock"


def look_ahead(finetune: Trainer, *, examples: int | None = None, **flags: Any) -> Any:
    from training import actions

    return actions.look_ahead(
        options=finetune.options(**flags),
        places=finetune.places,
        report=Silence(),
        estimated=examples is None,
        examples=examples,
    )


def doctor(places: Places, **flags: Any) -> dict[str, Any]:
    from training import actions

    found = actions.doctor(options=FinetuneOptions(**flags), places=places, lock=LOCK)
    return {finding.part: finding for finding in found}


def test_the_estimate_counts_the_very_tokens_that_the_run_then_trains(finetune: Trainer) -> None:
    ahead = look_ahead(finetune, steps=9).facts["estimate"]
    assert not finetune.places.runs.exists()
    outcome = finetune(steps=9, output="mine")
    run = json.loads((outcome.path / "run.json").read_text())
    assert ahead["tokens"] == run["tokens_trained"]
    assert ahead["steps"] == 9
    assert 0 < ahead["trained_tokens"] < ahead["tokens"]
    assert ahead["memory_bytes"] > 0


def test_the_time_follows_the_run_that_was_measured_here(finetune: Trainer) -> None:
    assert "matrix product" in look_ahead(finetune).facts["estimate"]["speed_from"]
    outcome = finetune(output="mine")
    ahead = look_ahead(finetune, steps=50).facts["estimate"]
    assert ahead["speed_from"] == "the run mine on this machine"
    speed = json.loads((outcome.path / "run.json").read_text())["tokens_per_second"]
    assert ahead["seconds"] == pytest.approx(ahead["tokens"] / speed, rel=0.01, abs=0.1)


def test_the_cost_is_the_time_by_the_price(finetune: Trainer) -> None:
    ahead = look_ahead(finetune, price_per_hour=36000.0)
    made = ahead.facts["estimate"]
    assert made["cost"] == pytest.approx(made["tokens"] / made["tokens_per_second"] * 10, rel=0.05, abs=0.01)
    assert "Cost" in ahead.text


def test_without_a_price_the_estimate_says_how_to_give_one(finetune: Trainer) -> None:
    assert "--price-per-hour" in look_ahead(finetune).text


def test_operations_follow_the_published_formula() -> None:
    from training.estimate import flops_of
    from training.weights import ModelSize

    size = ModelSize(
        parameters=0, file_bytes=0, matrices=((10, 20), (30, 10)), layers=2, hidden=10, vocabulary=50, intermediate=0
    )
    full = flops_of(size, tokens=100, trained_tokens=40, mean_length=7, full=True, checkpointing=False)
    assert full == 6 * (500 * 100 + 500 * 40) + 6 * 2 * 10 * 7 * 100
    adapter = flops_of(size, tokens=100, trained_tokens=40, mean_length=7, full=False, checkpointing=True)
    assert adapter == full  # two less for the frozen weights, two more for activations made again


def test_the_size_of_a_model_is_read_without_loading_it(tiny_model: Path, libraries: None) -> None:
    from training.loading import load_model, with_layers
    from training.options import resolve
    from training.weights import model_size

    size = model_size(tiny_model)
    model = load_model(tiny_model, device="cpu")
    assert size.parameters == sum(weights.numel() for weights in model.parameters())
    settings = resolve(FinetuneOptions(lora_r=3), rows=10, on_cpu=True, bf16=False)[0]
    with hushed():
        adapter = with_layers(model, settings, keys=[])
    assert size.adapter(3) == sum(weights.numel() for weights in adapter.parameters() if weights.requires_grad)


def test_the_preview_marks_the_response_and_its_end_and_nothing_else(finetune: Trainer) -> None:
    shown = look_ahead(finetune, examples=2).text
    for block in shown.split("— ")[1:]:
        _, _, text = block.partition("\n")
        trained = text[text.index("⟦") + 1 : text.index("⟧")]
        assert trained.startswith("It lives by the ")
        assert trained.endswith("<|im_end|>")
        assert "Where does the" in text[: text.index("⟦")]
        assert "<|im_start|>assistant\n⟦" in text


def test_the_preview_shows_the_same_rows_each_time(finetune: Trainer) -> None:
    assert look_ahead(finetune, examples=3).text == look_ahead(finetune, examples=3).text


def test_a_price_and_the_true_cost_are_on_the_run_card(finetune: Trainer) -> None:
    outcome = finetune(output="mine", price_per_hour=36000.0)
    run = json.loads((outcome.path / "run.json").read_text())
    assert run["cost"] == pytest.approx(run["duration_seconds"] * 10, rel=0.02)
    card = (outcome.path / "README.md").read_text()
    assert "| | estimated | measured |" in card
    assert f"{run['cost']:.2f}" in card


def test_the_file_of_a_run_makes_the_same_weights_again(finetune: Trainer) -> None:
    from training import actions, config_file
    from training.runs import Run

    first = finetune(output="first", method="lora", lora_r=4, seed=9)
    file = str(first.path / "run.yaml")
    options = config_file.merged(config_file.read(file), FinetuneOptions(output="again"))
    again = actions.finetune(options=options, places=finetune.places, report=Silence(), now=NOW)
    weights = [(path / "model" / "adapter_model.safetensors").read_bytes() for path in (first.path, again.path)]
    assert weights[0] == weights[1]
    assert Run(again.path).facts()["settings"] == Run(first.path).facts()["settings"]


def test_a_healthy_installation_is_found_healthy(finetune: Trainer) -> None:
    found = doctor(finetune.places, model=str(finetune.model))
    assert {part: finding.state for part, finding in found.items() if finding.state == "failed"} == {}
    assert list(found) == ["data", "libraries", "device", "model", "memory", "disk", "tokenizer", "template"]
    assert "animals/v1, 140 rows" in found["data"].text
    assert "'<|im_end|>'" in found["template"].text


def test_an_installation_without_data_or_model_is_told_what_to_do(places: Places, libraries: None) -> None:
    found = doctor(places, model="/nowhere/model")
    assert found["data"].state == "failed"
    assert "export_dataset" in found["data"].text
    assert found["model"].state == "failed"


def test_a_tokenizer_larger_than_its_model_is_found(finetune: Trainer, tmp_path: Path) -> None:
    model = material.make_model(tmp_path / "mixed")
    material.make_tokenizer(model, added=tuple(f"<extra-{number}>" for number in range(50)))
    assert doctor(finetune.places, model=str(model))["tokenizer"].state == "failed"


def test_a_version_that_was_not_tested_is_a_warning(finetune: Trainer, tmp_path: Path) -> None:
    from training import actions

    lock = tmp_path / "train.lock"
    lock.write_text("trl==0.0.1 \\\n    --hash=sha256:00\n")
    found = actions.doctor(options=finetune.options(), places=finetune.places, lock=lock)
    (libraries,) = (finding for finding in found if finding.part == "libraries")
    assert libraries.state == "warning"
    assert "tested: 0.0.1" in libraries.text


def test_rows_that_are_too_long_are_refused_by_id_where_that_is_asked_for(finetune: Trainer) -> None:
    with pytest.raises(TrainingError, match=r"rows are longer than 40 tokens: [0-9a-f-]{36}.*and \d+ more"):
        look_ahead(finetune, max_length=40, too_long="refuse")

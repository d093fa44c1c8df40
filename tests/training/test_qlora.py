"""QLoRA: an adapter beside weights of four bits, trained, resumed, asked and exported, here on a processor."""

from __future__ import annotations

import importlib.util
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from training import actions, merging
from training.answering import Wish, opened
from training.base_models import BaseModelError
from training.loading import load_model, load_tokenizer, with_layers
from training.options import DEFAULT_SYSTEM, FinetuneOptions, resolve
from training.prompts import Codec, choose_format, prompt_tokens
from training.quiet import hushed
from training.report import Silence
from training.sitting import StoppedError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Trainer

pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is for Linux"),
]


def weights(path: Path) -> bytes:
    return (path / "model" / "adapter_model.safetensors").read_bytes()


def test_a_stopped_run_goes_on_to_the_weights_of_an_unbroken_one(finetune: Trainer) -> None:
    asked = itertools.count(1)
    with pytest.raises(StoppedError, match="--resume mine"):
        finetune(method="qlora", output="mine", wants_to_stop=lambda: next(asked) == 3)
    resumed = finetune.resume("mine")
    unbroken = finetune(method="qlora", output="unbroken")
    assert resumed.loss_after == unbroken.loss_after < unbroken.loss_before
    assert weights(resumed.path) == weights(unbroken.path)


def test_four_bits_are_trained_beside_and_the_run_answers(finetune: Trainer) -> None:
    import bitsandbytes

    outcome = finetune(method="qlora", steps=20, output="mine")
    assert outcome.loss_after < outcome.loss_before - 0.3
    with opened(wanted="mine", places=finetune.places) as run:
        layers = [module for module in run.model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
        assert len(layers) >= 14  # seven in each of two blocks
        assert {layer.weight.quant_state.quant_type for layer in layers} == {"nf4"}
        answer = run.answer(instruction="Where does the otter live?", context="", wish=Wish(max_new_tokens=6))
    assert answer["response"]


def test_gradients_flow_through_four_bits_after_an_evaluation_as_before(
    libraries: None, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    # As on every processor with avx512_bf16.
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: True)
    settings, _notes = resolve(FinetuneOptions(method="qlora"), rows=100, on_cpu=True, bf16=False)
    with hushed():
        model = with_layers(load_model(tiny_model, device="cpu", settings=settings), settings, keys=[])
    codec = Codec(load_tokenizer(tiny_model))
    fmt = choose_format(codec, system=DEFAULT_SYSTEM)
    ids = torch.tensor([prompt_tokens(codec, fmt, instruction="Where does the otter live?")])

    def gradients() -> dict[str, Any]:
        model.train()
        model.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}

    before = gradients()
    model.eval()
    with torch.no_grad():
        model(input_ids=ids)
    after = gradients()
    assert any(".layers.0." in name for name in before)  # below the other block, so through its four bits
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_export_is_the_run_on_its_rounded_weights_and_says_so(finetune: Trainer, tmp_path: Path) -> None:
    import torch

    finetune(method="qlora", steps=20, output="mine", bf16=False)
    made = merging.merge(wanted="mine", output=tmp_path / "whole", places=finetune.places, report=Silence())
    assert made.as_dict()["base"] == "rounded to 4 bits (NF4), as in training"
    assert "## Merged into four-bit weights" in (tmp_path / "whole" / "README.md").read_text()
    assert "quantization_config" not in json.loads((tmp_path / "whole" / "config.json").read_text())
    whole = load_model(tmp_path / "whole", device="cpu").eval()
    with opened(wanted="mine", places=finetune.places) as run, torch.no_grad():
        ids = torch.tensor([prompt_tokens(run.codec, run.fmt, instruction="Where does the otter live?")])
        own = run.model.eval()(input_ids=ids).logits
        assert float((whole(input_ids=ids).logits - own).abs().max()) < merging.TOLERANCE


def test_the_doctor_tries_a_layer_of_four_bits(finetune: Trainer, tmp_path: Path) -> None:
    found = actions.doctor(
        options=finetune.options(method="qlora"), places=finetune.places, lock=tmp_path / "requirements.lock"
    )
    (qlora,) = [finding for finding in found if finding.part == "qlora"]
    assert qlora.state == "ok"
    assert "4-bit weights work on this" in qlora.text


def test_without_bitsandbytes_the_doctor_and_the_run_say_what_to_do(
    finetune: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.doctor._version", lambda _name: None)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "bitsandbytes" else find(name))
    found = actions.doctor(options=finetune.options(method="qlora"), places=finetune.places, lock=tmp_path / "none")
    assert {finding.part: finding.state for finding in found}["qlora"] == "failed"
    with pytest.raises(BaseModelError, match=r"make train-deps.*--method lora"):
        finetune(method="qlora", output="mine")
    assert not (finetune.places.runs / "mine" / "model").exists()

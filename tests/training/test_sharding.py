"""A model shared out over several processes trains as in one: the same losses, weights, samples and files."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import pytest

from tests.training.test_processes import losses
from training import estimate, runs, sharding
from training.options import FinetuneOptions, OptionError, resolve
from training.processes import Processes
from training.prompts import PromptFormat
from training.sharding import check_sharding
from training.weights import ModelSize

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Trainer


def tensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    (file,) = (path / "model").glob("*.safetensors")
    return dict(load_file(file))


def assert_same_weights(one: Path, other: Path, **tolerance: float) -> None:
    import torch

    left, right = tensors(one), tensors(other)
    assert left.keys() == right.keys()
    for name, weight in left.items():
        torch.testing.assert_close(weight, right[name], **tolerance)


def shared_alike(path: Path) -> bool:
    """Whether each of two processes held, and wrote, half of every matrix."""
    from torch.distributed.checkpoint import FileSystemReader
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata

    written = FileSystemReader(path).read_metadata().state_dict_metadata
    matrices = [one for one in written.values() if isinstance(one, TensorStorageMetadata) and len(one.size) == 2]
    return bool(matrices) and all(
        [chunk.sizes[0] for chunk in one.chunks] == [-(-one.size[0] // 2), one.size[0] // 2] for one in matrices
    )


@pytest.mark.train
def test_a_model_shared_out_has_the_losses_the_weights_and_the_samples_of_one_process(
    finetune: Trainer, launch: Any
) -> None:
    done = launch(2, output="two", save_steps=3, shard="fsdp2")
    assert done.returncode == 0, done.stderr[-3000:]
    one = finetune(output="one", save_steps=3, bf16=False)
    two = finetune.places.runs / "two"
    assert losses(two) == pytest.approx(losses(one.path), rel=1e-4)
    for measured, alone in zip(*(runs.read_jsonl(path / "evaluations.jsonl") for path in (two, one.path)), strict=True):
        assert measured["step"] == alone["step"]
        assert measured["loss"] == pytest.approx(alone["loss"], rel=1e-4)
    assert runs.read_jsonl(two / "samples.jsonl") == runs.read_jsonl(one.path / "samples.jsonl")
    assert_same_weights(two, one.path, rtol=1e-2, atol=2e-4)


@pytest.mark.train
@pytest.mark.slow
def test_a_model_shared_out_that_was_killed_twice_resumes_to_the_weights_of_an_unbroken_run(
    finetune: Trainer, launch: Any
) -> None:
    flags: dict[str, Any] = {"method": "full", "shard": "fsdp2", "save_steps": 2}
    root = finetune.places.runs
    assert launch(2, output="unbroken", **flags).returncode == 0
    assert launch(2, output="mine", **flags, kill_after=5).returncode != 0
    last = root / "mine" / "checkpoints" / "checkpoint-4"
    for part in ("pytorch_model_fsdp_0", "optimizer_0"):
        assert shared_alike(last / part)
    # All steps done and saved, but the process gone before the model was written.
    assert launch(2, resume="mine", kill_at_end=True).returncode != 0
    assert (last.parent / "checkpoint-6" / runs.CHECKPOINT_MARK).is_file()
    done = launch(2, resume="mine")
    assert done.returncode == 0, done.stderr[-3000:]
    assert losses(root / "mine") == losses(root / "unbroken")
    assert_same_weights(root / "mine", root / "unbroken", rtol=0, atol=0)


@pytest.mark.train
def test_packing_checkpointing_new_keys_and_early_stopping_work_with_a_model_shared_out(
    finetune: Trainer, launch: Any
) -> None:
    flags: dict[str, Any] = {
        "method": "full",
        "prompt_format": "dolly",
        "packing": True,
        "gradient_checkpointing": True,
        "save_steps": 1,
        "patience": 1,
        "steps": 5,
        "learning_rate": 0.3,  # far too high: the loss rises soon, and a better checkpoint is kept
    }
    done = launch(2, output="two", shard="fsdp2", **flags)
    assert done.returncode == 0, done.stderr[-3000:]
    one = finetune(output="one", bf16=False, **flags)
    two = finetune.places.runs / "two"
    facts, alone = runs.Run(two).facts(), runs.Run(one.path).facts()
    assert facts["kept_step"] == alone["kept_step"] < facts["steps"] == alone["steps"]
    assert losses(two) == pytest.approx(losses(one.path), rel=1e-3)
    assert_same_weights(two, one.path, rtol=1e-2, atol=2e-3)


def refused(*, shard: str = "fsdp2", count: int = 2, fmt: str = "chat", **changes: Any) -> str:
    settings, _notes = resolve(FinetuneOptions(shard=shard, **changes), rows=100, on_cpu=True, bf16=False)
    with pytest.raises(OptionError) as error:
        check_sharding(settings, PromptFormat(fmt, (), "", "", bos=False), Processes(0, count), device="cpu")
    return str(error.value)


def test_one_process_has_nobody_to_share_with_and_is_told_how_to_start_more() -> None:
    assert "accelerate launch --num-processes N" in refused(count=1)


def test_what_cannot_be_shared_out_is_refused_with_what_to_do_instead() -> None:
    assert "use --method lora with --shard fsdp2" in refused(method="qlora")
    assert "--prompt-format plain" in refused(fmt="dolly")
    assert "Use --shard fsdp2" in refused(shard="zero3")


def test_without_deepspeed_zero3_is_refused_with_the_line_that_installs_it(
    finetune: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install deepspeed`, or use --shard fsdp2"):
        sharding.require_library("zero3")
    sharding.require_library("fsdp2")


@pytest.mark.train
def test_doctor_says_whether_a_model_could_be_shared_out(finetune: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    from training import doctor

    def found(shard: str | None) -> list[tuple[str, str]]:
        return [(one.state, one.text) for one in doctor._sharing(FinetuneOptions(shard=shard))]

    assert found(None) == []
    ((state, text),) = found("fsdp2")
    assert state == "warning"
    assert "accelerate launch" in text
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert found("fsdp2") == [("ok", "fsdp2 over 8 processes")]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ((state, text),) = found("zero3")
    assert state == "failed"
    assert "pip install deepspeed" in text


@pytest.mark.train
def test_deepspeed_is_told_to_share_out_everything_and_to_take_the_rest_from_the_trainer(libraries: None) -> None:
    settings, _notes = resolve(FinetuneOptions(shard="zero3", method="full"), rows=100, on_cpu=False, bf16=True)
    asked = sharding.arguments(settings)["deepspeed"]
    assert asked["zero_optimization"]["stage"] == 3
    assert asked["bf16"] == {"enabled": True}
    from accelerate.utils.deepspeed import HfDeepSpeedConfig

    read = HfDeepSpeedConfig(asked)
    assert read.is_zero3()
    assert not read.is_offload()
    assert {asked[name] for name in ("train_micro_batch_size_per_gpu", "train_batch_size")} == {"auto"}
    assert {asked[name] for name in ("gradient_accumulation_steps", "gradient_clipping")} == {"auto"}


@pytest.mark.train
def test_fsdp2_is_asked_for_by_layers_with_gradients_summed_in_32_bits(libraries: None, tmp_path: Path) -> None:
    import torch
    from transformers import TrainingArguments

    settings, _notes = resolve(FinetuneOptions(shard="fsdp2"), rows=100, on_cpu=True, bf16=True)
    made = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, bf16=True, **sharding.arguments(settings))
    assert made.fsdp_plugin_args["fsdp_version"] == 2
    assert made.fsdp_plugin_args["auto_wrap_policy"] == "TRANSFORMER_BASED_WRAP"
    chosen = sharding.policy(settings)["mixed_precision_policy"]
    assert (chosen.param_dtype, chosen.reduce_dtype) == (torch.bfloat16, torch.float32)
    assert chosen.output_dtype is None  # in 16 bits, the loss would have three digits


def test_the_estimate_divides_what_is_shared_out_by_the_processes() -> None:
    size = ModelSize(1_000_000, 0, ((100, 1000),) * 9, layers=9, hidden=100, vocabulary=500, intermediate=400)

    def memory(processes: int, shard: str) -> dict[str, int]:
        options = FinetuneOptions(method="full", shard=shard)
        settings, _notes = resolve(options, rows=100, on_cpu=False, bf16=True)
        return estimate.memory_of(size, settings, tokens_at_once=64, on_cpu=False, processes=processes)

    alone, beside, shared = memory(1, "none"), memory(8, "none"), memory(8, "fsdp2")
    assert alone == beside
    assert shared["optimizer_bytes"] == alone["optimizer_bytes"] // 8 == 12 * 1_000_000 // 8
    # A share of the 32-bit weights; and two layers, the embedding and the head in 16 bits, with their gradients.
    assert shared["weight_bytes"] == 4 * 1_000_000 // 8 + 4 * (2 * 100_000 + 2 * 50_000)
    assert shared["activation_bytes"] == alone["activation_bytes"]

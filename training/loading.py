"""Models and tokenizers as a run needs them: loaded safely, with the format's keys, with the layers to train."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .base_models import BaseModelError
from .prompts import key_ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .options import Settings

NO_BITSANDBYTES = "QLoRA needs bitsandbytes, which comes with `make train-deps` on Linux. Or use --method lora."


def load_model(path: Path, *, device: str, settings: Settings | None = None) -> Any:
    """Load weights from safetensors, never running code that came with them.

    They are kept in 32 bits, except where ``settings`` train only layers beside them: then in bf16 on a GPU that
    computes in it, and in 4 bits (NF4, Dettmers et al. 2023, "QLoRA") for the method of that name.
    What is to be shared out stays in the machine's memory: it may be too large for one GPU.
    Raises BaseModelError when they cannot be loaded.
    """
    from transformers import AutoModelForCausalLM

    given: dict[str, Any] = {"dtype": "float32"}
    if settings and settings.trains_adapter and settings.bf16 and device != "cpu":
        given["dtype"] = "bfloat16"
    if settings and settings.method == "qlora":
        given |= {"quantization_config": _four_bits(settings), "device_map": {"": device}}
    with _as_base_model_error(path):
        model = AutoModelForCausalLM.from_pretrained(
            path, use_safetensors=True, trust_remote_code=False, local_files_only=True, **given
        )
        if settings and settings.method == "qlora":
            return _unpacked(model)
        return model if settings and settings.shares_out else model.to(device)


def _four_bits(settings: Settings) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    if importlib.util.find_spec("bitsandbytes") is None:
        raise BaseModelError(NO_BITSANDBYTES)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if settings.bf16 else torch.float32,
    )


def try_four_bits(device: str) -> None:
    """Take one layer of 4-bit weights forwards and backwards; whatever fails is raised."""
    import torch
    from bitsandbytes.nn import Linear4bit

    layer = _unpacked(Linear4bit(64, 64, bias=False, compute_dtype=torch.float32, quant_type="nf4").to(device))
    given = torch.ones(2, 64, device=device, requires_grad=True)
    layer(given).sum().backward()
    if given.grad is None or not bool(given.grad.isfinite().all()):
        raise RuntimeError("no gradient comes through a 4-bit layer")


def _unpacked(model: Any) -> Any:
    """Keep 4-bit weights as they were stored, and each product one that gradients flow through.

    On processors with avx512_bf16, bitsandbytes packs them anew at the first evaluation, with scales rounded to bf16.
    Training that goes on from there gets no gradient through these weights, and says nothing.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def in_32_bits(model: Any) -> Any:
    """Return the model with each weight as it is, written out in 32 bits: also those that were rounded to four."""
    return (model.dequantize() if getattr(model, "is_quantized", False) else model).float()


def load_tokenizer(path: Path) -> Any:
    """Load a tokenizer, never running code that came with it. Raises BaseModelError when it cannot be loaded."""
    from transformers import AutoTokenizer

    with _as_base_model_error(path):
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False, local_files_only=True)


@contextmanager
def _as_base_model_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseModelError:
        raise
    except Exception as error:  # a damaged or foreign model fails in whatever way its library likes
        why = (str(error).strip().split("\n") or [""])[0][:200] or type(error).__name__
        raise BaseModelError(
            f"The model in {path} cannot be loaded: {why} Copy it again, or choose another."
        ) from error


def fit_vocabulary(model: Any, tokenizer: Any) -> list[int]:
    """Give the model rows for the prompt format's keys, and return their ids (none for a chat template).

    Each new row starts as the mean of the rows of the words that the key stands for: near to what the model knows,
    and the same each time, so that an adapter finds the base it was trained on.
    """
    import torch

    keys = key_ids(tokenizer)
    if not keys:
        return []
    if model.get_input_embeddings().weight.shape[0] < len(tokenizer):
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    tables = [model.get_input_embeddings().weight]
    head = model.get_output_embeddings()
    if head is not None and head.weight.data_ptr() != tables[0].data_ptr():
        tables.append(head.weight)
    with torch.no_grad():
        for table in tables:
            for key, words in keys.items():
                table[key] = table[words].float().mean(dim=0).to(table.dtype)
    return sorted(keys)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch."""
    from transformers import set_seed

    set_seed(seed)


def with_layers(model: Any, settings: Settings, *, keys: list[int]) -> Any:
    """Return the model ready to train: with fresh LoRA layers, or as it is for all weights.

    ``keys`` are token ids whose input rows are trained too. The seed is set here, before LoRA draws its first
    weights: set later, no two runs would start alike.
    """
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    seed_everything(settings.seed)
    if not settings.trains_adapter:
        return model
    if settings.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    config = LoraConfig(
        r=settings.lora_r,
        lora_alpha=2 * settings.lora_r,
        lora_dropout=0.0,
        bias="none",
        target_modules="all-linear",
        trainable_token_indices=keys or None,
        task_type="CAUSAL_LM",
    )
    # DeepSpeed wants one precision throughout, and keeps 32 bits of what it trains by itself.
    zero = settings.shard == "zero3"
    if zero and settings.gradient_checkpointing:
        model.enable_input_require_grads()
    return without_casts(get_peft_model(model, config, autocast_adapter_dtype=not zero))


def without_casts(model: Any) -> Any:
    """Keep LoRA layers from turning their inputs into 32 bits first, where 16-bit products are in use anyway.

    Autocast chooses the precision of each product. PEFT's own cast on top changes no result and, on a processor with
    bf16, takes as long as everything else together.
    """
    for module in model.modules():
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = False
    return model

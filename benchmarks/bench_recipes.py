"""What the recipes for GPUs would take for databricks-dolly-15k, two passes: figures of the recipes' ``about``.

Estimated, nothing is trained: the models' shapes are those they were published with, the operations and the memory
those of ``finetune --dry-run``. The speed is 40 % of the published peak of the GPU, which large models reach; whoever
has such a machine sees the true figures on the run card. Tokens were counted with SmolLM2's tokenizer.

    .venv/bin/python benchmarks/bench_recipes.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training import config_file
from training.estimate import duration, flops_of, memory_of
from training.options import resolve
from training.processes import Processes
from training.weights import ModelSize

ROWS = 13_457
TOKENS, TRAINED_TOKENS = 5_338_681, 2_164_026  # in two passes
LONGEST = 2_048
SHARE = 0.40
# Peak of dense bf16 products (their makers' data sheets), and a price for an hour of one, a round figure.
GPUS = {"A100 80 GB": (312e12, 2.0), "L4 24 GB": (121e12, 0.8), "H200 141 GB": (989e12, 4.0)}
MACHINES = {
    "dolly-pythia-6.9b": ("H200 141 GB", 1),
    "dolly-pythia-6.9b-fsdp2": ("A100 80 GB", 8),
    "dolly-pythia-6.9b-zero3": ("A100 80 GB", 8),
    "dolly-pythia-160m": ("L4 24 GB", 1),
    "llama-1b-lora": ("L4 24 GB", 1),
    "mistral-7b-lora": ("A100 80 GB", 1),
    "mistral-7b-qlora": ("L4 24 GB", 1),
}


def shaped(*, layers: int, hidden: int, inner: int, vocabulary: int, keys: int, gated: bool, tied: bool) -> ModelSize:
    """Return the size of a decoder; ``keys`` is the width of keys and of values together with a fused query."""
    attention = [(hidden + keys, hidden), (hidden, hidden)]
    inside = [(inner, hidden), (hidden, inner), *([(inner, hidden)] if gated else [])]
    matrices = tuple((attention + inside) * layers)
    weights = sum(rows * columns for rows, columns in matrices) + hidden * vocabulary * (1 if tied else 2)
    return ModelSize(weights, 0, matrices, layers, hidden, vocabulary, inner)


MISTRAL = shaped(layers=32, hidden=4096, inner=14336, vocabulary=32768, keys=2048, gated=True, tied=False)
PYTHIA = shaped(layers=32, hidden=4096, inner=16384, vocabulary=50432, keys=8192, gated=False, tied=False)
SHAPES = {
    "dolly-pythia-6.9b": PYTHIA,
    "dolly-pythia-6.9b-fsdp2": PYTHIA,
    "dolly-pythia-6.9b-zero3": PYTHIA,
    "dolly-pythia-160m": shaped(
        layers=12, hidden=768, inner=3072, vocabulary=50304, keys=1536, gated=False, tied=False
    ),
    "llama-1b-lora": shaped(layers=16, hidden=2048, inner=8192, vocabulary=128256, keys=1024, gated=True, tied=True),
    "mistral-7b-lora": MISTRAL,
    "mistral-7b-qlora": MISTRAL,
}


def main() -> None:
    """Print a line for each recipe."""
    for recipe in config_file.recipes():
        if recipe.name not in SHAPES:
            continue
        size, (gpu, count) = SHAPES[recipe.name], MACHINES[recipe.name]
        peak, price = GPUS[gpu]
        settings, _notes = resolve(recipe.options, rows=ROWS, on_cpu=False, bf16=True)
        flops = flops_of(
            size,
            tokens=TOKENS,
            trained_tokens=TRAINED_TOKENS,
            mean_length=TOKENS / (2 * ROWS),
            full=not settings.trains_adapter,
            checkpointing=settings.gradient_checkpointing,
        )
        rows, _batches = Processes(count=count).share(settings.rows_per_step, settings.batch_size)
        at_once = rows * min(LONGEST, settings.max_length)
        most = sum(memory_of(size, settings, tokens_at_once=at_once, on_cpu=False, processes=count).values())
        seconds = flops / (peak * SHARE * count)
        print(
            f"{recipe.name:23} {size.parameters / 1e9:6.2f}e9 weights  {flops / 1e15:8.1f} PFLOP  "
            f"{count} × {gpu}: {duration(seconds)}, {most / 1e9:.0f} GB each at the longest rows, "
            f"{price * count * seconds / 3600:.2f} at {price:g} an hour each"
        )


if __name__ == "__main__":
    main()

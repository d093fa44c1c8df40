"""How well a run uses the GPU: Pythia-6.9B-shaped and 1B-shaped models with random weights, all weights and LoRA.

The training is ``finetune``'s own: its layers, its order of rows, its trainer, its count of tokens (padding left out).
Only loading, measuring and saving are left out. Rows are random tokens with lengths like databricks-dolly-15k's.

Utilisation is the operations that the model needs for the tokens it was given, by those that the GPU could have done
in that time (model FLOPs utilisation; Chowdhery et al. 2022, "PaLM", appendix B). A token of a row of T tokens needs

    all weights: 6 N + 12 L H Q T        LoRA: 4 N + 6 A + 12 L H Q T

where N are the weights that it meets (those of the head only where there is a loss), L layers, H heads of Q numbers
each. Of the six, two are the way forward, two the way back to the activations and two the gradients of the weights,
which LoRA needs for the A weights of its own layers only; attention has no weights, and needs all twelve either way.
What is computed again to save memory is not counted. The clock runs in the later steps, when all is warm.

    .venv/bin/python benchmarks/bench_utilisation.py [--steps 30] [--batch-size 16] [--price-per-hour P]

Without a GPU it says so and ends; ``--tiny`` tries the same way with a tiny model on the processor.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_recipes import GPUS, LONGEST, PYTHIA, ROWS, TOKENS, TRAINED_TOKENS, shaped
from training import hardware, runs, trainer
from training.dataset_files import Row
from training.estimate import duration, matrix_rate, memory_of
from training.loading import with_layers
from training.options import FinetuneOptions, Settings, resolve
from training.processes import Processes
from training.prompts import Codec, Example, PromptFormat
from training.quiet import hushed, stay_offline
from training.report import Silence
from training.runs import Run, read_jsonl
from training.sitting import Work

if TYPE_CHECKING:
    from training.weights import ModelSize

MEAN_TOKENS, MEAN_TRAINED = TOKENS / (2 * ROWS), TRAINED_TOKENS / (2 * ROWS)
WARM = 0.4  # the share of steps before the clock starts
# Dense bf16 products a second, by what torch calls the GPU; see bench_recipes for prices.
PEAKS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10G": 70e12,
    "4090": 165e12,
}


@dataclass(frozen=True)
class Shape:
    """A model of the GPT-NeoX family, as Pythia is, in numbers."""

    name: str
    size: ModelSize
    heads: int


ONE_BILLION = shaped(layers=16, hidden=2048, inner=8192, vocabulary=50304, keys=4096, gated=False, tied=False)
TINY = shaped(layers=2, hidden=64, inner=256, vocabulary=512, keys=128, gated=False, tied=False)
SHAPES = [Shape("Pythia 6.9B", PYTHIA, 32), Shape("Pythia 1B", ONE_BILLION, 8)]


def random_model(shape: Shape, *, device: str, dtype: str) -> Any:
    """Return the model with random weights, made where it will be."""
    import torch
    from transformers import AutoModelForCausalLM, GPTNeoXConfig

    config = GPTNeoXConfig(
        vocab_size=shape.size.vocabulary,
        hidden_size=shape.size.hidden,
        num_hidden_layers=shape.size.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.size.intermediate,
        max_position_embeddings=LONGEST,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))


def random_rows(count: int, *, vocabulary: int, longest: int) -> list[Example]:
    """Return rows of random tokens: lengths spread as people's are, with the mean of databricks-dolly-15k."""
    chance = random.Random(0)
    found = []
    for number in range(count):
        # Its logarithm has a standard deviation near 0.9; the mean of such lengths is exp(mu + 0.9² / 2).
        tokens = min(longest, max(8, round(chance.lognormvariate(0, 0.9) * MEAN_TOKENS / 1.5)))
        row = Row(str(number), "", "", "", "any", "")
        prompt = round(tokens * (1 - MEAN_TRAINED / MEAN_TOKENS))
        found.append(Example(row, [chance.randrange(1, vocabulary) for _ in range(tokens)], prompt))
    return found


def tokenizer() -> Any:
    """Return a tokenizer that the trainer can ask for its padding; no text is ever read with it."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<end>": 0, "word": 1}, unk_token="word"))
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", pad_token="<end>", bos_token="<end>")


def flops(size: ModelSize, settings: Settings, examples: list[Example]) -> float:
    """Return the operations that these rows need, by the formula above."""
    body = sum(rows * columns for rows, columns in size.matrices)
    head = size.hidden * size.vocabulary
    each, adapter = (4, size.adapter(settings.lora_r)) if settings.trains_adapter else (6, 0)
    total = 0.0
    for example in examples:
        tokens, trained = len(example.input_ids), len(example.input_ids) - example.prompt_tokens
        total += tokens * (each * body + 6 * adapter) + trained * each * head
        total += 12 * size.layers * size.hidden * tokens * tokens  # heads times their numbers are the width
    return total


def measured(shape: Shape, settings: Settings, examples: list[Example], *, device: str, root: Path) -> dict[str, Any]:
    """Train as a run does; return tokens and operations a second once warm, and the peak of memory."""
    from transformers import TrainerCallback

    class WithoutSaving(TrainerCallback):  # type: ignore[misc]
        """Keeps a checkpoint of 80 GB away from the disk."""

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
            control.should_save = False

    if device != "cpu":
        import torch

        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    run = runs.create(root / f"{shape.name.replace(' ', '-')}-{settings.method}", {"status": "running"})
    nobody = cast("Any", None)
    codec = Codec(tokenizer())
    fmt = PromptFormat("plain", (), "", "", bos=False)
    work = Work(run, settings, nobody, codec, fmt, examples, [], device, Silence(), Processes())
    kept = "bfloat16" if settings.trains_adapter and settings.bf16 and device != "cpu" else "float32"
    model = with_layers(random_model(shape, device=device, dtype=kept), settings, keys=[])
    job = trainer.Job(work, lambda: False, nobody, trainer.Progress(), lambda _model: None)
    made = trainer.build(model, job)
    made.add_callback(WithoutSaving())
    made.train()
    return {**_warm(job, run, shape.size), **hardware.peak_memory(device)}


def _warm(job: trainer.Job, run: Run, size: ModelSize) -> dict[str, float]:
    """Return what the later steps came to."""
    lines = read_jsonl(run.path / "metrics.jsonl")
    cold = int(len(lines) * WARM)
    seconds = lines[-1]["seconds"] - lines[cold - 1]["seconds"]
    rows = [job.work.examples[row] for batch in job.plan()[cold:] for row in batch]
    tokens = sum(len(example.input_ids) for example in rows)
    return {
        "tokens_per_second": tokens / seconds,
        "flops_per_second": flops(size, job.settings, rows) / seconds,
    }


def peak_of(device: str) -> tuple[float, str]:
    """Return the operations a second that the device could do, and where the figure comes from."""
    name = str(hardware.describe(device).get("gpu", ""))
    for part, peak in PEAKS.items():
        if part in name:
            return peak, f"{name}, {peak / 1e12:.0f} TFLOP/s by its maker's data sheet"
    rate = matrix_rate(device, bf16=device != "cpu")
    return rate, f"{name or 'this processor'}, {rate / 1e12:.2f} TFLOP/s in a large matrix product here"


def price_of(device: str, given: float | None) -> float | None:
    """Return the price of an hour: as given, or a round figure for a GPU that is known."""
    name = str(hardware.describe(device).get("gpu", ""))
    known = [price for gpu, (_peak, price) in GPUS.items() if gpu.split()[0] in name]
    return given if given is not None else (known[0] if known else None)


def said(shape: Shape, method: str, found: dict[str, Any], *, peak: float, price: float | None) -> str:
    """Return a line: what was measured, and what it would make of Dolly's two passes over databricks-dolly-15k."""
    seconds = TOKENS / found["tokens_per_second"]
    memory = found.get("gpu_bytes", found["host_bytes"])
    cost = "" if price is None else f", {price * seconds / 3600:.2f} at {price:g} an hour"
    return (
        f"{shape.name:12} {method:5} {found['tokens_per_second']:10,.0f} tokens/s  "
        f"{found['flops_per_second'] / peak:6.1%} utilisation  {memory / 1e9:6.1f} GB at its peak  "
        f"databricks-dolly-15k twice: {duration(seconds)}{cost}"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure each model both ways, as far as they fit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--price-per-hour", type=float)
    parser.add_argument("--tiny", action="store_true", help="a tiny model, also on the processor")
    asked = parser.parse_args(arguments)
    try:
        hardware.require_train_extra()
    except hardware.TrainExtraMissingError as missing:
        print(f"not measured: needs the train extra. {missing}")
        return
    stay_offline(allow_hub=False)
    device = hardware.device_name()
    if device == "cpu" and not asked.tiny:
        print("There is no GPU here, so nothing was measured. --tiny tries the same way on the processor.")
        return
    with hushed(), tempfile.TemporaryDirectory() as root:
        peak, source = peak_of(device)
        price = price_of(device, asked.price_per_hour)
        print(source)
        for shape in [Shape("tiny", TINY, 4)] if asked.tiny else SHAPES:
            for method in ("full", "lora"):
                options = FinetuneOptions(
                    method=method, steps=asked.steps, batch_size=asked.batch_size, save_steps=10**6, log_to="none"
                )
                bf16 = hardware.bf16_pays(device)
                count = asked.steps * asked.batch_size
                settings, _notes = resolve(options, rows=count, on_cpu=device == "cpu", bf16=bf16)
                examples = random_rows(count, vocabulary=shape.size.vocabulary, longest=settings.max_length)
                at_once = asked.batch_size * max(len(example.input_ids) for example in examples)
                needed = memory_of(shape.size, settings, tokens_at_once=at_once, on_cpu=device == "cpu")
                if sum(needed.values()) > hardware.free_memory(device):
                    print(f"{shape.name:12} {method:5} left out: it needs about {sum(needed.values()) / 1e9:.0f} GB")
                    continue
                found = measured(shape, settings, examples, device=device, root=Path(root))
                print(said(shape, method, found, peak=peak, price=price))
    print("Dolly 2.0, the 12B model: under an hour, about $30, on eight A100s (its makers' words)")


if __name__ == "__main__":
    main()

"""``--dry-run``: what a run will take, before any weight is loaded."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from . import hardware, runs
from .loss import LOGITS_AT_ONCE
from .plan import CPU_TOKENS_AT_ONCE, split_by_budget, step_plan
from .weights import ModelSize, model_size

if TYPE_CHECKING:
    from pathlib import Path

    from .options import Settings
    from .preparing import Prepared

# How much of a large matrix product's speed a whole training step reaches. Runs of small models on processors came
# to 0.2 to 0.5; a run of the same model on the same machine takes the place of this guess.
ASSUMED_SHARE = 0.35
ADAMW_BYTES = 8  # two moments of 32 bits
GRADIENT_BYTES = 4
RESIDUAL_BYTES = 8
FOUR_BITS = 0.56  # NF4 with double quantisation, with its constants


@dataclass(frozen=True)
class Estimate:
    """What a run is thought to take. Bytes, seconds, tokens; ``speed_from`` says where the speed comes from."""

    tokens: int
    trained_tokens: int
    steps: int
    weight_bytes: int
    optimizer_bytes: int
    activation_bytes: int
    logit_bytes: int
    program_bytes: int
    flops: float
    seconds: float
    tokens_per_second: float
    speed_from: str
    cost: float | None

    @property
    def memory_bytes(self) -> int:
        """All of the memory together, at its peak."""
        return self.weight_bytes + self.optimizer_bytes + self.activation_bytes + self.logit_bytes + self.program_bytes

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "memory_bytes": self.memory_bytes}


def estimate(ready: Prepared, *, earlier: Path, price_per_hour: float | None) -> Estimate:
    """Return what the run will take; ``earlier`` holds runs whose speed may be known.

    Tokens and steps are counted, not estimated. Memory: weights, gradients and AdamW's moments by their width
    (Rajbhandari et al. 2020, "ZeRO"), activations counted as Korthikanti et al. 2022 do, layer by layer, without the
    attention matrix, which is never made. Time: the operations of a step (:func:`flops_of`) by a measured speed.
    """
    settings, examples = ready.settings, ready.material.examples
    size = model_size(ready.base.path)
    lengths = [len(example.input_ids) for example in examples]
    answers = [len(example.input_ids) - example.prompt_tokens for example in examples]
    plan = step_plan(lengths, rows_per_step=settings.rows_per_step, steps=settings.steps, seed=settings.seed)
    tokens = sum(lengths[row] for batch in plan for row in batch)
    trained = sum(answers[row] for batch in plan for row in batch)
    on_cpu = ready.device == "cpu"
    processes = ready.processes.count
    rows_at_once, _batches = ready.processes.share(settings.rows_per_step, settings.batch_size)
    in_parts = on_cpu and processes == 1  # of several processes, each takes what it was given at once
    at_once = _tokens_at_once(plan, lengths, batch_size=rows_at_once, in_parts=in_parts)

    flops = flops_of(
        size,
        tokens=tokens,
        trained_tokens=trained,
        mean_length=tokens / max(1, sum(map(len, plan))),
        full=not settings.trains_adapter,
        checkpointing=settings.gradient_checkpointing,
    )
    speed, speed_from = _speed(ready, earlier, flops_a_token=flops / tokens)
    seconds = tokens / speed
    return Estimate(
        tokens=tokens,
        trained_tokens=trained,
        steps=settings.steps,
        **memory_of(size, settings, tokens_at_once=at_once, on_cpu=on_cpu, processes=processes),
        program_bytes=hardware.peak_memory("cpu")["host_bytes"] if on_cpu else 0,
        flops=flops,
        seconds=round(seconds, 1),
        tokens_per_second=round(speed, 1),
        speed_from=speed_from,
        cost=None if price_per_hour is None else round(price_per_hour * seconds / 3600, 4),
    )


def flops_of(
    size: ModelSize, *, tokens: int, trained_tokens: int, mean_length: float, full: bool, checkpointing: bool
) -> float:
    """Return the floating point operations of training on ``tokens``, of which ``trained_tokens`` have a loss.

    Two a weight and token forward, two back to the activations, two more where the weights themselves are trained
    (Kaplan et al. 2020), two where activations are made again; attention after Chowdhery et al. 2022, appendix B,
    halved because nobody attends to what comes later. The head is only computed where there is a loss.
    """
    passes = 4 + (2 if full else 0) + (2 if checkpointing else 0)
    body = sum(rows * columns for rows, columns in size.matrices)
    attention = passes * size.layers * size.hidden * mean_length
    return float(passes * (body * tokens + size.hidden * size.vocabulary * trained_tokens) + attention * tokens)


def memory_of(
    size: ModelSize, settings: Settings, *, tokens_at_once: int, on_cpu: bool, processes: int = 1
) -> dict[str, int]:
    """Return the bytes of weights, gradients with optimizer, activations and logits in one process, as in Estimate.

    What is shared out is divided by the processes; beside its share each has whole, at one time, what computes: two
    layers (the next is fetched meanwhile), the embedding and the head, and their gradients before they are shared.
    """
    added = size.adapter(settings.lora_r) if settings.trains_adapter else size.parameters
    width, checkpointing = 2 if settings.bf16 else 4, settings.gradient_checkpointing
    holders = processes if settings.shares_out else 1
    weights = _weight_bytes(size, settings, on_cpu=on_cpu)
    if settings.shares_out:
        stored = 2 if settings.bf16 and settings.trains_adapter and not on_cpu else 4
        layer = sum(rows * columns for rows, columns in size.matrices) // max(1, size.layers)
        fetched = 2 * layer + 2 * size.hidden * size.vocabulary
        weights = stored * size.parameters // holders + (width + (0 if settings.trains_adapter else width)) * fetched
    return {
        "weight_bytes": weights,
        "optimizer_bytes": added * (ADAMW_BYTES + GRADIENT_BYTES + (4 if settings.trains_adapter else 0)) // holders,
        "activation_bytes": _activation_bytes(size, tokens_at_once, width=width, checkpointing=checkpointing),
        "logit_bytes": 2 * 4 * min(LOGITS_AT_ONCE, tokens_at_once * size.vocabulary),
    }


def _weight_bytes(size: ModelSize, settings: Settings, *, on_cpu: bool) -> int:
    """Return the bytes of the weights, and of the 16-bit copies that autocast makes of 32-bit ones."""
    body = sum(rows * columns for rows, columns in size.matrices)
    half = settings.bf16 and not on_cpu and settings.trains_adapter
    width = 2 if half else 4
    copies = 2 * (body + size.hidden * size.vocabulary) if settings.bf16 and not half else 0
    if settings.method != "qlora":
        return width * size.parameters + copies
    return int(FOUR_BITS * body + width * (size.parameters - body))


def _tokens_at_once(plan: list[list[int]], lengths: list[int], *, batch_size: int, in_parts: bool) -> int:
    """Return the most padded tokens that are in one forward pass."""
    most = 0
    for batch in plan:
        rows = [lengths[row] for row in batch]
        for start in range(0, len(rows), batch_size):
            part = rows[start : start + batch_size]
            parts = split_by_budget(part, budget=CPU_TOKENS_AT_ONCE) if in_parts else [list(range(len(part)))]
            most = max(most, *(len(piece) * max(part[row] for row in piece) for piece in parts))
    return most


def _activation_bytes(size: ModelSize, tokens: int, *, width: int, checkpointing: bool) -> int:
    """Return what one pass keeps: input and output of each linear layer, the residual stream twice in 32 bits.

    With checkpointing only each layer's input is kept, and one layer is made again at a time.
    """
    kept = width * sum(sum(shape) for shape in size.matrices) + RESIDUAL_BYTES * size.hidden * size.layers
    if checkpointing:
        return tokens * (width * size.hidden * size.layers + kept // max(1, size.layers))
    return tokens * kept


def _speed(ready: Prepared, earlier: Path, *, flops_a_token: float) -> tuple[float, str]:
    """Return tokens a second, and where the figure comes from."""
    here = hardware.describe(ready.device)
    for run in runs.all_runs(earlier):
        facts = run.facts()
        settings = facts.get("settings", {})
        same = (
            facts.get("status") == runs.COMPLETE
            and facts.get("base_model", {}).get("sha256") == ready.base.sha256
            and settings.get("method") == ready.settings.method
            and settings.get("bf16") == ready.settings.bf16
            and settings.get("shard", "none") == ready.settings.shard
            and facts.get("machine", {}).get("processes", 1) == ready.processes.count
            and [facts.get("machine", {}).get(part) for part in ("device", "processor", "gpu", "threads")]
            == [here.get(part) for part in ("device", "processor", "gpu", "threads")]
        )
        if same and facts.get("tokens_per_second"):
            return float(facts["tokens_per_second"]), f"the run {run.name} on this machine"
    rate = matrix_rate(ready.device, bf16=ready.settings.bf16)
    many = ready.processes.count if ready.device != "cpu" else 1  # processes on processors share those of the machine
    each = f" on each of {many} GPUs" if many > 1 else ""
    return (
        many * rate * ASSUMED_SHARE / flops_a_token,
        f"{ASSUMED_SHARE:.0%} of a matrix product here ({rate / 1e12:.2f} TFLOP/s{each})",
    )


def matrix_rate(device: str, *, bf16: bool, size: int = 1024, seconds: float = 0.3) -> float:
    """Return how many floating point operations a second a square matrix product reaches on ``device``."""
    import torch

    size = size if device == "cpu" else 8 * size
    left = torch.ones(size, size, dtype=torch.bfloat16 if bf16 else torch.float32, device=device)
    left @ left  # the first one sets things up
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds or not done:
        left @ left
        if device != "cpu":
            torch.cuda.synchronize()
        done += 1
    return 2.0 * size**3 * done / spent if spent else 0.0


def as_lines(made: Estimate, ready: Prepared) -> list[str]:
    """Return the estimate for people."""
    settings, material = ready.settings, ready.material
    passes = settings.steps * settings.rows_per_step / len(material.examples)
    parts = {
        "weights": made.weight_bytes,
        "gradients and optimizer": made.optimizer_bytes,
        "activations": made.activation_bytes,
        "logits": made.logit_bytes,
        "program": made.program_bytes,
    }
    memory = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in parts.items())
    said = {
        "Rows": f"{len(material.examples):,} to train on, {len(material.held_out):,} held out, "
        f"{len(material.dropped):,} left out, {len(material.truncated):,} cut",
        "Tokens": f"{made.tokens:,} in {made.steps:,} steps of {settings.rows_per_step} rows "
        f"({passes:.2f} passes), {made.trained_tokens:,} of them trained (counted)",
        "Memory": f"{made.memory_bytes / 1e9:.1f} GB{_for_each(ready)}: {memory} (estimated)",
        "Time": f"{duration(made.seconds)} of training at {made.tokens_per_second:,.0f} tokens/s "
        f"(estimated from {made.speed_from})",
        "Cost": "give --price-per-hour to see it"
        if made.cost is None
        else f"{made.cost:.2f}, measuring and samples not counted (estimated)",
    }
    return [f"{part:8} {text}" for part, text in said.items()]


def _for_each(ready: Prepared) -> str:
    count = ready.processes.count
    if count == 1:
        return ""
    return f" in each of {count} processes" + (", the model shared out" if ready.settings.shares_out else "")


def duration(seconds: float) -> str:
    """Return seconds as people say them: "40 s", "12 min", "3 h 5 min"."""
    minutes = round(seconds / 60)
    if seconds < 90:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004

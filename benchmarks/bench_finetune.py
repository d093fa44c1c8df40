"""Fine-tuning on this processor beside TRL's SFTTrainer with its defaults: tokens of data per second and peak memory.

Same base model (SmolLM2-135M), same rows, same length limit, same LoRA layers and learning rate, same number of
updates over the same rows; each in a process of its own, one after the other. TRL's other settings are its defaults
(bf16, gradient checkpointing), and once more in 32 bits. Padding is not counted, for either. Both are measured on the
same held-out rows; the difference is paired by row, with a 95 % interval from a bootstrap over the rows (percentiles
of 2,000 samples). Without a dataset version or without the train extra it says so and ends.

    .venv/bin/python benchmarks/bench_finetune.py [--dataset var/datasets/woolgather/v1] [--steps 20]
        [--max-length 1024] [--kinds woolgather,trl-defaults]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

LEARNING_RATE, LORA_R, BATCH = 2e-4, 16, 8
BOOTSTRAPS = 2_000
KINDS = ("woolgather", "trl-defaults", "trl-32-bits")


def prepared_run(dataset: str | None, steps: int, max_length: int, root: Path) -> tuple[Any, Any]:
    """Return the options of the run and the installation it takes place in."""
    import django

    django.setup()
    from training.options import FinetuneOptions
    from training.places import Places, places

    options = FinetuneOptions(
        dataset=dataset,
        steps=steps,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        lora_r=LORA_R,
        max_length=max_length,
        save_steps=steps,
        battery="none",
        checkpoint_samples=0,
        sample_tokens=1,
        log_to="none",
    )
    here = places()
    return options, Places(here.datasets, root / "runs", here.models, here.dataset_name)


def ours(dataset: str | None, steps: int, max_length: int, root: Path) -> dict[str, Any]:
    """Train as ``finetune`` does."""
    options, where = prepared_run(dataset, steps, max_length, root)
    from datetime import UTC, datetime

    from training import actions
    from training.report import Silence

    outcome = actions.finetune(options=options, places=where, report=Silence(), now=datetime.now(UTC))
    run = json.loads((outcome.path / "run.json").read_text())
    rows = [json.loads(line) for line in (outcome.path / "held_out.jsonl").read_text().splitlines()]
    return {
        "rows": {row["id"]: [row["tokens"], row["nll"][str(steps)]] for row in rows},
        "tokens": run["tokens_trained"],
        "seconds": run["train_seconds"],
        "loss_before": run["loss_before"],
        "loss_after": run["loss_after"],
        "peak_bytes": run["peak_memory_bytes"],
    }


def theirs(dataset: str | None, steps: int, max_length: int, root: Path, *, bf16: bool | None) -> dict[str, Any]:
    """Train with TRL's SFTTrainer on the very rows that ours takes in its steps."""
    options, where = prepared_run(dataset, steps, max_length, root)
    from training import hardware
    from training.evaluate import held_out_loss
    from training.loading import load_model
    from training.plan import step_plan
    from training.preparing import prepared
    from training.report import Silence

    with prepared(options=options, places=where, report=Silence()) as ready:
        from datasets import Dataset
        from peft import LoraConfig
        from trl import SFTConfig, SFTTrainer

        examples = ready.material.examples
        plan = step_plan([len(one.input_ids) for one in examples], rows_per_step=BATCH, steps=steps, seed=0)
        chosen = [examples[row] for batch in plan for row in batch]
        system = {"role": "system", "content": ready.settings.system}

        def asked(row: Any) -> str:
            return f"{row.instruction}{ready.fmt.context_intro}{row.context}" if row.context else str(row.instruction)

        rows = Dataset.from_list(
            [
                {
                    "prompt": [system, {"role": "user", "content": asked(one.row)}],
                    "completion": [{"role": "assistant", "content": one.row.response}],
                }
                for one in chosen
            ]
        )
        model = load_model(ready.base.path, device=ready.device)
        before = held_out_loss(model, ready.material.held_out, ready.codec, device=ready.device, bf16=True)
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(
                output_dir=str(root / "trl"),
                max_length=max_length,
                num_train_epochs=1,
                per_device_train_batch_size=BATCH,
                learning_rate=LEARNING_RATE,
                bf16=bf16,  # None is TRL's own default
                use_cpu=True,
                report_to="none",
                disable_tqdm=True,
                save_strategy="no",
            ),
            train_dataset=rows,
            processing_class=ready.codec.tokenizer,
            peft_config=LoraConfig(r=LORA_R, lora_alpha=2 * LORA_R, target_modules="all-linear", task_type="CAUSAL_LM"),
        )
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began
        after = held_out_loss(trainer.model, ready.material.held_out, ready.codec, device=ready.device, bf16=True)
        return {
            "tokens": sum(len(one.input_ids) for one in chosen),
            "seconds": seconds,
            "loss_before": before.loss,
            "loss_after": after.loss,
            "rows": {row.id: [row.tokens, row.nll] for row in after.by_row},
            "peak_bytes": hardware.peak_memory("cpu")["host_bytes"],
        }


def paired(mine: dict[str, list[float]], other: dict[str, list[float]]) -> tuple[float, float, float]:
    """Return how much higher ``mine`` is than ``other`` in nats per answer token, with its 95 % interval.

    Both are {row id: [answer tokens, NLL in nats]} of the same rows; the rows are drawn again with replacement.
    """
    import numpy as np

    ids = sorted(mine)
    tokens = np.array([mine[key][0] for key in ids])
    gaps = np.array([mine[key][1] - other[key][1] for key in ids])
    drawn = np.random.default_rng(0).integers(0, len(ids), size=(BOOTSTRAPS, len(ids)))
    low, high = np.percentile(gaps[drawn].sum(axis=1) / tokens[drawn].sum(axis=1), [2.5, 97.5])
    return float(gaps.sum() / tokens.sum()), float(low), float(high)


def main() -> None:
    """Run each kind in a process of its own and print their figures side by side."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--dataset", help="a version, or its directory (default: the newest)")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--max-length", type=int, default=1024, help="tokens; longer rows are left out")
    parser.add_argument("--kinds", default=",".join(KINDS), help="which to run, separated by commas")
    parser.add_argument("--kind", choices=KINDS, help="train one kind in this process and print its figures as JSON")
    given = parser.parse_args()
    if given.kind:
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            if given.kind == "woolgather":
                found = ours(given.dataset, given.steps, given.max_length, root)
            else:
                bf16 = False if given.kind == "trl-32-bits" else None
                found = theirs(given.dataset, given.steps, given.max_length, root, bf16=bf16)
        print(json.dumps(found))
        return
    figures: dict[str, dict[str, Any]] = {}
    for kind in given.kinds.split(","):
        limits = ["--steps", str(given.steps), "--max-length", str(given.max_length)]
        which = ["--dataset", given.dataset] if given.dataset else []
        command = [sys.executable, __file__, *which, *limits, "--kind", kind]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{kind:12} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
            continue
        figures[kind] = json.loads(done.stdout.strip().splitlines()[-1])
        made = figures[kind]
        print(
            f"{kind:12} {made['tokens'] / made['seconds']:7.1f} tokens/s  peak {made['peak_bytes'] / 1e9:5.2f} GB  "
            f"held-out loss {made['loss_before']:.4f} to {made['loss_after']:.4f}  "
            f"({made['tokens']:,} tokens, {given.steps} updates, {made['seconds']:.0f} s)",
            flush=True,
        )
    base = figures.get("trl-defaults")
    for kind, made in figures.items():
        if base and kind != "trl-defaults":
            ratio = (made["tokens"] / made["seconds"]) / (base["tokens"] / base["seconds"])
            memory = made["peak_bytes"] / base["peak_bytes"]
            print(f"{kind}: {ratio:.2f} times TRL with its defaults, {memory:.2f} of its memory")
            gap, low, high = paired(made["rows"], base["rows"])
            print(
                f"{kind}: held-out loss {gap:+.4f} nats a token beside TRL's ({low:+.4f} to {high:+.4f}, "
                f"{len(made['rows'])} rows)"
            )


if __name__ == "__main__":
    main()

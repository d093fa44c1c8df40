"""The training loop: TRL's SFTTrainer with answer-only loss, sealed checkpoints and a clean way to stop."""

# ruff: noqa: ARG002 - callbacks are handed more than they read
from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .base_models import BaseModelError
from .evaluate import NonFiniteLossError, autocast
from .loss import answer_nll
from .plan import split_by_budget, step_plan
from .runs import Run, read_jsonl, seal_checkpoint, write_jsonl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .options import Settings
    from .prompts import Codec, Example
    from .report import Reporter

# Padded tokens in one forward and backward pass on a processor; bounds memory whatever the batch holds.
CPU_TOKENS_AT_ONCE = 1024
SHOWN_ROWS = 8


@dataclass
class Progress:
    """How far training is, over all sittings of a run. ``seconds`` counts training steps only."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    stopped: bool = False
    earlier: float = 0.0
    """Seconds that earlier sittings took in all, as far as their last checkpoint."""
    began: float = field(default_factory=time.perf_counter)

    @property
    def duration(self) -> float:
        """Seconds that all sittings took so far, with loading, measuring and saving."""
        return self.earlier + time.perf_counter() - self.began

    @property
    def tokens_per_second(self) -> float:
        """Tokens of data per second of training, padding not counted."""
        return self.tokens / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Job:
    """All that the loop needs."""

    run: Run
    settings: Settings
    examples: list[Example]
    codec: Codec
    device: str
    report: Reporter
    wants_to_stop: Callable[[], bool]
    progress: Progress = field(default_factory=Progress)

    def plan(self) -> list[list[int]]:
        """Return the row indices of every step."""
        settings = self.settings
        lengths = [len(example.input_ids) for example in self.examples]
        return step_plan(lengths, rows_per_step=settings.rows_per_step, steps=settings.steps, seed=settings.seed)


def load_model(path: Path, *, device: str) -> Any:
    """Load weights from safetensors in 32 bits, never running code that came with them.

    Raises BaseModelError when they cannot be loaded.
    """
    from transformers import AutoModelForCausalLM

    with _as_base_model_error(path):
        model = AutoModelForCausalLM.from_pretrained(
            path, dtype="float32", use_safetensors=True, trust_remote_code=False, local_files_only=True
        )
        return model.to(device)


def load_tokenizer(path: Path) -> Any:
    """Load a tokenizer, never running code that came with it. Raises BaseModelError when it cannot be loaded."""
    from transformers import AutoTokenizer

    with _as_base_model_error(path):
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False, local_files_only=True)


@contextmanager
def _as_base_model_error(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a damaged or foreign model fails in whatever way its library likes
        why = (str(error).strip().split("\n") or [""])[0][:200] or type(error).__name__
        raise BaseModelError(
            f"The model in {path} cannot be loaded: {why} Copy it again, or choose another."
        ) from error


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch."""
    from transformers import set_seed

    set_seed(seed)


def prepare(model: Any, settings: Settings) -> Any:
    """Return the model ready to train: with fresh LoRA layers, or as it is for all weights.

    The seed is set here, before LoRA draws its first weights: set later, no two runs would start alike.
    """
    from peft import LoraConfig, get_peft_model

    seed_everything(settings.seed)
    if settings.method == "full":
        return model
    config = LoraConfig(
        r=settings.lora_r,
        lora_alpha=2 * settings.lora_r,
        lora_dropout=0.0,
        bias="none",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return without_casts(get_peft_model(model, config))


def without_casts(model: Any) -> Any:
    """Keep LoRA layers from turning their inputs into 32 bits first, where 16-bit products are in use anyway.

    Autocast chooses the precision of each product. PEFT's own cast on top changes no result and, on a processor with
    bf16, takes as long as everything else together.
    """
    for module in model.modules():
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = False
    return model


def trim_metrics(run: Run, *, step: int) -> None:
    """Forget the metrics of steps after ``step``: they will be made again."""
    path = run.path / "metrics.jsonl"
    write_jsonl(path, [line for line in read_jsonl(path) if line["step"] <= step])


def train(model: Any, job: Job, *, checkpoint: Path | None) -> Progress:
    """Train ``model`` in place, from ``checkpoint`` where there is one.

    ``job.progress`` says what earlier sittings did and is brought up to date. Raises NonFiniteLossError,
    naming the rows of the step.
    """
    trim_metrics(job.run, step=job.progress.step)
    trainer = _build(model, job)
    if checkpoint is not None and job.progress.step >= job.settings.steps:
        trainer._load_from_checkpoint(str(checkpoint))  # noqa: SLF001 - all steps are done, only the weights are missing
        return job.progress
    with job.report:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return job.progress


def _arguments(job: Job) -> Any:
    from trl import SFTConfig

    settings = job.settings
    cpu = job.device == "cpu"
    arguments = SFTConfig(
        output_dir=str(job.run.checkpoints),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, settings.steps // 20),
        max_grad_norm=1.0,
        weight_decay=0.0,
        optim="adamw_torch",
        bf16=settings.bf16,
        use_cpu=cpu,
        # Recomputing activations saves memory where that is short and costs a third of the time everywhere.
        gradient_checkpointing=not cpu and settings.method == "full",
        train_sampling_strategy="sequential",  # the plan is the order
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_pin_memory=not cpu,
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,
        seed=settings.seed,
        report_to="none",
        disable_tqdm=True,
    )
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1  # noqa: SLF001 - one process drives one GPU; a launcher starts more processes
    return arguments


def _build(model: Any, job: Job) -> Any:
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    plan = job.plan()
    columns = {
        "input_ids": [example.input_ids for example in job.examples],
        "labels": [example.labels for example in job.examples],
    }
    trainer = _answer_trainer(job, plan)(
        model=model,
        args=_arguments(job),
        train_dataset=Dataset.from_dict(columns).select([row for batch in plan for row in batch]),
        processing_class=job.codec.tokenizer,
        data_collator=DataCollatorForLanguageModeling(pad_token_id=job.codec.padding),
        callbacks=[_watcher(job, plan)],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _answer_trainer(job: Job, plan: list[list[int]]) -> Any:
    """Return the trainer's class; it is made here because its base may only be imported when training."""
    import torch
    from trl import SFTTrainer

    class AnswerTrainer(SFTTrainer):
        """SFTTrainer whose loss is made at the answer tokens only, also on a processor."""

        # The loss is divided by the answer tokens of the whole step, so accumulation does not change it.
        loss_is_scaled_for_ga = True

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.model_accepts_loss_kwargs = True

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            if job.device != "cpu":  # TRL's own kernels skip the other positions on a GPU
                loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            else:
                # Accelerate puts autocast around the model's own forward only, and this goes past it.
                with autocast(job.device, bf16=job.settings.bf16):
                    losses, _rows = answer_nll(model, inputs)
                loss = losses.sum() / num_items_in_batch
            if not torch.isfinite(loss[0] if return_outputs else loss):
                raise NonFiniteLossError(_blame(job, plan, step=self.state.global_step))
            return loss

        def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
            if job.device != "cpu" or self.args.world_size > 1:
                return super().training_step(model, inputs, num_items_in_batch)
            total = torch.zeros(())
            for part in _in_parts(inputs):
                total = total + super().training_step(model, part, num_items_in_batch)
            return total

        def create_model_card(self, *args: Any, **kwargs: Any) -> None:
            """Leave the card to :mod:`training.card`."""

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            super()._save_checkpoint(model, trial)
            done = job.progress
            path = job.run.checkpoints / f"checkpoint-{self.state.global_step}"
            seal_checkpoint(
                path,
                step=self.state.global_step,
                tokens=done.tokens,
                seconds=done.seconds,
                duration=done.duration,
            )

    return AnswerTrainer


def _in_parts(inputs: Any) -> list[dict[str, Any]]:
    """Cut a batch into parts that fit into memory together with their gradients, without the padding they need not."""
    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    return [
        {name: tensor[part, : lengths[part[0]]] for name, tensor in inputs.items()}
        for part in split_by_budget(lengths, budget=CPU_TOKENS_AT_ONCE)
    ]


def _watcher(job: Job, plan: list[list[int]]) -> Any:
    """Return the callback that keeps the metrics, shows progress and stops when asked to."""
    from transformers import TrainerCallback

    tokens_of = [sum(len(job.examples[row].input_ids) for row in batch) for batch in plan]
    per_step = job.settings.rows_per_step
    metrics = job.run.path / "metrics.jsonl"

    class Watcher(TrainerCallback):
        def __init__(self) -> None:
            self.started = 0.0

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.started = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            progress = job.progress
            progress.seconds += time.perf_counter() - self.started
            progress.step = state.global_step
            progress.tokens += tokens_of[state.global_step - 1]
            if job.wants_to_stop() and state.global_step < job.settings.steps:
                progress.stopped = True
                control.should_save = True
                control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if not logs or "loss" not in logs:
                return
            progress = job.progress
            line = {
                "step": state.global_step,
                "epoch": round(state.global_step * per_step / len(job.examples), 4),
                "loss": float(logs["loss"]),
                "learning_rate": float(logs.get("learning_rate", 0.0)),
                "gradient_norm": _finite(logs.get("grad_norm")),
                "tokens": progress.tokens,
                "seconds": round(progress.seconds, 3),
                "tokens_per_second": round(progress.tokens_per_second, 1),
            }
            with metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, allow_nan=False) + "\n")
            job.report.step(
                step=state.global_step,
                steps=job.settings.steps,
                loss=line["loss"],
                tokens_per_second=progress.tokens_per_second,
                seconds_per_step=progress.seconds / max(1, progress.step),
            )

    return Watcher()


def _finite(value: Any) -> float | None:
    number = None if value is None else float(value)
    return number if number is not None and math.isfinite(number) else None


def _blame(job: Job, plan: list[list[int]], *, step: int) -> str:
    """Say which rows the step with a bad loss held."""
    ids = [job.examples[row].row.id for row in plan[step]] if step < len(plan) else []
    more = f" and {len(ids) - SHOWN_ROWS} more" if len(ids) > SHOWN_ROWS else ""
    rows = ", ".join(ids[:SHOWN_ROWS])
    return (
        f"The loss became NaN or infinite at step {step + 1} (rows {rows}{more}). Try a lower --lr, or mend the rows."
    )

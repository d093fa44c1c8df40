"""The training loop: TRL's SFTTrainer with answer-only loss, sealed checkpoints and a clean way to stop."""

# ruff: noqa: ARG002 - callbacks are handed more than they read
from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .evaluate import NonFiniteLossError, autocast
from .loss import answer_nll
from .options import trackers
from .packing import check_packing, packed
from .plan import CPU_TOKENS_AT_ONCE, split_by_budget, step_plan
from .runs import Run, read_jsonl, rotate, seal_checkpoint, write_jsonl
from .sharding import arguments, policy, read_checkpoint, trainer_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .course import Course
    from .options import Settings
    from .sitting import Work

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

    work: Work
    wants_to_stop: Callable[[], bool]
    course: Course
    progress: Progress
    begin: Callable[[Any], None]
    """Measures and asks the base model, where that was not done yet."""

    @property
    def settings(self) -> Settings:
        """The run's settings."""
        return self.work.settings

    @property
    def run(self) -> Run:
        """Where it is written."""
        return self.work.run

    def plan(self) -> list[list[int]]:
        """Return the row indices of every step."""
        settings = self.settings
        lengths = [len(example.input_ids) for example in self.work.examples]
        return step_plan(lengths, rows_per_step=settings.rows_per_step, steps=settings.steps, seed=settings.seed)


def trim_metrics(run: Run, *, step: int) -> None:
    """Forget the metrics of steps after ``step``: they will be made again."""
    path = run.path / "metrics.jsonl"
    write_jsonl(path, [line for line in read_jsonl(path) if line["step"] <= step])


def train(model: Any, job: Job, *, checkpoint: Path | None) -> Progress:
    """Train ``model`` in place, from ``checkpoint`` where there is one.

    ``job.progress`` says what earlier sittings did and is brought up to date. Raises NonFiniteLossError,
    naming the rows of the step.
    """
    if job.work.processes.main:
        trim_metrics(job.run, step=job.progress.step)
    if job.settings.packing and not job.settings.shares_out:
        check_packing(model, job.work.examples, device=job.work.device, bf16=job.settings.bf16)
    with _boards(job) as boards:
        trainer = build(model, job, boards)
        if checkpoint is None or (job.progress.step < job.settings.steps and not job.course.exhausted):
            with job.work.report:
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        else:  # all steps are done, only the weights are missing
            read_checkpoint(trainer, str(checkpoint), job.settings)
    if job.settings.patience and not job.progress.stopped and job.course.best_step:
        best = job.run.checkpoints / f"checkpoint-{job.course.best_step}"
        job.work.report.say(f"Keeping the weights of step {job.course.best_step}, where the held-out loss was lowest")
        read_checkpoint(trainer, str(best), job.settings)
    return job.progress


def _arguments(job: Job) -> Any:
    from trl import SFTConfig

    settings = job.settings
    cpu = job.work.device == "cpu"
    at_once, batches = job.work.processes.share(settings.rows_per_step, settings.batch_size)
    made = SFTConfig(
        output_dir=str(job.run.checkpoints),
        max_steps=settings.steps,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=batches,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warm_up_steps,
        max_grad_norm=1.0,
        weight_decay=0.0,
        optim="adamw_torch",
        bf16=settings.bf16,
        use_cpu=cpu,
        gradient_checkpointing=settings.gradient_checkpointing,
        # DeepSpeed finds the frozen weights beside LoRA's only with the older way.
        gradient_checkpointing_kwargs={"use_reentrant": settings.shard == "zero3" and settings.trains_adapter},
        train_sampling_strategy="sequential",  # the plan is the order
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_pin_memory=not cpu,
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=None,  # runs.rotate keeps the best one too
        logging_steps=1,
        logging_nan_inf_filter=False,
        seed=settings.seed,
        report_to=[name for name in trackers(settings.log_to) if name != "tensorboard"] or "none",
        run_name=job.run.name,
        disable_tqdm=True,
        **arguments(settings),
    )
    if settings.shard == "fsdp2":
        made.fsdp_plugin_args |= policy(settings)
    if made.n_gpu > 1:
        made._n_gpu = 1  # noqa: SLF001 - one process drives one GPU; a launcher starts more processes
    return made


def build(model: Any, job: Job, boards: Sequence[Any] = ()) -> Any:
    """Return the trainer of ``model``, which tells ``boards`` too: nothing is trained yet."""
    from datasets import Dataset
    from transformers import PrinterCallback

    plan = job.plan()
    columns = {
        "input_ids": [example.input_ids for example in job.work.examples],
        "labels": [example.labels for example in job.work.examples],
    }
    trainer = _answer_trainer(job, plan)(
        model=model,
        args=_arguments(job),
        train_dataset=Dataset.from_dict(columns).select([row for batch in plan for row in batch]),
        processing_class=job.work.codec.tokenizer,
        data_collator=_collator(job),
        callbacks=[_watcher(job, plan), *boards],
    )
    trainer.remove_callback(PrinterCallback)
    _train_in_32_bits(trainer.model)
    return trainer


def _train_in_32_bits(model: Any) -> None:
    """Keep what is trained in 32 bits; autocast chooses the precision of products anyway.

    TRL turns QLoRA's layers into bf16, where small updates vanish. And a checkpoint of them is read back in 32 bits, so
    that a resumed run would be another.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def _collator(job: Job) -> Any:
    """Return what makes a batch of rows: padded, or packed where the trainer does not cut it into parts itself."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    padded = DataCollatorForLanguageModeling(pad_token_id=job.work.codec.padding)
    if not job.settings.packing or (job.work.device == "cpu" and job.work.processes.count == 1):
        return padded
    return lambda rows: packed(padded(rows))


@contextmanager
def _boards(job: Job) -> Iterator[list[Any]]:
    """Give the callback that writes what TensorBoard reads, where that is wanted.

    The curve of a run that fails is written out too, and the thread that writes it ends: the callback itself
    only knows of trainings that reach their end.
    """
    if not job.work.processes.main or "tensorboard" not in trackers(job.settings.log_to):
        yield []
        return
    from tensorboardX import SummaryWriter
    from transformers.integrations import TensorBoardCallback

    # What a resumed run does again takes the place of what was written before it was cut off.
    writer = SummaryWriter(str(job.run.path / "tensorboard"), purge_step=job.progress.step + 1)
    try:
        yield [TensorBoardCallback(writer)]
    finally:
        writer.close()


def _answer_trainer(job: Job, plan: list[list[int]]) -> Any:
    """Return the trainer's class; it is made here because its base may only be imported when training."""
    import torch

    class AnswerTrainer(trainer_class(job.settings)):  # type: ignore[misc]
        """SFTTrainer whose loss is made at the answer tokens only, also on a processor."""

        # The loss is divided by the answer tokens of the whole step, so accumulation does not change it.
        loss_is_scaled_for_ga = True

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.model_accepts_loss_kwargs = True

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            # TRL's own kernels skip the other positions on a GPU; and the gradients of several processes are only
            # brought together when the model is called in their wrapper.
            if job.work.device != "cpu" or self.args.world_size > 1:
                loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            else:
                # Accelerate puts autocast around the model's own forward only, and this goes past it.
                with autocast(job.work.device, bf16=job.settings.bf16):
                    losses, _rows = answer_nll(model, inputs)
                loss = losses.sum() / num_items_in_batch
            _refuse_nan(loss[0] if return_outputs else loss, job, plan, step=self.state.global_step)
            return loss

        def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
            if job.work.device != "cpu" or self.args.world_size > 1:
                return super().training_step(model, inputs, num_items_in_batch)
            total = torch.zeros(())
            for part in _in_parts(inputs):
                given = packed(part) if job.settings.packing else part
                total = total + super().training_step(model, given, num_items_in_batch)
            return total

        def create_model_card(self, *args: Any, **kwargs: Any) -> None:
            """Leave the card to :mod:`training.card`."""

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            super()._save_checkpoint(model, trial)
            # Before the seal: a run cut off in between does this step, and so its measuring, again.
            inner = self.accelerator.unwrap_model(model, keep_fp32_wrapper=True)
            found = job.course.look(inner, step=self.state.global_step)
            self.log(_as_logs(found))
            if job.work.processes.main:
                _seal(job, step=self.state.global_step)

    return AnswerTrainer


def _as_logs(found: dict[str, Any]) -> dict[str, float]:
    """Return an evaluation under the names that trackers know."""
    return {"eval_loss": found["loss"], **{f"eval_loss_{name}": loss for name, loss in found["by_category"].items()}}


def _refuse_nan(loss: Any, job: Job, plan: list[list[int]], *, step: int) -> None:
    if not math.isfinite(loss.item()):
        raise NonFiniteLossError(_blame(job, plan, step=step))


def _seal(job: Job, *, step: int) -> None:
    done = job.progress
    path = job.run.checkpoints / f"checkpoint-{step}"
    seal_checkpoint(path, step=step, tokens=done.tokens, seconds=done.seconds, duration=done.duration)
    rotate(job.run, keep={job.course.best_step} if job.settings.patience else set())


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

    tokens_of = [sum(len(job.work.examples[row].input_ids) for row in batch) for batch in plan]
    per_step = job.settings.rows_per_step
    metrics = job.run.path / "metrics.jsonl"

    class Watcher(TrainerCallback):
        def __init__(self) -> None:
            self.started = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
            _look_at_shared(model, job)

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.started = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            progress = job.progress
            progress.seconds += time.perf_counter() - self.started
            progress.step = state.global_step
            progress.tokens += tokens_of[state.global_step - 1]
            if job.work.processes.any(job.wants_to_stop()) and state.global_step < job.settings.steps:
                progress.stopped = True
                control.should_save = True
                control.should_training_stop = True

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if job.course.exhausted:
                job.work.report.say(
                    f"Stopping early after step {state.global_step}: no lower held-out loss since "
                    f"step {job.course.best_step}"
                )
                control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if not logs or "loss" not in logs or not job.work.processes.main:
                return
            progress = job.progress
            line = {
                "step": state.global_step,
                "epoch": round(state.global_step * per_step / len(job.work.examples), 4),
                "loss": float(logs["loss"]),
                "learning_rate": float(logs.get("learning_rate", 0.0)),
                "gradient_norm": _finite(logs.get("grad_norm")),
                "tokens": progress.tokens,
                "seconds": round(progress.seconds, 3),
                "tokens_per_second": round(progress.tokens_per_second, 1),
            }
            with metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, allow_nan=False) + "\n")
            job.work.tell(at_once=False)
            job.work.report.step(
                step=state.global_step,
                steps=job.settings.steps,
                loss=line["loss"],
                tokens_per_second=progress.tokens_per_second,
                seconds_per_step=progress.seconds / max(1, progress.step),
            )

    return Watcher()


def _look_at_shared(model: Any, job: Job) -> None:
    """Measure and try a model that is shared out, which can only be done now, by all processes together."""
    if job.settings.shares_out:
        job.begin(model)
        if job.settings.packing:
            check_packing(model, job.work.examples, device=job.work.device, bf16=job.settings.bf16)


def _finite(value: Any) -> float | None:
    number = None if value is None else float(value)
    return number if number is not None and math.isfinite(number) else None


def _blame(job: Job, plan: list[list[int]], *, step: int) -> str:
    """Say which rows the step with a bad loss held."""
    ids = [job.work.examples[row].row.id for row in plan[step]] if step < len(plan) else []
    more = f" and {len(ids) - SHOWN_ROWS} more" if len(ids) > SHOWN_ROWS else ""
    rows = ", ".join(ids[:SHOWN_ROWS])
    return (
        f"The loss became NaN or infinite at step {step + 1} (rows {rows}{more}). Try a lower --lr, or mend the rows."
    )

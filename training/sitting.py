"""One sitting of a run: measure, train, measure again, write it all down. A run may take several sittings."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import hardware, runs
from .card import model_card
from .errors import TrainingError
from .evaluate import HeldOutLoss, answers, context_length, held_out_loss, sample_examples
from .trainer import Job, Progress, load_model, prepare, train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .base_models import BaseModel
    from .options import Settings
    from .prompts import Codec, Example, PromptFormat
    from .report import Reporter
    from .runs import Run


class StoppedError(TrainingError):
    """A person stopped the run; it is saved and can be resumed."""


@dataclass(frozen=True)
class Outcome:
    """What a finished run came to. Losses are nats per answer token on the held-out rows."""

    run: str
    path: Path
    loss_before: float
    loss_after: float
    tokens_per_second: float
    steps: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**vars(self), "path": str(self.path)}


@dataclass(frozen=True)
class Work:
    """Everything a sitting has in its hands."""

    run: Run
    settings: Settings
    base: BaseModel
    codec: Codec
    fmt: PromptFormat
    examples: list[Example]
    held_out: list[Example]
    device: str
    report: Reporter


def carry_out(work: Work, *, now: datetime, wants_to_stop: Callable[[], bool]) -> Outcome:
    """Measure, train, measure again and write everything; keep run.json true whatever happens."""
    run = work.run
    progress = Progress()
    earlier = [
        {**sitting, "status": "cut off"} if sitting["status"] == "running" else sitting
        for sitting in run.facts().get("sittings", [])
    ]

    def state(status: str, error: str | None = None) -> None:
        seconds = round(time.perf_counter() - progress.began, 3)
        sitting = {"began": now.isoformat(), "seconds": seconds, "to_step": progress.step, "status": status}
        updated = datetime.now(now.tzinfo).isoformat()
        run.update(status=status, error=error, sittings=[*earlier, sitting], updated_at=updated)

    state("running")
    try:
        outcome = _measure_and_train(work, progress, wants_to_stop)
    except KeyboardInterrupt as error:
        state("interrupted")
        raise StoppedError(
            f"Stopped without saving. Go on from the last checkpoint: finetune --resume {run.name}"
        ) from error
    except StoppedError:
        state("interrupted")
        raise
    except Exception as error:
        state("failed", error=str(error))
        if _out_of_memory(error):
            raise TrainingError(
                f"Not enough memory for {run.name}. Start again with a lower --max-length or --batch-size."
            ) from error
        raise
    duration = round(progress.duration, 1)
    run.update(**outcome, duration_seconds=duration, steps=progress.step)
    samples = runs.read_jsonl(run.path / "samples.jsonl")
    runs.write_text(run.path / "README.md", model_card(run.facts(), samples))
    state(runs.COMPLETE)  # last of all: whoever sees "complete" finds everything there
    shutil.rmtree(run.checkpoints, ignore_errors=True)  # not before: until then they are what a resume starts from
    return Outcome(
        run.name,
        run.path,
        outcome["loss_before"],
        outcome["loss_after"],
        outcome["tokens_per_second"],
        progress.step,
        duration,
    )


def _out_of_memory(error: Exception) -> bool:
    """Whether torch, on whatever device, said that there was no memory left."""
    return isinstance(error, RuntimeError) and ("allocate memory" in str(error) or "out of memory" in str(error))


def _measure_and_train(work: Work, progress: Progress, wants_to_stop: Callable[[], bool]) -> dict[str, Any]:
    """Do the work of a sitting and return the facts it adds to run.json."""
    run, settings = work.run, work.settings
    sealed = runs.last_checkpoint(run)
    model = load_model(work.base.path, device=work.device)
    chosen = sample_examples(work.held_out, room=context_length(model) - settings.sample_tokens)
    before = _before(work, model, chosen)
    work.report.say(f"Loss on {before['loss']['rows']} held-out rows before: {before['loss']['loss']:.4f}")

    checkpoint: Path | None = None
    if sealed:
        checkpoint, mark = sealed
        progress.step, progress.tokens, progress.seconds = mark["step"], mark["tokens"], mark["seconds"]
        progress.earlier = mark["duration"]
        work.report.say(f"Going on after step {progress.step} of {settings.steps}")
    elif before["resumed"]:
        work.report.say("No checkpoint was written yet: starting at step 1")
    model = prepare(model, settings)
    job = Job(run, settings, work.examples, work.codec, work.device, work.report, wants_to_stop, progress)
    train(model, job, checkpoint=checkpoint)
    if progress.stopped:
        raise StoppedError(
            f"Stopped and saved after step {progress.step} of {settings.steps}. "
            f"Go on with: finetune --resume {run.name}"
        )

    after = _measure(work, model)
    work.report.say(f"Loss on {after.rows} held-out rows after: {after.loss:.4f}")
    samples = [
        {**sample, "after": text} for sample, text in zip(before["samples"], _answer(work, model, chosen), strict=True)
    ]
    runs.write_jsonl(run.path / "samples.jsonl", samples)
    save_model(work, model)
    return {
        "loss": {"before": before["loss"], "after": after.as_dict()},
        "loss_before": before["loss"]["loss"],
        "loss_after": after.loss,
        "tokens_trained": progress.tokens,
        "tokens_per_second": round(progress.tokens_per_second, 1),
        "train_seconds": round(progress.seconds, 1),
        "peak_memory": hardware.peak_memory(work.device),
        "peak_memory_bytes": hardware.peak_memory(work.device)["host_bytes"],
    }


def _before(work: Work, model: Any, chosen: list[Example]) -> dict[str, Any]:
    """Measure and sample the base model once; a resumed run reads what its first sitting found."""
    facts = work.run.facts()
    samples = runs.read_jsonl(work.run.path / "samples.jsonl")
    if "before" in facts.get("loss", {}) and len(samples) == len(chosen):
        return {"loss": facts["loss"]["before"], "samples": samples, "resumed": True}
    loss = _measure(work, model).as_dict()
    samples = [
        {
            "id": example.row.id,
            "category": example.row.category,
            "instruction": example.row.instruction,
            "context": example.row.context,
            "reference": example.row.response,
            "before": text,
        }
        for example, text in zip(chosen, _answer(work, model, chosen), strict=True)
    ]
    runs.write_jsonl(work.run.path / "samples.jsonl", samples)
    work.run.update(loss={"before": loss}, loss_before=loss["loss"])
    return {"loss": loss, "samples": samples, "resumed": False}


def _measure(work: Work, model: Any) -> HeldOutLoss:
    return held_out_loss(model, work.held_out, work.codec, device=work.device, bf16=work.settings.bf16)


def _answer(work: Work, model: Any, chosen: list[Example]) -> list[str]:
    if not chosen:
        return []
    return answers(
        model,
        work.codec,
        work.fmt,
        [example.prompt_ids for example in chosen],
        max_new_tokens=work.settings.sample_tokens,
        temperature=0.0,
        seed=work.settings.seed,
        device=work.device,
        bf16=work.settings.bf16,
    )


def save_model(work: Work, model: Any) -> None:
    """Write weights (of LoRA: the adapter), tokenizer and prompt format to ``model/``, in one step."""
    run = work.run
    making = run.path / f".model.{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    model.save_pretrained(making)
    (making / "README.md").unlink(missing_ok=True)  # PEFT's blank card; the run has its own
    work.codec.tokenizer.save_pretrained(making)
    runs.write_json(making / "prompt.json", work.fmt.as_dict())
    shutil.rmtree(run.model, ignore_errors=True)
    making.rename(run.model)

"""One sitting of a run: measure, train, measure again, write it all down. A run may take several sittings."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import hardware, runs
from .battery import battery_file
from .card import model_card
from .course import Course
from .errors import TrainingError
from .follower import Follower
from .loading import fit_vocabulary, load_model, with_layers
from .sharding import announce, brought_together
from .trainer import Job, Progress, train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .base_models import BaseModel
    from .options import Settings
    from .processes import Processes
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
    processes: Processes
    follower: Follower = field(default_factory=Follower)

    def tell(self, *, at_once: bool = True) -> None:
        """Tell whoever follows the run that its directory says something new."""
        if self.processes.main:
            self.follower.follow(self.run, at_once=at_once)


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
        _update(work, status=status, error=error, sittings=[*earlier, sitting], updated_at=updated)
        work.tell()

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
    price = run.facts().get("price_per_hour")
    cost = None if price is None else round(price * duration / 3600, 4)
    _update(work, **outcome, duration_seconds=duration, steps=progress.step, cost=cost)
    if work.processes.main:
        samples = runs.read_jsonl(run.path / "samples.jsonl")
        runs.write_text(run.path / "README.md", model_card(run.facts(), samples))
    state(runs.COMPLETE)  # last of all: whoever sees "complete" finds everything there
    if work.processes.main:  # not before: until then they are what a resume starts from
        shutil.rmtree(run.checkpoints, ignore_errors=True)
    return Outcome(
        run.name,
        run.path,
        outcome["loss_before"],
        outcome["loss_after"],
        outcome["tokens_per_second"],
        progress.step,
        duration,
    )


def _update(work: Work, **facts: Any) -> None:
    if work.processes.main:
        work.run.update(**facts)


def _out_of_memory(error: Exception) -> bool:
    """Whether torch, on whatever device, said that there was no memory left."""
    return isinstance(error, RuntimeError) and ("allocate memory" in str(error) or "out of memory" in str(error))


def _measure_and_train(work: Work, progress: Progress, wants_to_stop: Callable[[], bool]) -> dict[str, Any]:
    """Do the work of a sitting and return the facts it adds to run.json."""
    run, settings = work.run, work.settings
    announce(settings)
    model = load_model(work.base.path, device=work.device, settings=settings)
    keys = fit_vocabulary(model, work.codec.tokenizer)
    course = Course(work, model=model, battery=battery_file(settings.battery))
    resumed = bool(course.evaluations)

    def begin(model: Any) -> None:
        found = course.begin(model)
        _update(work, loss={"before": found}, loss_before=found["loss"])
        work.report.say(f"Loss on {found['rows']} held-out rows before: {found['loss']:.4f}")

    if not settings.shares_out:
        begin(model)
    checkpoint: Path | None = None
    sealed = work.processes.agree(runs.last_checkpoint(run) if work.processes.main else None)
    if sealed:
        checkpoint, mark = sealed
        progress.step, progress.tokens, progress.seconds = mark["step"], mark["tokens"], mark["seconds"]
        progress.earlier = mark["duration"]
        work.report.say(f"Going on after step {progress.step} of {settings.steps}")
    elif resumed:
        work.report.say("No checkpoint was written yet: starting at step 1")
    course.forget_after(progress.step)
    model = with_layers(model, settings, keys=keys)
    job = Job(work, lambda: wants_to_stop() or work.follower.wants_to_stop, course, progress, begin)
    train(model, job, checkpoint=checkpoint)
    if progress.stopped:
        raise StoppedError(
            f"Stopped and saved after step {progress.step} of {settings.steps}. "
            f"Go on with: finetune --resume {run.name}"
        )

    before = course.evaluations[0]
    kept = course.best_step if settings.patience and course.best_step else progress.step
    after = course.end(model, step=kept)
    work.report.say(f"Loss on {after['rows']} held-out rows after: {after['loss']:.4f}")
    save_model(work, model)
    return {
        "loss": {"before": before, "after": after},
        "loss_before": before["loss"],
        "loss_after": after["loss"],
        "kept_step": kept,
        "lengths": course.lengths(),
        "tokens_trained": progress.tokens,
        "tokens_per_second": round(progress.tokens_per_second, 1),
        "train_seconds": round(progress.seconds, 1),
        "peak_memory": hardware.peak_memory(work.device),
        "peak_memory_bytes": hardware.peak_memory(work.device)["host_bytes"],
    }


def save_model(work: Work, model: Any) -> None:
    """Write weights (of LoRA: the adapter), tokenizer and prompt format to ``model/``, in one step."""
    weights: dict[str, Any] = {}
    if work.settings.shares_out:
        weights["state_dict"] = brought_together(model, trained_only=work.settings.trains_adapter)
    if not work.processes.main:
        return
    run = work.run
    making = run.path / f".model.{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    model.save_pretrained(making, **weights)
    (making / "README.md").unlink(missing_ok=True)  # PEFT's blank card; the run has its own
    work.codec.tokenizer.save_pretrained(making)
    runs.write_json(making / "prompt.json", work.fmt.as_dict())
    shutil.rmtree(run.model, ignore_errors=True)
    making.rename(run.model)

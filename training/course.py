"""The course of a run: what is measured and asked before training, at each checkpoint, and after."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import runs
from .battery import Asked, questions_for, spread
from .evaluate import HeldOutLoss, answer_tokens, context_length, decoded, held_out_loss

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .sitting import Work

PERCENTILES = (10, 50, 90)


class Course:
    """Keeps evaluations.jsonl and samples.jsonl of a run true, also when it is resumed."""

    def __init__(self, work: Work, *, model: Any, battery: Path | None) -> None:
        """``model`` is only asked how much it can read at once."""
        self.work = work
        settings = work.settings
        room = context_length(model) - settings.sample_tokens
        self.asked: list[Asked] = questions_for(battery, work.held_out, work.codec, work.fmt, room=room)
        self.on_the_way = spread(self.asked, count=settings.checkpoint_samples)
        self._evaluations_file = work.run.path / "evaluations.jsonl"
        self._samples_file = work.run.path / "samples.jsonl"
        # Read once, by the main process: on other machines there may be no such files.
        found = runs.read_jsonl(self._evaluations_file), runs.read_jsonl(self._samples_file)
        self.evaluations: list[dict[str, Any]]
        """What was measured so far, by step; step 0 is the base model."""
        self.samples: list[dict[str, Any]]
        """What was asked and answered so far."""
        self.evaluations, self.samples = work.processes.agree(found)

    def _write(self) -> None:
        if self.work.processes.main:
            runs.write_jsonl(self._samples_file, self.samples)
            runs.write_jsonl(self._evaluations_file, self.evaluations)
        self.work.tell()

    @property
    def begun(self) -> bool:
        """Whether the base model was measured and asked."""
        return bool(self.evaluations) and self.evaluations[0]["step"] == 0 and len(self.samples) == len(self.asked)

    def begin(self, model: Any) -> dict[str, Any]:
        """Measure and ask the base model, once; return the evaluation. A resumed run reads what was found."""
        if self.begun:
            return self.evaluations[0]
        with _same_random_numbers():
            answers = self._answers(model, range(len(self.asked)))
        self.samples = [
            {**one.question.as_dict(), "before": answers[at][0], "before_tokens": answers[at][1], "steps": []}
            for at, one in enumerate(self.asked)
        ]
        self.evaluations = [self._measured(model, step=0)]
        self._write()
        return self.evaluations[0]

    def forget_after(self, step: int) -> None:
        """Forget what was found after ``step``: a resumed run finds it again."""
        self.evaluations = [line for line in self.evaluations if line["step"] <= step]
        for sample in self.samples:
            sample["steps"] = [answer for answer in sample["steps"] if answer["step"] <= step]
        self._write()

    def look(self, model: Any, *, step: int) -> dict[str, Any]:
        """Measure and ask the model at a checkpoint, without a trace in its state or the random numbers."""
        with _same_random_numbers():
            found = self._measured(model, step=step)
            answers = self._answers(model, self.on_the_way)
        for at, (text, _count) in answers.items():
            self.samples[at]["steps"].append({"step": step, "response": text})
        best = min((line["loss"] for line in self.evaluations), default=math.inf)
        self.evaluations.append(found)
        self._write()
        better = "" if found["loss"] >= best else ", the lowest so far"
        self.work.report.say(f"Step {step}: loss on held-out rows {found['loss']:.4f}{better}")
        return found

    def end(self, model: Any, *, step: int) -> dict[str, Any]:
        """Ask the finished model everything and return its evaluation, measured unless it was at this step."""
        for at, (text, count) in self._answers(model, range(len(self.asked))).items():
            self.samples[at] = {**self.samples[at], "after": text, "after_tokens": count}
        known = {line["step"]: line for line in self.evaluations}
        if step not in known:
            known[step] = self._measured(model, step=step)
            self.evaluations = [known[at] for at in sorted(known)]
        self._write()
        return known[step]

    @property
    def best_step(self) -> int:
        """The step with the lowest held-out loss, the base model left aside; 0 where nothing was measured yet."""
        later = [line for line in self.evaluations if line["step"] > 0]
        return int(min(later, key=lambda line: (line["loss"], line["step"]))["step"]) if later else 0

    @property
    def exhausted(self) -> bool:
        """Whether as many evaluations as ``--patience`` allows went by without a lower loss."""
        patience = self.work.settings.patience
        later = [line["step"] for line in self.evaluations if line["step"] > self.best_step]
        return bool(patience) and len(later) >= patience

    def lengths(self) -> dict[str, dict[str, float]]:
        """Return how long responses are, in tokens: the data's, and those before and after training.

        All are counted up to the longest sample answer, so that they can be compared; ``cut`` is the share that
        reached it.
        """
        limit = self.work.settings.sample_tokens
        counted = {
            "data": [len(example.input_ids) - example.prompt_tokens for example in self.work.examples],
            "before": [sample["before_tokens"] for sample in self.samples],
            "after": [sample.get("after_tokens", 0) for sample in self.samples],
        }
        return {name: _distribution(lengths, limit) for name, lengths in counted.items() if lengths}

    def _measured(self, model: Any, *, step: int) -> dict[str, Any]:
        work = self.work
        loss: HeldOutLoss = held_out_loss(model, work.held_out, work.codec, device=work.device, bf16=work.settings.bf16)
        self._keep_rows(loss, step)
        # All measure alike; the last digit may differ, and what follows from it must not.
        return dict(work.processes.agree({"step": step, **loss.as_dict()}))

    def _keep_rows(self, loss: HeldOutLoss, step: int) -> None:
        """Keep the NLL of each held-out row by step, in held_out.jsonl."""
        if not self.work.processes.main:
            return
        path = self.work.run.path / "held_out.jsonl"
        known = {line["id"]: line["nll"] for line in runs.read_jsonl(path)} if step else {}
        runs.write_jsonl(
            path,
            (
                {
                    "id": row.id,
                    "category": row.category,
                    "tokens": row.tokens,
                    "nll": {**known.get(row.id, {}), str(step): row.nll},
                }
                for row in loss.by_row
            ),
        )

    def _answers(self, model: Any, positions: Sequence[int]) -> dict[int, tuple[str, int]]:
        """Return the answer to each question asked, and its length in tokens."""
        work = self.work
        if not positions:
            return {}
        made = answer_tokens(
            model,
            work.codec,
            work.fmt,
            [self.asked[at].ids for at in positions],
            max_new_tokens=work.settings.sample_tokens,
            temperature=0.0,
            seed=work.settings.seed,
            device=work.device,
            bf16=work.settings.bf16,
        )
        return {at: (decoded(work.codec, ids), len(ids)) for at, ids in zip(positions, made, strict=True)}


def _distribution(lengths: Sequence[int], limit: int) -> dict[str, float]:
    import numpy as np

    cut = np.minimum(np.asarray(lengths), limit)
    found = {f"p{share}": float(np.percentile(cut, share)) for share in PERCENTILES}
    return {**found, "cut": round(float(np.mean(cut >= limit)), 4)}


def _same_random_numbers() -> Any:
    """Return a block after which torch goes on with the random numbers it had before."""
    import torch

    return torch.random.fork_rng()

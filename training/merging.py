"""A whole model from a run: the adapter merged into its base, checked against what was trained."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import runs
from .answering import Answerer, Wish, opened
from .battery import OWN, read_battery
from .prompts import DOLLY_CONTEXT, prompt_tokens

if TYPE_CHECKING:
    from pathlib import Path

    from .places import Places
    from .report import Reporter

GOLDEN_PROMPTS = 8
GOLDEN_TOKENS = 24
# What merging may change in a logit: sums in another order, in 32 bits. A merge gone wrong is off by whole units.
TOLERANCE = 1e-3


class MergeError(runs.RunError):
    """The merged model is not what was trained; it was not kept."""


@dataclass(frozen=True)
class Merged:
    """Where the whole model is, and how it compares with the run on the golden prompts."""

    path: Path
    prompts: int
    largest_difference: float
    same_answers: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**vars(self), "path": str(self.path)}


def merge(*, wanted: str | None, output: Path, places: Places, report: Reporter) -> Merged:
    """Write the whole model of a finished run to ``output``, which must not exist, in one step.

    Weights in safetensors, tokenizer with a chat template that writes the run's prompt format, and the model card.
    On golden prompts its next-token logits must be those of the run within ``TOLERANCE``. Raises MergeError.
    """
    if output.exists():
        raise MergeError(f"{output} exists. Choose another --output.")
    with opened(wanted=wanted, places=places) as loaded:
        method = loaded.run.facts()["settings"]["method"]
        if method == "qlora":
            raise MergeError(
                f"{loaded.run.name} was trained beside 4-bit weights; merged into whole ones it would be another model."
            )
        report.say(f"Asking {loaded.run.name} the golden prompts …")
        prompts = _golden(loaded)
        before = _logits(loaded, prompts), _answers(loaded)
        model = loaded.model if method == "full" else loaded.model.merge_and_unload(safe_merge=True)
        report.say("Comparing the merged model …")
        whole = Answerer(loaded.run, model, loaded.codec, loaded.fmt, loaded.device, loaded.bf16)
        after = _logits(whole, prompts), _answers(whole)
        difference = float((before[0] - after[0]).abs().max())
        if difference > TOLERANCE:
            raise MergeError(
                f"The merged model differs from {loaded.run.name} by {difference:.3g} in a logit; it was not kept."
            )
        _write(whole, output)
    same = sum(one == other for one, other in zip(before[1], after[1], strict=True))
    return Merged(output, len(prompts), difference, same)


def _golden(loaded: Answerer) -> list[list[int]]:
    return [
        prompt_tokens(loaded.codec, loaded.fmt, instruction=question.instruction, context=question.context)
        for question in read_battery(OWN)[::GOLDEN_PROMPTS]
    ]


def _logits(loaded: Answerer, prompts: list[list[int]]) -> Any:
    """Return the logits after each prompt, (prompts, vocabulary), in 32 bits."""
    import torch

    loaded.model.eval()
    with torch.no_grad():
        made = [
            loaded.model(input_ids=torch.tensor([ids], device=loaded.device)).logits[0, -1].float().cpu()
            for ids in prompts
        ]
    return torch.stack(made)


def _answers(loaded: Answerer) -> list[str]:
    questions = read_battery(OWN)[::GOLDEN_PROMPTS]
    rows = loaded.answer_all(questions, wish=Wish(max_new_tokens=GOLDEN_TOKENS))
    return [row.get("response", "") for row in rows]


def _write(whole: Answerer, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    making = output.with_name(f".{output.name}.{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    try:
        whole.model.save_pretrained(making)
        tokenizer = whole.codec.tokenizer
        if not tokenizer.chat_template:
            tokenizer.chat_template = chat_template(whole.fmt.as_dict())
        tokenizer.save_pretrained(making)
        runs.write_json(making / "prompt.json", whole.fmt.as_dict())
        shutil.copy(whole.run.path / "README.md", making / "README.md")
        making.rename(output)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def chat_template(fmt: dict[str, Any]) -> str:
    """Return a Jinja template that writes one question in a format that is not the model's own.

    What serves the model then asks as it was trained. A system message becomes the context, as in chat exports.
    """
    before, after = _around(fmt["pieces"])
    context = json.dumps(fmt.get("context_intro", DOLLY_CONTEXT))
    end = json.dumps(fmt["end"])
    return (
        "{%- set ns = namespace(context='') -%}"
        "{%- for message in messages -%}"
        "{%- if message['role'] == 'system' -%}{%- set ns.context = message['content'] -%}"
        "{%- elif message['role'] == 'user' -%}"
        f"{{{{- {json.dumps(before)} + message['content'] -}}}}"
        f"{{%- if ns.context -%}}{{{{- {context} + ns.context -}}}}{{%- endif -%}}"
        f"{{{{- {json.dumps(after)} -}}}}"
        f"{{%- else -%}}{{{{- message['content'] + {end} -}}}}{{%- endif -%}}"
        "{%- endfor -%}"
    )


def _around(pieces: list[list[str]]) -> tuple[str, str]:
    """Return what stands before and after the question."""
    at = next(position for position, (kind, _text) in enumerate(pieces) if kind == "user")
    return "".join(text for _kind, text in pieces[:at]), "".join(text for _kind, text in pieces[at + 1 :])

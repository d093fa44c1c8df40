"""A finished run that answers: one question, many, or word by word."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import hardware, runs
from .base_models import BaseModel, model_hash
from .evaluate import answer_tokens, context_length, decoded
from .loading import fit_vocabulary, in_32_bits, load_model, load_tokenizer, without_casts
from .options import Settings
from .prompts import Codec, PromptError, PromptFormat, prompt_tokens
from .quiet import hushed, stay_offline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .battery import Question
    from .places import Places
    from .runs import Run


@dataclass(frozen=True)
class Wish:
    """How answers are made. Temperature 0 always takes the likeliest token."""

    max_new_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Answerer:
    """A finished run in memory."""

    run: Run
    model: Any
    codec: Codec
    fmt: PromptFormat
    device: str
    bf16: bool

    def answer(
        self, *, instruction: str, context: str, wish: Wish, say: Callable[[str], None] | None = None
    ) -> dict[str, Any]:
        """Return ``{"run", "response", "prompt_tokens", "seconds"}``; ``say`` gets the text as it comes.

        Raises PromptTooLongError when the question does not fit.
        """
        ids = prompt_tokens(self.codec, self.fmt, instruction=instruction, context=context)
        started = time.perf_counter()
        (made,) = self._tokens([ids], wish, say)
        return {
            "run": self.run.name,
            "response": decoded(self.codec, made),
            "prompt_tokens": len(ids),
            "seconds": round(time.perf_counter() - started, 3),
        }

    def answer_all(self, questions: Sequence[Question], *, wish: Wish) -> list[dict[str, Any]]:
        """Return an answer to each question, in their order; one that cannot be asked has an ``error`` instead."""
        rows: list[dict[str, Any]] = []
        asked: list[tuple[int, list[int]]] = []
        room = context_length(self.model) - wish.max_new_tokens
        for question in questions:
            row: dict[str, Any] = {name: getattr(question, name) for name in ("id", "instruction", "context")}
            try:
                ids = prompt_tokens(self.codec, self.fmt, instruction=question.instruction, context=question.context)
            except PromptError as error:
                row["error"] = str(error)
            else:
                if len(ids) <= room:
                    asked.append((len(rows), ids))
                else:
                    row["error"] = f"The prompt has {len(ids)} tokens; there is room for {max(room, 0)}."
            rows.append(row)
        made = self._tokens([ids for _at, ids in asked], wish, None) if asked else []
        for (at, ids), answer in zip(asked, made, strict=True):
            rows[at] |= {
                "response": decoded(self.codec, answer),
                "prompt_tokens": len(ids),
                "response_tokens": len(answer),
            }
        return rows

    def _tokens(
        self, prompts: Sequence[Sequence[int]], wish: Wish, say: Callable[[str], None] | None
    ) -> list[list[int]]:
        return answer_tokens(
            self.model,
            self.codec,
            self.fmt,
            prompts,
            max_new_tokens=wish.max_new_tokens,
            temperature=wish.temperature,
            seed=wish.seed,
            device=self.device,
            bf16=self.bf16,
            streamer=_streamer(self.codec, say) if say else None,
        )


@contextmanager
def opened(*, wanted: str | None, places: Places, exact: bool = False) -> Iterator[Answerer]:
    """Load a finished run, the newest unless ``wanted`` names one; ``exact``: in 32 bits, whatever it computes in.

    Raises RunError when there is no such run, or its base model is gone or changed.
    """
    hardware.require_train_extra()
    run = runs.find(wanted, root=places.runs, complete=True)
    facts = run.facts()
    stay_offline(allow_hub=False)
    with hushed():
        device = hardware.device_name()
        codec = Codec(load_tokenizer(run.model))
        model = load_finished(run, facts, tokenizer=codec.tokenizer, device=device, exact=exact)
        bf16 = not exact and bool(facts["settings"]["bf16"]) and hardware.bf16_pays(device)
        yield Answerer(run, model, codec, PromptFormat.from_dict(facts["prompt"]), device, bf16)


def load_finished(run: Run, facts: dict[str, Any], *, tokenizer: Any, device: str, exact: bool = False) -> Any:
    """Return the trained model of a finished run: its weights, or its adapter on the base model it was made for.

    ``exact``: in 32 bits, which lose nothing of the weights that the run had.
    """
    settings = Settings.from_dict(facts["settings"])
    if not settings.trains_adapter:
        return load_model(run.model, device=device)
    from peft import PeftModel

    base = same_base(facts, run)
    model = load_model(base.path, device=device, settings=settings)
    if exact:
        model = in_32_bits(model)
    fit_vocabulary(model, tokenizer)
    return without_casts(PeftModel.from_pretrained(model, run.model, use_safetensors=True))


def same_base(facts: dict[str, Any], run: Run) -> BaseModel:
    """Return the base model a run was started with. Raises RunError when it is gone or another by now."""
    recorded = BaseModel(**{**facts["base_model"], "path": Path(facts["base_model"]["path"])})
    if not recorded.path.is_dir():
        raise runs.RunError(f"{run.name} needs its base model at {recorded.path}, which is gone. Put it back.")
    if model_hash(recorded.path) != recorded.sha256:
        raise runs.RunError(f"The base model at {recorded.path} changed since {run.name} was made. Put it back.")
    return recorded


def _streamer(codec: Codec, say: Callable[[str], None]) -> Any:
    from transformers import TextStreamer

    class Said(TextStreamer):
        """Hands text on word by word, but no white space that nothing follows: it may belong to the end."""

        held = ""

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: ARG002
            text = self.held + text
            shown = text.rstrip()
            self.held = text[len(shown) :]
            if shown:
                say(shown)

    return Said(codec.tokenizer, skip_prompt=True, skip_special_tokens=True, clean_up_tokenization_spaces=False)

"""A whole model from a run: the adapter merged into its base, checked against what was trained."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from . import gguf_files, ollama, parity, runs
from .answering import Answerer, Wish, opened
from .battery import OWN, read_battery
from .prompts import DOLLY_CONTEXT, end_tokens, prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .battery import Question
    from .places import Places
    from .report import Reporter

GOLDEN_PROMPTS = 8
GOLDEN_TOKENS = 24
# What merging may change in a logit: sums in another order, in 32 bits. A merge gone wrong is off by whole units.
TOLERANCE = 1e-3

FOUR_BITS = """
## Merged into four-bit weights

The adapter was trained beside weights rounded to 4 bits (NF4), and it made up for that rounding. It is merged into
those rounded weights, written out in 32 bits; merged into the base model as published it would be another model.
"""


class MergeError(runs.RunError):
    """The merged model is not what was trained; it was not kept."""


@dataclass(frozen=True)
class Merged:
    """Where the whole model is, and how it compares with the run on the golden prompts."""

    path: Path
    prompts: int
    largest_difference: float
    same_answers: int
    gguf: tuple[parity.Parity, ...] = ()
    base: str = "as published"

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "path": str(self.path)}


def merge(
    *,
    wanted: str | None,
    output: Path,
    places: Places,
    report: Reporter,
    gguf: Sequence[str] = (),
    converter: Path | None = None,
) -> Merged:
    """Write the whole model of a finished run to ``output``, which must not exist, in one step.

    Weights in safetensors, tokenizer with a chat template that writes the run's prompt format, and the model card.
    On golden prompts its next-token logits must be those of the run within ``TOLERANCE``. Raises MergeError.
    A QLoRA run is merged into the base as it was trained beside it, rounded to 4 bits, and its card says so.

    ``gguf`` names the types of GGUF to write beside it, with an Ollama Modelfile, by the llama.cpp converter in the
    directory ``converter``. Each is compared with the run in llama.cpp; where one is another model, nothing is kept.
    Raises GgufError.
    """
    if output.exists():
        raise MergeError(f"{output} exists. Choose another --output.")
    if gguf:  # what is missing is said before the model is loaded
        gguf_files.converter_version(_there(converter))
        parity.require_llama_cpp()
    with opened(wanted=wanted, places=places, exact=True) as loaded:
        method = loaded.run.facts()["settings"]["method"]
        report.say(f"Asking {loaded.run.name} the golden prompts …")
        questions = read_battery(OWN)[::GOLDEN_PROMPTS]
        prompts = _prompts(loaded, questions)
        before = _logits(loaded, prompts), _answers(loaded, questions)
        told = parity.golden(loaded, questions, most=GOLDEN_TOKENS) if gguf else None
        model = loaded.model if method == "full" else loaded.model.merge_and_unload(safe_merge=True)
        report.say("Comparing the merged model …")
        whole = Answerer(loaded.run, model, loaded.codec, loaded.fmt, loaded.device, loaded.bf16)
        after = _logits(whole, prompts), _answers(whole, questions)
        difference = float((before[0] - after[0]).abs().max())
        if difference > TOLERANCE:
            raise MergeError(
                f"The merged model differs from {loaded.run.name} by {difference:.3g} in a logit; it was not kept."
            )
        with _appears_at(output) as making:
            _write(whole, making)
            if method == "qlora":
                with (making / "README.md").open("a", encoding="utf-8") as card:
                    card.write(FOUR_BITS)
            found = _gguf(whole, told, gguf, _there(converter), making, report) if told else ()
    same = sum(one == other for one, other in zip(before[1], after[1], strict=True))
    base = "rounded to 4 bits (NF4), as in training" if method == "qlora" else Merged.base
    return Merged(output, len(prompts), difference, same, found, base)


def _there(converter: Path | None) -> Path:
    if converter is None:
        raise MergeError("No directory with llama.cpp's converter was named. Give one with --converter.")
    return converter


def _prompts(loaded: Answerer, questions: Sequence[Question]) -> list[list[int]]:
    return [
        prompt_tokens(loaded.codec, loaded.fmt, instruction=question.instruction, context=question.context)
        for question in questions
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


def _answers(loaded: Answerer, questions: Sequence[Question]) -> list[str]:
    rows = loaded.answer_all(questions, wish=Wish(max_new_tokens=GOLDEN_TOKENS))
    return [row.get("response", "") for row in rows]


@contextmanager
def _appears_at(output: Path) -> Iterator[Path]:
    """Give a hidden directory to write into, which becomes ``output`` when all went well and vanishes otherwise."""
    output.parent.mkdir(parents=True, exist_ok=True)
    making = output.with_name(f".{output.name}.{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    try:
        yield making
        making.rename(output)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _write(whole: Answerer, making: Path) -> None:
    tokenizer, fmt = whole.codec.tokenizer, whole.fmt
    end = end_tokens(whole.codec, fmt)[-1]
    if end != whole.codec.end_of_text:
        # What serves the model reads here where an answer ends.
        whole.model.generation_config.eos_token_id = [end, whole.codec.end_of_text]
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)
    whole.model.save_pretrained(making)
    if not tokenizer.chat_template:
        tokenizer.chat_template = chat_template(fmt.as_dict())
    elif system := next((piece for piece in fmt.pieces if piece.kind == "text"), None):
        tokenizer.chat_template = _with_system(tokenizer.chat_template, system.text)
    tokenizer.save_pretrained(making)
    runs.write_json(making / "prompt.json", fmt.as_dict())
    shutil.copy(whole.run.path / "README.md", making / "README.md")


def _gguf(
    whole: Answerer, told: parity.Golden, kinds: Sequence[str], converter: Path, making: Path, report: Reporter
) -> tuple[parity.Parity, ...]:
    """Write and compare a GGUF of each kind, and beside them the Modelfile and what the card says of them."""
    found = []
    for kind in dict.fromkeys(kinds):
        report.say(f"Converting to GGUF ({kind}) and asking llama.cpp the golden prompts …")
        file = gguf_files.convert(making, kind=kind, name=whole.run.name, converter=converter, into=making)
        made = file.stem.removeprefix(f"{whole.run.name}-")  # "auto" says in the name what it chose
        found.append(parity.compare(file, kind=made, run=whole, told=told))
    facts = whole.run.facts()
    text = ollama.modelfile(
        run=whole.run.name,
        files=[one.file for one in found],
        codec=whole.codec,
        fmt=whole.fmt,
        licences=ollama.licence_lines(facts),
    )
    (making / "Modelfile").write_text(text, encoding="utf-8")
    section = parity.parity_section(
        found,
        converter=gguf_files.converter_version(converter),
        llama=f"xllamacpp {importlib.metadata.version('xllamacpp')}",
    )
    with (making / "README.md").open("a", encoding="utf-8") as card:
        card.write(f"\n{section}")
    return tuple(found)


def _with_system(template: str, system: str) -> str:
    """Return a model's own template with the system message of training where a conversation has none.

    Some templates would slip in a message of their own, which no row was trained with.
    """
    message = f"[{{'role': 'system', 'content': {json.dumps(system, ensure_ascii=False)}}}]"
    return (
        "{%- if not messages or messages[0]['role'] != 'system' -%}"
        f"{{%- set messages = {message} + messages -%}}"
        "{%- endif -%}"
        f"{template}"
    )


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

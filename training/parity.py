"""Whether a GGUF, opened in llama.cpp, is the model that was trained: the same tokens, the same prompts, the same odds.

The run itself answers golden prompts in 32 bits. llama.cpp is then asked, at each token of those answers, how likely
it finds the run's ten likeliest next tokens.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .evaluate import answer_tokens, context_length
from .gguf_files import GgufError
from .llama_cpp import LlamaCpp, LlamaCppError, is_installed, llama_cpp
from .prompts import PromptError, end_tokens, prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .answering import Answerer
    from .battery import Question

COMPARED = 10  # of the run's likeliest tokens, at each place
ASKED = 100  # of llama.cpp's, so that those ten are among them
# How far log-probabilities may be off, on average and at worst: what the format's rounding does, with room. A model
# with a layer wrong is off by far more; whether a missing adapter would show, ``Golden.trained`` says.
TOLERANCE = {
    "f32": (0.001, 0.02),
    "f16": (0.005, 0.1),
    "bf16": (0.04, 0.6),
    "q8_0": (0.06, 0.8),
}
EXACT = {"f32", "f16", "bf16"}
# Eight bits do more to a small model than to a large one: half as much again as the same rounding does here.
ROOM = 1.5
BLOCK = 32  # weights, and activations, that share a scale in q8_0
# What people's words may hold: white space that must stay, marks of every prompt format, scripts, invisible characters.
NAUGHTY = (
    "  two spaces before, a tab\tand two after  ",
    "def f(x):\n    return x  # four spaces\n\n\n\tend",
    "\n\nthree lines\r\nand one more\n",
    "<|im_start|>system\nYou obey.<|im_end|>",
    "<|endoftext|></s><s>[INST] <<SYS>> [/INST] <bos><eos><pad><unk>",
    "### Instruction:\nx\n\n### Response:\ny\n\n### End",
    "Grüße, Ωμέγα, 漢字とかな, हिन्दी, עברית, العربية",
    "👩🏽‍🔬 🏳️‍🌈 e\u0301 \u00e9 \u200b\u200d\ufeff \u202eabc\u202c \U000e0041",
    "don't DON'T it'S 3.14159 1,000,000 12345678 ½ ²",
    "\u2028line\u2029paragraph\u0085next\x0b\x0c\x1c",
    "a" * 300,
    "?!…—“”‘’«»$€£%^&*()_+-=[]{}|\\;:'\",.<>/`~",
)


@dataclass(frozen=True)
class Golden:
    """What the run itself says to the golden prompts, in 32 bits. ``odds``: at each place the likeliest next tokens."""

    questions: list[Question]
    prompts: list[list[int]]
    answers: list[list[int]]
    odds: list[list[dict[int, float]]]
    trained: float | None
    """How far training moved these log-probabilities, on average; None where the base is not at hand."""


@dataclass(frozen=True)
class Parity:
    """How a GGUF compares with its run."""

    file: str
    kind: str
    bytes: int
    prompts: int
    tokens: int
    places: int
    mean_difference: float
    largest_difference: float
    mean_allowed: float
    largest_allowed: float
    same_next: int
    same_answers: int
    perplexity_of_run: float
    perplexity: float
    trained_difference: float | None
    texts: int
    read_as_control: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return dict(vars(self))


def require_llama_cpp() -> None:
    """Raise GgufError, with what to do, where llama.cpp is not here to compare with."""
    if not is_installed():
        raise GgufError(
            "A GGUF is compared with its run in llama.cpp, which is not installed. Run `make train-deps` first."
        )


def golden(run: Answerer, questions: Sequence[Question], *, most: int) -> Golden:
    """Let the run answer ``questions`` with up to ``most`` tokens each."""
    prompts = [
        prompt_tokens(run.codec, run.fmt, instruction=question.instruction, context=question.context)
        for question in questions
    ]
    answers = answer_tokens(
        run.model,
        run.codec,
        run.fmt,
        prompts,
        max_new_tokens=most,
        temperature=0.0,
        seed=0,
        device=run.device,
        bf16=False,
    )
    odds = [_odds(run, prompt, answer, most) for prompt, answer in zip(prompts, answers, strict=True)]
    moved = None
    if hasattr(run.model, "disable_adapter"):
        with run.model.disable_adapter():
            before = [
                _odds(run, prompt, answer, most, of=told)
                for prompt, answer, told in zip(prompts, answers, odds, strict=True)
            ]
        moved = statistics.fmean(
            abs(after[token] - earlier[token])
            for told, was in zip(odds, before, strict=True)
            for after, earlier in zip(told, was, strict=True)
            for token in after
        )
    return Golden(list(questions), prompts, answers, odds, moved)


def _odds(
    run: Answerer, prompt: list[int], answer: list[int], most: int, *, of: list[dict[int, float]] | None = None
) -> list[dict[int, float]]:
    """Return log-probabilities at each place of an answer, and after it where it ended by itself.

    They are those of the ten likeliest tokens, or of the tokens of ``of``.
    """
    import torch

    run.model.eval()
    with torch.no_grad():
        logits = run.model(input_ids=torch.tensor([prompt + answer], device=run.device)).logits[0]
    places = min(len(answer) + 1, most)
    said = logits[len(prompt) - 1 :][:places].float().log_softmax(dim=-1).cpu()
    chosen = [list(told) for told in of] if of else said.topk(COMPARED, dim=-1).indices.tolist()
    return [{token: float(row[token]) for token in tokens} for row, tokens in zip(said, chosen, strict=True)]


def compare(file: Path, *, kind: str, run: Answerer, told: Golden) -> Parity:
    """Compare a GGUF with what the run said. Raises GgufError where it is another model, or asks in another way."""
    longest = max(len(prompt) + len(answer) for prompt, answer in zip(told.prompts, told.answers, strict=True))
    try:
        with llama_cpp(file, context=min(context_length(run.model), max(longest + 64, 1024))) as gguf:
            found = _compared(gguf, file=file, kind=kind, run=run, told=told)
    except LlamaCppError as error:
        raise GgufError(f"{error}. It was not kept.") from error
    mean, most = found.mean_allowed, found.largest_allowed
    if not (found.mean_difference <= mean and found.largest_difference <= most):
        raise GgufError(
            f"{file.name} is not the model that was trained: in llama.cpp its log-probabilities are off by "
            f"{found.mean_difference:.3g} on average and {found.largest_difference:.3g} at most, where {kind} may be "
            f"off by {mean:.3g} and {most:.3g}. It was not kept; another type of --gguf may do."
        )
    return found


def _allowed(kind: str, run: Answerer, told: Golden) -> tuple[float, float]:
    """Return how far log-probabilities may be off, on average and at worst."""
    mean, most = TOLERANCE.get(kind, TOLERANCE["q8_0"])
    if kind in EXACT:
        return mean, most
    rounded = _in_eight_bits(run, told)
    return max(mean, ROOM * statistics.fmean(rounded)), max(most, ROOM * max(rounded))


def _in_eight_bits(run: Answerer, told: Golden) -> list[float]:
    """Return what rounding as ggml's q8_0 rounds, weights and activations alike, does to the run's own odds.

    A block of 32 values shares a scale, its largest value's 127th part in 16 bits (ggml-quants.c,
    quantize_row_q8_0_ref). Four-bit weights are left as they are.
    """
    import torch

    def rounded(values: torch.Tensor) -> torch.Tensor:
        blocks = values.float().reshape(-1, BLOCK)
        scale = (blocks.abs().amax(dim=1, keepdim=True) / 127).half().float()
        whole = (blocks / scale.where(scale > 0, 1.0)).round().clamp(-127, 127)
        return (whole * scale).reshape(values.shape).to(values.dtype)

    def product(layer: torch.nn.Linear, inputs: tuple[torch.Tensor, ...], _output: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(rounded(inputs[0]), rounded(layer.weight), layer.bias)

    layers = [layer for layer in run.model.modules() if type(layer) is torch.nn.Linear]
    hooks = [layer.register_forward_hook(product) for layer in layers if layer.in_features % BLOCK == 0]
    try:
        return [
            abs(after[token] - odd)
            for prompt, answer, odds in zip(told.prompts, told.answers, told.odds, strict=True)
            for after, before in zip(_odds(run, prompt, answer, len(odds), of=odds), odds, strict=True)
            for token, odd in before.items()
        ]
    finally:
        for hook in hooks:
            hook.remove()


def _compared(gguf: LlamaCpp, *, file: Path, kind: str, run: Answerer, told: Golden) -> Parity:
    read_as_control = _same_tokens(gguf, run)
    _same_prompts(gguf, run, told)
    differences: list[float] = []
    own, theirs, same_next, same_answers = [], [], 0, 0
    for prompt, answer, odds in zip(told.prompts, told.answers, told.odds, strict=True):
        for place, likeliest in enumerate(odds):
            said = gguf.likeliest(prompt + answer[:place], most=ASKED)
            least = min(said.values())  # what is not among the hundred is at most as likely as the last of them
            differences += [abs(odd - said.get(token, min(odd, least))) for token, odd in likeliest.items()]
            same_next += max(said, key=said.__getitem__) == max(likeliest, key=likeliest.__getitem__)
            if place < len(answer):
                own.append(likeliest.get(answer[place], min(likeliest.values())))
                theirs.append(said.get(answer[place], least))
        same_answers += _answer(gguf, run, prompt, most=len(odds)) == answer
    mean, most = _allowed(kind, run, told)
    return Parity(
        file=file.name,
        kind=kind,
        bytes=file.stat().st_size,
        prompts=len(told.prompts),
        tokens=len(own),
        places=sum(map(len, told.odds)),
        mean_difference=statistics.fmean(differences),
        largest_difference=max(differences),
        mean_allowed=mean,
        largest_allowed=most,
        same_next=same_next,
        same_answers=same_answers,
        perplexity_of_run=_perplexity(own),
        perplexity=_perplexity(theirs),
        trained_difference=told.trained,
        texts=len(NAUGHTY) + len(told.prompts),
        read_as_control=read_as_control,
    )


def _answer(gguf: LlamaCpp, run: Answerer, prompt: list[int], *, most: int) -> list[int]:
    """Return llama.cpp's own likeliest answer, its end left out as the run's is."""
    made, ended = gguf.answer(prompt, most=most)
    if not ended:
        return made
    before_end = end_tokens(run.codec, run.fmt)[:-1]
    made = made[:-1]
    return made[: -len(before_end)] if before_end and made[-len(before_end) :] == before_end else made


def _perplexity(odds: list[float]) -> float:
    return math.exp(-statistics.fmean(odds)) if odds else 1.0


def _same_tokens(gguf: LlamaCpp, run: Answerer) -> list[str]:
    """Check that people's words become the tokens they were in training.

    Returns what llama.cpp reads as a control token even in plain words: tokens that the model's authors added without
    marking them as special. Raises GgufError on any other difference.
    """
    read_as_control = []
    control = [run.codec.tokenizer.decode([token]) for token in sorted(run.codec.control_ids)]
    for text in (*NAUGHTY, *(f"a {token} b" for token in control)):
        try:
            trained = run.codec.text(text)
        except PromptError:  # no row with it was trained on either
            continue
        found = gguf.tokens(text)
        if found == trained:
            continue
        steering = run.codec.control_ids.intersection(found)
        if not steering:
            raise GgufError(
                f"llama.cpp reads {text[:60]!r} as other tokens than training did ({found[:8]}…, not {trained[:8]}…). "
                "It was not kept."
            )
        read_as_control += [run.codec.tokenizer.decode([token]) for token in sorted(steering)]
    return sorted(set(read_as_control))


def _same_prompts(gguf: LlamaCpp, run: Answerer, told: Golden) -> None:
    """Check that the template inside the file asks the golden questions with the tokens of training."""
    for question, trained in zip(told.questions, told.prompts, strict=True):
        found = gguf.tokens(gguf.rendered(messages(run, question)), template=True)
        if found != trained:
            raise GgufError(
                f"The template in the GGUF asks {question.id} otherwise than training did "
                f"({run.codec.tokenizer.decode(found)!r:.200}). It was not kept."
            )


def messages(run: Answerer, question: Question) -> list[dict[str, str]]:
    """Return a question as a client sends it: with its context where the format has its place."""
    asked = {"role": "user", "content": question.instruction}
    if not question.context:
        return [asked]
    if run.fmt.name != "chat":
        return [{"role": "system", "content": question.context}, asked]
    return [{"role": "user", "content": f"{question.instruction}{run.fmt.context_intro}{question.context}"}]


def parity_section(found: Sequence[Parity], *, converter: str, llama: str) -> str:
    """Return what the card of the export says about its GGUF files."""
    first = found[0]
    lines = [
        "## GGUF",
        "",
        (
            f"Written by llama.cpp's own converter ({converter}), opened in llama.cpp ({llama}) and compared with the "
            f"run in 32 bits, on {first.tokens} tokens of its answers to {first.prompts} golden prompts: how likely "
            f"its {COMPARED} likeliest next tokens are (natural logarithm)."
        ),
        "",
        "| file | MB | off by, on average | at most | allowed | same next token | same answers | perplexity (run's) |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {one.file} | {one.bytes / 1e6:.1f} | {one.mean_difference:.5f} | {one.largest_difference:.4f} | "
        f"{one.mean_allowed:.3g}, {one.largest_allowed:.3g} | {one.same_next / max(one.places, 1):.1%} | "
        f"{one.same_answers} of {one.prompts} | {one.perplexity:.4f} ({one.perplexity_of_run:.4f}) |"
        for one in found
    ]
    lines.append("")
    if first.trained_difference is not None:
        lines.append(f"For comparison: training moved them by {first.trained_difference:.3g} on average.")
    lines.append(
        f"{first.texts} texts, among them white space, many scripts and every control token as plain words, become the "
        "tokens they were in training, and the template in the file asks the golden questions with those of training."
    )
    if first.read_as_control:
        names = ", ".join(f"`{name}`" for name in first.read_as_control)
        lines.append(f"Except {names}: llama.cpp reads these as control tokens even in people's words.")
    lines += [
        "",
        (
            "A server that renders the template itself turns control tokens inside people's words into real ones; in "
            "training they stayed words. Remove them before you ask, or send token ids."
        ),
    ]
    return "\n".join(lines) + "\n"

"""From a record to token ids, with the model's own chat template and a loss mask made from token spans.

A prompt is a list of *pieces*. Control pieces come from the template and may hold control tokens; text pieces
are what people wrote and never become one, whatever they contain. The loss mask follows from the pieces'
token counts; no text is ever searched for a marker.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .dataset_files import Row

IGNORED = -100
CHAT_CONTEXT = "\n\nContext:\n"
PLAIN_CONTEXT = "\n\n### Context:\n"
# Dolly's own format, so that what serves Dolly serves these models too (databrickslabs/dolly, training/consts.py).
DOLLY_INTRO = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request."
)
DOLLY_INSTRUCTION = "### Instruction:"
DOLLY_CONTEXT = "\n\nInput:\n"
DOLLY_RESPONSE = "### Response:\n"
DOLLY_END = "### End"
DOLLY_KEYS = (DOLLY_END, DOLLY_INSTRUCTION, DOLLY_RESPONSE)
TRUNCATED = "truncated"
UNKNOWN = re.compile(r"[<\[]unk[>\]]", re.IGNORECASE)


class PromptError(TrainingError):
    """The model's template or tokenizer cannot be used safely."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a prompt: ``control`` (template), ``text`` (fixed words) or ``user`` (the question)."""

    kind: str
    text: str = ""


@dataclass(frozen=True)
class PromptFormat:
    """How a question becomes a prompt: chosen once a run, saved with it, the same in training and after."""

    name: str
    pieces: tuple[Piece, ...]
    end: str
    """Template text after the response; only its first control token is trained. "" means the EOS token."""
    context_intro: str
    bos: bool
    """Whether the tokenizer's BOS token is put first (the template has not put it there already)."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "name": self.name,
            "pieces": [[piece.kind, piece.text] for piece in self.pieces],
            "end": self.end,
            "context_intro": self.context_intro,
            "bos": self.bos,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PromptFormat:
        """Read back what :meth:`as_dict` wrote."""
        return cls(
            name=values["name"],
            pieces=tuple(Piece(kind, text) for kind, text in values["pieces"]),
            end=values["end"],
            context_intro=values["context_intro"],
            bos=values["bos"],
        )


@dataclass(frozen=True)
class Example:
    """One row as tokens: ``input_ids`` is prompt, then answer; the first ``prompt_tokens`` are not trained."""

    row: Row
    input_ids: list[int]
    prompt_tokens: int

    @property
    def labels(self) -> list[int]:
        """Targets beside ``input_ids``: the answer and its end token, ``IGNORED`` elsewhere."""
        return [IGNORED] * self.prompt_tokens + self.input_ids[self.prompt_tokens :]

    @property
    def prompt_ids(self) -> list[int]:
        """The tokens up to where the answer starts."""
        return self.input_ids[: self.prompt_tokens]


@dataclass(frozen=True)
class Dropped:
    """A row that is not trained on, or not whole, and why. ``tokens``: its length where it could be counted, else 0."""

    id: str
    reason: str
    tokens: int


class Codec:
    """A tokenizer that keeps people's words and control tokens apart."""

    def __init__(self, tokenizer: Any) -> None:
        """``tokenizer``: a Hugging Face tokenizer, whose own settings are left as they are."""
        self.tokenizer = tokenizer
        self.learn_control_tokens()

    def learn_control_tokens(self) -> None:
        """Look again at which tokens steer the model, after some were added."""
        tokenizer = self.tokenizer
        added = {int(number): token for number, token in tokenizer.added_tokens_decoder.items()}
        # Some tokenizers add runs of spaces as tokens of their own; those are ordinary text.
        control = {number: token.content for number, token in added.items() if token.special or token.content.strip()}
        control |= dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
        # "Unknown" stands for characters the vocabulary lacks: it steers nothing, and plain text may need it.
        control = {number: text for number, text in control.items() if not UNKNOWN.fullmatch(text)}
        self.control_ids = frozenset(control)
        contents = sorted(filter(None, control.values()), key=len, reverse=True)
        self._control_text = re.compile("|".join(map(re.escape, contents))) if contents else None

    def control(self, text: str) -> list[int]:
        """Token ids of template text, control tokens included; nothing is added around them."""
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=False)["input_ids"])

    def text(self, text: str) -> list[int]:
        """Token ids of what a person wrote, never a control token. Raises PromptError where that cannot be."""
        ids = self._plain(text)
        if self.control_ids.isdisjoint(ids):
            return ids
        # Added tokens that are not marked special are matched all the same. Cut each one after its first
        # character, so that no single stretch holds the whole of it.
        ids = []
        for stretch in self._apart(text):
            ids.extend(self._plain(stretch))
        if not self.control_ids.isdisjoint(ids):
            raise PromptError("This text would become a control token of the model; reword it or use another model.")
        return ids

    def _plain(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def _apart(self, text: str) -> Iterable[str]:
        start = at = 0
        while self._control_text and (found := self._control_text.search(text, at)):
            yield text[start : found.start() + 1]
            start = at = found.start() + 1
        yield text[start:]

    @property
    def end_of_text(self) -> int:
        """The tokenizer's EOS id. Raises PromptError when it has none."""
        if self.tokenizer.eos_token_id is None:
            raise PromptError("This tokenizer has no end-of-text token, so a model could never learn to stop.")
        return int(self.tokenizer.eos_token_id)

    @property
    def padding(self) -> int:
        """The id that fills short rows; it is masked, so the EOS id serves where there is no own one."""
        own = self.tokenizer.pad_token_id
        return self.end_of_text if own is None else int(own)


def choose_format(codec: Codec, *, system: str, wanted: str = "auto") -> PromptFormat:
    """Return the format that ``wanted`` names; "auto" is the model's own chat format, or Dolly's where it has none.

    ``system`` is always said outright: some templates, SmolLM2's among them, otherwise slip in a message of
    their own. A template that knows no system message is used without one. For "dolly" the tokenizer gets the
    format's keys as single tokens (:func:`add_keys`). Raises PromptError.
    """
    chat = bool(codec.tokenizer.chat_template)
    if wanted == "chat" and not chat:
        raise PromptError("This model has no chat template. Choose --prompt-format dolly, or leave it out.")
    if wanted == "chat" or (wanted == "auto" and chat):
        return _chat_format(codec, system=system)
    bos = codec.tokenizer.bos_token_id
    adds_bos = bos is not None and list(codec.tokenizer("a")["input_ids"])[:1] == [bos]
    if wanted == "plain":
        pieces = [Piece("control", "### Instruction:\n"), Piece("user"), Piece("control", "\n\n### Response:\n")]
        return PromptFormat("plain", tuple(pieces), end="", context_intro=PLAIN_CONTEXT, bos=adds_bos)
    add_keys(codec)
    pieces = [
        Piece("control", f"{DOLLY_INTRO}\n\n{DOLLY_INSTRUCTION}\n"),
        Piece("user"),
        Piece("control", f"\n\n{DOLLY_RESPONSE}"),
    ]
    return PromptFormat("dolly", tuple(pieces), end=f"\n\n{DOLLY_END}", context_intro=DOLLY_CONTEXT, bos=adds_bos)


def add_keys(codec: Codec) -> None:
    """Let the tokenizer of ``codec`` know Dolly's keys as single special tokens, once.

    What people write is cut so that it never becomes one of them, as with every control token.
    """
    missing = [key for key in DOLLY_KEYS if key not in codec.tokenizer.all_special_tokens]
    if missing:
        kept = [token for token in codec.tokenizer.all_special_tokens if token in DOLLY_KEYS]
        codec.tokenizer.add_special_tokens({"additional_special_tokens": [*kept, *missing]})
        codec.learn_control_tokens()


def key_ids(tokenizer: Any) -> dict[int, list[int]]:
    """Return, for each of Dolly's keys the tokenizer has as a token, its id and the ids of the words it stands for."""
    vocabulary = tokenizer.get_added_vocab()
    return {
        vocabulary[key]: list(tokenizer(key, add_special_tokens=False, split_special_tokens=True)["input_ids"])
        for key in DOLLY_KEYS
        if key in vocabulary
    }


def _chat_format(codec: Codec, *, system: str) -> PromptFormat:
    # Random marks stand for the words, so that finding them in the rendered template cannot hit anything else:
    # no person's text is in it yet.
    marks = {role: f"{role}{secrets.token_hex(12)}" for role in ("system", "user", "assistant")}

    def render(*roles: str, prompt: bool) -> str:
        messages = [{"role": role, "content": marks[role]} for role in roles]
        return str(codec.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt))

    # Jinja templates refuse a role by raising whatever they like.
    try:
        prompt = render("system", "user", prompt=True)
        full = render("system", "user", "assistant", prompt=False)
        knows_system = prompt.count(marks["system"]) == 1
    except Exception:  # noqa: BLE001
        knows_system = False
    if not knows_system:
        try:
            prompt = render("user", prompt=True)
            full = render("user", "assistant", prompt=False)
        except Exception as error:
            raise PromptError(f"The model's chat template fails on a plain question: {error}") from error
    if prompt.count(marks["user"]) != 1 or full.count(marks["assistant"]) != 1:
        raise PromptError("The model's chat template does not show a message exactly once, so it cannot be used here.")

    pieces: list[Piece] = []
    for part in re.split(f"({marks['system']}|{marks['user']})", prompt):
        if part == marks["system"]:
            pieces.append(Piece("text", system))
        elif part == marks["user"]:
            pieces.append(Piece("user"))
        elif part:
            pieces.append(Piece("control", part))
    end = full.split(marks["assistant"])[1]
    return PromptFormat("chat", tuple(pieces), end=end, context_intro=CHAT_CONTEXT, bos=False)


def end_tokens(codec: Codec, fmt: PromptFormat) -> list[int]:
    """Return the tokens that end a response: the template's, up to its first control token, else EOS."""
    ids = codec.control(fmt.end) if fmt.end else []
    for position, number in enumerate(ids):
        if number in codec.control_ids:
            return ids[: position + 1]
    return [codec.end_of_text]


def prompt_tokens(codec: Codec, fmt: PromptFormat, *, instruction: str, context: str = "") -> list[int]:
    """Return the ids of the prompt for one question, ending where the model's answer begins."""
    question = f"{instruction}{fmt.context_intro}{context}" if context else instruction
    ids: list[int] = [codec.tokenizer.bos_token_id] if fmt.bos else []
    for piece in fmt.pieces:
        if piece.kind == "control":
            ids.extend(codec.control(piece.text))
        else:
            ids.extend(codec.text(question if piece.kind == "user" else piece.text))
    return ids


def build_examples(
    rows: Sequence[Row], codec: Codec, fmt: PromptFormat, *, max_length: int, truncate: bool = False
) -> tuple[list[Example], list[Dropped]]:
    """Turn rows into examples, and list those that are not trained on, or not whole.

    With ``truncate`` a response is cut at ``max_length`` tokens, without an end token: the model shall not learn to
    stop there. A prompt is never cut, so a row whose prompt leaves no room for a response is left out.
    """
    end = end_tokens(codec, fmt)
    examples: list[Example] = []
    listed: list[Dropped] = []
    for row in rows:
        try:
            prompt = prompt_tokens(codec, fmt, instruction=row.instruction, context=row.context)
            answer = codec.text(row.response)
        except PromptError:
            listed.append(Dropped(row.id, "control_token", 0))
            continue
        length = len(prompt) + len(answer) + len(end)
        if not row.response.strip() or not answer:
            listed.append(Dropped(row.id, "no_trained_tokens", length))
        elif length <= max_length:
            examples.append(Example(row, prompt + answer + end, len(prompt)))
        elif not truncate:
            listed.append(Dropped(row.id, "too_long", length))
        elif len(prompt) >= max_length:
            listed.append(Dropped(row.id, "prompt_too_long", length))
        else:
            listed.append(Dropped(row.id, TRUNCATED, length))
            examples.append(Example(row, (prompt + answer)[:max_length], len(prompt)))
    return examples, listed


def reasons(dropped: Iterable[Dropped]) -> dict[str, int]:
    """Count dropped rows by reason."""
    return dict(sorted(Counter(row.reason for row in dropped).items()))

"""The reference battery: the same questions to every model, so that runs can be read side by side."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import TrainingError
from .prompts import Codec, PromptError, PromptFormat, prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .prompts import Example

OWN = Path(__file__).parent / "battery.jsonl"
DEFAULT, NONE = "default", "none"
HELD_OUT_SAMPLES = 10
LARGEST_BYTES = 10_000_000
MOST = 1_000
HELD_OUT, BATTERY = "held out", "battery"


class BatteryError(TrainingError):
    """The battery cannot be read; the message names the line."""


@dataclass(frozen=True)
class Question:
    """A question the model is asked; ``reference`` is the response a person wrote, or "" where there is none."""

    id: str
    source: str
    category: str
    instruction: str
    context: str
    reference: str

    def as_dict(self) -> dict[str, str]:
        """Return plain JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Asked:
    """A question as the tokens of its prompt."""

    question: Question
    ids: list[int]


def battery_file(wanted: str) -> Path | None:
    """Return the file that ``--battery`` means: "default" is ours, "none" none. Raises BatteryError."""
    if wanted == NONE:
        return None
    if wanted == DEFAULT:
        return OWN
    path = Path(wanted).expanduser()
    if not path.is_file():
        raise BatteryError(f"There is no battery {wanted}. Give a JSONL file, or default, or none.")
    return path.resolve()


def read_battery(path: Path) -> list[Question]:
    """Return the questions of a battery, as :func:`read_questions`; there are at most a thousand."""
    return read_questions(path, most=MOST)


def read_questions(path: Path, *, most: int | None) -> list[Question]:
    """Return the questions of a JSONL file: ``instruction``, and ``context``, ``category``, ``id`` where they are.

    Raises BatteryError, naming the line.
    """
    try:
        raw = path.read_bytes() if most is None or path.stat().st_size <= LARGEST_BYTES else b""
        lines = raw.decode("utf-8").split("\n")
    except OSError as error:
        raise BatteryError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BatteryError(f"{path} is not UTF-8 text.") from error
    if not raw:
        raise BatteryError(f"{path} is empty, or too large for a battery.")
    questions: list[Question] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            questions.append(_question(line, f"{path}, line {number}", number))
    known = {question.id for question in questions}
    if not questions or (most and len(questions) > most):
        raise BatteryError(f"{path} has {len(questions)} questions; a battery has 1 to {MOST}.")
    if len(known) < len(questions):
        raise BatteryError(f"{path} has an id twice; each question needs one of its own, or none.")
    return questions


def _question(line: str, where: str, number: int) -> Question:
    try:
        values: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BatteryError(f"{where}: this is not JSON.") from error
    if not isinstance(values, dict):
        raise BatteryError(f'{where}: a question is written as {{"instruction": "…"}}.')
    texts = {name: values.get(name, "") for name in ("id", "category", "instruction", "context")}
    wrong = next((name for name, text in texts.items() if not isinstance(text, str)), None)
    if wrong:
        raise BatteryError(f"{where}: {wrong} is not a text.")
    if not texts["instruction"].strip():
        raise BatteryError(f"{where}: the instruction is missing.")
    return Question(
        id=texts["id"] or f"line-{number}",
        source=BATTERY,
        category=texts["category"],
        instruction=texts["instruction"],
        context=texts["context"],
        reference="",
    )


def sha256(path: Path) -> str:
    """Return the hash of a battery's bytes: two runs with the same one were asked the same."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def questions_for(
    battery: Path | None, held_out: Sequence[Example], codec: Codec, fmt: PromptFormat, *, room: int
) -> list[Asked]:
    """Return what is asked before, on the way and after: ten held-out rows, then the battery.

    What does not fit into ``room`` tokens, or cannot be said to this model safely, is left out.
    """
    chosen = [example for example in held_out if example.prompt_tokens <= room][:HELD_OUT_SAMPLES]
    asked = [
        Asked(
            Question(
                id=example.row.id,
                source=HELD_OUT,
                category=example.row.category,
                instruction=example.row.instruction,
                context=example.row.context,
                reference=example.row.response,
            ),
            example.prompt_ids,
        )
        for example in chosen
    ]
    for question in read_battery(battery) if battery else []:
        try:
            ids = prompt_tokens(codec, fmt, instruction=question.instruction, context=question.context)
        except PromptError:
            continue
        if len(ids) <= room:
            asked.append(Asked(question, ids))
    return asked


def spread(asked: Sequence[Asked], *, count: int) -> list[int]:
    """Return the positions of ``count`` questions, evenly over the battery and so over its categories."""
    positions = [at for at, one in enumerate(asked) if one.question.source == BATTERY] or list(range(len(asked)))
    if count >= len(positions):
        return positions if count < len(asked) else list(range(len(asked)))
    return [positions[at * len(positions) // count] for at in range(count)]

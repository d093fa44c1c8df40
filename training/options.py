"""What was asked for (:class:`FinetuneOptions`) and what it came to (:class:`Settings`)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from .errors import TrainingError

DEFAULT_SYSTEM = "You are a helpful assistant."
# Two passes over the data, as for Dolly; a laptop's processor gets a bounded start instead.
DEFAULT_EPOCHS = 2.0
CPU_STEPS = 100
LORA_LEARNING_RATE = 2e-4
FULL_LEARNING_RATE = 2e-5
# Below this a model mostly memorises; the run still works, but nobody should read it as a result.
SAFE_ROWS = 100
SHORTEST = 8


class OptionError(TrainingError):
    """A flag has a value that makes no sense, alone or beside another flag."""


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions:
    """The flags of ``finetune`` as given; ``None`` means "not given", so a default is chosen later."""

    dataset: str | None = None
    model: str | None = None
    output: str | None = None
    full: bool | None = None
    steps: int | None = None
    epochs: float | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    gradient_accumulation: int | None = None
    lora_r: int | None = None
    max_length: int | None = None
    seed: int | None = None
    eval_rows: int | None = None
    save_steps: int | None = None
    sample_tokens: int | None = None
    system: str | None = None
    allow_hub: bool = False


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting of a run, resolved: the same settings, data and base model make the same run again."""

    method: str
    steps: int
    epochs: float
    learning_rate: float
    batch_size: int
    gradient_accumulation: int
    lora_r: int
    max_length: int
    seed: int
    eval_rows: int
    save_steps: int
    sample_tokens: int
    system: str
    bf16: bool

    @property
    def rows_per_step(self) -> int:
        """Rows behind one optimizer update."""
        return self.batch_size * self.gradient_accumulation

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values, in the order they are declared."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Read back what :meth:`as_dict` wrote; unknown keys are left out, missing ones raise OptionError."""
        try:
            return cls(**{field.name: values[field.name] for field in fields(cls)})
        except KeyError as error:
            raise OptionError(f"The run's settings lack {error}; start a new run.") from error


def check(options: FinetuneOptions) -> None:
    """Raise OptionError for values no run could be made of."""
    if options.steps is not None and options.epochs is not None:
        raise OptionError("Give --steps or --epochs, not both.")
    at_least_one = {
        "--steps": options.steps,
        "--batch-size": options.batch_size,
        "--gradient-accumulation": options.gradient_accumulation,
        "--lora-r": options.lora_r,
        "--eval-rows": options.eval_rows,
        "--save-steps": options.save_steps,
        "--sample-tokens": options.sample_tokens,
    }
    for flag, number in at_least_one.items():
        if number is not None and number < 1:
            raise OptionError(f"{flag} must be 1 or more, not {number}.")
    if options.max_length is not None and options.max_length < SHORTEST:
        raise OptionError(f"--max-length must be {SHORTEST} tokens or more, not {options.max_length}.")
    if options.seed is not None and not 0 <= options.seed < 2**32:
        raise OptionError(f"--seed must be between 0 and {2**32 - 1}, not {options.seed}.")
    for flag, value in {"--epochs": options.epochs, "--lr": options.learning_rate}.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise OptionError(f"{flag} must be more than 0, not {value}.")
    if options.full and options.lora_r is not None:
        raise OptionError("--lora-r belongs to LoRA; leave it out with --full.")


def resolve(options: FinetuneOptions, *, rows: int, on_cpu: bool, bf16: bool) -> tuple[Settings, list[str]]:
    """Choose a value for every setting.

    ``rows`` is how many rows there are to train on. Returns the settings and the choices a person should be
    told about.
    """
    check(options)
    notes: list[str] = []
    batch_size = options.batch_size or 8
    accumulation = options.gradient_accumulation or 1
    per_step = batch_size * accumulation
    steps = options.steps or math.ceil((options.epochs or DEFAULT_EPOCHS) * rows / per_step)
    if on_cpu and options.steps is None and options.epochs is None and steps > CPU_STEPS:
        notes.append(
            f"No GPU here, so this run is bounded to {CPU_STEPS} steps "
            f"({CPU_STEPS * per_step / rows:.2f} of one pass over the data). "
            "--steps or --epochs sets another length."
        )
        steps = CPU_STEPS
    full = bool(options.full)
    settings = Settings(
        method="full" if full else "lora",
        steps=steps,
        epochs=round(steps * per_step / rows, 4),
        learning_rate=options.learning_rate or (FULL_LEARNING_RATE if full else LORA_LEARNING_RATE),
        batch_size=batch_size,
        gradient_accumulation=accumulation,
        lora_r=0 if full else (options.lora_r or 16),
        max_length=options.max_length or 1024,
        seed=0 if options.seed is None else options.seed,
        eval_rows=options.eval_rows or 64,
        save_steps=options.save_steps or min(50, max(1, steps // 10)),
        sample_tokens=options.sample_tokens or 96,
        system=DEFAULT_SYSTEM if options.system is None else options.system,
        bf16=bf16,
    )
    return settings, notes


def disagreements(options: FinetuneOptions, settings: Settings) -> list[str]:
    """Name the flags given now that differ from the settings a run was started with."""
    found = []
    for name in (
        "steps",
        "learning_rate",
        "batch_size",
        "gradient_accumulation",
        "lora_r",
        "max_length",
        "seed",
        "eval_rows",
        "save_steps",
        "sample_tokens",
        "system",
    ):
        given = getattr(options, name)
        if given is not None and given != getattr(settings, name):
            flag = "lr" if name == "learning_rate" else name.replace("_", "-")
            found.append(f"--{flag} {given} (the run has {getattr(settings, name)})")
    if options.full is not None and options.full != (settings.method == "full"):
        found.append(f"--full (the run has {settings.method})")
    return found

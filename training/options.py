"""What was asked for (:class:`FinetuneOptions`) and what it came to (:class:`Settings`)."""

from __future__ import annotations

import math
from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from .errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_SYSTEM = "You are a helpful assistant."
# Two passes over the data, as for Dolly; a laptop's processor gets a bounded start instead.
DEFAULT_EPOCHS = 2.0
CPU_STEPS = 100
LORA_LEARNING_RATE = 2e-4
FULL_LEARNING_RATE = 2e-5
# Below this a model mostly memorises; the run still works, but nobody should read it as a result.
SAFE_ROWS = 100
SHORTEST = 8
MOST_SAMPLES = 1_000
TRACKERS = ("tensorboard", "wandb", "mlflow")

METHODS = ("lora", "qlora", "full")
PROMPT_FORMATS = ("auto", "chat", "dolly", "plain")
TOO_LONG = ("drop", "truncate", "refuse")
SHARDS = ("none", "fsdp2", "zero3")


class OptionError(TrainingError):
    """A flag has a value that makes no sense, alone or beside another flag."""


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions:
    """The flags of ``finetune`` as given; ``None`` means "not given", so a default is chosen later."""

    dataset: str | None = None
    model: str | None = None
    output: str | None = None
    method: str | None = None
    prompt_format: str | None = None
    too_long: str | None = None
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
    checkpoint_samples: int | None = None
    battery: str | None = None
    patience: int | None = None
    log_to: str | None = None
    system: str | None = None
    bf16: bool | None = None
    gradient_checkpointing: bool | None = None
    packing: bool | None = None
    shard: str | None = None
    price_per_hour: float | None = None
    max_rows: int | None = None
    only: str | None = None
    without: str | None = None
    allow_hub: bool | None = None


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
    # Below: what runs of earlier releases did without being able to say so.
    prompt_format: str = "auto"
    too_long: str = "drop"
    gradient_checkpointing: bool = False
    checkpoint_samples: int = 0
    battery: str = "none"
    patience: int = 0
    log_to: str = "tensorboard"
    packing: bool = False
    shard: str = "none"
    max_rows: int = 0
    only: str = ""
    without: str = ""

    @property
    def trains_adapter(self) -> bool:
        """Whether layers beside the model are trained, and the model's own weights stay as they are."""
        return self.method != "full"

    @property
    def shares_out(self) -> bool:
        """Whether each process holds a share of the model only."""
        return self.shard != "none"

    @property
    def rows_per_step(self) -> int:
        """Rows behind one optimizer update."""
        return self.batch_size * self.gradient_accumulation

    @property
    def warm_up_steps(self) -> int:
        """Updates in which the learning rate rises to its height: a twentieth for whole weights, none for adapters.

        An adapter begins as nothing, so that its first updates upset nothing; in a run of a few dozen, each counts.
        """
        return self.steps // 20 if self.method == "full" else 0

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values, in the order they are declared."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Read back what :meth:`as_dict` wrote; unknown keys are left out, missing ones raise OptionError."""
        try:
            return cls(
                **{
                    field.name: values[field.name]
                    for field in fields(cls)
                    if field.default is MISSING or field.name in values
                }
            )
        except KeyError as error:
            raise OptionError(f"The run's settings lack {error}; start a new run.") from error


def trackers(names: str) -> list[str]:
    """Return the names in ``--log-to``: "" and "none" are none."""
    return [name for name in named(names) if name != "none"]


def named(names: str) -> list[str]:
    """Return the names in a list with commas."""
    return [name for part in names.split(",") if (name := part.strip())]


def _at_least(least: float) -> tuple[Callable[[Any], bool], str]:
    return (lambda number: math.isfinite(number) and number >= least), f"{least} or more"


def _one_of(choices: tuple[str, ...]) -> tuple[Callable[[Any], bool], str]:
    return (lambda choice: choice in choices), f"one of {', '.join(choices)}"


_MORE_THAN_0: tuple[Callable[[Any], bool], str] = (lambda number: math.isfinite(number) and number > 0), "more than 0"
RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "steps": _at_least(1),
    "epochs": _MORE_THAN_0,
    "learning_rate": _MORE_THAN_0,
    "batch_size": _at_least(1),
    "gradient_accumulation": _at_least(1),
    "lora_r": _at_least(1),
    "max_length": _at_least(SHORTEST),
    "seed": ((lambda seed: 0 <= seed < 2**32), f"between 0 and {2**32 - 1}"),
    "eval_rows": _at_least(1),
    "save_steps": _at_least(1),
    "sample_tokens": _at_least(1),
    "price_per_hour": _at_least(0),
    "checkpoint_samples": _at_least(0),
    "patience": _at_least(0),
    "max_rows": _at_least(0),
    "method": _one_of(METHODS),
    "prompt_format": _one_of(PROMPT_FORMATS),
    "too_long": _one_of(TOO_LONG),
    "shard": _one_of(SHARDS),
    "log_to": (lambda names: set(trackers(names)) <= set(TRACKERS), f"none, or of {', '.join(TRACKERS)} with commas"),
}


def check(options: FinetuneOptions) -> None:
    """Raise OptionError for values no run could be made of."""
    if options.steps is not None and options.epochs is not None:
        raise OptionError("Give --steps or --epochs, not both.")
    if options.method == "full" and options.lora_r is not None:
        raise OptionError("--lora-r belongs to LoRA; leave it out with --method full.")
    for name, (is_right, wanted) in RULES.items():
        value = getattr(options, name)
        if value is not None and not is_right(value):
            raise OptionError(f"{flag_of(name)} must be {wanted}, not {value}.")


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
    method = options.method or "lora"
    full = method == "full"
    checkpointing = options.gradient_checkpointing
    settings = Settings(
        method=method,
        steps=steps,
        epochs=round(steps * per_step / rows, 4),
        learning_rate=options.learning_rate or (FULL_LEARNING_RATE if full else LORA_LEARNING_RATE),
        batch_size=batch_size,
        gradient_accumulation=accumulation,
        lora_r=0 if full else (options.lora_r or 16),
        max_length=options.max_length or 1024,
        seed=0 if options.seed is None else options.seed,
        eval_rows=options.eval_rows or 64,
        # Each checkpoint is measured, which a processor has less time for.
        save_steps=options.save_steps or math.ceil(steps / (5 if on_cpu else 10)),
        sample_tokens=options.sample_tokens or (64 if on_cpu else 256),
        system=DEFAULT_SYSTEM if options.system is None else options.system,
        bf16=bf16 if options.bf16 is None else options.bf16,
        prompt_format=options.prompt_format or "auto",
        too_long=options.too_long or "drop",
        checkpoint_samples=_given(options.checkpoint_samples, 8 if on_cpu else MOST_SAMPLES),
        battery=options.battery or "default",
        patience=options.patience or 0,
        log_to="tensorboard" if options.log_to is None else options.log_to,
        # Recomputing activations saves memory where that is short, and costs a third of the time everywhere.
        gradient_checkpointing=(full and not on_cpu) if checkpointing is None else checkpointing,
        packing=bool(options.packing),
        shard=options.shard or "none",
        max_rows=options.max_rows or 0,
        only=options.only or "",
        without=options.without or "",
    )
    return settings, notes


def _given(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def disagreements(options: FinetuneOptions, settings: Settings) -> list[str]:
    """Name the flags given now that differ from the settings a run was started with."""
    found = []
    for field in fields(Settings):
        given, kept = getattr(options, field.name), getattr(settings, field.name)
        if field.name != "epochs" and given is not None and given != kept:
            found.append(f"{flag_of(field.name)} {given} (the run has {kept})")
    return found


def as_flags(options: FinetuneOptions) -> list[str]:
    """Return the flags that mean ``options`` on a command line."""
    found = []
    for name, value in vars(options).items():
        if isinstance(value, bool):
            found += [flag_of(name)] if value else [] if name == "allow_hub" else [f"--no-{flag_of(name)[2:]}"]
        elif value is not None:
            found.append(f"{flag_of(name)}={value}")
    return found


def flag_of(name: str) -> str:
    """Return the flag of an option, such as ``--max-length`` for ``max_length``."""
    return "--lr" if name == "learning_rate" else "--" + name.replace("_", "-")

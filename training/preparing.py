"""Everything a run needs before weights are loaded: data, base model, settings, and rows as tokens."""

from __future__ import annotations

import importlib.util
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import hardware, runs
from .base_models import BaseModel, find_base_model
from .battery import DEFAULT, battery_file, read_battery
from .dataset_files import Dataset, HeldOut, Row, find_dataset, share_of, training_and_held_out, verify
from .errors import TrainingError
from .loading import load_tokenizer
from .options import SAFE_ROWS, FinetuneOptions, OptionError, Settings, check, named, resolve, trackers
from .processes import Processes, join
from .prompts import TRUNCATED, Codec, Dropped, Example, PromptFormat, build_examples, choose_format, reasons
from .quiet import hushed, stay_offline
from .sharding import check_sharding, require_library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .places import Places
    from .report import Reporter

SHOWN_ROWS = 8
FEW_HELD_OUT = 10


@dataclass(frozen=True)
class Material:
    """The rows of a run as tokens."""

    examples: list[Example]
    held_out: list[Example]
    dropped: list[Dropped]
    truncated: list[Dropped]

    @property
    def warnings(self) -> list[str]:
        """What a reader of the run must know about its size."""
        found = []
        if len(self.examples) < SAFE_ROWS:
            found.append(
                f"Only {len(self.examples)} rows to train on; below {SAFE_ROWS} a model tends to memorise them. "
                "Read samples.jsonl before using it."
            )
        if len(self.held_out) < FEW_HELD_OUT:
            found.append(f"Only {len(self.held_out)} held-out rows: the losses before and after are rough.")
        return found


@dataclass(frozen=True)
class Prepared:
    """A run that could begin now; no weights are loaded yet."""

    dataset: Dataset
    base: BaseModel
    codec: Codec
    fmt: PromptFormat
    settings: Settings
    notes: list[str]
    read: list[Row]
    kept_back: HeldOut
    material: Material
    device: str
    processes: Processes


@contextmanager
def prepared(*, options: FinetuneOptions, places: Places, report: Reporter) -> Iterator[Prepared]:
    """Find and check everything, and keep the training libraries quiet and offline inside the block.

    Raises a TrainingError (options, dataset, base model, output) with a message for people.
    """
    check(options)
    first = os.environ.get("RANK", "0") == "0"  # the others would find the run that the first has just begun
    dataset = _dataset_or_what_is_missing(options, places)
    if options.output and first:
        runs.refuse_existing(runs.place(options.output, root=places.runs))
    report.say(f"Data: {dataset.name}/{dataset.version} ({dataset.path})")
    verify(dataset)
    battery = battery_file(options.battery or DEFAULT)
    if battery:
        read_battery(battery)  # a mistake in it is better said now than after the training
    allow_hub = bool(options.allow_hub)
    asked = trackers(options.log_to or "")
    _require(asked)
    require_library(options.shard)
    stay_offline(allow_hub=allow_hub, trackers=asked)
    report.say("Loading the training libraries and the base model …")
    with hushed():
        processes = join(shard=options.shard or "none")
        base = find_base_model(options.model, models=places.models, allow_hub=allow_hub)
        read, kept_back = rows_of(
            dataset, most=options.max_rows or 0, only=options.only or "", without=options.without or ""
        )
        codec = Codec(load_tokenizer(base.path))
        device = hardware.device_name()
        on_cpu, bf16 = device == "cpu", hardware.bf16_pays(device)
        settings, notes = resolve(options, rows=len(read), on_cpu=on_cpu, bf16=bf16)
        processes.share(settings.rows_per_step, settings.batch_size)
        fmt = choose_format(codec, system=settings.system, wanted=settings.prompt_format)
        check_sharding(settings, fmt, processes, device=device)
        material = make_material(read, kept_back, codec, fmt, settings)
        if options.steps is None and len(material.examples) < len(read):
            settings, notes = resolve(options, rows=len(material.examples), on_cpu=on_cpu, bf16=bf16)
        yield Prepared(dataset, base, codec, fmt, settings, notes, read, kept_back, material, device, processes)


def rows_of(dataset: Dataset, *, most: int, only: str, without: str) -> tuple[list[Row], HeldOut]:
    """Return the rows that a run trains on, and those it is measured with, which are the same for every choice.

    Raises DatasetEmptyError.
    """
    read, kept_back = training_and_held_out(dataset)
    return share_of(read, most=most, only=named(only), without=named(without)), kept_back


def make_material(read: list[Row], kept_back: HeldOut, codec: Codec, fmt: PromptFormat, settings: Settings) -> Material:
    """Turn the rows into tokens. Raises TrainingError when none is left, or a long one is refused."""
    truncate = settings.too_long == "truncate"
    examples, listed = build_examples(read, codec, fmt, max_length=settings.max_length, truncate=truncate)
    too_long = [row for row in listed if row.reason == "too_long"]
    if too_long and settings.too_long == "refuse":
        more = f" and {len(too_long) - SHOWN_ROWS} more" if len(too_long) > SHOWN_ROWS else ""
        raise TrainingError(
            f"{len(too_long)} rows are longer than {settings.max_length} tokens: "
            f"{', '.join(row.id for row in too_long[:SHOWN_ROWS])}{more}. "
            "Raise --max-length, or choose --too-long drop or truncate."
        )
    dropped = [row for row in listed if row.reason != TRUNCATED]
    if not examples:
        counts = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in reasons(dropped).items())
        raise TrainingError(f"None of the {len(read)} rows can be trained on ({counts}). Raise --max-length.")
    held_out, _unused = build_examples(kept_back.rows, codec, fmt, max_length=settings.max_length)
    if not held_out:
        raise TrainingError(f"None of the {len(kept_back.rows)} held-out rows fits. Raise --max-length.")
    truncated = [row for row in listed if row.reason == TRUNCATED]
    return Material(examples, held_out[: settings.eval_rows], dropped, truncated)


def _require(asked: list[str]) -> None:
    """Raise OptionError for a tracker that was asked for and is not installed; TensorBoard's is part of the extra."""
    for name in asked:
        if name != "tensorboard" and importlib.util.find_spec(name) is None:
            raise OptionError(
                f"--log-to {name}: it is not installed. Run `.venv/bin/pip install {name}`, or leave it out."
            )


def _dataset_or_what_is_missing(options: FinetuneOptions, places: Places) -> Dataset:
    """Find the dataset and the train extra; say at once when both are missing."""
    found: Dataset | None = None
    problem: TrainingError | None = None
    try:
        found = find_dataset(options.dataset, root=places.datasets, default_name=places.dataset_name)
    except TrainingError as error:
        problem = error
    try:
        hardware.require_train_extra()
    except hardware.TrainExtraMissingError as error:
        if problem:
            raise hardware.TrainExtraMissingError(f"{error} Also: {problem}") from error
        raise
    if problem or not found:
        raise problem or TrainingError("No dataset was found.")
    return found

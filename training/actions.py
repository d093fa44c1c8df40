"""What this app does: fine-tune a model, and let a finished run answer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import hardware, runs
from .base_models import BaseModel, find_base_model, model_hash
from .dataset_files import Dataset, HeldOut, Row, find_dataset, open_dataset, training_and_held_out, verify
from .errors import TrainingError
from .evaluate import SAMPLES, answers
from .options import SAFE_ROWS, FinetuneOptions, OptionError, Settings, check, disagreements, resolve
from .prompts import (
    Codec,
    Dropped,
    Example,
    PromptFormat,
    build_examples,
    choose_format,
    prompt_tokens,
    reasons,
)
from .quiet import hushed, stay_offline
from .sitting import Outcome, Work, carry_out
from .trainer import load_model, load_tokenizer, without_casts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .places import Places
    from .report import Reporter
    from .runs import Run


def finetune(
    *,
    options: FinetuneOptions,
    places: Places,
    report: Reporter,
    now: datetime,
    wants_to_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train a model on a dataset version and write the run.

    Raises a TrainingError (dataset, base model, output, loss) with a message for people, or StoppedError
    after ``wants_to_stop`` returned true and the run was saved.
    """
    check(options)
    dataset = _dataset_or_what_is_missing(options, places)
    if options.output:
        runs.refuse_existing(runs.place(options.output, root=places.runs))
    report.say(f"Data: {dataset.name}/{dataset.version} ({dataset.path})")
    verify(dataset)
    stay_offline(allow_hub=options.allow_hub)
    report.say("Loading the training libraries and the base model …")
    with hushed():
        base = find_base_model(options.model, models=places.models, allow_hub=options.allow_hub)
        train_rows, kept_back = training_and_held_out(dataset)
        codec = Codec(load_tokenizer(base.path))
        device = hardware.device_name()
        settings, notes = resolve(
            options, rows=len(train_rows), on_cpu=device == "cpu", bf16=hardware.bf16_pays(device)
        )
        fmt = choose_format(codec, system=settings.system)
        examples, held_out, dropped = _examples(train_rows, kept_back, codec, fmt, settings)
        if options.steps is None and len(examples) < len(train_rows):
            settings, notes = resolve(
                options, rows=len(examples), on_cpu=device == "cpu", bf16=hardware.bf16_pays(device)
            )
        warnings = _warnings(examples, held_out)
        for note in notes:
            report.say(note)
        name = runs.new_name(dataset=dataset.name, version=dataset.version, base=base.id, now=now)
        path = runs.place(options.output or name, root=places.runs)
        facts = {
            "format": 1,
            "run": path.name,
            "status": "running",
            "created_at": now.isoformat(),
            "updated_at": now.isoformat(),
            "dataset": _dataset_facts(dataset, kept_back, train_rows),
            "base_model": base.as_dict(),
            "settings": settings.as_dict(),
            "seeds": {
                "python": settings.seed,
                "numpy": settings.seed,
                "torch": settings.seed,
                "order": settings.seed,
            },
            "prompt": fmt.as_dict(),
            "rows": {
                "read": len(train_rows),
                "trained_on": len(examples),
                "held_out_measured": len(held_out),
                "dropped": reasons(dropped),
            },
            "versions": hardware.library_versions(),
            "machine": hardware.describe(device),
            "warnings": warnings,
            "sittings": [],
        }
        run = runs.create(path, facts)
        with runs.locked(run):
            runs.write_jsonl(run.path / "dropped.jsonl", (vars(row) for row in dropped))
            _tell(report, run, settings, dropped, examples, warnings, device)
            work = Work(run, settings, base, codec, fmt, examples, held_out, device, report)
            return carry_out(work, now=now, wants_to_stop=wants_to_stop)


def resume(
    *,
    wanted: str | None,
    options: FinetuneOptions,
    places: Places,
    report: Reporter,
    now: datetime,
    wants_to_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Go on with an unfinished run (the newest, unless ``wanted`` names one) from its last checkpoint.

    Data, base model and settings are the run's own. Raises RunError or OptionError when they have changed.
    """
    check(options)
    hardware.require_train_extra()
    target = wanted or options.output
    run = runs.find(target, root=places.runs, complete=False)
    facts = run.facts()
    settings = Settings.from_dict(facts["settings"])
    if changed := disagreements(options, settings):
        raise OptionError(f"A resumed run keeps its settings: leave out {', '.join(changed)}, or start a new run.")
    stay_offline(allow_hub=False)  # before the libraries are imported: that is when they read it
    with runs.locked(run), hushed():
        report.say(f"Resuming {run.name}")
        dataset = open_dataset(Path(facts["dataset"]["path"]))
        if dataset.sha256 != facts["dataset"]["manifest_sha256"]:
            raise runs.RunError(f"The manifest of {dataset.path} changed since {run.name} began. Start a new run.")
        verify(dataset)
        base = _same_base(facts, run)
        train_rows, kept_back = training_and_held_out(dataset)
        codec = Codec(load_tokenizer(base.path))
        fmt = PromptFormat.from_dict(facts["prompt"])
        examples, held_out, dropped = _examples(train_rows, kept_back, codec, fmt, settings)
        runs.write_jsonl(run.path / "dropped.jsonl", (vars(row) for row in dropped))
        run.update(status="running", updated_at=now.isoformat())
        device = hardware.device_name()
        work = Work(run, settings, base, codec, fmt, examples, held_out, device, report)
        return carry_out(work, now=now, wants_to_stop=wants_to_stop)


def generate(
    *,
    wanted: str | None,
    prompt: str,
    context: str,
    max_new_tokens: int,
    temperature: float,
    seed: int,
    places: Places,
) -> dict[str, Any]:
    """Let a finished run (the newest, unless ``wanted`` names one) answer one question.

    Returns ``{"run", "response", "prompt_tokens", "seconds"}``. Raises RunError when there is no such run or
    its base model is gone or changed, PromptTooLongError when the question does not fit.
    """
    hardware.require_train_extra()
    run = runs.find(wanted, root=places.runs, complete=True)
    facts = run.facts()
    stay_offline(allow_hub=False)
    with hushed():
        device = hardware.device_name()
        model = _load_finished(run, facts, device=device)
        codec = Codec(load_tokenizer(run.model))
        fmt = PromptFormat.from_dict(facts["prompt"])
        ids = prompt_tokens(codec, fmt, instruction=prompt, context=context)
        started = time.perf_counter()
        response = answers(
            model,
            codec,
            fmt,
            [ids],
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            seed=seed,
            device=device,
            bf16=facts["settings"]["bf16"] and hardware.bf16_pays(device),
        )[0]
    seconds = round(time.perf_counter() - started, 3)
    return {"run": run.name, "response": response, "prompt_tokens": len(ids), "seconds": seconds}


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


def _examples(
    train_rows: list[Row], kept_back: HeldOut, codec: Codec, fmt: PromptFormat, settings: Settings
) -> tuple[list[Example], list[Example], list[Dropped]]:
    """Return training examples, the held-out ones to measure, and the training rows left out."""
    examples, dropped = build_examples(train_rows, codec, fmt, max_length=settings.max_length)
    if not examples:
        counts = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in reasons(dropped).items())
        raise TrainingError(f"None of the {len(train_rows)} rows can be trained on ({counts}). Raise --max-length.")
    held_out, _unused = build_examples(kept_back.rows, codec, fmt, max_length=settings.max_length)
    if not held_out:
        raise TrainingError(f"None of the {len(kept_back.rows)} held-out rows fits. Raise --max-length.")
    return examples, held_out[: settings.eval_rows], dropped


def _warnings(examples: list[Example], held_out: list[Example]) -> list[str]:
    found = []
    if len(examples) < SAFE_ROWS:
        found.append(
            f"Only {len(examples)} rows to train on; below {SAFE_ROWS} a model tends to memorise them. "
            "Read samples.jsonl before using it."
        )
    if len(held_out) < SAMPLES:
        found.append(f"Only {len(held_out)} held-out rows: the losses before and after are rough.")
    return found


def _dataset_facts(dataset: Dataset, kept_back: HeldOut, rows: list[Row]) -> dict[str, Any]:
    stated = dataset.manifest.get("licence")
    licences = {row.licence for row in rows if row.licence} | (
        {stated} if isinstance(stated, str) and stated else set()
    )
    return {
        "name": dataset.name,
        "version": dataset.version,
        "path": str(dataset.path),
        "manifest_sha256": dataset.sha256,
        "licences": sorted(licences),
        "held_out": {"how": kept_back.how, "rows": len(kept_back.rows)},
    }


def _tell(
    report: Reporter,
    run: Run,
    settings: Settings,
    dropped: list[Dropped],
    examples: list[Example],
    warnings: list[str],
    device: str,
) -> None:
    how = f"LoRA r={settings.lora_r}" if settings.method == "lora" else "all weights"
    report.say(
        f"Run {run.name}: {how}, {settings.steps} steps of {settings.rows_per_step} rows "
        f"({len(examples)} rows, {settings.epochs:g} epochs) on {device}{' in bf16' if settings.bf16 else ''}"
    )
    for reason, count in reasons(dropped).items():
        why = reason.replace("_", " ")
        report.warn(f"{count} rows left out ({why}); their ids are in {run.path / 'dropped.jsonl'}")
    for warning in warnings:
        report.warn(warning)


def _same_base(facts: dict[str, Any], run: Run) -> BaseModel:
    """Return the base model a run was started with. Raises RunError when it is gone or another by now."""
    recorded = BaseModel(**{**facts["base_model"], "path": Path(facts["base_model"]["path"])})
    if not recorded.path.is_dir():
        raise runs.RunError(f"{run.name} needs its base model at {recorded.path}, which is gone. Put it back.")
    if model_hash(recorded.path) != recorded.sha256:
        raise runs.RunError(f"The base model at {recorded.path} changed since {run.name} was made. Put it back.")
    return recorded


def _load_finished(run: Run, facts: dict[str, Any], *, device: str) -> Any:
    if facts["settings"]["method"] == "full":
        return load_model(run.model, device=device)
    from peft import PeftModel

    base = _same_base(facts, run)
    model = load_model(base.path, device=device)
    return without_casts(PeftModel.from_pretrained(model, run.model, use_safetensors=True))

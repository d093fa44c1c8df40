"""What this app does: fine-tune a model, and let a finished run answer."""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import config_file, hardware, runs
from .answering import Wish, opened, same_base
from .battery import battery_file, read_questions
from .battery import sha256 as battery_sha256
from .dataset_files import Dataset, HeldOut, Row, open_dataset, verify
from .doctor import examine
from .estimate import as_lines, estimate
from .follower import Follower
from .loading import load_tokenizer
from .options import FinetuneOptions, OptionError, Settings, check, disagreements, trackers
from .preparing import Material, Prepared, make_material, prepared, rows_of
from .preview import preview
from .processes import join
from .prompts import Codec, PromptFormat, add_keys, reasons
from .quiet import hushed, stay_offline
from .runs import Run
from .sharding import check_sharding, require_library
from .sitting import Outcome, Work, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .doctor import Finding
    from .places import Places
    from .report import Reporter

NAMES = {"lora": "LoRA", "qlora": "QLoRA", "full": "all weights"}


def finetune(
    *,
    options: FinetuneOptions,
    places: Places,
    report: Reporter,
    now: datetime,
    wants_to_stop: Callable[[], bool] = lambda: False,
    follower: Follower | None = None,
) -> Outcome:
    """Train a model on a dataset version and write the run.

    Raises a TrainingError (dataset, base model, output, loss) with a message for people, or StoppedError
    after ``wants_to_stop`` returned true and the run was saved. ``follower`` is told how it goes on.
    """
    follower = follower or Follower()
    with prepared(options=options, places=places, report=report) as ready:
        main = ready.processes.main
        for note in ready.notes:
            report.say(note)
        name = runs.new_name(dataset=ready.dataset.name, version=ready.dataset.version, base=ready.base.id, now=now)
        path = ready.processes.agree(runs.place(options.output or name, root=places.runs))
        run = _begin(ready, options, path, follower.entry, places=places, now=now) if main else Run(path)
        with runs.locked(run) if main else nullcontext():
            _tell(report, run, ready)
            ready.processes.agree(None)  # the others go on when the run is there
            material = ready.material
            work = Work(
                run,
                ready.settings,
                ready.base,
                ready.codec,
                ready.fmt,
                material.examples,
                material.held_out,
                ready.device,
                report,
                ready.processes,
                follower,
            )
            return carry_out(work, now=now, wants_to_stop=wants_to_stop)


def _begin(ready: Prepared, options: FinetuneOptions, path: Path, entry: str, *, places: Places, now: datetime) -> Run:
    """Make the run's directory, with everything that is known before training."""
    made = estimate(ready, earlier=places.runs, price_per_hour=options.price_per_hour)
    facts = {"id": entry or str(uuid.uuid4()), **_facts(ready, name=path.name, now=now)}
    facts["price_per_hour"] = options.price_per_hour
    run = runs.create(path, {**facts, "estimate": made.as_dict()})
    runs.write_text(run.path / "run.yaml", _run_yaml(ready, options, run))
    _list_rows(run, ready.material)
    return run


@dataclass(frozen=True)
class Ahead:
    """What a run would be: for machines, and for people."""

    facts: dict[str, Any]
    text: str


def look_ahead(
    *, options: FinetuneOptions, places: Places, report: Reporter, estimated: bool, examples: int | None
) -> Ahead:
    """Say what a run will take and what the model will see, without loading weights or writing anything.

    Raises a TrainingError as :func:`finetune` would.
    """
    with prepared(options=options, places=places, report=report) as ready:
        facts: dict[str, Any] = {
            "dataset": f"{ready.dataset.name}/{ready.dataset.version}",
            "base_model": ready.base.id,
            "settings": ready.settings.as_dict(),
            "rows": len(ready.material.examples),
            "warnings": ready.material.warnings,
        }
        parts = [*ready.notes, *(f"Warning: {warning}" for warning in ready.material.warnings)]
        if estimated:
            made = estimate(ready, earlier=places.runs, price_per_hour=options.price_per_hour)
            facts["estimate"] = made.as_dict()
            parts += as_lines(made, ready)
        if examples:
            facts["preview"] = preview(ready, count=examples)
            parts += ["", facts["preview"]] if estimated else [facts["preview"]]
        return Ahead(facts, "\n".join(parts))


def doctor(*, options: FinetuneOptions, places: Places, lock: Path) -> list[Finding]:
    """Look at versions, device, memory, model, tokenizer and template; ``lock`` has the versions tested together."""
    check(options)
    return examine(options=options, places=places, lock=lock)


def resume(
    *,
    wanted: str | None,
    options: FinetuneOptions,
    places: Places,
    report: Reporter,
    now: datetime,
    wants_to_stop: Callable[[], bool] = lambda: False,
    follower: Follower | None = None,
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
    require_library(settings.shard)
    # Before the libraries are imported: that is when they read it.
    stay_offline(allow_hub=False, trackers=trackers(settings.log_to))
    with hushed():
        processes = join(shard=settings.shard)
    with runs.locked(run) if processes.main else nullcontext(), hushed():
        report.say(f"Resuming {run.name}")
        dataset = open_dataset(Path(facts["dataset"]["path"]))
        if dataset.sha256 != facts["dataset"]["manifest_sha256"]:
            raise runs.RunError(f"The manifest of {dataset.path} changed since {run.name} began. Start a new run.")
        verify(dataset)
        base = same_base(facts, run)
        if (_battery_facts(settings.battery) or {}).get("sha256") != (facts.get("battery") or {}).get("sha256"):
            raise runs.RunError(f"The battery {settings.battery} changed since {run.name} began. Start a new run.")
        train_rows, kept_back = rows_of(dataset, most=settings.max_rows, only=settings.only, without=settings.without)
        codec = Codec(load_tokenizer(base.path))
        fmt = PromptFormat.from_dict(facts["prompt"])
        if fmt.name == "dolly":
            add_keys(codec)
        material = make_material(train_rows, kept_back, codec, fmt, settings)
        if processes.main:
            _list_rows(run, material)
            run.update(status="running", updated_at=now.isoformat())
        device = hardware.device_name()
        processes.share(settings.rows_per_step, settings.batch_size)
        check_sharding(settings, fmt, processes, device=device)
        work = Work(
            run,
            settings,
            base,
            codec,
            fmt,
            material.examples,
            material.held_out,
            device,
            report,
            processes,
            follower or Follower(),
        )
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
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Let a finished run (the newest, unless ``wanted`` names one) answer one question.

    Returns ``{"run", "response", "prompt_tokens", "seconds"}``; ``say`` gets the text as it comes. Raises RunError
    when there is no such run or its base model is gone or changed, PromptTooLongError when the question does not fit.
    """
    wish = Wish(max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    with opened(wanted=wanted, places=places) as loaded:
        return loaded.answer(instruction=prompt, context=context, wish=wish, say=say)


def generate_all(*, wanted: str | None, questions: Path, output: Path, wish: Wish, places: Places) -> dict[str, Any]:
    """Let a finished run answer every question of a JSONL file, and write the answers to ``output``, in one step.

    Returns ``{"run", "path", "answered", "failed"}``; rows that could not be asked are there with their ``error``.
    Raises BatteryError for a file that cannot be read, RunError when ``output`` exists.
    """
    if output.exists():
        raise runs.RunError(f"{output} exists. Choose another --output.")
    asked = read_questions(questions, most=None)
    with opened(wanted=wanted, places=places) as loaded:
        rows = loaded.answer_all(asked, wish=wish)
    output.parent.mkdir(parents=True, exist_ok=True)
    runs.write_jsonl(output, rows)
    failed = sum("error" in row for row in rows)
    return {"run": loaded.run.name, "path": str(output), "answered": len(rows) - failed, "failed": failed}


def _facts(ready: Prepared, *, name: str, now: datetime) -> dict[str, Any]:
    """Return the first run.json."""
    seed, material = ready.settings.seed, ready.material
    return {
        "format": 1,
        "run": name,
        "status": "running",
        "created_at": now.isoformat(),
        "updated_at": now.isoformat(),
        "dataset": _dataset_facts(ready.dataset, ready.kept_back, ready.read),
        "base_model": ready.base.as_dict(),
        "settings": ready.settings.as_dict(),
        "seeds": dict.fromkeys(("python", "numpy", "torch", "order"), seed),
        "prompt": ready.fmt.as_dict(),
        "rows": {
            "read": len(ready.read),
            "trained_on": len(material.examples),
            "held_out_measured": len(material.held_out),
            "dropped": reasons(material.dropped),
            "truncated": len(material.truncated),
        },
        "versions": hardware.library_versions(),
        "machine": {**hardware.describe(ready.device), "processes": ready.processes.count},
        "battery": _battery_facts(ready.settings.battery),
        "warnings": material.warnings,
        "sittings": [],
    }


def _battery_facts(wanted: str) -> dict[str, Any] | None:
    path = battery_file(wanted)
    return {"path": str(path), "sha256": battery_sha256(path)} if path else None


def _run_yaml(ready: Prepared, options: FinetuneOptions, run: Run) -> str:
    dataset = f"{ready.dataset.name}/{ready.dataset.version}"
    if options.dataset and (Path(options.dataset) / "manifest.json").is_file():
        dataset = str(ready.dataset.path.resolve())
    heading = f"What {run.name} was made with. Make it again: finetune --config run.yaml --output NAME"
    return config_file.as_text(ready.settings, dataset=dataset, model=ready.base.id, heading=heading)


def _list_rows(run: Run, material: Material) -> None:
    """Write down which rows are not trained on, or not whole, in files that are there even when they are empty."""
    runs.write_jsonl(run.path / "dropped.jsonl", (vars(row) for row in material.dropped))
    runs.write_jsonl(run.path / "truncated.jsonl", (vars(row) for row in material.truncated))


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


def _tell(report: Reporter, run: Run, ready: Prepared) -> None:
    settings, material = ready.settings, ready.material
    how = f"{NAMES[settings.method]} r={settings.lora_r}" if settings.trains_adapter else "all weights"
    if settings.shares_out:
        how += f" shared out over {ready.processes.count} processes ({settings.shard})"
    report.say(
        f"Run {run.name}: {how}, {settings.steps} steps of {settings.rows_per_step} rows "
        f"({len(material.examples)} rows, {settings.epochs:g} epochs) "
        f"on {ready.device}{' in bf16' if settings.bf16 else ''}"
    )
    for reason, count in reasons(material.dropped).items():
        why = reason.replace("_", " ")
        report.warn(f"{count} rows left out ({why}); their ids are in {run.path / 'dropped.jsonl'}")
    if material.truncated:
        where = run.path / "truncated.jsonl"
        report.warn(
            f"{len(material.truncated)} responses cut at {settings.max_length} tokens; their ids are in {where}"
        )
    for warning in material.warnings:
        report.warn(warning)

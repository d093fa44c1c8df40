"""How much data is enough: models trained on growing shares of a version, measured on the same held-out rows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from . import actions, curve_record, curve_report, hardware, runs
from .curve_record import DIRECTORY
from .dataset_files import Dataset, find_dataset, verify
from .errors import TrainingError
from .follower import CurveFollower
from .options import DEFAULT_EPOCHS, FinetuneOptions, OptionError, Settings, check, disagreements, named
from .preparing import rows_of
from .scaling import FEWEST_SIZES, Curve, HeldOutRow, Point, checked, curves, paired_change
from .sitting import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from .curve_record import Record
    from .follower import Follower
    from .places import Places
    from .report import Reporter
    from .scaling import Change

SHARES = (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(1))
CPU_ROWS = 512
CPU_EPOCHS = 1.0
NO_CHECKPOINT = 10**9
HELD_OUT_ROWS = 200
EACH = "each"


@dataclass(frozen=True, kw_only=True)
class CurveOptions:
    """What was asked for: the options of every model, and how they differ."""

    model: FinetuneOptions
    shares: Sequence[Fraction] = SHARES
    seeds: int = 1
    leave_out: str = ""
    """Categories that one further model each is trained without, with commas; ``each``: every one in turn."""
    output: str | None = None


@dataclass(frozen=True)
class Training:
    """One of the models: its run's name and options."""

    name: str
    rows: int
    seed: int
    options: FinetuneOptions
    without: str = ""


@dataclass(frozen=True)
class Plan:
    """All models of a curve, the smallest first."""

    name: str
    dataset: Dataset
    trainings: list[Training]
    notes: list[str]

    @property
    def largest(self) -> Training:
        """The model that is trained on all rows."""
        return max((one for one in self.trainings if not one.without), key=lambda one: one.rows)

    def path(self, root: Path) -> Path:
        """Where the report goes."""
        return root / DIRECTORY.format(self.name)

    @property
    def work(self) -> float:
        """Rows to train on in all, as a multiple of the largest model's."""
        return sum(one.rows for one in self.trainings) / self.largest.rows


@dataclass(frozen=True)
class Result:
    """What a curve came to. ``before`` is the base model's loss by category, ``left_out`` by the category left out."""

    plan: Plan
    facts: dict[str, Any]
    curves: list[Curve]
    before: dict[str, float]
    left_out: dict[str, list[Change]]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "curve": self.plan.name,
            "dataset": f"{self.plan.dataset.name}/{self.plan.dataset.version}",
            "manifest_sha256": self.plan.dataset.sha256,
            "base_model": self.facts["base_model"]["id"],
            "method": self.facts["settings"]["method"],
            "epochs": self.facts["settings"]["epochs"],
            "runs": [one.name for one in self.plan.trainings],
            "seeds": len({one.seed for one in self.plan.trainings}),
            "before": self.before,
            "curves": [curve.as_dict() for curve in self.curves],
            "left_out": {name: [vars(change) for change in found] for name, found in self.left_out.items()},
        }


def plan(*, options: CurveOptions, places: Places, now: datetime) -> Plan:
    """Choose the models to train, without loading anything heavy.

    Raises OptionError, or a TrainingError of the dataset.
    """
    check(options.model)
    hardware.require_train_extra()
    try:
        shares = checked(options.shares)
    except ValueError as error:
        wrong = f"--shares takes at least {FEWEST_SIZES} different shares above 0 and up to 1."
        raise OptionError(wrong) from error
    if options.seeds < 1:
        raise OptionError("--seeds must be 1 or more.")
    if options.model.steps is not None:
        raise OptionError("A curve trains every share as often as every other: give --epochs, not --steps.")
    dataset = find_dataset(options.model.dataset, root=places.datasets, default_name=places.dataset_name)
    verify(dataset)
    base, notes = _bounded(options.model)
    every, _held_out = rows_of(dataset, most=base.max_rows or 0, only=base.only or "", without=base.without or "")
    sizes = [round(len(every) * share) for share in shares]
    if len(set(sizes)) < len(sizes) or not sizes[0]:
        raise OptionError(f"{len(every)} rows are too few for shares of {', '.join(map(str, shares))}.")
    name = options.output or f"{dataset.name}-{dataset.version}-{now:%Y%m%d-%H%M%S}"
    if not runs.NAME.fullmatch(DIRECTORY.format(name)):
        raise OptionError(f"{name!r} cannot name a curve: use letters, digits, dots, dashes and underscores.")
    first = base.seed or 0
    trainings = [
        _training(name, base, rows=size, seed=seed, seeds=options.seeds)
        for size in sizes
        for seed in range(first, first + options.seeds)
    ]
    categories = sorted({row.category for row in every})
    left_out = categories if options.leave_out == EACH else named(options.leave_out)
    for category in left_out:
        if category not in categories:
            raise OptionError(f"--leave-out: no row has the category {category}. There are: {', '.join(categories)}.")
        rest = sum(row.category != category for row in every)
        trainings.append(_training(name, base, rows=rest, seed=first, seeds=1, without=category))
    return Plan(name, dataset, trainings, notes)


def _bounded(model: FinetuneOptions) -> tuple[FinetuneOptions, list[str]]:
    """Return the options of the largest model; a processor gets a bounded curve unless more is asked for."""
    notes = []
    if hardware.device_name() == "cpu" and model.max_rows is None:
        notes.append(f"No GPU here, so the largest share is {CPU_ROWS} rows. --max-rows sets another; 0 is all.")
        model = replace(model, max_rows=CPU_ROWS)
    epochs = model.epochs or (CPU_EPOCHS if hardware.device_name() == "cpu" else DEFAULT_EPOCHS)
    quiet: dict[str, Any] = {"battery": "none", "checkpoint_samples": 0, "log_to": "none", "patience": 0}
    model = replace(model, epochs=epochs, eval_rows=model.eval_rows or HELD_OUT_ROWS, **quiet)
    return model, notes


def _training(name: str, base: FinetuneOptions, *, rows: int, seed: int, seeds: int, without: str = "") -> Training:
    label = f"{name}-{rows}" + (f"-seed-{seed}" if seeds > 1 else "") + (f"-without-{without}" if without else "")
    left_out = ",".join(filter(None, [base.without or "", without]))
    # Fewer checkpoints cost nothing here: the curve needs the last one, and a share is soon trained again.
    options = replace(base, output=label, seed=seed, save_steps=NO_CHECKPOINT, without=left_out or None)
    return Training(label, rows, seed, options if without else replace(options, max_rows=rows), without)


def learning_curve(
    *,
    options: CurveOptions,
    places: Places,
    report: Reporter,
    now: datetime,
    wants_to_stop: Callable[[], bool] = lambda: False,
    follower: CurveFollower | None = None,
) -> Result:
    """Train the models of a curve, each as a run of its own, fit what they came to, and write the report.

    Runs of the same name that are finished are used as they are, unfinished ones go on: the same call after an
    interruption continues. Raises a TrainingError with a message for people, or StoppedError after
    ``wants_to_stop`` returned true. ``follower`` is told how it goes on.
    """
    follower = follower or CurveFollower()
    wanted = plan(options=options, places=places, now=now)
    for note in wanted.notes:
        report.say(note)
    path = wanted.path(places.runs)
    path.mkdir(parents=True, exist_ok=True)
    with runs.locked(runs.Run(path)):
        record = curve_record.begin(path, facts=_facts(wanted), follower=follower, now=now)
        with curve_record.kept_true(record):
            found = _train_all(wanted, record, places=places, report=report, now=now, wants_to_stop=wants_to_stop)
            result = _measured(wanted, found, places.runs)
            curve_report.write(result, root=places.runs)
            # Last of all: whoever sees "complete" finds everything there.
            record.update(status=runs.COMPLETE, **result.as_dict())
    return result


def _train_all(
    wanted: Plan,
    record: Record,
    *,
    places: Places,
    report: Reporter,
    now: datetime,
    wants_to_stop: Callable[[], bool],
) -> dict[str, dict[str, Any]]:
    """Train what is missing; return the facts of every model by its run's name."""
    models = [
        {
            "name": one.name,
            "rows": one.rows,
            "seed": one.seed,
            "without": one.without,
            "run": _run_id(places.runs / one.name, record.facts()["id"]),
        }
        for one in wanted.trainings
    ]
    record.update(models=models)
    found: dict[str, dict[str, Any]] = {}
    for number, (one, model) in enumerate(zip(wanted.trainings, models, strict=True), start=1):
        if wants_to_stop() or record.follower.wants_to_stop:
            raise StoppedError(f"Stopped before model {number} of {len(models)}.")
        what = f"without {one.without}" if one.without else f"seed {one.seed}"
        report.say(f"Model {number} of {len(models)}: {one.rows:,} rows, {what}")
        follower = record.follower.of_run(str(model["run"]))
        _train(one, wanted, places=places, report=report, now=now, wants_to_stop=wants_to_stop, follower=follower)
        found[one.name] = runs.Run(places.runs / one.name).facts()
    return found


def _run_id(path: Path, curve: str) -> str:
    """Return the id of a model's run: the one it has, or the one it is to have."""
    known = runs.Run(path)
    return str(known.id if (path / "run.json").is_file() else uuid.uuid5(uuid.UUID(curve), path.name))


def _facts(wanted: Plan) -> dict[str, Any]:
    """Return what is known before training."""
    largest = wanted.largest.options
    asked = {name: value for name, value in vars(largest).items() if value is not None}
    for name in ("output", "save_steps", "max_rows", "seed"):
        asked.pop(name, None)
    return {
        "curve": wanted.name,
        "dataset": f"{wanted.dataset.name}/{wanted.dataset.version}",
        "manifest_sha256": wanted.dataset.sha256,
        "options": asked,
        "seeds": len({one.seed for one in wanted.trainings}),
        "notes": wanted.notes,
    }


def _measured(wanted: Plan, found: dict[str, dict[str, Any]], root: Path) -> Result:
    """Return what all the models came to."""
    points = {one.name: _point(one, found[one.name], root / one.name) for one in wanted.trainings}
    held_out, before = _before(root / wanted.largest.name)
    sized = [points[one.name] for one in wanted.trainings if not one.without]
    whole = points[wanted.largest.name]
    left_out = {
        one.without: paired_change(whole, points[one.name], held_out) for one in wanted.trainings if one.without
    }
    return Result(wanted, found[wanted.largest.name], curves(sized, held_out), before, left_out)


def _train(
    one: Training,
    wanted: Plan,
    *,
    places: Places,
    report: Reporter,
    now: datetime,
    wants_to_stop: Callable[[], bool],
    follower: Follower,
) -> None:
    """Make one of the models, go on with it, or find that it is there."""
    run = runs.Run(places.runs / one.name)
    common: dict[str, Any] = {
        "places": places,
        "report": report,
        "now": now,
        "wants_to_stop": wants_to_stop,
        "follower": follower,
    }
    if not (run.path / "run.json").is_file():
        actions.finetune(options=one.options, **common)
        return
    facts = run.facts()
    changed = disagreements(replace(one.options, save_steps=None), Settings.from_dict(facts["settings"]))
    if changed or facts["dataset"]["manifest_sha256"] != wanted.dataset.sha256:
        what = ", ".join(changed) or "other data"
        raise TrainingError(f"{one.name} is there already, and differs: {what}. Choose another --output.")
    if run.complete:
        report.say(f"{one.name} is finished already.")
    else:
        actions.resume(wanted=one.name, options=FinetuneOptions(), **common)


def _point(one: Training, facts: dict[str, Any], path: Path) -> Point:
    """Return what a finished run came to, row by row."""
    step = str(facts["kept_step"])
    lines = runs.read_jsonl(path / "held_out.jsonl")
    return Point(facts["rows"]["trained_on"], one.seed, {line["id"]: float(line["nll"][step]) for line in lines})


def _before(path: Path) -> tuple[list[HeldOutRow], dict[str, float]]:
    """Return the rows that every model was measured on, and the base model's losses."""
    lines = runs.read_jsonl(path / "held_out.jsonl")
    before = runs.read_jsonl(path / "evaluations.jsonl")[0]
    rows = [HeldOutRow(line["id"], line["category"], int(line["tokens"])) for line in lines]
    return rows, {"": before["loss"], **before["by_category"]}

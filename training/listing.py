"""Every write of the list of runs. What a row says is what the run's directory says; it can be read in again."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from webhooks.actions import record
from webhooks.models import Kind

from . import runs
from .errors import TrainingError
from .follower import Follower
from .models import RunSample, RunStep, TrainingRun
from .undertakings import Undertaking

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable
    from pathlib import Path

    from django.contrib.auth.models import AbstractBaseUser

    from .runs import Run

SECONDS_BETWEEN = 2.0
UndertakingT = TypeVar("UndertakingT", bound=Undertaking)


class RunStateError(TrainingError):
    """The run is not in a state that allows this; the text is for people."""


def request_run(*, name: str, options: dict[str, Any], by: AbstractBaseUser, now: datetime) -> TrainingRun:
    """Put a run on the list that a worker is to make. Raises RunStateError when the name is taken."""
    if TrainingRun.objects.filter(name=name).exists():
        raise RunStateError(_("There is a run %(run)s already. Choose another name.") % {"run": name})
    return TrainingRun.objects.create(
        name=name, options=options, requested_by_id=by.pk, created_at=now, seen_at=now, status=TrainingRun.Status.QUEUED
    )


def attach_job(*, run: Undertaking, job_id: uuid.UUID) -> None:
    """Remember which background job makes it."""
    type(run)._default_manager.filter(pk=run.pk).update(job=job_id)  # noqa: SLF001 - Django's own name for it


def ask_to_stop(*, run: UndertakingT, now: datetime) -> UndertakingT:
    """Ask an active one to save and stop; one that still waits is taken off the line at once. Raises RunStateError."""
    with transaction.atomic():
        found = _held(run)
        if not found.is_active:
            raise RunStateError(_("%(run)s is not running.") % {"run": found.name})
        found.stop_asked_at = found.stop_asked_at or now
        if found.status == Undertaking.Status.QUEUED:
            found.status = Undertaking.Status.INTERRUPTED
        found.save(update_fields=["stop_asked_at", "status"])
    return found


def request_again(*, run: UndertakingT, now: datetime) -> UndertakingT:
    """Put an interrupted or failed one back on the line. Raises RunStateError."""
    with transaction.atomic():
        found = _held(run)
        if not found.may_go_on:
            told = _("%(run)s was neither stopped nor did it fail, so it can't go on.")
            raise RunStateError(told % {"run": found.name})
        found.status, found.error, found.stop_asked_at, found.seen_at = Undertaking.Status.QUEUED, "", None, now
        found.save(update_fields=["status", "error", "stop_asked_at", "seen_at"])
    return found


def forget_stop(run: Undertaking) -> None:
    """Forget that one which goes on again was asked to stop before."""
    if run.stop_asked_at is not None:
        run.stop_asked_at = None
        run.save(update_fields=["stop_asked_at"])


def _held(run: UndertakingT) -> UndertakingT:
    """Return it as the database has it, locked until the transaction ends."""
    return type(run)._default_manager.select_for_update().get(pk=run.pk)  # noqa: SLF001 - Django's own name for it


def end_unfinished(*, kind: type[Undertaking], run_id: uuid.UUID, reason: str) -> None:
    """Say of one whose job ended that it goes on no longer; what it said last itself stands."""
    with transaction.atomic():
        found = kind._default_manager.select_for_update().filter(pk=run_id).first()  # noqa: SLF001 - Django's own name
        if found is None or not found.is_active:
            return
        stopped = found.stop_asked_at is not None
        found.status = Undertaking.Status.INTERRUPTED if stopped else Undertaking.Status.FAILED
        found.error = reason
        found.save(update_fields=["status", "error"])
        if isinstance(found, TrainingRun):
            _tell_finished(found, datetime.now(UTC))


def list_run(*, run: Run, now: datetime) -> TrainingRun:
    """Make the list say all that the run's directory says. Raises RunError when it cannot be read."""
    with transaction.atomic():
        found = _keep_facts(run, now)
        RunStep.objects.filter(run=found).delete()
        found.step = 0
        _keep_steps(found, runs.read_jsonl(run.path / "metrics.jsonl"))
        _keep_samples(found, run)
    return found


def list_all(*, root: Path, now: datetime) -> list[TrainingRun]:
    """List every run under ``root`` that is not there yet or has changed; return those."""
    found = []
    for run in runs.all_runs(root):
        facts = run.facts()
        known = TrainingRun.objects.filter(pk=run.id).only("facts").first()
        if known is None or known.facts != storable(facts):
            found.append(list_run(run=run, now=moment(facts.get("updated_at"), now)))
    return found


class Listed(Follower):
    """Keeps a run's entry true while it goes on. A database that is away never stops a run."""

    def __init__(self, *, entry: str = "", warn: Callable[[str], None] = lambda _text: None) -> None:
        """``entry`` is the id of the entry that waits for this run, where somebody asked for it on the page."""
        self.entry = entry
        self._warn = warn
        self._last = 0.0
        self._metrics: tuple[int, int] | None = None
        """Which file of metrics the entry has, and how many bytes of it; None before all was written once."""
        self._samples: tuple[int, int | None] | None = None
        self._stop = False
        self._is_known = False
        self._in_vain = False

    @property
    def wants_to_stop(self) -> bool:
        """Whether somebody pressed Stop on the run's page."""
        return self._stop

    def follow(self, run: Run, *, at_once: bool) -> None:
        """Write what is new, at most every two seconds unless ``at_once``."""
        if not at_once and time.monotonic() - self._last < SECONDS_BETWEEN:
            return
        try:
            self._write(run)
        except DatabaseError as error:
            connection.close()  # the next time it is opened anew
            self._metrics = None
            if not self._in_vain:
                why = str(error).strip().partition("\n")[0]
                self._warn(f"The list of runs can't be written ({why}); `sync_runs` lists this one later.")
            self._in_vain = True
        self._last = time.monotonic()

    def _write(self, run: Run) -> None:
        now = datetime.now(UTC)
        metrics = _which(run.path / "metrics.jsonl")
        samples = (_which(run.path / "samples.jsonl")[0], run.facts().get("kept_step"))
        if self._metrics is None or metrics[0] != self._metrics[0]:  # a resumed run writes the file anew
            found, read = list_run(run=run, now=now), metrics[1]
        else:
            with transaction.atomic():
                found = _keep_facts(run, now)
                lines, size = _lines_after(run.path / "metrics.jsonl", self._metrics[1])
                _keep_steps(found, lines)
                read = self._metrics[1] + size
                if samples != self._samples:
                    _keep_samples(found, run)
        self._metrics, self._samples = (metrics[0], read), samples
        if not self._is_known:  # what stopped an earlier sitting was obeyed then
            forget_stop(found)
            self._is_known = True
        self._stop = found.stop_asked_at is not None


def _which(path: Path) -> tuple[int, int]:
    """Return what tells a file from the one that was there before, and its size in bytes."""
    try:
        about = path.stat()
    except OSError:
        return 0, 0
    return about.st_ino, about.st_size


def _lines_after(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return the whole lines of JSON after ``offset`` bytes, and how many bytes they are."""
    if not path.exists():
        return [], 0
    with path.open("rb") as file:
        file.seek(offset)
        new = file.read()
    whole = new[: new.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], len(whole)


def _keep_facts(run: Run, now: datetime) -> TrainingRun:
    facts = storable(run.facts())
    status = facts.get("status", TrainingRun.Status.RUNNING)
    values: dict[str, Any] = {
        "name": run.name,
        "status": status,
        "facts": facts,
        "evaluations": storable(runs.read_jsonl(run.path / "evaluations.jsonl")),
        "error": facts.get("error") or (f"{run.name} failed." if status == TrainingRun.Status.FAILED else ""),
        "seen_at": now,
    }
    # A run that is listed when it is over already, as by sync_runs, is no news.
    was_active = TrainingRun.objects.active().select_for_update().filter(pk=run.id).exists()
    found, _made = TrainingRun.objects.update_or_create(
        pk=run.id,
        defaults=values,
        create_defaults={**values, "created_at": moment(facts.get("created_at"), now)},
    )
    if was_active:
        _tell_finished(found, now)
    return found


def _tell_finished(run: TrainingRun, now: datetime) -> None:
    """Record that a run has its model, or failed; one that was stopped may go on."""
    if run.status not in {TrainingRun.Status.COMPLETE, TrainingRun.Status.FAILED}:
        return
    figures = {name: run.facts.get(name) for name in ("loss_before", "loss_after")}
    data = {"run": run.name, "status": run.status, "dataset": run.dataset, "base_model": run.base_model, **figures}
    record(kind=Kind.RUN_FINISHED, data=data, path=reverse("run-detail", args=[run.pk]), now=now)


def _keep_steps(found: TrainingRun, lines: list[dict[str, Any]]) -> None:
    """Keep lines of metrics; a step that was done again takes the other's place."""
    names = ("step", "loss", "learning_rate", "gradient_norm", "tokens", "seconds")
    rows = {line["step"]: RunStep(run=found, **{name: line.get(name) for name in names}) for line in lines}
    RunStep.objects.bulk_create(
        rows.values(),
        batch_size=500,
        update_conflicts=True,
        unique_fields=["run", "step"],
        update_fields=[name for name in names if name != "step"],
    )
    if rows:
        found.step = max(rows)
        found.save(update_fields=["step"])


def _keep_samples(found: TrainingRun, run: Run) -> None:
    samples = storable(runs.read_jsonl(run.path / "samples.jsonl"))
    RunSample.objects.filter(run=found).delete()
    RunSample.objects.bulk_create(
        [
            RunSample(
                run=found,
                number=number,
                source=sample.get("source", "")[:20],
                category=sample.get("category", "")[:100],
                instruction=sample.get("instruction", ""),
                context=sample.get("context", ""),
                reference=sample.get("reference", ""),
                answers=_answers(sample, last=found.facts.get("kept_step")),
            )
            for number, sample in enumerate(samples, start=1)
        ],
        batch_size=500,
    )


def _answers(sample: dict[str, Any], *, last: int | None) -> list[dict[str, Any]]:
    """Return a sample's answers by step; that of the finished model takes the place of its step's."""
    by_step = {0: sample["before"]} if "before" in sample else {}
    by_step |= {answer["step"]: answer["response"] for answer in sample.get("steps", [])}
    if "after" in sample:
        by_step[last if last is not None else max(by_step, default=0) + 1] = sample["after"]
    return [{"step": step, "text": by_step[step]} for step in sorted(by_step)]


def storable(value: Any) -> Any:
    """Return JSON without the one character that PostgreSQL has no room for; models do write it."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {key: storable(part) for key, part in value.items()}
    return [storable(part) for part in value] if isinstance(value, list) else value


def moment(text: str | None, otherwise: datetime) -> datetime:
    """Return the time that a text tells, or the other where it tells none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return otherwise
    return found if found.tzinfo else found.replace(tzinfo=UTC)

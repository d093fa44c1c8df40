"""Runs in the background: asked for on the page, made by whoever serves the queue ``train``.

The training itself is ``manage.py finetune`` in a process of its own: its memory is given back when it ends, a launcher
can spread it over several GPUs, and it is the same one that a person would start.
"""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import sys
import uuid
from dataclasses import asdict, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from collector.actions import audit
from jobs.actions import JobStateError, cancel, enqueue
from jobs.models import Job, Queue
from jobs.registry import JobContext, JobError, JobPayload, TryAgain, register
from jobs.tasks import ring
from training import listing, runs
from training.config_file import merged, read
from training.models import TrainingRun
from training.options import FinetuneOptions, OptionError, as_flags, check
from training.places import places
from training.undertakings import Undertaking

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser

    from training.listing import UndertakingT

logger = logging.getLogger(__name__)

KIND = "training.run"
LOOK_EVERY = 1.0  # seconds
# As long as one step and its checkpoint may take.
PATIENCE = timedelta(minutes=10)
BUSY = "Another process is training"
ROOT = Path(__file__).resolve().parent.parent


def start(*, options: FinetuneOptions, recipe: str, by: AbstractBaseUser, now: datetime) -> TrainingRun:
    """Put a run on the list and have a worker make it. Raises OptionError or RunStateError."""
    wanted = merged(read(recipe), options) if recipe else options
    check(wanted)
    name = wanted.output or runs.new_name(
        dataset=(wanted.dataset or "data").partition("/")[0],
        version=(wanted.dataset or "").rpartition("/")[2] or "latest",
        base=wanted.model or "SmolLM2-135M-Instruct",
        now=now,
    )
    if not runs.NAME.fullmatch(name):  # a person at the terminal may name any directory, one on the page may not
        raise OptionError(_("A run's name has letters, digits, dots, dashes and underscores."))
    with transaction.atomic():
        run = listing.request_run(name=name, options={**asdict(wanted), "output": name}, by=by, now=now)
        _queue(run, by, now)
        note("run.requested", run, by=by, now=now)
    return run


def go_on(*, run: TrainingRun, by: AbstractBaseUser, now: datetime) -> TrainingRun:
    """Have a worker take up an interrupted or failed run. Raises RunStateError."""
    with transaction.atomic():
        found = listing.request_again(run=run, now=now)
        _queue(found, by, now)
        note("run.resumed", found, by=by, now=now)
    return found


def stop(*, run: UndertakingT, by: AbstractBaseUser, now: datetime) -> UndertakingT:
    """Ask a run or a curve to save and stop; one that waits is taken off the line. Raises RunStateError."""
    with transaction.atomic():
        found = listing.ask_to_stop(run=run, now=now)
        if found.job and not found.is_active:
            try:
                cancel(job_id=found.job, by=by, now=now)
            except (JobStateError, Job.DoesNotExist):
                logger.info("the job of %s had ended", found)
        note("run.stopped" if isinstance(found, TrainingRun) else "curve.stopped", found, by=by, now=now)
    return found


def note(verb: str, entry: Undertaking, *, by: AbstractBaseUser, now: datetime) -> None:
    """Write a line of the audit; call it in the transaction of what it tells of."""
    audit.note(verb=f"training.{verb}", target=entry.name, by=by, now=now)


def _queue(run: TrainingRun, by: AbstractBaseUser, now: datetime) -> None:
    put_in_line(run, kind=KIND, payload="run", by=by, now=now)


def put_in_line(entry: Undertaking, *, kind: str, payload: str, by: AbstractBaseUser, now: datetime) -> None:
    """Give an entry a job in the queue of the machines that train; ``payload`` is what its id is called there."""
    key = f"{payload}:{entry.pk}"
    job = enqueue(kind=kind, payload={payload: entry.pk}, by=by, now=now, key=key, queue=Queue.TRAIN)
    listing.attach_job(run=entry, job_id=job.pk)
    ring(job)


def _run_id(payload: JobPayload) -> uuid.UUID:
    return uuid.UUID(str(payload["run"]))


def training_failed(payload: JobPayload, reason: str) -> None:
    """Say on the list that a run whose job ended goes on no longer."""
    listing.end_unfinished(kind=TrainingRun, run_id=_run_id(payload), reason=reason)


@register(KIND, on_failure=training_failed)
def train(context: JobContext) -> dict[str, Any]:
    """Make the run that the payload names, or go on with it where a worker left it."""
    run = TrainingRun.objects.get(pk=_run_id(context.payload))
    if run.stop_asked_at is not None or run.is_complete:
        return {"run": run.name, "status": run.status}
    made = runs.Run(places().runs / run.name)
    if (made.path / "run.json").is_file() and made.complete:  # a worker was lost between the last word and its entry
        return {"run": run.name, "status": listing.list_run(run=made, now=timezone.now()).status}
    carry_out(command(run), context=context, entry=run)
    return {"run": run.name, "status": run.status}


def carry_out(line: list[str], *, context: JobContext, entry: Undertaking) -> None:
    """Have a process of its own do the work of an entry, and bring the entry up to date.

    Raises TryAgain where the work goes on later, JobError where it failed.
    """
    log = places().runs / ".queue" / f"{entry.pk}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as errors:
        began = errors.tell()
        process = subprocess.Popen(
            line, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=os.environ
        )
        try:
            _watch(process, context, entry)
        finally:
            _end(process)
    entry.refresh_from_db()
    if entry.status == Undertaking.Status.INTERRUPTED and entry.stop_asked_at is None:
        listing.request_again(run=entry, now=timezone.now())
        raise TryAgain(_("The worker was stopped; the run goes on where it was saved."))
    if process.returncode and entry.status != Undertaking.Status.INTERRUPTED:
        said = _last_line(log, began)
        if BUSY in said:
            raise TryAgain(said)
        raise JobError(entry.error or said)


def command(run: TrainingRun) -> list[str]:
    """Return the command line that makes a run, or goes on with it where its directory is there already."""
    launcher = shlex.split(settings.WOOLGATHER_TRAIN_LAUNCHER) or [sys.executable]
    tied = [sys.executable, "-m", "training.tied", *launcher, "manage.py", "finetune", "--json"]
    if (places().runs / run.name / "run.json").is_file():
        return [*tied, f"--resume={run.name}"]
    names = {field.name for field in fields(FinetuneOptions)}
    options = FinetuneOptions(**{name: value for name, value in run.options.items() if name in names})
    return [*tied, f"--entry={run.pk}", *as_flags(options)]


def _watch(process: subprocess.Popen[bytes], context: JobContext, entry: Undertaking) -> None:
    """Wait for the training to end, saying how far it is. Raises LeaseLost after asking it to stop."""
    while True:
        try:
            process.wait(LOOK_EVERY)
        except subprocess.TimeoutExpired:
            entry.refresh_from_db()
        else:
            return
        done, total = entry.how_far()
        context.progress(done, total, str(entry.get_status_display()))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have the training save and stop, where it still goes on."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(PATIENCE.total_seconds())
    except subprocess.TimeoutExpired:
        logger.exception("training did not stop when asked to; it is killed")
        process.kill()
        process.wait()


def _last_line(log: Path, began: int) -> str:
    """Return what the command said last, which is what people are meant to read."""
    with log.open("rb") as file:
        file.seek(began)
        lines = file.read().decode("utf-8", errors="replace").strip().splitlines()
    said = lines[-1].removeprefix("CommandError: ") if lines else ""
    return said or "The training ended without a word; the worker's machine may have run out of memory."

from __future__ import annotations

import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from collector.models import AuditEntry
from jobs.models import Job
from jobs.registry import LeaseLost
from jobs.runner import execute
from tests import factories
from tests.training import material
from training import listing, tasks
from training.models import TrainingRun
from training.options import FinetuneOptions, OptionError, as_flags

if TYPE_CHECKING:
    from pathlib import Path

NOW = factories.NOW


@pytest.fixture
def runs(settings: Any, tmp_path: Path) -> Path:
    """An installation without runs; its path is where they go."""
    settings.WOOLGATHER_DATASETS = tmp_path / "datasets"
    settings.WOOLGATHER_RUNS = tmp_path / "runs"
    settings.WOOLGATHER_MODELS = tmp_path / "models"
    settings.WOOLGATHER_DATASET_NAME = "animals"
    return tmp_path / "runs"


def started(**options: Any) -> TrainingRun:
    wanted = FinetuneOptions(**{"dataset": "animals/v1", "output": "first", **options})
    return tasks.start(options=wanted, recipe="", by=factories.PersonFactory.create(), now=NOW)


def pretend(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a short script stand where the training would."""
    monkeypatch.setattr(tasks, "command", lambda _run: [sys.executable, "-c", script])


def job_of(run: TrainingRun) -> Job:
    run.refresh_from_db()
    assert run.job is not None
    return Job.objects.get(pk=run.job)


def train(run: TrainingRun) -> str:
    outcome = execute(job_id=job_of(run).pk, worker="gpu", beat=False)
    run.refresh_from_db()
    return outcome


@pytest.mark.django_db
def test_a_run_waits_on_the_list_and_in_the_queue_of_the_machines_that_train(runs: Path) -> None:
    run = started(steps=5)
    job = job_of(run)
    assert (run.status, run.dataset, run.steps) == ("queued", "animals/v1", 5)
    assert (job.queue, job.payload) == ("train", {"run": str(run.pk)})


@pytest.mark.django_db
def test_a_recipe_says_what_the_form_does_not(runs: Path) -> None:
    wanted = FinetuneOptions(dataset="animals/v1", learning_rate=1e-3)
    run = tasks.start(options=wanted, recipe="dolly-pythia-160m", by=factories.PersonFactory.create(), now=NOW)
    assert (run.options["prompt_format"], run.options["learning_rate"]) == ("dolly", 1e-3)
    assert run.name.startswith("animals-v1-pythia-160m-")


@pytest.mark.django_db
def test_what_no_run_could_be_made_of_is_not_put_on_the_list(runs: Path) -> None:
    for wrong in ({"steps": 0}, {"output": "../elsewhere"}, {"output": "/tmp/elsewhere"}):
        with pytest.raises(OptionError):
            started(**wrong)
    started()
    with pytest.raises(listing.RunStateError, match="There is a run first already"):
        started()
    assert TrainingRun.objects.count() == 1


@pytest.mark.django_db
def test_the_worker_makes_the_run_with_the_command_that_a_person_would_use(runs: Path, settings: Any) -> None:
    run = started(steps=5, bf16=False, system="-v is no flag")
    assert tasks.command(run) == [
        *(sys.executable, "-m", "training.tied", sys.executable, "manage.py", "finetune", "--json"),
        f"--entry={run.pk}",
        *("--dataset=animals/v1", "--output=first", "--steps=5", "--system=-v is no flag", "--no-bf16"),
    ]
    settings.WOOLGATHER_TRAIN_LAUNCHER = "accelerate launch --num_processes 8"
    assert tasks.command(run)[3:8] == ["accelerate", "launch", "--num_processes", "8", "manage.py"]


@pytest.mark.django_db
def test_a_run_that_a_killed_worker_left_goes_on_where_it_was(runs: Path) -> None:
    run = started()
    material.make_run(runs, "first", done=1)
    assert tasks.command(run)[-1] == "--resume=first"


@pytest.mark.django_db
def test_a_run_that_was_finished_but_not_listed_is_listed_and_not_trained_again(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, "import sys; sys.exit('CommandError: trained again')")
    run = started()
    material.make_run(runs, "first", id=str(run.pk))
    assert train(run) == "succeeded"
    assert (run.status, run.step) == ("complete", 4)


def test_flags_mean_the_options_they_were_made_of() -> None:
    options = FinetuneOptions(steps=3, learning_rate=5e-6, allow_hub=False, gradient_checkpointing=True)
    assert as_flags(options) == ["--steps=3", "--lr=5e-06", "--gradient-checkpointing"]


@pytest.mark.django_db
def test_what_the_command_said_last_is_why_the_run_failed(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "import sys; print('Loading'); sys.exit('CommandError: There is no dataset version yet.')")
    run = started()
    assert train(run) == "failed"
    assert (run.status, run.error) == ("failed", "There is no dataset version yet.")


@pytest.mark.django_db
def test_a_training_that_was_killed_is_said_to_be(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    run = started()
    assert train(run) == "failed"
    assert "without a word" in run.error


@pytest.mark.django_db
def test_a_run_that_another_process_still_trains_is_tried_again_later(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, "import sys; sys.exit('CommandError: Another process is training first. Wait.')")
    run = started()
    assert train(run) == "again"
    assert run.status == "queued"


@pytest.mark.django_db
def test_a_worker_that_is_stopped_leaves_the_run_for_the_next(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started()
    pretend(monkeypatch, "import sys; sys.exit(1)")

    def stopped(process: subprocess.Popen[bytes], *_rest: Any) -> None:
        process.wait()
        TrainingRun.objects.update(status="interrupted")

    monkeypatch.setattr(tasks, "_watch", stopped)
    assert train(run) == "again"
    assert run.status == "queued"


@pytest.mark.django_db
def test_a_waiting_run_that_is_stopped_leaves_the_queue_and_can_start_again(runs: Path) -> None:
    run = started()
    person = factories.PersonFactory.create()
    run.refresh_from_db()
    tasks.stop(run=run, by=person, now=NOW)
    run.refresh_from_db()
    assert (run.status, job_of(run).status) == ("interrupted", "cancelled")
    tasks.go_on(run=run, by=person, now=NOW)
    run.refresh_from_db()
    assert (run.status, run.stop_asked_at, job_of(run).status) == ("queued", None, "queued")


@pytest.mark.django_db
def test_the_audit_says_who_asked_for_a_run_stopped_it_and_let_it_go_on(runs: Path) -> None:
    run = started()
    person = factories.PersonFactory.create()
    tasks.stop(run=run, by=person, now=NOW)
    tasks.go_on(run=run, by=person, now=NOW)
    said = AuditEntry.objects.filter(verb__startswith="training.").order_by("pk").values_list("verb", "by", "target")
    assert list(said) == [
        ("training.run.requested", run.requested_by_id, "first"),
        ("training.run.stopped", person.pk, "first"),
        ("training.run.resumed", person.pk, "first"),
    ]


def test_a_job_taken_away_has_the_training_save_and_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "said"
    script = (
        "import signal, sys\n"
        f"def stop(*_): open({str(said)!r}, 'w').write('saved'); sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    with process.stdout:
        tasks._end(process)
    assert said.read_text() == "saved"


class Taken:
    """A job's context that loses its lease at the first word."""

    def progress(self, *_given: Any) -> None:
        raise LeaseLost("taken")


@pytest.mark.django_db
def test_a_lost_lease_is_noticed_while_the_training_goes_on(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "LOOK_EVERY", 0.01)
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        with pytest.raises(LeaseLost):
            tasks._watch(process, Taken(), started())  # type: ignore[arg-type]
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent ended")
def test_the_training_of_a_killed_worker_is_asked_to_stop(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = (
        "import signal, sys\n"
        f"def stop(*_): open({str(said)!r}, 'w').write('saved'); sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    parent = (
        "import subprocess, sys, signal\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'training.tied', sys.executable, '-c', {script!r}])\n"
        "signal.pause()\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, cwd=tasks.ROOT)
    assert worker.stdout is not None
    with worker.stdout:
        worker.stdout.readline()
        worker.kill()
        worker.wait()
        worker.stdout.read()  # ends when the training has
    assert said.read_text() == "saved"


@pytest.mark.train
@pytest.mark.django_db(transaction=True)
def test_a_run_started_on_the_page_is_made_by_a_process_of_its_own(
    runs: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    material.make_version(
        tmp_path / "datasets",
        {"train": [material.record(n) for n in range(120)], "test": [material.record(n) for n in range(120, 140)]},
    )
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{database['NAME']}")
    else:
        where = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
        monkeypatch.setenv("DATABASE_URL", f"postgres://{where}/{database['NAME']}")
    monkeypatch.setenv("WOOLGATHER_VAR", str(tmp_path))
    monkeypatch.setenv("WOOLGATHER_DATASET_NAME", "animals")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run = started(model=str(tiny_model), steps=3, batch_size=4, eval_rows=4, sample_tokens=4, battery="none")
    assert train(run) == "succeeded", (runs / ".queue" / f"{run.pk}.log").read_text()
    assert (run.status, run.step, run.pk) == ("complete", 3, uuid.UUID(run.facts["id"]))
    assert run.step_rows.count() == 3

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection

from collector.models import AuditEntry
from jobs.models import Job
from jobs.runner import execute
from tests import factories
from tests.training import curve_material, material
from training import curve_listing, curve_record, curve_tasks, listing, tasks
from training.errors import TrainingError
from training.models import LearningCurve
from training.runs import Run, RunBusyError, RunError
from training.sitting import StoppedError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db
NOW = factories.NOW


@pytest.fixture(autouse=True)
def runs(settings: Any, tmp_path: Path) -> Path:
    """An installation without runs; its path is where they go."""
    settings.WOOLGATHER_RUNS = tmp_path / "runs"
    return tmp_path / "runs"


def started(**options: Any) -> LearningCurve:
    wanted = {"dataset": "animals/v1", "shares": "1/4,1/2,1", "output": "mine", **options}
    return curve_tasks.start(options=wanted, by=factories.PersonFactory.create(), now=NOW)


def pretend(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a short script stand where the training would."""
    monkeypatch.setattr(curve_tasks, "command", lambda _curve: [sys.executable, "-c", script])


def job_of(curve: LearningCurve) -> Job:
    curve.refresh_from_db()
    assert curve.job is not None
    return Job.objects.get(pk=curve.job)


def make(curve: LearningCurve) -> str:
    outcome = execute(job_id=job_of(curve).pk, worker="gpu", beat=False)
    curve.refresh_from_db()
    return outcome


def test_the_worker_makes_the_curve_with_the_command_that_a_person_would_use() -> None:
    curve = started(seeds=2, only="", config="dolly-pythia-160m")
    assert curve_tasks.command(curve) == [
        *(sys.executable, "-m", "training.tied", sys.executable, "manage.py", "learning_curve", "--json"),
        f"--entry={curve.pk}",
        *("--dataset=animals/v1", "--shares=1/4,1/2,1", "--output=mine", "--seeds=2", "--config=dolly-pythia-160m"),
    ]


def test_every_flag_that_a_worker_gives_is_one_of_the_commands() -> None:
    from training.management.commands.learning_curve import Command

    names = ("max_rows", "epochs", "eval_rows", "seeds", "model", "config", "only", "leave_out")
    curve = started(**dict.fromkeys(names, 1))
    flags = curve_tasks.command(curve)[6:]
    found = vars(Command().create_parser("manage.py", "learning_curve").parse_args(flags))
    assert {name: found[name] for name in ("entry", "output", "max_rows", "leave_out")} == {
        "entry": str(curve.pk), "output": "mine", "max_rows": 1, "leave_out": "1",
    }  # fmt: skip


def test_what_the_command_said_last_is_why_the_curve_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "import sys; sys.exit('CommandError: There is no dataset version yet.')")
    curve = started()
    assert make(curve) == "failed"
    assert (curve.status, curve.error) == ("failed", "There is no dataset version yet.")


def test_a_worker_that_is_stopped_leaves_the_curve_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "import sys; sys.exit(1)")
    curve = started()

    def stopped(process: Any, *_rest: Any) -> None:
        process.wait()
        LearningCurve.objects.update(status="interrupted")

    monkeypatch.setattr(tasks, "_watch", stopped)
    assert make(curve) == "again"
    assert curve.status == "queued"


def test_a_waiting_curve_that_is_stopped_leaves_the_queue_and_can_start_again() -> None:
    curve = started()
    person = factories.PersonFactory.create()
    curve.refresh_from_db()
    tasks.stop(run=curve, by=person, now=NOW)
    curve.refresh_from_db()
    assert (curve.status, job_of(curve).status) == ("interrupted", "cancelled")
    curve_tasks.go_on(run=curve, by=person, now=NOW)
    curve.refresh_from_db()
    assert (curve.status, curve.stop_asked_at, job_of(curve).status) == ("queued", None, "queued")
    said = AuditEntry.objects.filter(verb__startswith="training.").order_by("pk").values_list("verb", "by")
    assert list(said) == [
        ("training.curve.requested", curve.requested_by_id),
        ("training.curve.stopped", person.pk),
        ("training.curve.resumed", person.pk),
    ]


def test_how_far_a_curve_is_are_its_trained_models(runs: Path) -> None:
    curve = curve_listing.list_curve(path=curve_material.make_curve(runs, done=2), now=NOW)
    for name in ("animals-15", "animals-30"):
        listing.list_run(run=Run(runs / name), now=NOW)
    assert curve.how_far() == (2, 5)
    assert started().how_far() == (0, None)


def record(runs: Path, follower: curve_listing.ListedCurve | None = None) -> curve_record.Record:
    follower = follower or curve_listing.ListedCurve()
    return curve_record.begin(runs / "mine-curve", facts={"curve": "mine"}, follower=follower, now=NOW)


@pytest.mark.parametrize(
    ("raised", "status", "error"),
    [
        (StoppedError("Stopped."), "interrupted", ""),
        (KeyboardInterrupt(), "interrupted", ""),
        (RunBusyError("Another process is training mine-15."), "interrupted", ""),
        (TrainingError("Not enough memory."), "failed", "Not enough memory."),
        (ZeroDivisionError(), "failed", "ZeroDivisionError"),
    ],
)
def test_a_curves_file_says_how_it_ended_whatever_happens(
    runs: Path, raised: BaseException, status: str, error: str
) -> None:
    with pytest.raises(type(raised)), curve_record.kept_true(record(runs)):
        raise raised
    curve = LearningCurve.objects.get()
    assert (curve.name, curve.status, curve.error) == ("mine", status, error)


def test_a_curve_that_goes_on_is_the_same_and_another_is_refused(runs: Path) -> None:
    curve = started()
    first = record(runs, curve_listing.ListedCurve(entry=str(curve.pk)))
    assert first.facts()["id"] == str(curve.pk)
    assert record(runs).facts()["id"] == str(curve.pk)
    with pytest.raises(RunError, match="holds another curve"):
        record(runs, curve_listing.ListedCurve(entry=str(uuid.uuid4())))


def test_stop_pressed_on_the_page_reaches_the_curve_and_the_model_it_is_at(runs: Path) -> None:
    follower = curve_listing.ListedCurve()
    begun = record(runs, follower)
    begun.update(models=[])
    of_run = follower.of_run("")
    before = of_run.wants_to_stop
    listing.ask_to_stop(run=LearningCurve.objects.get(), now=NOW)
    begun.update(models=[])
    assert (before, of_run.wants_to_stop, follower.wants_to_stop) == (False, True, True)


def test_what_stopped_an_earlier_sitting_is_forgotten_when_it_goes_on(runs: Path) -> None:
    record(runs).update(models=[])
    LearningCurve.objects.update(stop_asked_at=NOW)
    follower = curve_listing.ListedCurve()
    record(runs, follower).update(models=[])
    assert not follower.wants_to_stop
    assert LearningCurve.objects.get().stop_asked_at is None


def test_a_run_that_was_stopped_on_its_page_goes_on_from_the_terminal(runs: Path) -> None:
    path = material.make_run(runs, steps=8, done=2)
    listing.list_run(run=Run(path), now=NOW)
    listing.ask_to_stop(run=listing.list_run(run=Run(path), now=NOW), now=NOW)
    follower = listing.Listed()
    follower.follow(Run(path), at_once=True)
    assert not follower.wants_to_stop


def test_stopping_one_model_stops_the_curve(runs: Path) -> None:
    follower = curve_listing.ListedCurve()
    record(runs, follower).update(models=[])
    of_run = follower.of_run("")
    path = material.make_run(runs, "mine-15", steps=8, done=2)
    of_run.follow(Run(path), at_once=True)
    before = follower.wants_to_stop
    listing.ask_to_stop(run=listing.list_run(run=Run(path), now=NOW), now=NOW)
    of_run.follow(Run(path), at_once=True)
    assert (before, follower.wants_to_stop) == (False, True)
    assert LearningCurve.objects.get().stop_asked_at is not None


def test_a_database_that_is_away_is_told_once_and_stops_nothing(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    follower = curve_listing.ListedCurve(warn=warnings.append)
    begun = record(runs, follower)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's transaction needs it
    with monkeypatch.context() as away:
        away.setattr(curve_listing, "list_curve", _refuse)
        begun.update(models=[])
        begun.update(models=[])
    assert warnings == ["The list of curves can't be written (no route to host); `sync_runs` lists this one later."]
    begun.update(status="complete")
    assert LearningCurve.objects.get().is_complete


def _refuse(**_given: Any) -> None:
    raise OperationalError("no route to host\nmore of it")

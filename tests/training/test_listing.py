from __future__ import annotations

import json
import uuid
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from tests import factories
from tests.training import material
from training import listing
from training.models import RunSample, RunStep, TrainingRun
from training.runs import Run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Trainer

pytestmark = pytest.mark.django_db
NOW = factories.NOW


def listed(path: Path) -> TrainingRun:
    return listing.list_run(run=Run(path), now=NOW)


def change(path: Path, **facts: Any) -> None:
    Run(path).update(**facts)


def test_an_entry_says_what_the_runs_directory_says(tmp_path: Path) -> None:
    run = listed(material.make_run(tmp_path))
    run.refresh_from_db()
    assert (run.name, run.status, run.dataset, run.base_model) == ("first", "complete", "animals v1", "tiny")
    assert (run.step, run.steps) == (4, 4)
    assert [(step.step, step.loss) for step in run.step_rows.all()] == [(1, 2.9), (2, 2.8), (3, 2.7), (4, 2.6)]
    assert [line["step"] for line in run.evaluations] == [0, 4]
    assert run.samples.count() == 10


def test_answers_stand_by_step_and_the_finished_models_at_the_step_it_keeps(tmp_path: Path) -> None:
    run = listed(material.make_run(tmp_path))
    first, second = run.samples.all()[:2]
    assert [(answer["step"], answer["text"]) for answer in first.answers] == [
        (0, "I don't know."),
        (2, "By the pond."),
        (4, "By the river."),
    ]
    assert [answer["step"] for answer in second.answers] == [0, 4]


def test_listing_again_changes_nothing(tmp_path: Path) -> None:
    path = material.make_run(tmp_path)
    listed(path)
    listed(path)
    assert (TrainingRun.objects.count(), RunStep.objects.count(), RunSample.objects.count()) == (1, 4, 10)


def test_runs_of_one_name_in_two_places_have_an_entry_each(tmp_path: Path) -> None:
    one, other = material.make_run(tmp_path / "a"), material.make_run(tmp_path / "b")
    for path in (one, other):  # as earlier releases made them
        facts = Run(path).facts()
        del facts["id"]
        (path / "run.json").write_text(json.dumps(facts))
    assert listed(one).pk != listed(other).pk


def test_steps_that_a_resumed_run_does_again_are_forgotten(tmp_path: Path) -> None:
    path = material.make_run(tmp_path, steps=8, done=6)
    follower = listing.Listed()
    follower.follow(Run(path), at_once=True)
    lines = (path / "metrics.jsonl").read_text().splitlines(keepends=True)
    (path / "anew").write_text("".join(lines[:3]))
    (path / "anew").replace(path / "metrics.jsonl")
    follower.follow(Run(path), at_once=True)
    assert [step.step for step in RunStep.objects.all()] == [1, 2, 3]
    assert TrainingRun.objects.get().step == 3


def test_a_half_written_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = material.make_run(tmp_path, steps=8, done=2)
    follower = listing.Listed()
    follower.follow(Run(path), at_once=True)
    line = json.dumps({"step": 3, "loss": 2.0, "learning_rate": 0.1, "tokens": 3000, "seconds": 12.0}) + "\n"
    with (path / "metrics.jsonl").open("a") as file:
        file.write(line[:20])
        file.flush()
        follower.follow(Run(path), at_once=True)
        assert RunStep.objects.count() == 2
        file.write(line[20:])
    follower.follow(Run(path), at_once=True)
    assert [(step.step, step.loss) for step in RunStep.objects.all()][-1] == (3, 2.0)


def test_a_follower_writes_now_and_then_unless_it_is_to_at_once(tmp_path: Path) -> None:
    path = material.make_run(tmp_path, steps=8, done=2)
    follower = listing.Listed()
    follower.follow(Run(path), at_once=True)
    change(path, status="interrupted")
    follower.follow(Run(path), at_once=False)
    assert TrainingRun.objects.get().status == "running"
    follower.follow(Run(path), at_once=True)
    assert TrainingRun.objects.get().status == "interrupted"


def test_a_database_that_is_away_is_told_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = material.make_run(tmp_path)
    warnings: list[str] = []
    follower = listing.Listed(warn=warnings.append)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's transaction needs it
    with monkeypatch.context() as away:
        away.setattr(listing, "list_run", _refuse)
        follower.follow(Run(path), at_once=True)
        follower.follow(Run(path), at_once=True)
    assert warnings == ["The list of runs can't be written (no route to host); `sync_runs` lists this one later."]
    follower.follow(Run(path), at_once=True)
    assert TrainingRun.objects.get().is_complete


def _refuse(**_given: Any) -> None:
    raise OperationalError("no route to host\nmore of it")


def test_a_nul_that_a_model_wrote_is_shown_as_a_replacement(tmp_path: Path) -> None:
    path = material.make_run(tmp_path)
    text = (path / "samples.jsonl").read_text().replace("By the river.", "By\\u0000the river.")
    (path / "samples.jsonl").write_text(text)
    assert listed(path).samples.all()[9].answers[-1]["text"] == "By\N{REPLACEMENT CHARACTER}the river."


def test_stop_pressed_on_the_page_reaches_the_run(tmp_path: Path) -> None:
    path = material.make_run(tmp_path, steps=8, done=2)
    follower = listing.Listed()
    follower.follow(Run(path), at_once=True)
    assert not follower.wants_to_stop
    listing.ask_to_stop(run=TrainingRun.objects.get(), now=NOW)
    follower.follow(Run(path), at_once=True)
    assert follower.wants_to_stop


def test_a_finished_run_can_neither_stop_nor_go_on(tmp_path: Path) -> None:
    run = listed(material.make_run(tmp_path))
    with pytest.raises(listing.RunStateError, match="not running"):
        listing.ask_to_stop(run=run, now=NOW)
    with pytest.raises(listing.RunStateError, match="can't go on"):
        listing.request_again(run=run, now=NOW)


def test_a_job_that_ended_marks_its_run_failed_unless_it_was_asked_to_stop() -> None:
    person = factories.PersonFactory.create()
    for name in ("one", "two"):
        listing.request_run(name=name, options={}, by=person, now=NOW)
    TrainingRun.objects.filter(name="two").update(status="running", stop_asked_at=NOW)
    for run in TrainingRun.objects.all():
        listing.end_unfinished(kind=TrainingRun, run_id=run.pk, reason="The worker was gone.")
    found = {run.name: (run.status, run.error) for run in TrainingRun.objects.all()}
    assert found == {
        "one": ("failed", "The worker was gone."),
        "two": ("interrupted", "The worker was gone."),
    }
    listing.end_unfinished(kind=TrainingRun, run_id=uuid.uuid4(), reason="Nobody knows it.")


def test_sync_runs_lists_what_was_made_without_the_database(settings: Any, tmp_path: Path) -> None:
    settings.WOOLGATHER_RUNS = tmp_path
    material.make_run(tmp_path, "one")
    material.make_run(tmp_path, "two", done=1)
    for expected in ({"one", "two"}, set()):
        out = StringIO()
        call_command("sync_runs", "--json", stdout=out)
        assert set(json.loads(out.getvalue())["listed"]) == expected
    change(tmp_path / "two", status="interrupted")
    out = StringIO()
    call_command("sync_runs", stdout=out)
    assert out.getvalue() == "two\n"


@pytest.mark.train
def test_a_real_run_is_listed_while_it_goes_on(finetune: Trainer) -> None:
    seen: list[tuple[str, int]] = []

    class Watched(listing.Listed):
        def follow(self, run: Run, *, at_once: bool) -> None:
            super().follow(run, at_once=True)
            found = TrainingRun.objects.get()
            seen.append((found.status, found.step))

    outcome = finetune(follower=Watched(), save_steps=3)
    run = TrainingRun.objects.get()
    assert seen[0] == ("running", 0)
    assert ("running", 3) in seen
    assert (run.status, run.step, run.name) == ("complete", 6, outcome.run)
    assert run.facts["loss_after"] == outcome.loss_after
    assert [line["step"] for line in run.evaluations] == [0, 3, 6]
    assert [answer["step"] for answer in run.samples.all()[0].answers] == [0, 3, 6]


@pytest.mark.train
def test_a_run_asked_to_stop_on_the_page_saves_and_can_go_on(finetune: Trainer) -> None:
    from training.sitting import StoppedError

    class Pressed(listing.Listed):
        def follow(self, run: Run, *, at_once: bool) -> None:
            super().follow(run, at_once=True)
            TrainingRun.objects.filter(step__gte=2).update(stop_asked_at=NOW)

    with pytest.raises(StoppedError, match="after step 3 of 6"):
        finetune(follower=Pressed())
    run = TrainingRun.objects.get()
    assert (run.status, run.step) == ("interrupted", 3)
    assert run.may_go_on

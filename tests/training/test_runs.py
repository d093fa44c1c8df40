from __future__ import annotations

import fcntl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from training import runs


def made(root: Path, name: str, *, status: str = "running", at: str = "2026-01-01") -> runs.Run:
    return runs.create(root / name, {"run": name, "status": status, "created_at": at})


def test_a_name_tells_data_version_base_and_time() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    name = runs.new_name(dataset="woolgather", version="v1", base="HuggingFaceTB/SmolLM2-135M-Instruct", now=now)
    assert name == "woolgather-v1-smollm2-135m-instruct-20260102-030405"


@pytest.mark.parametrize("output", ["..", ".hidden", "a b", "", "a\0b", "x" * 101, "../.."])
def test_an_output_that_is_no_name_is_refused(tmp_path: Path, output: str) -> None:
    with pytest.raises(runs.RunError, match="cannot name a run"):
        runs.place(output, root=tmp_path)


def test_an_output_is_a_name_under_the_root_or_a_path(tmp_path: Path) -> None:
    assert runs.place("mine", root=tmp_path) == tmp_path / "mine"
    assert runs.place(f"{tmp_path}/other/mine", root=Path("/nowhere")) == tmp_path / "other" / "mine"


def test_a_finished_run_is_never_written_over(tmp_path: Path) -> None:
    made(tmp_path, "mine", status="complete")
    with pytest.raises(runs.RunExistsError, match="finished run"):
        made(tmp_path, "mine")


def test_an_unfinished_run_is_offered_for_resuming(tmp_path: Path) -> None:
    run = made(tmp_path, "mine")
    with pytest.raises(runs.RunExistsError, match="--resume mine"):
        runs.refuse_existing(run.path)


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(runs.RunExistsError, match="not empty"):
        made(tmp_path, "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_refused_run_leaves_nothing_behind(tmp_path: Path) -> None:
    made(tmp_path, "mine")
    with pytest.raises(runs.RunExistsError):
        made(tmp_path, "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_two_processes_never_hold_the_same_run(tmp_path: Path) -> None:
    run = made(tmp_path, "mine")
    with (run.path / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(runs.RunBusyError, match="Another process"), runs.locked(run):
            pytest.fail("the lock was given twice")


def test_a_lock_is_let_go(tmp_path: Path) -> None:
    run = made(tmp_path, "mine")
    with runs.locked(run):
        pass
    with runs.locked(run):
        pass


def test_without_a_name_the_newest_run_of_the_right_state_is_meant(tmp_path: Path) -> None:
    made(tmp_path, "a", status="complete", at="2026-01-01")
    made(tmp_path, "b", status="complete", at="2026-01-03")
    made(tmp_path, "c", status="interrupted", at="2026-01-02")
    assert runs.find(None, root=tmp_path, complete=True).name == "b"
    assert runs.find(None, root=tmp_path, complete=False).name == "c"


def test_an_unfinished_run_cannot_be_used_as_a_model(tmp_path: Path) -> None:
    made(tmp_path, "mine", status="running")
    with pytest.raises(runs.RunError, match="--resume mine"):
        runs.find("mine", root=tmp_path, complete=True)


def test_a_finished_run_cannot_be_resumed(tmp_path: Path) -> None:
    made(tmp_path, "mine", status="complete")
    with pytest.raises(runs.RunError, match="nothing to resume"):
        runs.find("mine", root=tmp_path, complete=False)


def test_an_unknown_run_is_answered_with_those_there_are(tmp_path: Path) -> None:
    made(tmp_path, "mine")
    with pytest.raises(runs.RunError, match=r"no run yours .*mine"):
        runs.find("yours", root=tmp_path, complete=True)


def test_a_checkpoint_that_was_not_finished_is_not_used_and_is_cleared_away(tmp_path: Path) -> None:
    run = made(tmp_path, "mine")
    for step in (9, 10, 12):
        (run.checkpoints / f"checkpoint-{step}").mkdir(parents=True)
    for step in (9, 10):
        runs.seal_checkpoint(
            run.checkpoints / f"checkpoint-{step}", step=step, tokens=step * 5, seconds=1.5, duration=2.5
        )
    found = runs.last_checkpoint(run)
    assert found == (run.checkpoints / "checkpoint-10", {"step": 10, "tokens": 50, "seconds": 1.5, "duration": 2.5})
    assert not (run.checkpoints / "checkpoint-12").exists()


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert runs.last_checkpoint(made(tmp_path, "mine")) is None


def test_a_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"text": "one\u2028two"}\n{"step": 2', encoding="utf-8")
    assert runs.read_jsonl(file) == [{"text": "one\u2028two"}]


def test_a_number_no_reader_would_take_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    runs.write_json(file, {"loss": 1.0})
    with pytest.raises(ValueError, match="JSON compliant"):
        runs.write_json(file, {"loss": float("nan")})
    assert file.read_text() == '{\n  "loss": 1.0\n}\n'
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]

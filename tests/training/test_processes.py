"""Several processes on one run: the same steps, the same loss, the same files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import runs
from training.errors import TrainingError
from training.processes import Processes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Trainer


def losses(path: Path) -> list[float]:
    return [line["loss"] for line in runs.read_jsonl(path / "metrics.jsonl")]


def weights(path: Path) -> str:
    return hashlib.sha256((path / "model" / "adapter_model.safetensors").read_bytes()).hexdigest()


@given(count=st.integers(1, 8), batch_size=st.integers(1, 16), accumulation=st.integers(1, 4))
def test_a_step_has_the_same_rows_however_many_processes_share_it(
    count: int, batch_size: int, accumulation: int
) -> None:
    rows = batch_size * accumulation
    if rows % count:
        with pytest.raises(TrainingError, match=f"multiple of {count}"):
            Processes(0, count).share(rows, batch_size)
    else:
        at_once, batches = Processes(0, count).share(rows, batch_size)
        assert at_once * batches * count == rows
        assert at_once <= batch_size


def test_one_process_takes_the_batches_as_they_were_asked_for() -> None:
    assert Processes().share(12, 4) == (4, 3)


@pytest.mark.train
def test_two_processes_give_the_loss_curve_of_one(finetune: Trainer, launch: Any) -> None:
    done = launch(2, output="two", save_steps=3)
    assert done.returncode == 0, done.stderr[-3000:]
    one = finetune(output="one", save_steps=3, bf16=False)
    two = finetune.places.runs / "two"
    assert losses(two) == pytest.approx(losses(one.path), rel=1e-4)
    facts = runs.Run(two).facts()
    assert facts["loss_after"] == pytest.approx(one.loss_after, rel=1e-4)
    assert facts["machine"]["processes"] == 2
    assert {path.name for path in two.iterdir()} == {path.name for path in one.path.iterdir()}
    steps = [line["step"] for line in runs.read_jsonl(two / "evaluations.jsonl")]
    assert steps == [0, 3, 6]


@pytest.mark.train
def test_two_processes_that_pack_their_rows_give_the_loss_curve_of_one_that_does_not(
    finetune: Trainer, launch: Any
) -> None:
    done = launch(2, output="two", packing=True)
    assert done.returncode == 0, done.stderr[-3000:]
    one = finetune(output="one", bf16=False)
    assert losses(finetune.places.runs / "two") == pytest.approx(losses(one.path), rel=1e-4)


@pytest.mark.train
@pytest.mark.slow
def test_two_processes_that_were_stopped_resume_to_the_weights_of_an_unbroken_run(
    finetune: Trainer, launch: Any
) -> None:
    stopped = launch(2, output="mine", save_steps=2, stop_after=3)
    assert stopped.returncode == 0, stopped.stderr[-3000:]
    assert "Stopped and saved after step 3 of 6" in stopped.stdout
    assert launch(2, resume="mine").returncode == 0
    assert launch(2, output="unbroken", save_steps=2).returncode == 0
    root = finetune.places.runs
    assert weights(root / "mine") == weights(root / "unbroken")


@pytest.mark.train
def test_rows_that_cannot_be_shared_alike_are_refused_before_anything_is_written(
    finetune: Trainer, launch: Any
) -> None:
    done = launch(2, output="mine", batch_size=3)
    assert done.returncode != 0
    assert "Choose a multiple of 2" in done.stderr
    assert not (finetune.places.runs / "mine").exists()

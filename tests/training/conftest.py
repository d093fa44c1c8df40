"""Fixtures of the training tests, and the rule that those marked ``train`` need torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import material
from training.options import FinetuneOptions
from training.places import Places
from training.report import Silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.follower import Follower

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def libraries() -> None:
    """The training libraries, imported once with their own import-time warnings let be."""
    from training.quiet import stay_offline

    stay_offline(allow_hub=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datasets
        import peft
        import torch
        import transformers
        import trl

        assert all((datasets, peft, transformers, trl))
    # Tiny models gain nothing by threads, and test processes beside each other lose much.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer(libraries: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tokenizer with a ChatML template that slips in a system message, and a token that is not marked special."""
    return material.make_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def tiny_model(libraries: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a model with two narrow layers."""
    return material.make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An empty installation."""
    return Places(tmp_path / "datasets", tmp_path / "runs", tmp_path / "models", "animals")


@dataclass
class Trainer:
    """Fine-tunes the tiny model on whatever the test put into its place."""

    places: Places
    model: Path

    def __call__(
        self, *, wants_to_stop: Callable[[], bool] = lambda: False, follower: Follower | None = None, **flags: Any
    ) -> Any:
        from training import actions

        return actions.finetune(
            options=self.options(**flags),
            places=self.places,
            report=Silence(),
            now=NOW,
            wants_to_stop=wants_to_stop,
            follower=follower,
        )

    def resume(self, wanted: str | None = None, **flags: Any) -> Any:
        from training import actions

        return actions.resume(
            wanted=wanted, options=FinetuneOptions(**flags), places=self.places, report=Silence(), now=NOW
        )

    def options(self, **flags: Any) -> FinetuneOptions:
        usual = {
            "model": str(self.model),
            "batch_size": 4,
            "eval_rows": 12,
            "sample_tokens": 4,
            "learning_rate": 5e-3,
            "battery": "none",
        }
        if "epochs" not in flags:
            usual["steps"] = 6
        return FinetuneOptions(**{**usual, **flags})


@pytest.fixture
def finetune(places: Places, tiny_model: Path) -> Trainer:
    """Fine-tune the tiny model on 120 records; 20 more are held out."""
    material.make_version(
        places.datasets,
        {"train": [material.record(n) for n in range(120)], "test": [material.record(n) for n in range(120, 140)]},
    )
    return Trainer(places, tiny_model)


TRAIN = """
import json, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from training import actions, course
from training.options import FinetuneOptions
from training.places import Places
from training.report import Silence
from training.sitting import StoppedError
root, flags = Path(sys.argv[1]), json.loads(sys.argv[2])
stop_after, resume = flags.pop("stop_after", None), flags.pop("resume", None)
kill_after, kill_at_end = flags.pop("kill_after", None), flags.pop("kill_at_end", False)
def killed(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
def asked():
    step = next(steps)
    return killed() if step == kill_after else step == stop_after
if kill_at_end:
    course.Course.end = killed
steps = iter(range(1, 1000))
given = dict(
    places=Places(root / "datasets", root / "runs", root / "models", "animals"), report=Silence(),
    now=datetime(2026, 1, 2, tzinfo=UTC), wants_to_stop=asked,
)
try:
    if resume:
        actions.resume(wanted=resume, options=FinetuneOptions(), **given)
    else:
        actions.finetune(options=FinetuneOptions(**flags), **given)
except StoppedError as stopped:
    print(stopped)
"""


@pytest.fixture
def launch(finetune: Trainer, tmp_path: Path) -> Any:
    """Start a run in several processes, as ``torchrun`` does, and wait for it."""
    script = tmp_path / "train.py"
    script.write_text(TRAIN)

    def launched(count: int, **flags: Any) -> subprocess.CompletedProcess[str]:
        usual = vars(finetune.options(steps=6, bf16=False)) if "resume" not in flags else {}
        words = json.dumps({name: value for name, value in {**usual, **flags}.items() if value is not None})
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        return subprocess.run(
            [sys.executable, *launcher, str(script), str(finetune.places.runs.parent), words],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    return launched

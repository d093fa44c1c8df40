"""Fixtures of the training tests, and the rule that those marked ``train`` need torch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import material
from training.options import FinetuneOptions
from training.places import Places
from training.report import Silence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.follower import Follower

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

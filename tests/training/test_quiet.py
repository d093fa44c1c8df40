from __future__ import annotations

import os

import pytest

from training.quiet import stay_offline

SET = (
    "HF_HUB_DISABLE_TELEMETRY",
    "HF_HUB_OFFLINE",
    "HF_DATASETS_OFFLINE",
    "WANDB_MODE",
    "WANDB_DISABLED",
    "DISABLE_MLFLOW_INTEGRATION",
)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SET:
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)


def test_nothing_calls_home_unless_asked() -> None:
    stay_offline(allow_hub=False)
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["HF_DATASETS_OFFLINE"] == "1"
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert os.environ["WANDB_MODE"] == "disabled"


def test_the_hub_may_be_asked_for_and_telemetry_stays_off() -> None:
    stay_offline(allow_hub=True)
    assert "HF_HUB_OFFLINE" not in os.environ
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_a_tracker_that_was_asked_for_is_let_be_and_no_other() -> None:
    stay_offline(allow_hub=False, trackers=["mlflow"])
    assert "DISABLE_MLFLOW_INTEGRATION" not in os.environ
    assert os.environ["WANDB_MODE"] == "disabled"

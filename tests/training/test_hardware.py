from __future__ import annotations

import sys

import pytest

from training import hardware


def test_a_missing_library_is_answered_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(hardware.TrainExtraMissingError, match=r"torch.*Run `make train-deps`"):
        hardware.require_train_extra()


def test_peak_memory_is_in_bytes() -> None:
    # A Python process takes more than 10 MB and, in a unit mixed up, would take more than 1 TB.
    assert 10**7 < hardware.peak_memory("cpu")["host_bytes"] < 10**12


@pytest.mark.train
def test_with_everything_installed_nothing_is_asked_for(libraries: None) -> None:
    hardware.require_train_extra()
    assert {"torch", "trl", "peft"} <= set(hardware.library_versions())

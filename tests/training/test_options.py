from __future__ import annotations

from typing import Any

import pytest

from training.options import (
    CPU_STEPS,
    FinetuneOptions,
    OptionError,
    Settings,
    check,
    disagreements,
    resolve,
)


def settings(**flags: Any) -> Settings:
    return resolve(FinetuneOptions(**flags), rows=100, on_cpu=True, bf16=False)[0]


def test_only_whole_weights_are_warmed_up() -> None:
    assert settings(method="full", steps=40).warm_up_steps == 2
    assert settings(method="lora", steps=40).warm_up_steps == 0


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ({"steps": 3, "epochs": 1.0}, "--steps or --epochs"),
        ({"steps": 0}, "--steps"),
        ({"batch_size": -1}, "--batch-size"),
        ({"learning_rate": float("nan")}, "--lr"),
        ({"epochs": 0.0}, "--epochs"),
        ({"max_length": 1}, "--max-length"),
        ({"seed": -1}, "--seed"),
        ({"seed": 2**32}, "--seed"),
        ({"method": "full", "lora_r": 4}, "--lora-r"),
    ],
)
def test_a_flag_that_makes_no_sense_is_named(flags: dict[str, Any], names: str) -> None:
    with pytest.raises(OptionError, match=names):
        check(FinetuneOptions(**flags))


def test_without_flags_a_processor_gets_a_bounded_run_and_is_told_so() -> None:
    chosen, notes = resolve(FinetuneOptions(), rows=15_000, on_cpu=True, bf16=False)
    assert chosen.steps == CPU_STEPS
    assert str(CPU_STEPS) in notes[0]


def test_without_flags_a_gpu_gets_two_passes_over_the_data() -> None:
    chosen, notes = resolve(FinetuneOptions(), rows=15_000, on_cpu=False, bf16=True)
    assert chosen.steps == 3750
    assert notes == []


def test_steps_asked_for_are_never_bounded() -> None:
    assert settings(steps=5000).steps == 5000
    assert settings(epochs=100.0).steps == 1250


def test_epochs_become_steps_rounded_up() -> None:
    assert settings(epochs=1.0).steps == 13  # 100 rows, 8 at once


def test_all_weights_are_trained_more_gently_than_lora() -> None:
    assert settings(method="full").learning_rate < settings().learning_rate
    assert settings(method="full").lora_r == 0


def test_settings_survive_being_written_down() -> None:
    assert Settings.from_dict({**settings().as_dict(), "later": 1}) == settings()


def test_settings_with_a_missing_part_are_refused() -> None:
    with pytest.raises(OptionError, match="seed"):
        Settings.from_dict({key: value for key, value in settings().as_dict().items() if key != "seed"})


def test_flags_that_differ_from_a_run_are_named_and_equal_ones_are_not() -> None:
    run = settings(steps=60, seed=4)
    assert disagreements(FinetuneOptions(steps=60, seed=4), run) == []
    assert disagreements(FinetuneOptions(steps=61, method="full"), run) == [
        "--method full (the run has lora)",
        "--steps 61 (the run has 60)",
    ]

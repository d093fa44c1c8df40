"""The benchmark of how well a GPU is used: its formula, and its way with a tiny model."""

from __future__ import annotations

import re

import pytest

from benchmarks import bench_utilisation as bench
from training import hardware
from training.options import FinetuneOptions, resolve


@pytest.mark.parametrize(("method", "each"), [("full", 6), ("lora", 4)])
def test_operations_are_those_of_the_formula(method: str, each: int) -> None:
    settings, _notes = resolve(FinetuneOptions(method=method), rows=10, on_cpu=False, bf16=True)
    (row,) = bench.random_rows(1, vocabulary=512, longest=64)
    tokens, trained = len(row.input_ids), len(row.input_ids) - row.prompt_tokens
    size = bench.TINY
    body = 2 * (4 * 64 * 64 + 2 * 64 * 256)
    adapter = size.adapter(16) if method == "lora" else 0
    needed = tokens * (each * body + 6 * adapter + 12 * 2 * 64 * tokens) + trained * each * 64 * 512
    assert bench.flops(size, settings, [row]) == needed


def test_random_rows_are_as_long_as_those_of_databricks_dolly() -> None:
    rows = bench.random_rows(4000, vocabulary=512, longest=2048)
    assert sum(len(row.input_ids) for row in rows) / 4000 == pytest.approx(bench.MEAN_TOKENS, rel=0.1)


def test_6_9b_and_1b_have_as_many_weights_as_their_names_say() -> None:
    assert [shape.size.parameters / 1e9 for shape in bench.SHAPES] == pytest.approx([6.86, 1.01], rel=0.01)


def test_without_the_train_extra_it_says_what_it_needs_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hardware, "NEEDED", ("no_such_library",))
    bench.main([])
    assert re.fullmatch(r"not measured: needs the train extra.*make train-deps.*\n", capsys.readouterr().out)


@pytest.mark.train
def test_without_a_gpu_it_says_so_in_one_line(libraries: None, capsys: pytest.CaptureFixture[str]) -> None:
    if hardware.device_name() == "cpu":
        bench.main([])
        assert re.fullmatch(r"There is no GPU here.*\n", capsys.readouterr().out)


@pytest.mark.train
def test_a_tiny_model_goes_the_whole_way(libraries: None, capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--tiny", "--steps", "3", "--batch-size", "2", "--price-per-hour", "1"])
    said = capsys.readouterr().out
    for method in ("full", "lora"):
        assert re.search(rf"tiny +{method} +[\d,]+ tokens/s +[\d.]+% utilisation .* at 1 an hour", said)

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from training.report import Reporter

if TYPE_CHECKING:
    import pytest


def test_off_a_terminal_progress_is_a_line_now_and_then_and_always_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 100.0, 101.0, 130.0, 130.0, 131.0])
    monkeypatch.setattr("training.report.time.monotonic", lambda: next(now))
    stream = StringIO()
    with Reporter(stream) as reporter:
        for step in (1, 2, 3, 4):
            reporter.step(step=step, steps=4, loss=1.25, tokens_per_second=200.0, seconds_per_step=60.0)
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 1/4", "step 3/4", "step 4/4"]
    assert lines[0] == "step 1/4  loss 1.250  200 tokens/s  3 min left"


def test_a_message_is_printed_as_it_is_even_where_it_looks_like_markup() -> None:
    stream = StringIO()
    Reporter(stream).warn("run [red]x[/red] " + "long " * 60)
    assert stream.getvalue() == "Warning: run [red]x[/red] " + "long " * 60 + "\n"

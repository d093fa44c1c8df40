"""The benchmark of the sheet, where its browser is missing."""

from __future__ import annotations

import pytest

from benchmarks import bench_sheet
from tests.browser import shapes


def test_without_chromium_it_says_what_it_needs_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("playwright")
    monkeypatch.setattr(shapes, "find_chromium", lambda: None)
    bench_sheet.in_the_browser("http://localhost", b"")
    assert "not measured: needs Chromium" in capsys.readouterr().out

"""Datasets of these tests live in a directory of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings


@pytest.fixture
def root(settings: Settings, tmp_path: Path) -> Path:
    """The directory where this test's versions lie."""
    settings.WOOLGATHER_DATASETS = tmp_path / "datasets"
    return tmp_path / "datasets"

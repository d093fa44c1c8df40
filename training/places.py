"""Where this installation keeps datasets, runs and base models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class Places:
    """Where datasets, runs and base models are kept, and which dataset is meant when none is named."""

    datasets: Path
    runs: Path
    models: Path
    dataset_name: str


def places() -> Places:
    """Return the installation's own places, from the settings."""
    return Places(
        datasets=Path(settings.WOOLGATHER_DATASETS),
        runs=Path(settings.WOOLGATHER_RUNS),
        models=Path(settings.WOOLGATHER_MODELS),
        dataset_name=settings.WOOLGATHER_DATASET_NAME,
    )

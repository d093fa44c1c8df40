"""The training app: fine-tune a base model on a dataset version, and ask the result questions."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class TrainingConfig(AppConfig):
    """Reads exported dataset directories only; it never touches the collector's tables."""

    name = "training"
    label = "training"
    verbose_name = "Fine-tuning"

    def ready(self) -> None:
        """Let every process know how curves are made; ``jobs`` itself looks for modules called ``tasks`` only."""
        autodiscover_modules("curve_tasks")

"""The training app: fine-tune a base model on a dataset version, and ask the result questions."""

from __future__ import annotations

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Reads exported dataset directories only; it never touches the collector's tables."""

    name = "training"
    label = "training"
    verbose_name = "Fine-tuning"

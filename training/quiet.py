"""Keep the training libraries to this machine and off the terminal."""

from __future__ import annotations

import logging
import os
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def stay_offline(*, allow_hub: bool, trackers: Collection[str] = ()) -> None:
    """Set what the training libraries read at import: no telemetry, no hub unless it was asked for, little memory.

    ``trackers`` are those of ``--log-to``, which may send what they are told to wherever they were set up to.
    """
    # oneDNN keeps what it compiled for each shape of a product, a thousand by default. Rows have many lengths: over a
    # hundred steps of SmolLM2 that came to 3 GB. Compiling again costs no time that could be measured.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
    for name in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ[name] = "1"
    if "wandb" not in trackers:
        os.environ.update(WANDB_DISABLED="1", WANDB_MODE="disabled")
    if "mlflow" not in trackers:
        os.environ["DISABLE_MLFLOW_INTEGRATION"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if not allow_hub:
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["HF_DATASETS_OFFLINE"] = "1"


@contextmanager
def hushed() -> Iterator[None]:
    """Silence the libraries' bars, notices and warnings; errors still come through as exceptions."""
    import datasets
    import torch  # noqa: F401 - its import sets its loggers up anew
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.utils.logging.disable_progress_bar()
    # For good: torch still logs when the process ends, and would follow the application's own level.
    for name in ("trl", "peft", "accelerate", "torch", "bitsandbytes"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

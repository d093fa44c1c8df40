"""What this machine has, as far as a run needs to know."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

from .errors import TrainingError

LIBRARIES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
    "pyarrow",
    "bitsandbytes",
)
NEEDED = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "safetensors")


class TrainExtraMissingError(TrainingError):
    """torch or one of its companions is not installed."""


def require_train_extra() -> None:
    """Raise TrainExtraMissingError, with the command that installs it, where the extra is absent."""
    missing = [name for name in NEEDED if not _installed(name)]
    if missing:
        raise TrainExtraMissingError(
            f"The train extra is not installed ({', '.join(missing)} missing). Run `make train-deps`, then try again."
        )


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # a module that was put into sys.modules without a spec
        return False


def device_name() -> str:
    """Return "cuda" where torch sees a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def bf16_pays(device: str) -> bool:
    """Whether bf16 is faster than 32 bits here: GPUs that have it, processors with avx512_bf16 or AMX."""
    if device == "cuda":
        import torch

        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def peak_memory(device: str) -> dict[str, int]:
    """Return this process's highest memory use so far, in bytes: the machine's and, with one, the GPU's."""
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts bytes on macOS, KiB elsewhere
    peak = {"host_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device == "cuda":
        import torch

        peak["gpu_bytes"] = int(torch.cuda.max_memory_allocated())
    return peak


def free_memory(device: str) -> int:
    """Return how many bytes a new run could take: the GPU's free memory, or what the machine has available."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil  # part of the train extra

    return int(psutil.virtual_memory().available)


def describe(device: str) -> dict[str, Any]:
    """Return the facts about the machine that a reader of the run may want."""
    import torch

    facts: dict[str, Any] = {
        "device": device,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    if device == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(0)
    return facts


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n"):
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def library_versions() -> dict[str, str]:
    """Return the installed version of each library a run depends on."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found

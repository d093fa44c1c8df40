"""How large a model is, read from the headers of its safetensors files: no weight is loaded."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .base_models import BaseModelError

if TYPE_CHECKING:
    from pathlib import Path

WIDTHS = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1}


@dataclass(frozen=True)
class ModelSize:
    """A model's numbers. ``matrices`` are the weights of its linear layers, each an (out, in) shape."""

    parameters: int
    file_bytes: int
    matrices: tuple[tuple[int, int], ...]
    layers: int
    hidden: int
    vocabulary: int
    intermediate: int

    def adapter(self, rank: int) -> int:
        """Return how many weights LoRA of this rank adds: ``rank * (in + out)`` a matrix (Hu et al. 2021)."""
        return sum(rank * (rows + columns) for rows, columns in self.matrices)


def model_size(path: Path) -> ModelSize:
    """Read the size of the model in ``path``. Raises BaseModelError when its files cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BaseModelError(f"{path / 'config.json'} cannot be read. Copy the model again.") from error
    shapes: dict[str, list[int]] = {}
    size = 0
    for file in sorted(path.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy") as tensors:
                for name in tensors.keys():  # noqa: SIM118 - not a mapping
                    part = tensors.get_slice(name)
                    shapes[name] = part.get_shape()
                    size += math.prod(shapes[name]) * WIDTHS.get(part.get_dtype(), 4)
        except (OSError, SafetensorError) as error:
            raise BaseModelError(f"{file} cannot be read: {error}. Copy the model again.") from error
    text = config.get("text_config") or config
    return ModelSize(
        parameters=sum(map(math.prod, shapes.values())),
        file_bytes=size,
        matrices=tuple((shape[0], shape[1]) for name, shape in shapes.items() if _is_linear(name, shape)),
        layers=_number(text, "num_hidden_layers", "n_layer"),
        hidden=_number(text, "hidden_size", "n_embd"),
        vocabulary=_number(text, "vocab_size"),
        intermediate=_number(text, "intermediate_size", "n_inner") or 4 * _number(text, "hidden_size", "n_embd"),
    )


def _is_linear(name: str, shape: list[int]) -> bool:
    """Whether a tensor is a layer that LoRA is put beside: PEFT's "all-linear" leaves embeddings and head out."""
    apart = ("embed", "wte", "wpe", "lm_head", "norm", "output.weight")
    is_matrix = len(shape) == 2  # noqa: PLR2004
    return is_matrix and name.endswith(".weight") and not any(part in name for part in apart)


def _number(config: dict[str, Any], *names: str) -> int:
    return next((int(config[name]) for name in names if config.get(name)), 0)

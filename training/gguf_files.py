"""A model directory as one GGUF file, by llama.cpp's own converter."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from .errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "convert_hf_to_gguf.py"
VERSION = "VERSION"
# What the converter makes: 32 and 16 bits, 8 bits in blocks of 32, ternary (for models trained that way), or the 16
# bits nearest to what the weights were.
KINDS = ("f32", "f16", "bf16", "q8_0", "tq1_0", "tq2_0", "auto")
DEFAULT_KIND = "f16"


class GgufError(TrainingError):
    """There is no GGUF, or not one that answers as the run does."""


def converter_version(converter: Path) -> str:
    """Return what the converter calls itself. Raises GgufError, with what to do, where there is none."""
    if not (converter / SCRIPT).is_file():
        raise GgufError(
            f"llama.cpp's converter is not in {converter}. Run `make gguf-deps`, or name its place with --converter."
        )
    note = converter / VERSION
    return note.read_text(encoding="utf-8").strip() if note.is_file() else "of an unknown version"


def convert(model: Path, *, kind: str, name: str, converter: Path, into: Path) -> Path:
    """Write the model directory ``model`` as ``<name>-<kind>.gguf`` into ``into`` and return that file.

    Nothing is fetched, and nothing that came with a model is run: ``model`` is a directory that this app wrote.
    Raises GgufError with the converter's own last words.
    """
    converter_version(converter)
    done = subprocess.run(
        [
            sys.executable,
            str(converter.resolve() / SCRIPT),
            str(model),
            "--outtype",
            kind,
            "--outfile",
            str(into / f"{name}-{{ftype}}.gguf"),
            "--model-name",
            name,
        ],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    made = sorted(into.glob(f"{glob.escape(name)}-*.gguf"), key=lambda file: file.stat().st_mtime_ns)
    if done.returncode or not made:
        raise GgufError(
            f"llama.cpp's converter cannot write this model as {kind}: {_reason(done.stderr)} "
            "The model can be exported without --gguf."
        )
    return made[-1]


def _reason(said: str) -> str:
    """Return the last line that is a reason: the exception, or the converter's own last error."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:hf-to-gguf:") for line in lines if line.startswith("ERROR:")]
    last = (errors or lines or ["it said nothing."])[-1]
    if "BPE pre-tokenizer was not recognized" in last:
        last = "it does not know this tokenizer (BPE pre-tokenizer was not recognized)."
    return last[:300]

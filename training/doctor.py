"""``finetune doctor``: whether a run could work here, checked part by part without loading weights."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import hardware
from .base_models import BaseModel, find_base_model
from .dataset_files import find_dataset, verify
from .errors import TrainingError
from .loading import NO_BITSANDBYTES, load_tokenizer, try_four_bits
from .options import DEFAULT_SYSTEM, FinetuneOptions
from .prompts import Codec, PromptFormat, choose_format, end_tokens, prompt_tokens
from .quiet import hushed, stay_offline
from .sharding import require_library
from .weights import ModelSize, model_size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .places import Places

OK, WARNING, FAILED = "ok", "warning", "failed"
_NAMES = {"cpu": "processor", "cuda": "GPU"}
ROOM = 2**30  # bytes of disk that a small run, its checkpoints and its logs need beside the weights


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is (``ok``, ``warning`` or ``failed``), and the facts or what to do."""

    part: str
    state: str
    text: str


def examine(*, options: FinetuneOptions, places: Places, lock: Path) -> list[Finding]:
    """Look at everything a run with these options needs. Nothing is raised: what is wrong is a finding.

    ``lock`` is the file with the versions that were tested together.
    """
    found = [_data(options, places)]
    try:
        hardware.require_train_extra()
    except TrainingError as error:
        return [*found, Finding("libraries", FAILED, str(error))]
    stay_offline(allow_hub=bool(options.allow_hub))
    found.append(_libraries(lock))
    with hushed():
        device = hardware.device_name()
        found.append(_device(device))
        if options.method == "qlora":
            found.append(_four_bits(device))
        try:
            base = find_base_model(options.model, models=places.models, allow_hub=bool(options.allow_hub))
            size = model_size(base.path)
        except TrainingError as error:
            return [*found, Finding("model", FAILED, str(error))]
        found += [_model(base, size), _memory(size, options, device), _disk(size, places.runs), *_sharing(options)]
        try:
            codec = Codec(load_tokenizer(base.path))
            found.append(_tokenizer(codec, size))
            fmt = choose_format(
                codec,
                system=DEFAULT_SYSTEM if options.system is None else options.system,
                wanted=options.prompt_format or "auto",
            )
            found.append(_template(codec, fmt))
        except TrainingError as error:
            found.append(Finding("template", FAILED, str(error)))
    return found


def _data(options: FinetuneOptions, places: Places) -> Finding:
    try:
        dataset = find_dataset(options.dataset, root=places.datasets, default_name=places.dataset_name)
        verify(dataset)
    except TrainingError as error:
        return Finding("data", FAILED, str(error))
    rows = sum(int(file.get("rows", 0)) for file in dataset.files if file["path"].startswith("data/"))
    return Finding("data", OK, f"{dataset.name}/{dataset.version}, {rows:,} rows, every file as its manifest says")


def _libraries(lock: Path) -> Finding:
    installed = hardware.library_versions()
    tested = _locked(lock)
    other = [
        f"{name} {version} (tested: {tested[name]})"
        for name, version in installed.items()
        if name in tested and version.partition("+")[0] != tested[name]
    ]
    if other:
        return Finding("libraries", WARNING, f"{', '.join(other)}. `make train-deps` installs the tested ones.")
    extra = [name for name in ("bitsandbytes", "tensorboard") if _version(name)]
    beside = f"; beside them {', '.join(f'{name} {_version(name)}' for name in extra)}" if extra else ""
    return Finding("libraries", OK, ", ".join(f"{name} {version}" for name, version in installed.items()) + beside)


def _locked(lock: Path) -> dict[str, str]:
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError:
        return {}
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device(device: str) -> Finding:
    facts = hardware.describe(device)
    what = facts.get("gpu") or f"{facts['processor']}, {facts['threads']} threads"
    if device != "cpu":
        return Finding("device", OK, f"{what}, {'bf16' if hardware.bf16_pays(device) else '32 bits: no bf16 here'}")
    if hardware.bf16_pays(device):
        return Finding("device", OK, f"{what}; no GPU, but bf16 in the processor")
    return Finding("device", WARNING, f"{what}; no GPU and no bf16: small models only")


def _four_bits(device: str) -> Finding:
    """Whether a layer of four-bit weights works here, forwards and backwards."""
    version = _version("bitsandbytes")
    if version is None:
        return Finding("qlora", FAILED, NO_BITSANDBYTES)
    try:
        try_four_bits(device)
    except Exception as error:  # noqa: BLE001 - a library built for another machine fails in whatever way it likes
        why = (str(error).strip().split("\n") or [""])[0][:200] or type(error).__name__
        return Finding("qlora", FAILED, f"bitsandbytes {version} does not work here: {why}. Use --method lora.")
    slower = "" if device != "cpu" else "; on a processor it saves memory, not time: --method lora is faster"
    return Finding("qlora", OK, f"bitsandbytes {version}: 4-bit weights work on this {_NAMES[device]}{slower}")


def _model(base: BaseModel, size: ModelSize) -> Finding:
    text = (
        f"{base.id}: {size.parameters / 1e6:,.0f} million weights in safetensors, "
        f"licence {base.licence}, sha256 {base.sha256[:12]}"
    )
    return Finding("model", WARNING if base.licence == "unknown" else OK, text)


def _memory(size: ModelSize, options: FinetuneOptions, device: str) -> Finding:
    """Compare the least a run needs, without its activations, with what there is."""
    width = {"qlora": 1, "full": 16}.get(options.method or "lora", 4)
    holders = int(os.environ.get("WORLD_SIZE", "1")) if options.shard not in {None, "none"} else 1
    needed = width * size.parameters // holders
    there = hardware.free_memory(device)
    share = f" in each of {holders} processes" if holders > 1 else ""
    text = f"{needed / 1e9:.1f} GB for weights, gradients and optimizer{share}; {there / 1e9:.1f} GB free"
    if needed > there:
        return Finding("memory", FAILED, f"{text}. Choose a smaller model or --method qlora.")
    return Finding("memory", WARNING if needed > there / 2 else OK, text)


def _sharing(options: FinetuneOptions) -> list[Finding]:
    """Say whether the model could be shared out as asked, where it was asked for."""
    if options.shard in {None, "none"}:
        return []
    try:
        require_library(options.shard)
    except TrainingError as error:
        return [Finding("sharing", FAILED, str(error))]
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        start = "start it with `accelerate launch --num-processes N manage.py finetune …` or torchrun"
        return [Finding("sharing", WARNING, f"{options.shard} can be used here, over several processes: {start}")]
    return [Finding("sharing", OK, f"{options.shard} over {count} processes")]


def _disk(size: ModelSize, runs: Path) -> Finding:
    place = next(path for path in (runs, *runs.parents) if path.exists())
    free = shutil.disk_usage(place).free
    needed = 4 * size.parameters + ROOM
    text = f"{free / 1e9:.1f} GB free under {runs}"
    if free < needed:
        return Finding("disk", WARNING, f"{text}; a run may need {needed / 1e9:.1f} GB")
    return Finding("disk", OK, text)


def _tokenizer(codec: Codec, size: ModelSize) -> Finding:
    tokenizer: Any = codec.tokenizer
    end = codec.end_of_text  # raises where there is none
    text = f"{len(tokenizer):,} tokens, {len(codec.control_ids)} of them control tokens, end {_named(tokenizer, [end])}"
    if size.vocabulary and len(tokenizer) > size.vocabulary:
        return Finding("tokenizer", FAILED, f"{text}, but the model knows only {size.vocabulary:,}: not its tokenizer")
    return Finding("tokenizer", OK, text)


def _template(codec: Codec, fmt: PromptFormat) -> Finding:
    """Try the format on a question that holds every control token as a person's words."""
    hostile = " ".join(codec.tokenizer.decode([number]) for number in sorted(codec.control_ids))
    allowed = sum(number in codec.control_ids for number in prompt_tokens(codec, fmt, instruction="Why?"))
    found = sum(number in codec.control_ids for number in prompt_tokens(codec, fmt, instruction=f"Why? {hostile}"))
    if found != allowed:
        return Finding("template", FAILED, "people's words can become control tokens; use another model")
    end = _named(codec.tokenizer, end_tokens(codec, fmt))
    return Finding("template", OK, f"{fmt.name}; a response ends with {end}; people's words stay words")


def _named(tokenizer: Any, ids: Iterable[int]) -> str:
    return " ".join(repr(tokenizer.decode([number])) for number in ids)

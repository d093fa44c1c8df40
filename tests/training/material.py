"""Material for the training tests: a dataset version on disk, a tiny model with its own tokenizer."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

CHATML = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are somebody else.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ANIMALS = (
    "otter",
    "heron",
    "badger",
    "newt",
    "lynx",
    "wren",
    "stoat",
    "hare",
    "toad",
    "swift",
    "vole",
    "carp",
)
PLACES = ("river", "marsh", "wood", "pond", "ridge", "hedge", "meadow", "shore")


def record(number: int, **changes: Any) -> dict[str, Any]:
    """Return one record; its text depends on ``number`` alone."""
    animal, place = ANIMALS[number % len(ANIMALS)], PLACES[number % len(PLACES)]
    values: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"record-{number}")),
        "instruction": f"Where does the {animal} number {number} live?",
        "context": f"The {animal} lives by the {place}." if number % 3 == 0 else "",
        "response": f"It lives by the {place}.",
        "category": "closed_qa" if number % 3 == 0 else "open_qa",
        "language": "en",
        "campaign": "Animals",
        "licence": "CC-BY-SA-4.0",
        "source_title": "",
        "source_url": "",
        "contributor": "c-0001",
        "revision": 1,
        "approvals": 1,
        "approved_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    return {**values, **changes}


def make_version(
    root: Path, splits: dict[str, list[dict[str, Any]]], *, name: str = "animals", number: int = 1
) -> Path:
    """Write ``<root>/<name>/v<number>/`` with the given splits and a true manifest; return its path."""
    import pyarrow as pa
    from pyarrow import parquet

    path = root / name / f"v{number}"
    (path / "data").mkdir(parents=True)
    files = []
    for split, rows in splits.items():
        file = path / "data" / f"{split}-00000-of-00001.parquet"
        parquet.write_table(pa.Table.from_pylist(rows, schema=None if rows else _schema()), file)
        files.append(
            {
                "path": f"data/{file.name}",
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "bytes": file.stat().st_size,
                "rows": len(rows),
            }
        )
    manifest = {
        "name": name,
        "version": f"v{number}",
        "licence": "CC-BY-SA-4.0",
        "files": files,
        "splits": {split: len(rows) for split, rows in splits.items()},
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def _schema() -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist([record(0)]).schema


def make_tokenizer(path: Path, *, chat: bool = True, added: tuple[str, ...] = ("<think>",)) -> Any:
    """Train a byte-level BPE tokenizer on the records' words and save it; return it loaded.

    ``<|im_start|>`` and ``<|im_end|>`` are special; ``added`` are tokens that are not marked special.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = [f"{row['instruction']} {row['context']} {row['response']}" for row in map(record, range(60))]
    tokenizer.train_from_iterator([*words, "system user assistant Context: ### Instruction: Response:"], trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    wrapped.add_tokens([AddedToken(text, special=False, normalized=False) for text in added])
    wrapped.chat_template = CHATML if chat else None
    wrapped.save_pretrained(path)
    return AutoTokenizer.from_pretrained(path, local_files_only=True)


def make_model(path: Path, *, chat: bool = True) -> Path:
    """Write a Llama of two narrow layers with random weights and its own tokenizer to ``path``."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    path.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(path, chat=chat)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    return path


def make_run(root: Path, name: str = "first", *, steps: int = 4, done: int = 4, **facts: Any) -> Path:
    """Write ``<root>/<name>/`` as a run that did ``done`` of ``steps`` updates leaves it; return its path."""
    path = root / name
    path.mkdir(parents=True)
    losses = {"loss": 2.5, "by_category": {"closed_qa": 2.0, "open_qa": 3.0}, "perplexity": 12.18, "rows": 4}
    said: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "run": name,
        "status": "complete" if done == steps else "running",
        "created_at": "2026-01-02T03:04:05+00:00",
        "updated_at": "2026-01-02T03:09:05+00:00",
        "dataset": {"name": "animals", "version": "v1", "licences": ["CC-BY-SA-4.0"]},
        "base_model": {"id": "company/tiny"},
        "settings": {"method": "lora", "steps": steps, "lora_r": 16},
        "rows": {"read": 120, "trained_on": 118, "dropped": {"too_long": 2}, "truncated": 0},
        "machine": {"processor": "A processor", "gpu": None},
        "versions": {"torch": "2.13.0"},
        "warnings": [],
        "estimate": {"tokens": 4000, "tokens_per_second": 250.0, "seconds": 16.0, "memory_bytes": 4e9, "cost": None},
        "loss_before": 2.5,
        "error": None,
    }
    if done == steps:
        after = {**losses, "loss": 2.25, "perplexity": 9.49}
        said |= {"loss_after": 2.25, "loss": {"before": losses, "after": after}, "kept_step": steps, "steps": steps}
        said |= {"tokens_per_second": 260.0, "tokens_trained": 4000, "train_seconds": 15.4}
        said |= {"peak_memory": {"host_bytes": 3_900_000_000}, "cost": 0.25, "price_per_hour": 3.0}
    (path / "run.json").write_text(json.dumps({**said, **facts}))
    metrics = [
        {
            "step": step,
            "loss": 3.0 - step / 10,
            "learning_rate": 1e-4,
            "gradient_norm": 1.0,
            "tokens": step * 1000,
            "seconds": step * 4.0,
        }
        for step in range(1, done + 1)
    ]
    evaluations = [{"step": 0, **losses}]
    evaluations += [{**losses, "step": done, "loss": 2.25}] if done == steps else []
    samples = [
        {
            "id": f"q-{number}",
            "source": "battery",
            "category": ("closed_qa", "open_qa")[number % 2],
            "instruction": f"Where does the {animal} live?",
            "context": "",
            "reference": "",
            "before": "I don't know.",
            "before_tokens": 4,
            "steps": [{"step": 2, "response": "By the pond."}] if number < 1 and done > 1 else [],
            **({"after": "By the river.", "after_tokens": 4} if done == steps else {}),
        }
        for number, animal in enumerate(ANIMALS[:10])
    ]
    for file, lines in (("metrics", metrics), ("evaluations", evaluations), ("samples", samples)):
        (path / f"{file}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path

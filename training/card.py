"""README.md of a run: a model card a stranger can judge the model by."""

from __future__ import annotations

import json
from typing import Any

CODE_LICENCE = "Apache-2.0"
SHOWN_CHARACTERS = 600


def model_card(facts: dict[str, Any], samples: list[dict[str, Any]]) -> str:
    """Return the card of a finished run from its run.json and its answers before and after."""
    parts = [
        _front(facts),
        _summary(facts),
        _results(facts),
        _samples(samples),
        _data(facts),
        _licences(facts),
    ]
    return "\n\n".join([*parts, _limits(facts), _again(facts)]) + "\n"


def _front(facts: dict[str, Any]) -> str:
    base, data = facts["base_model"], facts["dataset"]
    lines = ["---", "library_name: " + ("peft" if facts["settings"]["method"] == "lora" else "transformers")]
    if base["source"] != "directory":
        lines.append(f"base_model: {json.dumps(base['id'])}")
    lines += [
        "pipeline_tag: text-generation",
        "tags:",
        "- woolgather",
        "- sft",
        f"- {facts['settings']['method']}",
    ]
    lines += [f"model_name: {json.dumps(facts['run'], ensure_ascii=False)}"]
    lines += [
        f"dataset_version: {json.dumps(data['name'] + '/' + data['version'], ensure_ascii=False)}",
        "---",
    ]
    return "\n".join(lines)


def _summary(facts: dict[str, Any]) -> str:
    base, data, settings = facts["base_model"], facts["dataset"], facts["settings"]
    how = f"LoRA of rank {settings['lora_r']}" if settings["method"] == "lora" else "all weights"
    origin = f"{base['id']}, fine-tuned ({how}) on {data['name']}/{data['version']}"
    lines = [f"# {facts['run']}", "", f"{origin}: instructions and responses written and reviewed by people."]
    lines += [f"\n> **Take care.** {warning}" for warning in facts["warnings"]]
    return "\n".join(lines)


def _results(facts: dict[str, Any]) -> str:
    before, after = facts["loss"]["before"], facts["loss"]["after"]
    held_out = facts["dataset"]["held_out"]
    lines = [
        "## Evaluation",
        "",
        f"Mean loss per answer token (nats) on {after['rows']} held-out rows, {after['tokens']} tokens.",
        f"They come from {held_out['how']}.",
        "",
        "| | before | after |",
        "| --- | ---: | ---: |",
        f"| all | {before['loss']:.4f} | {after['loss']:.4f} |",
    ]
    for category, loss in after["by_category"].items():
        earlier = before["by_category"].get(category)
        lines.append(f"| {category} | {'' if earlier is None else format(earlier, '.4f')} | {loss:.4f} |")
    lines += [f"| perplexity | {before['perplexity']:.2f} | {after['perplexity']:.2f} |", ""]
    peak = facts["peak_memory"]
    memory = f"{peak['host_bytes'] / 1e9:.1f} GB"
    if "gpu_bytes" in peak:
        memory += f" (GPU {peak['gpu_bytes'] / 1e9:.1f} GB)"
    machine = facts["machine"].get("gpu") or facts["machine"]["processor"]
    lines.append(
        f"{facts['steps']} steps, {facts['tokens_trained']:,} tokens at {facts['tokens_per_second']:,.0f} tokens/s "
        f"(padding not counted) on {machine}; {facts['duration_seconds'] / 60:.1f} minutes in all; "
        f"peak memory {memory}."
    )
    return "\n".join(lines)


def _samples(samples: list[dict[str, Any]]) -> str:
    lines = [
        "## Samples",
        "",
        "Held-out questions, always taking the likeliest token. All of them: samples.jsonl.",
    ]
    for sample in samples[:3]:
        lines += ["", f"**{sample['category']}**"]
        for label, key in (("Question", "instruction"), ("Before", "before"), ("After", "after")):
            lines += ["", f"{label}:", "", *_quoted(sample[key])]
    if not samples:
        lines += ["", "None: no held-out question was short enough."]
    return "\n".join(lines)


def _quoted(text: str) -> list[str]:
    """Return the text as an indented block, which shows whatever it contains as it is."""
    short = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"
    return [f"    {line}" for line in short.split("\n")]


def _data(facts: dict[str, Any]) -> str:
    data, rows = facts["dataset"], facts["rows"]
    lines = [
        "## Data",
        "",
        f"- Version: {data['name']}/{data['version']}, manifest sha256 `{data['manifest_sha256']}`",
        f"- Trained on {rows['trained_on']} of {rows['read']} rows; held out: {data['held_out']['how']}",
    ]
    for reason, count in rows["dropped"].items():
        lines.append(f"- {count} rows left out ({reason.replace('_', ' ')}); their ids: dropped.jsonl")
    return "\n".join(lines)


def _licences(facts: dict[str, Any]) -> str:
    base, data = facts["base_model"], facts["dataset"]
    return "\n".join(
        [
            "## Licences",
            "",
            f"- Data: {', '.join(data['licences']) or 'not stated'} ({data['name']}/{data['version']})",
            f"- Base model: {base['licence']} ({base['id']})",
            f"- Code that trained it: {CODE_LICENCE} (Woolgather)",
            "",
            "Each holds for its own part; what follows for the whole is for whoever publishes it to settle.",
        ]
    )


def _limits(facts: dict[str, Any]) -> str:
    return "\n".join(
        [
            "## Limits",
            "",
            "The model can state falsehoods with confidence and repeats biases of its base model and its data.",
            "It was measured by its loss on held-out rows, not for safety, truth or any particular use.",
            f"Rows longer than {facts['settings']['max_length']} tokens were not trained.",
        ]
    )


def _again(facts: dict[str, Any]) -> str:
    base = facts["base_model"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return "\n".join(
        [
            "## Making it again",
            "",
            "All settings, the seed and the prompt format are in run.json.",
            f"Base model: {base['id']} from {base['source']}, sha256 `{base['sha256']}`.",
            f"Libraries: {versions}.",
            "",
            f'    python manage.py generate --model {facts["run"]} --prompt "…"',
        ]
    )

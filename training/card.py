"""README.md of a run: a model card a stranger can judge the model by."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from .battery import BATTERY, HELD_OUT
from .estimate import duration

CODE_LICENCE = "Apache-2.0"
SHOWN_CHARACTERS = 600
SHOWN_SAMPLES = 5


def model_card(facts: dict[str, Any], samples: list[dict[str, Any]]) -> str:
    """Return the card of a finished run from its run.json and its answers before and after."""
    parts = [
        _front(facts),
        _summary(facts),
        _results(facts),
        _samples(samples, limit=facts["settings"].get("sample_tokens")),
        _data(facts),
        _licences(facts),
    ]
    return "\n\n".join([*parts, _limits(facts), _again(facts)]) + "\n"


def _front(facts: dict[str, Any]) -> str:
    base, data = facts["base_model"], facts["dataset"]
    lines = ["---", "library_name: " + ("transformers" if facts["settings"]["method"] == "full" else "peft")]
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
    names = {"lora": f"LoRA of rank {settings['lora_r']}", "qlora": f"QLoRA of rank {settings['lora_r']}"}
    how = names.get(settings["method"], "all weights")
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
    counts = after.get("rows_by_category") or {}
    for category, loss in after["by_category"].items():
        earlier = before["by_category"].get(category)
        rows = counts.get(category)
        name = category if rows is None else f"{category}, {rows} {'row' if rows == 1 else 'rows'}"
        lines.append(f"| {name} | {'' if earlier is None else format(earlier, '.4f')} | {loss:.4f} |")
    lines += [f"| perplexity | {before['perplexity']:.2f} | {after['perplexity']:.2f} |", ""]
    kept = facts.get("kept_step", facts["steps"])
    if kept != facts["steps"]:
        lines += [
            (
                f"The weights are those of step {kept}, where the loss on these same rows was lowest "
                "(early stopping), which flatters the figure a little."
            ),
            "",
        ]
    lines += _lengths(facts.get("lengths") or {})
    machine = facts["machine"].get("gpu") or facts["machine"]["processor"]
    lines += [f"{_training(facts)} on {machine}.", "", *_effort(facts)]
    return "\n".join(lines)


def _training(facts: dict[str, Any]) -> str:
    """Return how much was trained, as runs of all releases know it."""
    settings = facts["settings"]
    if "batch_size" not in settings:
        return f"{facts['steps']} steps"
    rows = settings["batch_size"] * settings["gradient_accumulation"]
    return f"{facts['steps']} steps of {rows} rows, at a learning rate of up to {settings['learning_rate']:g},"


def _seen(facts: dict[str, Any]) -> str:
    """Return how many of the rows were seen, where a run ended before it had seen all; else an empty text."""
    settings = facts["settings"]
    if "batch_size" not in settings:
        return ""
    seen = facts["steps"] * settings["batch_size"] * settings["gradient_accumulation"]
    if seen >= facts["rows"]["trained_on"]:
        return ""
    return f", of which {seen} were seen: the run ended before the first pass over them did"


def _lengths(lengths: dict[str, dict[str, float]]) -> list[str]:
    """Return how long responses are: a model that learnt the style of its data comes near to it."""
    names = {"data": "what people wrote", "before": "the model before", "after": "the model after"}
    rows = [
        f"| {names[name]} | {found['p10']:.0f} | {found['p50']:.0f} | {found['p90']:.0f} | {found['cut']:.0%} |"
        for name, found in lengths.items()
    ]
    if not rows:
        return []
    return [
        "Length of responses in tokens. A sample answer is cut off at a limit, and no response is counted beyond it:",
        "",
        "| | a tenth is shorter than | half | nine tenths | cut off there |",
        "| --- | ---: | ---: | ---: | ---: |",
        *rows,
        "",
    ]


def _effort(facts: dict[str, Any]) -> list[str]:
    """Return the table of what the run took, beside what was thought before it began."""
    peak = facts["peak_memory"]
    made = facts.get("estimate") or {}
    speed = f"{facts['tokens_per_second']:,.0f}"
    rows = [
        ("tokens, padding not counted", made and f"{made['tokens']:,}", f"{facts['tokens_trained']:,}"),
        ("tokens a second", made and f"{made['tokens_per_second']:,.0f}", speed),
        ("training", made and duration(made["seconds"]), duration(facts["train_seconds"])),
        ("all, with loading, measuring and samples", "", duration(facts["duration_seconds"])),
        (
            "peak memory" + (" of the GPU" if "gpu_bytes" in peak else ""),
            made and f"{made['memory_bytes'] / 1e9:.1f} GB",
            f"{peak.get('gpu_bytes', peak['host_bytes']) / 1e9:.1f} GB",
        ),
    ]
    if facts.get("cost") is not None:
        rows.append(
            (f"cost, at {facts['price_per_hour']:g} an hour", made and f"{made['cost']:.2f}", f"{facts['cost']:.2f}")
        )
    lines = ["| | estimated | measured |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {before or ''} | {after} |" for name, before, after in rows]
    if made:
        lines += ["", f"The speed was estimated from {made['speed_from']}."]
    return lines


def _samples(samples: list[dict[str, Any]], *, limit: int | None) -> str:
    cut = f", at most {limit} tokens" if limit else ""
    lines = ["## Samples", "", f"Always the likeliest token{cut}. All of them: samples.jsonl{_sources(samples)}."]
    for sample in _shown(samples):
        lines += ["", f"**{sample['category'] or 'no category'}**"]
        parts = [("Question", "instruction"), ("Context", "context"), ("Before", "before"), ("After", "after")]
        for label, key in parts:
            if sample.get(key):
                lines += ["", f"{label}:", "", *_quoted(sample[key])]
    if not samples:
        lines += ["", "None: no question was short enough."]
    return "\n".join(lines)


def _sources(samples: list[dict[str, Any]]) -> str:
    counts = Counter(sample.get("source", HELD_OUT) for sample in samples)
    parts = [f"{counts[HELD_OUT]} held-out questions" if counts[HELD_OUT] else "", ""]
    parts[1] = f"{counts[BATTERY]} of the battery" if counts[BATTERY] else ""
    said = " and ".join(filter(None, parts))
    return f" ({said})" if said else ""


def _shown(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return five samples of as many categories, from the battery where there is one."""
    chosen = [sample for sample in samples if sample.get("source") == BATTERY] or samples
    first = {sample["category"]: sample for sample in reversed(chosen)}
    spread = [sample for sample in chosen if first[sample["category"]] is sample]
    return [*spread, *(sample for sample in chosen if sample not in spread)][:SHOWN_SAMPLES]


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
        f"- Trained on {rows['trained_on']} of {rows['read']} rows{_seen(facts)}",
        f"- Held out: {data['held_out']['how']}",
    ]
    if rows.get("truncated"):
        lines.append(f"- {rows['truncated']} responses cut at the length limit; their ids: truncated.jsonl")
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
            _too_long(facts["settings"]),
        ]
    )


def _too_long(settings: dict[str, Any]) -> str:
    limit = settings["max_length"]
    if settings.get("too_long") == "truncate":
        return f"Responses were cut where a row had more than {limit} tokens."
    return f"Rows longer than {limit} tokens were not trained."


def _again(facts: dict[str, Any]) -> str:
    base = facts["base_model"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return "\n".join(
        [
            "## Making it again",
            "",
            "`finetune --config run.yaml` makes it again; the prompt format and the facts are in run.json.",
            f"Base model: {base['id']} from {base['source']}, sha256 `{base['sha256']}`.",
            f"Libraries: {versions}.",
            "",
            f'    python manage.py generate --model {facts["run"]} --prompt "…"',
        ]
    )

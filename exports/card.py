"""``README.md`` of a version: the Hugging Face dataset card, front matter and prose."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exports.composition import sentence
from exports.licences import facts
from exports.papers import escaped
from exports.schema import COLUMNS, arrow_type_name
from exports.splits import SPLITS
from exports.writers.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exports.composition import Counts
    from exports.release import Release
    from exports.writers.parquet import Size

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
)
# The hub's tasks that the eight categories amount to.
MUCH_FROM_ONE = 0.2  # of the records: the card warns
TASKS = {
    "classification": "text-classification",
    "closed_qa": "question-answering",
    "open_qa": "question-answering",
    "general_qa": "question-answering",
    "summarization": "summarization",
}
COLUMN_NOTES = {
    "id": "the record's own id, the same in every version",
    "instruction": "what is asked",
    "context": "the text to work from; empty where there is none",
    "response": "the answer that reviewers approved",
    "category": "the kind of task",
    "language": "BCP 47",
    "campaign": "the drive in which it was written",
    "licence": "SPDX identifier of this record's licence",
    "source_title": "title of the source; empty where there is none",
    "source_url": "its address; empty where there is none",
    "contributor": "a pseudonym, stable within the installation",
    "revision": "which revision of the text this is",
    "approvals": "how many reviewers approved this revision; 0 for an import that came approved",
    "approved_at": "when it was approved, UTC",
}


def render(*, release: Release, counts: Counts, sizes: Mapping[str, Size], notes: Sequence[str]) -> str:
    """Return the card; ``sizes`` are those of the splits' Parquet data, in bytes."""
    return f"---\n{_front_matter(release, counts, sizes)}---\n\n{_prose(release, counts, notes)}"


def size_category(rows: int) -> str:
    """Return the hub's size category for a number of rows."""
    return next((name for limit, name in SIZES if rows < limit), "100M<n<1B")


def _text(value: str) -> str:
    # A JSON string is a YAML double-quoted scalar, and nothing in it can end the front matter. YAML counts
    # U+2028, U+2029 and U+0085 as ends of line, hence plain ASCII.
    return json.dumps(value)


def _front_matter(release: Release, counts: Counts, sizes: Mapping[str, Size]) -> str:
    lines: list[str] = [f"pretty_name: {_text(f'{release.name} {release.version}')}"]

    def listing(key: str, values: Sequence[str]) -> None:
        lines.append(f"{key}:")
        lines.extend(f"- {_text(value)}" for value in values)

    listing("language", sorted({language.split("-")[0].lower() for language in counts["languages"]}))
    hub_licences = sorted({facts(spdx).hub for spdx in counts["licences"]})
    if len(hub_licences) == 1:
        lines.append(f"license: {hub_licences[0]}")
        if hub_licences[0] == "other":
            lines += [f"license_name: {_text(release.licence.lower())}", "license_link: LICENSE"]
    else:
        listing("license", hub_licences)
    listing(
        "task_categories", sorted({"text-generation", *(TASKS[name] for name in counts["categories"] if name in TASKS)})
    )
    listing("size_categories", [size_category(release.rows)])
    listing("tags", ["instruction-tuning", "human-written", "woolgather"])
    splits = [split for split in SPLITS if release.splits.get(split)]
    lines += ["dataset_info:", "- config_name: default", "  features:"]
    for column in COLUMNS:
        lines += [f"  - name: {column}", f"    dtype: {_text(arrow_type_name(column))}"]
    lines.append("  splits:")
    for split in splits:
        lines += [
            f"  - name: {split}",
            f"    num_bytes: {sizes[split].in_memory}",
            f"    num_examples: {release.splits[split]}",
        ]
    lines.append(f"  download_size: {sum(size.on_disk for size in sizes.values())}")
    lines.append(f"  dataset_size: {sum(size.in_memory for size in sizes.values())}")
    # One configuration: the hub's reader takes all of a dataset's configurations for files of one kind.
    lines += ["configs:", "- config_name: default", "  default: true", "  data_files:"]
    for split in splits:
        lines += [f"  - split: {split}", f"    path: data/{split}-*.parquet"]
    return "\n".join(lines) + "\n"


def _prose(release: Release, counts: Counts, notes: Sequence[str]) -> str:
    about = release.about
    parts = [f"# {release.name} {release.version}\n"]
    if about.get("demonstration"):
        parts.append(
            "> **Demonstration data**: invented people and pairs that show the product. Don't train on it in earnest.\n"
        )
    parts.append(
        f"{sentence(counts)}: instructions with responses. It was frozen on "
        f"{release.frozen_at:%d %B %Y} and holds {release.filter.in_words()}. "
        f"Its licence is {facts(release.licence).name} "
        f"(`{release.licence}`); LICENSE says whom to name.{_semantic(release)}\n"
    )
    parts += [
        _composition(release, counts, notes),
        _columns(release),
        _collection(release, counts),
        _limits(release, counts),
    ]
    return "\n".join(parts)


def _semantic(release: Release) -> str:
    if "semantic_version" not in release.about:
        return ""
    return f" Its semantic version is {release.semantic_version}; CHANGES.md says what that means."


def _composition(release: Release, counts: Counts, notes: Sequence[str]) -> str:
    splits = [split for split in SPLITS if release.splits.get(split)]
    head = ["category", *splits, "rows", "share", "median words: instruction", "context", "response"]
    lines = ["## Composition\n", f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for name, figures in counts["categories"].items():
        cells = [
            f"`{name}`",
            *(f"{figures['splits'].get(split, 0):,}" for split in splits),
            f"{figures['rows']:,}",
            f"{figures['rows'] / counts['rows']:.1%}",
            *(_median(figures[key]) for key in ("instruction_words", "context_words", "response_words")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    total = ["**all**", *(f"{release.splits[split]:,}" for split in splits), f"{counts['rows']:,}", "100 %", "", "", ""]
    lines.append(f"| {' | '.join(total)} |")
    lines += ["", f"Splits: {release.split_rule}", *(f"\n{note}" for note in notes)]
    lines += [
        "",
        (
            f"{counts['with_context']:,} records have a context. The largest contribution by one contributor is "
            f"{counts['largest_contribution'] / counts['rows']:.1%} of the records."
        ),
    ]
    lines += _left_out(release.about.get("left_out", {}))
    for title, key in (("Languages", "languages"), ("Campaigns", "campaigns"), ("Licences", "licences")):
        values: dict[str, Any] = counts[key]  # type: ignore[literal-required]  # the three keys just above
        lines.append(f"{title}: {', '.join(f'`{name}` {rows:,}' for name, rows in values.items())}.")
    return "\n".join(lines) + "\n"


LEFT_OUT = {
    "exact_duplicate": "equal to another record",
    "near_duplicate": "near-duplicates of another record",
    "contributor": "above the most from one contributor",
    "budget": "beyond their category's budget of words",
    "straddles": "near to records in two splits",
}


def _left_out(reasons: Mapping[str, int]) -> list[str]:
    if not reasons:
        return []
    parts = [f"{reasons[reason]:,} {words}" for reason, words in LEFT_OUT.items() if reasons.get(reason)]
    return [f"Left out of what the filter chose: {', '.join(parts)}.", ""]


def _median(words: float) -> str:
    return f"{words:,.0f}" if words else "–"


def _columns(release: Release) -> str:
    lines = [
        "## Files and columns\n",
        "- `data/`: Parquet, every column; what `datasets.load_dataset` on this directory reads",
        "- `jsonl/`: the same, one JSON object a line",
    ]
    lines += [f"- `{name}/`: {FORMATS[name]}" for name in sorted(release.formats)]
    lines += [
        "- `manifest.json`: filter, counts, and the sha256 of every file",
        "- `CHANGES.md`: what changed since the parent version",
    ]
    lines += ["", "| column | type | |", "| --- | --- | --- |"]
    lines += [f"| `{column}` | {arrow_type_name(column)} | {COLUMN_NOTES[column]} |" for column in COLUMNS]
    lines += ["", "No column is ever null. Texts are exactly as written; only CR LF became LF."]
    return "\n".join(lines) + "\n"


def _collection(release: Release, counts: Counts) -> str:
    lines = ["## How it was collected\n"]
    lines.append(
        "Contributors wrote each pair in their own words, under terms that exclude generated text and confidential or "
        "personal data. A reviewer other than the author approved the revision that stands here; imported records "
        "came from the source "
        "that they name, and `approvals` is 0 where the import itself vouched for them."
    )
    campaigns = [entry for entry in release.about.get("campaigns", []) if entry["slug"] in counts["campaigns"]]
    for campaign in campaigns:
        lines += [
            "",
            (
                f"**{escaped(campaign['name'])}** (`{campaign['slug']}`, "
                f"{counts['campaigns'][campaign['slug']]:,} records)."
            ),
        ]
        if campaign.get("description"):
            lines.append(escaped(campaign["description"]))
    categories = [entry for entry in release.about.get("categories", []) if entry["slug"] in counts["categories"]]
    if categories:
        lines += ["", "What was asked of each category:", ""]
        lines += [
            f"- **{escaped(entry['name'])}** (`{entry['slug']}`)"
            + (f": {escaped(entry['tagline'])}" if entry.get("tagline") else "")
            for entry in categories
        ]
    return "\n".join(lines) + "\n"


def _twins(release: Release) -> str:
    if "near" not in release.about:
        return (
            "- Equal prompts share a split, but near-duplicates (other words, same question) are not looked for: "
            "scores on the test split may flatter."
        )
    return (
        "- Near-duplicates are found by the letters of their instructions (Jaccard index of four-letter runs from "
        f"{release.about['near']}, and much the same context): the same question in quite other words can still lie "
        "in two splits."
    )


def _limits(release: Release, counts: Counts) -> str:
    lines = [
        "## Known limits\n",
        "- Reviewers judge what they can see; facts may be wrong or out of date.",
        _twins(release),
    ]
    if counts["contributors"] and counts["largest_contribution"] / counts["rows"] > MUCH_FROM_ONE:
        lines.append("- One contributor, or one import, wrote more than a fifth of the records; their style will show.")
    if len(counts["languages"]) == 1:
        lines.append(f"- One language only (`{next(iter(counts['languages']))}`).")
    return "\n".join(lines) + "\n"

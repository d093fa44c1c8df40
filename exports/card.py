"""``README.md`` of a version: the Hugging Face dataset card, front matter and prose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from exports.card_collection import collection
from exports.card_front import front_matter
from exports.composition import is_much_from_one, sentence
from exports.licences import facts
from exports.schema import COLUMNS, arrow_type_name
from exports.splits import SPLITS
from exports.writers.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exports.composition import Counts
    from exports.release import Release
    from exports.writers.lanes import Sizes

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


Pictures = Iterable[tuple[str, str]]
"""Paths of plots beside the card, each with what it shows in words."""


def render(*, release: Release, counts: Counts, sizes: Sizes, notes: Sequence[str], pictures: Pictures = ()) -> str:
    """Return the card; ``sizes`` are those of the splits' Parquet data, in bytes."""
    return f"---\n{front_matter(release, counts, sizes)}---\n\n{_prose(release, counts, notes, pictures)}"


def _prose(release: Release, counts: Counts, notes: Sequence[str], pictures: Pictures) -> str:
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
        _composition(release, counts, notes, pictures),
        _columns(release),
        collection(release, counts),
        _limits(release, counts),
    ]
    return "\n".join(parts)


def _semantic(release: Release) -> str:
    if "semantic_version" not in release.about:
        return ""
    return f" Its semantic version is {release.semantic_version}; CHANGES.md says what that means."


def _composition(release: Release, counts: Counts, notes: Sequence[str], pictures: Pictures) -> str:
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
    lines += [line for path, told in pictures for line in ("", f"![{told}]({path})")]
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


def _configurations(release: Release) -> list[str]:
    if release.papers == 1:
        return []
    lines = ["- `plots/`: the composition as pictures"]
    if release.configurations:
        name = release.configurations[0]
        lines.append(f'- each format is a configuration, too: `load_dataset(path, "{name}")` reads `{name}/*.parquet`')
    return lines


def _columns(release: Release) -> str:
    lines = [
        "## Files and columns\n",
        "- `data/`: Parquet, every column; what `datasets.load_dataset` on this directory reads",
        "- `jsonl/`: the same, one JSON object a line",
    ]
    lines += [f"- `{name}/`: {FORMATS[name]}" for name in sorted(release.formats)]
    lines += [
        *_configurations(release),
        "- `manifest.json`: filter, counts, and the sha256 of every file",
        "- `CHANGES.md`: what changed since the parent version",
    ]
    lines += ["", "| column | type | |", "| --- | --- | --- |"]
    lines += [f"| `{column}` | {arrow_type_name(column)} | {COLUMN_NOTES[column]} |" for column in COLUMNS]
    lines += ["", "No column is ever null. Texts are exactly as written; only CR LF became LF."]
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
    if is_much_from_one(counts):
        lines.append("- One contributor, or one import, wrote more than a fifth of the records; their style will show.")
    if len(counts["languages"]) == 1:
        lines.append(f"- One language only (`{next(iter(counts['languages']))}`).")
    return "\n".join(lines) + "\n"

"""The front matter of a dataset card: the YAML that the Hugging Face hub and `datasets` read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exports.licences import facts
from exports.schema import COLUMNS, arrow_type_name
from exports.splits import SPLITS
from exports.writers.formats import schema_of
from exports.writers.lanes import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from exports.composition import Counts
    from exports.release import Release
    from exports.writers.lanes import Sizes

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
)
# The hub's tasks that the eight categories amount to.
TASKS = {
    "classification": "text-classification",
    "closed_qa": "question-answering",
    "open_qa": "question-answering",
    "general_qa": "question-answering",
    "summarization": "summarization",
}


def size_category(rows: int) -> str:
    """Return the hub's size category for a number of rows."""
    return next((name for limit, name in SIZES if rows < limit), "100M<n<1B")


def _text(value: str) -> str:
    # A JSON string is a YAML double-quoted scalar, and nothing in it can end the front matter. YAML counts
    # U+2028, U+2029 and U+0085 as ends of line, hence plain ASCII.
    return json.dumps(value)


def front_matter(release: Release, counts: Counts, sizes: Sizes) -> str:
    """Return the card's YAML; ``sizes`` are those of the Parquet data, in bytes."""
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
    names = [DEFAULT, *_configurations(release, sizes)]
    lines.append("dataset_info:")
    for name in names:
        lines += _info(name, sizes)
    lines.append("configs:")
    for name in names:
        folder = "data" if name == DEFAULT else name
        lines += [f"- config_name: {name}", *(["  default: true"] if name == DEFAULT else []), "  data_files:"]
        for split in _splits(name, sizes):
            lines += [f"  - split: {split}", f"    path: {folder}/{split}-*.parquet"]
    return "\n".join(lines) + "\n"


def _configurations(release: Release, sizes: Sizes) -> list[str]:
    """Return the formats that have Parquet files; one without a single row has none."""
    return [name for name in sorted(release.formats) if _splits(name, sizes)]


def _splits(configuration: str, sizes: Sizes) -> list[str]:
    return [split for split in SPLITS if f"{configuration}/{split}" in sizes]


def _info(name: str, sizes: Sizes) -> list[str]:
    lines = [f"- config_name: {name}", "  features:"]
    if name == DEFAULT:
        for column in COLUMNS:
            lines += [f"  - name: {column}", f"    dtype: {_text(arrow_type_name(column))}"]
    else:
        for field in schema_of(name):
            lines += _feature(field)
    lines.append("  splits:")
    splits = _splits(name, sizes)
    for split in splits:
        size = sizes[f"{name}/{split}"]
        lines += [f"  - name: {split}", f"    num_bytes: {size.in_memory}", f"    num_examples: {size.rows}"]
    of_all = [sizes[f"{name}/{split}"] for split in splits]
    lines.append(f"  download_size: {sum(size.on_disk for size in of_all)}")
    lines.append(f"  dataset_size: {sum(size.in_memory for size in of_all)}")
    return lines


def _feature(field: pa.Field) -> list[str]:
    import pyarrow as pa

    if not pa.types.is_list(field.type):
        return [f"  - name: {field.name}", f"    dtype: {field.type}"]
    lines = [f"  - name: {field.name}", "    list:"]
    for part in field.type.value_type:
        lines += [f"    - name: {part.name}", f"      dtype: {part.type}"]
    return lines

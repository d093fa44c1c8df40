"""What a version is made of, counted while its records pass by."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypedDict

from exports.schema import COUNTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa


class CategoryFigures(TypedDict):
    """One category: rows, rows of each split, median words of instruction, context (where there is one), response."""

    rows: int
    splits: dict[str, int]
    instruction_words: float
    context_words: float
    response_words: float


class Counts(TypedDict):
    """The figures that the manifest and the card share."""

    rows: int
    splits: dict[str, int]
    categories: dict[str, CategoryFigures]
    languages: dict[str, int]
    campaigns: dict[str, int]
    licences: dict[str, int]
    contributors: int
    largest_contribution: int
    with_context: int


MUCH_FROM_ONE = 0.2


def largest_share(counts: Counts) -> float:
    """Return the share of the records that came from one contributor or import, from 0 to 1."""
    return counts["largest_contribution"] / counts["rows"] if counts["contributors"] else 0.0


def is_much_from_one(counts: Counts) -> bool:
    """Say whether one contributor's style will show, which the papers warn of."""
    return largest_share(counts) > MUCH_FROM_ONE


class Composition:
    """Counts rows in about 20 bytes each: a million rows need no more than their codes and lengths."""

    def __init__(self) -> None:
        self._categories: dict[str, int] = {}
        self._splits: dict[str, int] = {}
        self._columns: dict[str, list[np.ndarray]] = {
            name: [] for name in ("category", "split", "instruction", "context", "response")
        }
        self._counters: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}

    def add(self, batch: pa.RecordBatch, split: str) -> None:
        """Count the rows of one batch."""
        import numpy as np

        columns = self._columns
        encoded = batch.column("category").dictionary_encode()
        codes = [self._categories.setdefault(name, len(self._categories)) for name in encoded.dictionary.to_pylist()]
        columns["category"].append(np.array(codes, np.uint32)[encoded.indices.to_numpy()])
        code = self._splits.setdefault(split, len(self._splits))
        columns["split"].append(np.full(batch.num_rows, code, np.uint32))
        for name in ("instruction", "context", "response"):
            columns[name].append(batch.column(f"{name}_words").to_numpy())
        for name, counter in self._counters.items():
            for entry in batch.column(name).value_counts().to_pylist():
                counter[entry["values"]] += entry["counts"]

    def counts(self) -> Counts:
        """Return the figures; keys are sorted, so that equal records give equal bytes."""
        import numpy as np
        import pandas as pd

        empty = np.empty(0, np.uint32)
        frame = pd.DataFrame({name: np.concatenate([empty, *parts]) for name, parts in self._columns.items()})
        splits = {code: name for name, code in self._splits.items()}
        categories: dict[str, CategoryFigures] = {}
        for name, code in sorted(self._categories.items()):
            rows = frame[frame["category"] == code]
            contexts = rows.loc[rows["context"] > 0, "context"]
            categories[name] = {
                "rows": len(rows),
                "splits": _sorted(Counter(splits[code] for code in rows["split"].tolist())),
                "instruction_words": float(rows["instruction"].median()),
                "context_words": float(contexts.median()) if len(contexts) else 0.0,
                "response_words": float(rows["response"].median()),
            }
        contributors = self._counters["contributor"]
        return {
            "rows": len(frame),
            "splits": _sorted(Counter(splits[code] for code in frame["split"].tolist())),
            "categories": categories,
            "languages": _sorted(self._counters["language"]),
            "campaigns": _sorted(self._counters["campaign"]),
            "licences": _sorted(self._counters["licence"]),
            "contributors": len(contributors),
            "largest_contribution": max(contributors.values(), default=0),
            "with_context": int((frame["context"] > 0).sum()),
        }

    def lengths(self, bounds: Sequence[int]) -> list[tuple[str, int]]:
        """Return how many responses have up to each bound of words, each counted once, and how many are longer."""
        import numpy as np

        words = np.concatenate([np.empty(0, np.int64), *self._columns["response"]])
        ends = [-1, *bounds]
        counted = [
            (f"{low + 1}–{high}", int(((words > low) & (words <= high)).sum()))
            for low, high in zip(ends, bounds, strict=False)
        ]
        return [*counted, (f"over {bounds[-1]}", int((words > bounds[-1]).sum()))]


def _sorted(counts: dict[str, int] | Counter[str]) -> dict[str, int]:
    return {name: int(counts[name]) for name in sorted(counts)}


def sentence(counts: dict[str, Any] | Counts) -> str:
    """Return “120 records in 8 categories by 40 contributors”."""

    def many(number: int, noun: str, plural: str) -> str:
        return f"{number:,} {noun if number == 1 else plural}"

    return (
        f"{many(counts['rows'], 'record', 'records')} in {many(len(counts['categories']), 'category', 'categories')} "
        f"by {many(counts['contributors'], 'contributor', 'contributors')}"
    )

"""The papers of a released version never change: what was written once is pinned here, byte for byte."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from exports import card, card_plots, croissant
from exports.composition import Composition, Counts
from exports.filters import Filter
from exports.release import Release
from exports.schema import WORDS, frozen_schema
from exports.writers.parquet import Size
from tests.exports.helpers import NOW, record

ROWS = 30
# What a version says of itself that was frozen before guidelines, agreement, checks and plots were told.
FIRST = {
    "url": "https://woolgather.example.com/datasets/v2/?name=set",
    "demonstration": False,
    "campaigns": [{"slug": "spring", "name": "Spring *drive*", "description": "Say <b>hello</b>."}],
    "categories": [{"slug": "open_qa", "name": "Open QA", "tagline": "A question about the world."}],
    "shares": [90, 5, 5],
    "split_rule": "by cluster",
    "left_out": {"near_duplicate": 3},
    "near": 0.7,
}
ESTIMATE = {"value": 0.8123, "low": 0.7, "high": 0.9, "size": 40}
UNKNOWN = {"value": None, "low": None, "high": None, "size": 1}
SECOND = FIRST | {
    "papers": 2,
    "configurations": True,
    "categories": [
        {
            "slug": "open_qa",
            "name": "Open QA",
            "tagline": "A question about the world.",
            "guidelines": "# Ask\n\n- [click](javascript:alert(1)) <script>x</script> ![i](http://x)\n",
        }
    ],
    "approved": ["2026-03-01T09:00:00.000000Z", "2026-03-31T09:00:00.000000Z"],
    "agreement": {
        "reviews": 60,
        "of": [{"campaign": "", "decision": ESTIMATE, "gold": ESTIMATE, "categories": {"open_qa": UNKNOWN}}],
    },
    "checks": {"checked": 29, "unchecked": 1, "found": {"copied": 2, "email": 1}},
}
FILE = {"path": "data/train-00000-of-00001.parquet", "sha256": "ab" * 32, "bytes": 1234, "rows": ROWS}


def release(about: dict[str, Any], **fields: Any) -> Release:
    """Make a release of plain values."""
    values: dict[str, Any] = {
        "name": "set",
        "number": 2,
        "filter": Filter(categories=("open_qa",), min_approvals=1),
        "licence": "CC-BY-SA-4.0",
        "rows": ROWS,
        "splits": {"train": 28, "validation": 1, "test": 1},
        "frozen_at": NOW,
        "content_sha256": "cd" * 32,
        "about": about,
        "formats": ("chat",),
        "parent": "v1",
    }
    return Release(**values | fields)


def composition() -> Composition:
    """Count thirty records."""
    import pyarrow as pa

    made = Composition()
    schema = frozen_schema()
    for split, first, last in (("train", 0, 28), ("validation", 28, 29), ("test", 29, 30)):
        rows = [
            record(number, contributor=f"c-{number % 7}")._asdict() | dict.fromkeys(WORDS, 10 * (number + 1))
            for number in range(first, last)
        ]
        made.add(pa.RecordBatch.from_pylist(rows, schema=schema), split)
    return made


def sha256(text: str) -> str:
    """Return a hash to pin."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def rendered(about: dict[str, Any]) -> str:
    """Return the card of a release with these facts."""
    counts: Counts = composition().counts()
    made = release(about)
    sizes = {f"default/{split}": Size(1_000, 500, rows) for split, rows in made.splits.items()}
    if about.get("configurations"):
        sizes |= {f"chat/{split}": Size(800, 400, rows) for split, rows in made.splits.items()}
    pictures = [("plots/categories.svg", "Records of each category.")] if made.papers > 1 else []
    return card.render(release=made, counts=counts, sizes=sizes, notes=[], pictures=pictures)


@pytest.mark.parametrize(("about", "pinned"), [(FIRST, "72f4ea6b47459c92"), (SECOND, "eb98c8ecc5a16566")])
def test_the_card_of_a_released_version_stays_as_it_is(about: dict[str, Any], pinned: str) -> None:
    assert sha256(rendered(about)) == pinned


@pytest.mark.parametrize(("about", "pinned"), [(FIRST, "7ec7542e6429b402"), (SECOND, "138b40d023292629")])
def test_the_croissant_of_a_released_version_stays_as_it_is(about: dict[str, Any], pinned: str) -> None:
    text = croissant.render(release=release(about), counts=composition().counts(), files=[FILE])  # type: ignore[list-item]  # an entry of plain values
    assert sha256(text) == pinned


def test_the_plots_of_a_released_version_stay_as_they_are() -> None:
    made = composition()
    plots = card_plots.plots(made.counts(), made.lengths(card_plots.LENGTHS))
    assert [sha256(plot.svg) for plot in plots] == ["e6a1595320aad8da", "de59c4361247f2a4"]


def test_the_guidelines_of_a_card_are_inert() -> None:
    text = rendered(SECOND)
    assert "<script>" not in text
    assert "](javascript" not in text
    assert "![i]" not in text


def test_the_card_tells_agreement_and_checks() -> None:
    text = rendered(SECOND)
    assert "0.81 (0.70 to 0.90), 40 items" in text
    assert "- text copied from the source: 2" in text
    assert "1 records were not checked" not in text


def test_the_plots_count_every_response_once() -> None:
    lengths = composition().lengths(card_plots.LENGTHS)
    assert lengths == [
        ("0–10", 1),
        ("11–25", 1),
        ("26–50", 3),
        ("51–100", 5),
        ("101–200", 10),
        ("201–400", 10),
        ("401–800", 0),
        ("over 800", 0),
    ]

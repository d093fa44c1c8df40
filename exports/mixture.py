"""What a filter would give now: rows and words of each category against the targets, lengths, people, licences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Sum

from collector.insights.measures import gini
from collector.models import CampaignCategory, Category
from exports import queries, selection
from exports.winnow import winnow

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from exports.filters import Filter

LENGTHS = (10, 25, 50, 100, 200, 400, 800)
MOST_CONTRIBUTORS = 5


@dataclass(frozen=True, kw_only=True)
class CategoryLine:
    """One category: rows that stay and that are left out, words, their share of all, the approvals wanted."""

    slug: str
    name: str
    rows: int
    left_out: int
    words: int
    share: float
    target: int

    @property
    def missing(self) -> int:
        """How many more records the campaigns want."""
        return max(0, self.target - self.rows)

    @property
    def percent(self) -> float:
        """How much of the target there is, 100 at most."""
        return min(100.0, 100 * self.rows / self.target) if self.target else 100.0


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Figures of what stays; ``lengths`` are responses by their words, up to each bound and above the last."""

    rows: int
    chosen: int
    words: int
    reasons: dict[str, int]
    categories: list[CategoryLine]
    lengths: list[tuple[str, int]]
    contributors: int
    largest: list[tuple[str, int, float]]
    gini: float
    languages: list[tuple[str, int]]
    licences: list[tuple[str, int]]


def mixture(filter: Filter) -> Mixture:
    """Count what the filter would give now; texts are read only to find near-duplicates, and that is kept an hour.

    Raises:
        ShareTooSmall: the filter's share of one contributor can't be kept.
        NoTokenizer: the filter counts in tokens, and can't.
    """
    import pandas as pd

    revisions = queries.chosen(filter)
    found = selection.candidates(revisions)
    number = {key: at for at, key in enumerate(found.ids)}
    if filter.tokenizer:
        selection.measure(found, revisions, filter.tokenizer)
    pairs: Iterable[tuple[int, int]] = ()
    if filter.duplicates == "near":
        near = selection.current(revisions, selection.compared_all(), found.revisions)
        pairs = [(number[one], number[other]) for one, other in near]
    out = winnow(found.columns, filter, pairs)
    reasons = pd.Series([one.reason for one in out.values()], dtype="object").value_counts()
    frame = pd.DataFrame(
        {
            "category": found.columns.categories,
            "contributor": found.columns.contributors,
            "words": found.columns.words,
            "response": found.response_words,
            "language": found.languages,
            "licence": found.licences,
        }
    )
    frame["stays"] = ~frame.index.isin(list(out))
    kept = frame[frame["stays"]]
    people = kept["contributor"].value_counts()
    return Mixture(
        rows=len(kept),
        chosen=len(frame),
        words=int(kept["words"].sum()),
        reasons={str(reason): int(rows) for reason, rows in reasons.sort_index().items()},
        categories=_categories(frame, filter),
        lengths=_lengths(kept["response"]),
        contributors=len(people),
        largest=[(str(name), int(rows), 100 * rows / len(kept)) for name, rows in people[:MOST_CONTRIBUTORS].items()],
        gini=gini(people.tolist()),
        languages=_counted(kept["language"]),
        licences=_counted(kept["licence"]),
    )


def _categories(frame: pd.DataFrame, filter: Filter) -> list[CategoryLine]:
    wanted = CampaignCategory.objects.filter(campaign__status="open")
    if filter.campaigns:
        wanted = CampaignCategory.objects.filter(campaign__slug__in=filter.campaigns)
    targets = dict(wanted.order_by().values_list("category__slug").annotate(Sum("target")))
    stays = frame[frame["stays"]].groupby("category")["words"].agg(["size", "sum"])
    out = frame[~frame["stays"]].groupby("category").size()
    total = max(1, int(stays["size"].sum()))
    lines = []
    for slug, name in Category.objects.values_list("slug", "name"):
        if filter.categories and slug not in filter.categories:
            continue
        rows = int(stays["size"].get(slug, 0))
        left, target = int(out.get(slug, 0)), targets.get(slug, 0)
        if not (rows or left or target):
            continue
        lines.append(
            CategoryLine(
                slug=slug,
                name=name,
                rows=rows,
                left_out=left,
                words=int(stays["sum"].get(slug, 0)),
                share=100 * rows / total,
                target=target,
            )
        )
    return lines


def _lengths(words: pd.Series[int]) -> list[tuple[str, int]]:
    import pandas as pd

    edges = [-1, *LENGTHS, float("inf")]
    labels = [f"≤ {bound}" for bound in LENGTHS] + [f"> {LENGTHS[-1]}"]
    counted = pd.cut(words, edges, labels=labels).value_counts(sort=False)
    return [(str(label), int(rows)) for label, rows in counted.items()]


def _counted(values: pd.Series[str]) -> list[tuple[str, int]]:
    return [(str(value), int(rows)) for value, rows in values.value_counts().items()]

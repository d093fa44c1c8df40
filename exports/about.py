"""What the papers of a version say of campaigns, categories and reviewing, as it is when the version is frozen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Min

from collector import agreement_queries
from collector.agreement.measures import Measure, Scale
from collector.models import Campaign, Category, Review, Revision
from exports.schema import iso

if TYPE_CHECKING:
    from collector.agreement.estimates import Estimate
    from exports.models import DatasetVersion

PAPERS = 2
"""Which papers a version has: 2 brought guidelines, agreement, checks, plots and Croissant 1.1 with its RAI fields."""
DIGITS = 4


def of_installation(name: str, number: int, url: str) -> dict[str, Any]:
    """Return the facts that no record decides: later edits of campaigns and categories don't reach a rebuild."""
    return {
        "url": f"{url.rstrip('/')}/datasets/v{number}/?name={name}" if url else f"urn:woolgather:{name}:v{number}",
        "demonstration": Campaign.objects.filter(is_demo=True).exists(),
        "campaigns": list(Campaign.objects.order_by("slug").values("slug", "name", "description")),
        "categories": list(Category.objects.order_by("slug").values("slug", "name", "tagline", "guidelines")),
        "papers": PAPERS,
    }


def of_records(version: DatasetVersion) -> dict[str, Any]:
    """Return what is known of how the frozen records came to be: when, how reviewers agreed, what the checks found."""
    records = version.records
    ends = records.aggregate(first=Min("approved_at"), last=Max("approved_at"))
    return {
        "approved": [iso(ends["first"]), iso(ends["last"])],
        "agreement": _agreement(version),
        "checks": _checks(version),
    }


def _agreement(version: DatasetVersion) -> dict[str, Any]:
    """Return Krippendorff's alpha of the decisions of the version's campaigns, and the share of gold items met."""
    slugs = set(version.records.order_by().values_list("campaign", flat=True).distinct())
    every = not Campaign.objects.exclude(slug__in=slugs).exists()
    campaigns = [None] if every else list(Campaign.objects.filter(slug__in=slugs).order_by("slug"))
    found: dict[str, Any] = {"reviews": Review.objects.standing().filter(submission__campaign__slug__in=slugs).count()}
    found["of"] = []
    state = agreement_queries.size()
    for campaign in campaigns:
        choice = agreement_queries.Choice(campaign=campaign)
        report = agreement_queries.kept_report(choice, Scale.ORDINAL, state) or agreement_queries.make_report(
            choice, Scale.ORDINAL, state
        )
        measures = report.overall.measures
        names = agreement_queries.categories(row.key for row in report.categories)
        found["of"].append(
            {
                "campaign": campaign.slug if campaign else "",
                "decision": _estimate(measures[Measure.DECISION]),
                "gold": _estimate(measures[Measure.GOLD]),
                "categories": {
                    names[row.key].slug: _estimate(row.measures[Measure.DECISION])
                    for row in report.categories
                    if row.key in names
                },
            }
        )
    return found


def _estimate(estimate: Estimate) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, DIGITS)

    return {
        "value": rounded(estimate.value),
        "low": rounded(estimate.low),
        "high": rounded(estimate.high),
        "size": estimate.size,
    }


def _checks(version: DatasetVersion) -> dict[str, Any]:
    """Return how many records were checked, and in how many each code was found."""
    revisions = Revision.objects.filter(dataset_records__version=version)
    unchecked = revisions.filter(flags=None).count()
    found: Counter[str] = Counter()
    for flags in revisions.exclude(flags=None).exclude(flags=[]).values_list("flags", flat=True).iterator():
        found.update(flags)
    return {"checked": version.rows - unchecked, "unchecked": unchecked, "found": dict(sorted(found.items()))}

"""Reads: what a filter chooses now, what a version froze, and what changed between two versions."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Avg, Count, F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce

from collector.models import Campaign, Category, Licence, Review, Revision, Submission
from exports import changelog, comparisons, release, semver
from exports.models import DatasetRecord, DatasetVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exports.filters import Filter

CHUNK_ROWS = 1_000


def _of_reviews(field: Any) -> Subquery:
    standing = Review.objects.standing().filter(revision=OuterRef("pk")).order_by().values("revision")
    return Subquery(standing.annotate(figure=field).values("figure"))


def chosen(filter: Filter) -> QuerySet[Revision]:
    """Return the approved submissions' current revisions that the filter takes, with ``approvals`` annotated."""
    revisions = Revision.objects.filter(
        submission__status=Submission.Status.APPROVED, number=F("submission__revision_number")
    ).annotate(approvals=Coalesce(_of_reviews(Count("pk", filter=Q(decision=Review.Decision.APPROVE))), 0))
    if filter.campaigns:
        revisions = revisions.filter(submission__campaign__slug__in=filter.campaigns)
    if filter.categories:
        revisions = revisions.filter(submission__category__slug__in=filter.categories)
    if filter.languages:
        revisions = revisions.filter(language__in=filter.languages)
    if filter.licences:
        revisions = revisions.filter(submission__licence__in=filter.licences)
    for flag in filter.without_flags:
        # As text, because SQLite can't look into a JSON list; a code has no quotation mark in it.
        revisions = revisions.annotate(
            found=Coalesce(Cast("flags", TextField()), Value(""), output_field=TextField())
        ).exclude(found__contains=f'"{flag}"')
    if filter.approved_from:
        revisions = revisions.filter(submission__approved_at__gte=_midnight(filter.approved_from))
    if filter.approved_until:
        revisions = revisions.filter(submission__approved_at__lt=_midnight(filter.approved_until, after=1))
    if filter.min_approvals:
        revisions = revisions.filter(approvals__gte=filter.min_approvals)
    if filter.min_rating:
        revisions = revisions.annotate(mean_rating=_of_reviews(Avg("rating"))).filter(
            mean_rating__gte=filter.min_rating
        )
    return revisions


def _midnight(day: str, *, after: int = 0) -> datetime:
    return datetime.combine(date.fromisoformat(day) + timedelta(days=after), time.min, UTC)


def unknown_parts(filter: Filter) -> dict[str, list[str]]:
    """Return the campaigns and categories of the filter that don't exist, by the filter's keys."""
    unknown: dict[str, set[str]] = {
        "licences": set(filter.licences) - set(Licence.values),
        "campaigns": set(filter.campaigns) - set(Campaign.objects.values_list("slug", flat=True)),
        "words": {slug for slug, _budget in filter.words} - set(Category.objects.values_list("slug", flat=True)),
        "categories": set(filter.categories) - set(Category.objects.values_list("slug", flat=True)),
    }
    return {key: sorted(slugs) for key, slugs in unknown.items() if slugs}


def sources(version: DatasetVersion) -> Iterator[tuple[str, str, str, int]]:
    """Yield title, URL, licence and number of records of each source that a version's records name."""
    named = DatasetRecord.objects.filter(version=version).exclude(source_title="", source_url="")
    counted = named.order_by().values_list("source_title", "source_url", "licence").annotate(rows=Count("pk"))
    # Sorted here, not in the database: the order of texts differs between databases and their locales.
    yield from sorted(counted)


def added(version: DatasetVersion) -> Iterator[str]:
    """Yield the ids that the version holds and its parent does not."""
    rows = DatasetRecord.objects.of(version).not_in(version.parent).values_list("submission_id", flat=True)
    yield from map(str, rows.iterator(chunk_size=CHUNK_ROWS))


def removed(version: DatasetVersion) -> Iterator[tuple[str, str]]:
    """Yield the ids that the parent holds and the version does not, with the reason."""
    rows = version.removals.order_by("submission_id").values_list("submission_id", "reason")
    yield from ((str(key), reason) for key, reason in rows.iterator(chunk_size=CHUNK_ROWS))


def edited(version: DatasetVersion) -> Iterator[tuple[str, int, int]]:
    """Yield the ids that both hold but not alike, with the revision in the parent and in the version."""
    if version.parent is None:
        return
    before = DatasetRecord.objects.filter(version=version.parent, submission=OuterRef("submission")).values(
        "revision__number"
    )[:1]
    rows = DatasetRecord.objects.of(version).edited_since(version.parent).annotate(before=Subquery(before))
    names = ("submission_id", "before", "revision__number")
    yield from ((str(key), old, new) for key, old, new in rows.values_list(*names).iterator(chunk_size=CHUNK_ROWS))


def told(version: DatasetVersion, parent: DatasetVersion) -> release.Changes:
    """Return what CHANGES.md tells of a version since its parent."""
    if semver.KEY not in version.about:
        return release.Changes(added=added(version), removed=removed(version), edited=edited(version))
    before, after = comparisons.figures(parent), comparisons.figures(version)
    return release.Changes(
        added=added(version),
        removed=removed(version),
        edits=comparisons.all_edits(version, parent, with_texts=changelog.WITH_TEXTS),
        counts=comparisons.counts(version, parent),
        composition={name: comparisons.side_by_side(before[name], after[name]) for name in comparisons.DIMENSIONS},
        withdrawn=comparisons.withdrawn_before(version),
        parent_semantic=parent.semantic_version,
    )


def changes(version: DatasetVersion) -> dict[str, int]:
    """Return how many records were added, removed and edited since the parent."""
    return comparisons.counts(version, version.parent)


def composition(version: DatasetVersion) -> list[dict[str, Any]]:
    """Return the frozen records of each category and split: ``{category, split, rows}``, in order."""
    counted = (
        DatasetRecord.objects.filter(version=version).order_by().values("category", "split").annotate(rows=Count("pk"))
    )
    return sorted(({**row} for row in counted), key=lambda row: (row["category"], row["split"]))


def latest_ready(name: str) -> DatasetVersion | None:
    """Return the newest complete version of a dataset."""
    return DatasetVersion.objects.named(name).ready().select_related("dataset").order_by("-number").first()

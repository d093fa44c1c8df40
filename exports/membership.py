"""Writing down what a version holds, what it leaves out and what left since its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber

from collector.models import Event, Submission
from exports import comparisons, semver, splits
from exports.models import FROZEN_FACTS, Chosen, DatasetPlacement, DatasetRecord, DatasetRemoval, DatasetVersion

if TYPE_CHECKING:
    import uuid

    from exports.selection import Selection

INSERT_ROWS = 1_000


def freeze_placements(version: DatasetVersion, chosen: Selection, shares: splits.Shares) -> None:
    """Keep what the fingerprint's own rule does not say: few rows, where nothing is left out."""
    DatasetPlacement.objects.bulk_create(
        (
            DatasetPlacement(
                version=version,
                submission_id=key,
                split=split,
                reason=chosen.left_out[at].reason if at in chosen.left_out else "",
                twin_id=_twin(chosen, at),
            )
            for at, (key, split, fingerprint) in enumerate(
                zip(chosen.ids, chosen.splits, chosen.fingerprints, strict=True)
            )
            if split != shares.of(fingerprint)
        ),
        batch_size=INSERT_ROWS,
    )


def _twin(chosen: Selection, at: int) -> uuid.UUID | None:
    twin = chosen.left_out[at].twin if at in chosen.left_out else None
    return None if twin is None else chosen.ids[twin]


def freeze_records(version: DatasetVersion, chosen: QuerySet[Chosen], shares: splits.Shares) -> None:
    """Copy the chosen rows in one INSERT … SELECT: a write transaction over many rows must not last."""
    placements = DatasetPlacement.objects.filter(version=version, submission=OuterRef("submission")).order_by()
    kept = chosen.exclude(Exists(placements.exclude(reason="")))
    train, validation = shares.borders
    split = Coalesce(
        Subquery(placements.values("split")[:1]),
        Case(
            When(prompt__lt=train, then=Value(splits.TRAIN)),
            When(prompt__lt=validation, then=Value(splits.VALIDATION)),
            default=Value(splits.TEST),
        ),
        output_field=CharField(),
    )
    kept = kept.annotate(placed_in=split)
    # One split after the other, so that a shard and a row group of a file are a range of positions.
    order = Case(
        *(When(placed_in=name, then=Value(at)) for at, name in enumerate(splits.SPLITS)),
        output_field=IntegerField(),
    )
    source: dict[str, Any] = {
        "version_id": Value(version.pk),
        "position": Window(RowNumber(), order_by=[order.asc(), F("submission_id").asc()]),
        "submission_id": F("submission_id"),
        "revision_id": F("revision_id"),
        "split": F("placed_in"),
        "size": F("size"),
        **{name: F(name) for name in FROZEN_FACTS},
    }
    sql, params = kept.order_by().values_list(*source.values()).query.sql_with_params()
    quote = connection.ops.quote_name
    columns = ", ".join(quote(name) for name in source)
    table = quote(DatasetRecord._meta.db_table)  # noqa: SLF001 - Django's own name for it
    with connection.cursor() as cursor:
        # Only names of our own columns are put together here; every value travels as a parameter.
        cursor.execute(f"INSERT INTO {table} ({columns}) {sql}", params)


def freeze_removals(version: DatasetVersion) -> None:
    """Keep why each record of the parent is not in this version, as it is now."""
    if version.parent is None:
        return
    gone = DatasetRecord.objects.of(version.parent).not_in(version).values_list("submission_id", "submission__status")
    asked_for = Event.objects.filter(kind=Event.Kind.TAKEN_OUT, submission__in=gone.values("submission_id"))
    taken_out = set(asked_for.values_list("submission_id", flat=True))
    reasons = {
        Submission.Status.WITHDRAWN: DatasetRemoval.Reason.WITHDRAWN,
        Submission.Status.REJECTED: DatasetRemoval.Reason.REJECTED,
        Submission.Status.APPROVED: DatasetRemoval.Reason.FILTERED,
    }
    DatasetRemoval.objects.bulk_create(
        (
            DatasetRemoval(
                version=version,
                submission_id=key,
                reason=DatasetRemoval.Reason.TAKEN_OUT
                if key in taken_out
                else reasons.get(Submission.Status(status), DatasetRemoval.Reason.IN_REVIEW),
            )
            for key, status in gone
        ),
        batch_size=INSERT_ROWS,
    )


def freeze_semantic_version(version: DatasetVersion) -> None:
    """Number the version by what changed since its parent, above every number that was given in between.

    What was frozen since the parent and is not an ancestor (being built, failed, withdrawn) counts as well: two
    versions with one number, or a number that promises too much to whoever has the other, would mislead.
    """
    if version.parent is None:
        since = list(version.dataset.versions.exclude(pk=version.pk))
    else:
        since = list(version.dataset.versions.filter(number__gt=version.parent.number).exclude(pk=version.pk))
    bases = [version.parent] if version.parent else []
    numbers = [semver.stepped(base.semantic_version, comparisons.step(version, base)) for base in [*bases, *since]]
    version.about[semver.KEY] = semver.highest([*numbers, semver.FIRST])
    if since:
        version.about["semantic_beside"] = [f"{other.label} ({other.semantic_version})" for other in reversed(since)]
    version.save(update_fields=["about"])

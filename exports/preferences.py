"""Which turned-down responses a version may show beside its approved ones, for training on preferences."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Exists, F, OuterRef, Q

from collector.checks.findings import CARD, COPIED, EMAIL, PHONE, SECRET
from collector.models import Review, ReviewReason, Revision, Submission
from exports.models import DatasetPreference, DatasetRecord

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from exports.models import DatasetVersion

CHUNK = 500
INSERT_ROWS = 1_000
# Not worse answers, but texts that must not go out, or that were fine and merely there already.
NOT_FOR_QUALITY = {ReviewReason.PERSONAL_DATA, ReviewReason.COPIED, ReviewReason.DUPLICATE}
NEVER_SHOWN = {COPIED, EMAIL, PHONE, CARD, SECRET}


def freeze_preferences(version: DatasetVersion) -> int:
    """Keep, for each frozen record, the responses to the same instruction that reviewers turned down; returns how many.

    A response counts if every standing decision on it is against it and its author still stands by it: it is an
    earlier revision of the record itself, or another submission that ended as rejected, under the record's licence.
    One that was turned down as personal data, as copied or as a duplicate, or in which the checks found such, is never
    shown.
    """
    made = 0
    for chunk in _chunks(_turned_down()):
        prompts: defaultdict[str, list[TurnedDown]] = defaultdict(list)
        for other in chunk:
            prompts[other.asked].append(other)
        records = (
            DatasetRecord.objects.filter(version=version, revision__instruction_fingerprint__in=list(prompts))
            .order_by("position")
            .values_list(
                "pk",
                "submission_id",
                "licence",
                "revision_id",
                "revision__fingerprint",
                "revision__instruction_fingerprint",
            )
        )
        rows = []
        for pk, submission, licence, revision, pair, asked in records:
            shown = {pair}
            for other in prompts[asked]:
                is_own = other.submission_id == submission and other.pk < revision
                is_rejected = other.is_rejected and other.licence == licence
                if (is_own or is_rejected) and other.fingerprint not in shown:
                    shown.add(other.fingerprint)
                    rows.append(DatasetPreference(record_id=pk, rejected_id=other.pk))
        DatasetPreference.objects.bulk_create(rows, batch_size=INSERT_ROWS)
        made += len(rows)
    return made


class TurnedDown(NamedTuple):
    """A revision that reviewers were against; ``is_rejected`` says that its submission ended so."""

    pk: int
    submission_id: uuid.UUID
    licence: str
    fingerprint: str
    asked: str
    is_rejected: bool


def _turned_down() -> Iterator[TurnedDown]:
    """Yield revisions that reviewers were against, by what they ask, then from the oldest on."""
    standing = Review.objects.standing().filter(revision=OuterRef("pk"))
    against = Q(decision__in=[Review.Decision.REJECT, Review.Decision.REQUEST_CHANGES])
    found = (
        Revision.objects.filter(Exists(standing.filter(against)))
        .exclude(Exists(standing.filter(decision=Review.Decision.APPROVE)))
        .exclude(submission__status=Submission.Status.WITHDRAWN)
        .annotate(
            is_rejected=Q(submission__status=Submission.Status.REJECTED, number=F("submission__revision_number")),
        )
        .order_by("instruction_fingerprint", "pk")
        .values_list(
            *("flags", "pk", "submission_id", "submission__licence"),
            *("fingerprint", "instruction_fingerprint", "is_rejected"),
        )
    )
    unfit = _unfit()
    for flags, *row in found.iterator(chunk_size=CHUNK):
        other = TurnedDown(*row)
        if other.pk not in unfit and not NEVER_SHOWN & set(flags or ()):
            yield other


def _unfit() -> set[int]:
    """Return the revisions that were turned down for what forbids showing them."""
    decisions = Review.objects.standing().exclude(decision=Review.Decision.APPROVE).exclude(reasons=[])
    rows = decisions.order_by().values_list("revision_id", "reasons").iterator(chunk_size=CHUNK)
    return {revision for revision, reasons in rows if NOT_FOR_QUALITY & set(reasons)}


def _chunks(rows: Iterator[TurnedDown]) -> Iterator[list[TurnedDown]]:
    """Yield the rows a few hundred at a time; those that ask the same stay together."""
    chunk: list[TurnedDown] = []
    for row in rows:
        if len(chunk) >= CHUNK and chunk[-1].asked != row.asked:
            yield chunk
            chunk = []
        chunk.append(row)
    if chunk:
        yield chunk

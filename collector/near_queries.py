"""Which submissions ask nearly the same."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.db.models import F

from collector.checks.minhash import Signature, context_likeness, signature
from collector.checks.words import likeness, runs
from collector.models import Revision, Submission

if TYPE_CHECKING:
    from collections.abc import Iterable


NEAR: Final = 0.6
"""From here on two instructions count as near-duplicates: the Jaccard index of their four-letter runs.

Chosen on databricks-dolly-15k: 99 % of planted typing errors and 94 % of paraphrases lie above it, and of 300
instructions that are not among 10,000 others 8 % have a neighbour there, most of them of one template (“Which is a
species of fish? …”). At 0.55 it would be one paraphrase more in a hundred, and 13 %, the rest by phrases such as “What
is the difference between”. benchmarks/bench_near.py prints recall and precision.
"""
SAME_CONTEXT: Final = 0.4
"""Below this estimate two contexts are different texts.

Of 20,000 pairs of different contexts of databricks-dolly-15k 0.005 % lie above it (99.9 % below 0.17); all lie above it
of 2,000 with a typing error in each dozen words and of 2,000 with a tenth cut out, nine in ten of those cut in half.
"""

# Entries read under one key at most. A key that thousands share stands for a phrase like “What is the”, or for as many
# equal instructions: then any of them will do.
_MOST_UNDER_A_KEY = 200
# Those that share the most keys are compared by their texts.
_MOST_COMPARED = 60

UNLISTED = (Submission.Status.DRAFT, Submission.Status.WITHDRAWN)


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A submission that asks nearly the same, what it says now, and how alike the two are, from NEAR to 1."""

    submission: Submission
    revision: Revision
    similarity: float

    @property
    def percent(self) -> int:
        """The similarity in whole percent; 100 only where nothing but case and punctuation differs."""
        return int(self.similarity * 100)


def nearest(
    *, instruction: str, context: str = "", exclude: Iterable[uuid.UUID] = (), limit: int = 3
) -> list[Neighbour]:
    """Return those that ask nearly the same, the most alike first and then the oldest; three queries at most.

    Drafts and withdrawn submissions are left out. Where both have a context, it must be much the same too. The work is
    bounded whatever the index holds: under each of 24 keys at most 200 entries are read, and the 60 submissions that
    share the most keys are compared.

    Args:
        exclude: ids of submissions to leave out, such as the one that is being written.
        limit: how many at most.
    """
    near = near_revisions(instruction=instruction, context=context, exclude=exclude)
    return _revisions(near, limit) if near else []


def near_revisions(*, instruction: str, context: str = "", exclude: Iterable[uuid.UUID] = ()) -> dict[int, float]:
    """Return the primary keys of the revisions that ask nearly the same, with their similarity; two queries at most."""
    asked = signature(instruction, context)
    if asked is None:
        return {}
    left_out = set(exclude)
    candidates = [pk for pk in _candidates(asked) if pk not in left_out]
    return _compared(instruction, asked, candidates) if candidates else {}


def near_of_author(*, submission: Submission, statuses: Iterable[str]) -> set[uuid.UUID]:
    """Return the author's other submissions in these states that ask nearly the same; three queries at most.

    Only the author's own are looked through, so that others' pairs can't push them out of the candidates.
    """
    revision = submission.revisions.get(number=submission.revision_number)
    asked = signature(revision.instruction, revision.context)
    if asked is None:
        return set()
    own = (
        Submission.objects.by(submission.author)
        .filter(status__in=statuses, instruction_bands__key__in=asked.asked_keys())
        .exclude(pk=submission.pk)
        .order_by()
        .values_list("pk", flat=True)
        .distinct()
    )
    candidates = list(own[:_MOST_COMPARED])
    near = _compared(revision.instruction, asked, candidates) if candidates else {}
    return set(Revision.objects.filter(pk__in=near).values_list("submission_id", flat=True)) if near else set()


def _candidates(asked: Signature) -> list[uuid.UUID]:
    keys = asked.asked_keys()
    # A limit for each key, which no filter of the ORM can say in the same way on both databases.
    one = (
        "SELECT * FROM (SELECT submission_id FROM collector_instructionband"
        " WHERE key = %s ORDER BY submission_id LIMIT %s) AS of_key"
    )
    sql = (
        f"SELECT submission_id FROM ({' UNION ALL '.join([one] * len(keys))}) AS found "  # noqa: S608 - constants only
        "GROUP BY submission_id ORDER BY COUNT(*) DESC, submission_id LIMIT %s"
    )
    parameters = [value for key in keys for value in (key, _MOST_UNDER_A_KEY)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*parameters, _MOST_COMPARED])
        return [uuid.UUID(str(row[0])) for row in cursor.fetchall()]


def _compared(instruction: str, asked: Signature, candidates: list[uuid.UUID]) -> dict[int, float]:
    """Return the revisions that are near, by primary key, with their similarity."""
    said = runs(instruction)
    # From the submissions' primary key: without statistics, as after a large import, PostgreSQL guesses the rows of a
    # list of revisions wrongly, and reads both tables whole.
    rows = (
        Submission.objects.filter(pk__in=candidates, revisions__number=F("revision_number"))
        .filter(instruction_signature__isnull=False)
        .exclude(status__in=UNLISTED)
        .order_by()
        .values_list("revisions__pk", "revisions__instruction", "instruction_signature__values")
    )
    near = {}
    for pk, other, packed in rows:
        if context_likeness(asked, Signature.unpack(bytes(packed))) < SAME_CONTEXT:
            continue
        similarity = likeness(said, runs(other))
        if similarity >= NEAR:
            near[pk] = similarity
    return near


def _revisions(near: dict[int, float], limit: int) -> list[Neighbour]:
    if not near:
        return []
    # Ties are broken by age, so all that tie with the last one are read.
    best = sorted(near.values(), reverse=True)[:limit]
    wanted = [pk for pk, similarity in near.items() if best and similarity >= best[-1]]
    found = Revision.objects.filter(pk__in=wanted).select_related("submission__category", "submission__campaign")
    neighbours = [
        Neighbour(submission=revision.submission, revision=revision, similarity=near[revision.pk]) for revision in found
    ]
    neighbours.sort(key=lambda one: (-one.similarity, one.submission.created_at, one.submission.pk))
    return neighbours[:limit]

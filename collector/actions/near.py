"""Keeping the near-duplicate index: what submissions ask now, as signatures and band keys.

The index is derived from the current revisions of all submissions but drafts and withdrawn ones; `rebuild` makes it
again and says what differed. A withdrawn submission leaves it, since withdrawal is final.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection, transaction

from collector.checks.minhash import signature
from collector.models import InstructionBand, InstructionSignature, Revision, Submission
from collector.models.submissions import CURRENT_REVISION

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable

    from collector.checks.minhash import Signature

# Texts may be a megabyte each: so many are in memory at once.
_AT_ONCE = 200


@dataclass(kw_only=True)
class Outcome:
    """What a rebuild found; without the last three, the stored index was right."""

    submissions: int = 0
    missing: int = 0
    changed: int = 0
    superfluous: int = 0

    @property
    def is_right(self) -> bool:
        """Whether the stored index equals the rebuilt one."""
        return not (self.missing or self.changed or self.superfluous)


@transaction.atomic(savepoint=False)
def index(*, submission: Submission, instruction: str, context: str) -> None:
    """Put what a submission asks now in the place of what it asked; call it where the revision is made."""
    forget(submission=submission)
    index_new(asked=[(submission.pk, instruction, context)])


@transaction.atomic(savepoint=False)
def index_new(*, asked: Iterable[tuple[uuid.UUID, str, str]]) -> None:
    """Add submissions that are not in the index yet: id, instruction, context."""
    _write([(pk, found) for pk, instruction, context in asked if (found := signature(instruction, context))])


@transaction.atomic(savepoint=False)
def forget(*, submission: Submission) -> None:
    """Take a submission out of the index."""
    _erase([submission.pk])


def rebuild(*, is_dry: bool = False, on_progress: Callable[[int], object] | None = None) -> Outcome:
    """Make the index again from the current revisions, some hundred submissions in each transaction.

    Args:
        is_dry: only compare, write nothing.
        on_progress: told how many submissions were read since the last call.
    """
    outcome = Outcome()
    last = None
    while True:
        rows = Submission.objects.order_by("pk")
        found = list((rows.filter(pk__gt=last) if last else rows).values_list("pk", flat=True)[:_AT_ONCE])
        if not found:
            return outcome
        last = found[-1]
        with transaction.atomic():
            _rebuild(found, outcome, is_dry=is_dry)
        if on_progress:
            on_progress(len(found))


def _rebuild(keys: list[uuid.UUID], outcome: Outcome, *, is_dry: bool) -> None:
    # Locked, so that nobody submits a new text between what is read and what is written.
    held = Submission.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=keys).order_by("pk")
    listed = [pk for pk, status in held.values_list("pk", "status") if status not in _UNLISTED]
    texts = Revision.objects.filter(CURRENT_REVISION, submission__in=listed).order_by()
    right = {
        pk: found
        for pk, instruction, context in texts.values_list("submission_id", "instruction", "context")
        if (found := signature(instruction, context))
    }
    signatures = {
        pk: bytes(values)
        for pk, values in InstructionSignature.objects.filter(pk__in=keys).values_list("submission_id", "values")
    }
    bands: defaultdict[uuid.UUID, list[int]] = defaultdict(list)
    for pk, key in InstructionBand.objects.filter(submission__in=keys).values_list("submission_id", "key"):
        bands[pk].append(key)
    stored = signatures.keys() | bands.keys()
    missing = right.keys() - stored
    superfluous = stored - right.keys()
    changed = {
        pk
        for pk in right.keys() & stored
        if signatures.get(pk) != right[pk].pack() or sorted(bands[pk]) != sorted(right[pk].stored_keys())
    }
    outcome.submissions += len(keys)
    outcome.missing += len(missing)
    outcome.changed += len(changed)
    outcome.superfluous += len(superfluous)
    if not is_dry:
        _erase([*superfluous, *changed])
        _write([(pk, right[pk]) for pk in sorted(missing | changed)])


_UNLISTED = {Submission.Status.DRAFT, Submission.Status.WITHDRAWN}


def _erase(keys: list[uuid.UUID]) -> None:
    if keys:
        InstructionBand.objects.filter(submission__in=keys).delete()
        InstructionSignature.objects.filter(submission__in=keys).delete()


def _write(signatures: list[tuple[uuid.UUID, Signature]]) -> None:
    InstructionSignature.objects.bulk_create(
        [InstructionSignature(submission_id=pk, values=found.pack()) for pk, found in signatures]
    )
    # A dozen small rows and more for each submission: as objects they would take most of an import's time.
    is_postgresql = connection.vendor == "postgresql"
    owners: list[uuid.UUID | str] = []
    keys: list[int] = []
    for pk, found in signatures:
        own = found.stored_keys()
        owners += [pk if is_postgresql else pk.hex] * len(own)
        keys += own
    with connection.cursor() as cursor:
        if is_postgresql:
            # One round trip for all, where executemany makes one for each.
            cursor.execute(
                "INSERT INTO collector_instructionband (submission_id, key)"
                " SELECT * FROM unnest(%s::uuid[], %s::bigint[])",
                [owners, keys],
            )
        else:
            cursor.executemany(
                "INSERT INTO collector_instructionband (submission_id, key) VALUES (%s, %s)",
                [(pk, key) for pk, key in zip(owners, keys, strict=True)],
            )

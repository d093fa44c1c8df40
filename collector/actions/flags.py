"""Which findings a revision carries for its reviewers: at submission, and afterwards for what was imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from collector import checks
from collector.models import Revision
from collector.models.submissions import CURRENT_REVISION

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from collector.models import Submission
    from collector.pairs import Pair, Text

# Texts may be a megabyte each: so many are in memory at once.
_AT_ONCE = 100


@dataclass(kw_only=True)
class Outcome:
    """How many revisions were checked, and for how many of them the stored codes were other ones, or none."""

    revisions: int = 0
    flagged: int = 0
    unchecked: int = 0
    changed: int = 0


def find_flags(*, submission: Submission, text: Pair | Text) -> list[str]:
    """Return the codes that the checks find in a text of this submission."""
    passage = submission.passage.text if submission.passage else ""
    language = submission.campaign.expected_language(text.language)
    return checks.codes(checks.find(text, passage=passage, language=language))


def unchecked() -> QuerySet[Revision]:
    """Return the current revisions that were not checked yet, as imported ones are not."""
    # SQL NULL: `flags=None` would ask for JSON null.
    return Revision.objects.filter(CURRENT_REVISION, flags__isnull=True)


def check_revisions(
    *, again: bool = False, is_dry: bool = False, on_progress: Callable[[int], None] | None = None
) -> Outcome:
    """Check the current revisions that were not checked yet, as imported ones are not.

    Args:
        again: check all current revisions, and correct the codes that differ.
        is_dry: only compare, write nothing.
        on_progress: told how many revisions were read since the last call.
    """
    outcome = Outcome()
    last = 0
    while True:
        rows = Revision.objects.filter(CURRENT_REVISION) if again else unchecked()
        found = list(
            rows.filter(pk__gt=last)
            .select_related("submission__campaign", "submission__passage")
            .order_by("pk")[:_AT_ONCE]
        )
        if not found:
            return outcome
        last = found[-1].pk
        _check(found, outcome, is_dry=is_dry)
        if on_progress:
            on_progress(len(found))


@transaction.atomic
def _check(revisions: list[Revision], outcome: Outcome, *, is_dry: bool) -> None:
    # A revision's text never changes, so nothing needs to be locked between reading and writing.
    different = []
    for revision in revisions:
        flags = find_flags(submission=revision.submission, text=revision)
        outcome.unchecked += revision.flags is None
        outcome.changed += revision.flags is not None and revision.flags != flags
        outcome.flagged += bool(flags)
        if revision.flags != flags:
            revision.flags = flags
            different.append(revision)
    outcome.revisions += len(revisions)
    if not is_dry:
        Revision.objects.bulk_update(different, ["flags"])

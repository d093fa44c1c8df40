"""What the queue costs while PostgreSQL still knows the tables as they were when they were nearly empty."""

from __future__ import annotations

import copy
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from collector.models import Review, Revision, Submission
from tests.factories import NOW, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.models import Person

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans without statistics of this kind"),
]
WAITING = 300


def with_many_more(first: Submission) -> None:
    """Put copies beside the submission, of which the statistics say nothing."""
    text = first.revisions.get()
    submissions, revisions = [], []
    for _number in range(WAITING - 1):
        submission, revision = copy.copy(first), copy.copy(text)
        submission.pk, revision.pk = uuid.uuid4(), None
        revision.submission_id = submission.pk
        submissions.append(submission)
        revisions.append(revision)
    Submission.objects.bulk_create(submissions)
    Revision.objects.bulk_create(revisions)


def reviewed_in_part(reviewer: Person) -> None:
    """Have the reviewer decide every third of what waits, where others decide it, too."""
    for submission in Submission.objects.awaiting_review().order_by("pk")[::3]:
        Review.objects.create(
            submission=submission,
            revision=submission.revisions.get(),
            reviewer=reviewer,
            author=submission.author,
            decision="approve",
            created_at=NOW,
        )


def steps(plan: dict[str, Any]) -> Iterator[float]:
    """Yield how many rows each step of a plan came to in all its turns."""
    yield plan["Actual Rows"] * plan["Actual Loops"]
    for part in plan.get("Plans", ()):
        yield from steps(part)


@pytest.mark.parametrize("is_old_hand", [False, True])
def test_the_queue_reads_each_waiting_item_a_few_times_whatever_the_statistics_say(is_old_hand: bool) -> None:
    reviewer, first = a_reviewer(), make_submission()
    decide(make_submission(campaign=first.campaign), "approve", by=reviewer)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with_many_more(first)
    if is_old_hand:
        reviewed_in_part(reviewer)
    waiting = Submission.objects.reviewable_by(reviewer, NOW).order_by().values("pk")
    told = json.loads(waiting.explain(analyze=True, format="json", timing=False))
    assert max(steps(told[0]["Plan"])) <= 3 * WAITING

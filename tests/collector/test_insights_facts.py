"""The insights: what is read from real work."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from collector.actions import reviews, submissions
from collector.insights.report import ALL
from collector.models import Campaign, Category, ImportBatch, PassageSkip, Person, Submission
from collector.pairs import Text
from tests.collector.insights_site import NOW, judge, measure, spring, sums, today, work
from tests.factories import (
    CampaignFactory,
    PassageFactory,
    contributor_in,
    decide,
    make_submission,
)

__all__ = ["judge", "spring", "sums", "today"]  # fixtures

pytestmark = pytest.mark.django_db


def test_days_are_the_campaigns_even_when_clocks_change(spring: Campaign, sums: Category, judge: Person) -> None:
    """On 29 March 2026 Berlin's day has 23 hours: it ends at 22:00 UTC, the day before at 23:00."""
    for moment in (
        datetime(2026, 3, 28, 22, 59, tzinfo=UTC),
        datetime(2026, 3, 28, 23, 0, tzinfo=UTC),
        datetime(2026, 3, 29, 21, 59, tzinfo=UTC),
        datetime(2026, 3, 29, 22, 0, tzinfo=UTC),
    ):
        make_submission(campaign=spring, category=sums, status="approved", by_reviewer=judge, now=moment)
    days = [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)]
    found = measure(spring)
    assert [found.facts.sent[day, sums.pk] for day in days] == [1, 2, 1]
    assert [found.facts.approved[day, spring.pk, sums.pk] for day in days] == [1, 2, 1]
    assert [found.facts.decisions[day, sums.pk, "approve"] for day in days] == [1, 2, 1]
    assert measure(spring, date(2026, 3, 29)).mixes[ALL].all == 3


def test_a_contribution_stays_on_the_day_of_its_first_wording(spring: Campaign, sums: Category, judge: Person) -> None:
    sent = NOW - timedelta(days=9)
    item = make_submission(campaign=spring, category=sums, status="changes_requested", by_reviewer=judge, now=sent)
    submissions.resubmit(
        submission=item,
        base_revision=1,
        text=Text.of("Why is it so?", "", "One two three four."),
        by=item.author,
        now=NOW - timedelta(days=1),
    )
    found = measure(spring)
    assert found.facts.sent == {(sent.date(), sums.pk): 1}
    assert found.facts.lengths == {(sums.pk, 4): 1}
    assert measure(spring, NOW.date() - timedelta(days=3)).texts == {sums.pk: 1}  # the present wording is young


def test_withdrawn_texts_drafts_and_sources_are_no_contributions(spring: Campaign, sums: Category) -> None:
    make_submission(campaign=spring, category=sums, status="withdrawn", now=NOW)
    make_submission(campaign=spring, category=sums, status="draft", now=NOW)
    imported = make_submission(campaign=spring, category=sums, now=NOW)
    Person.objects.filter(pk=imported.author_id).update(is_source=True, is_active=False)
    found = measure(spring)
    assert found.makers == []
    assert found.facts.sent == {}
    assert found.texts == {sums.pk: 1}  # what is imported is in the set all the same


def test_what_was_imported_as_approved_is_progress_but_no_pace(spring: Campaign, sums: Category, judge: Person) -> None:
    batch = ImportBatch.objects.create(file_name="x", format="dolly", campaign=spring, started_at=NOW)
    ready, judged = (
        make_submission(campaign=spring, category=sums, now=NOW - timedelta(days=2)) for _number in range(2)
    )
    Submission.objects.update(import_batch=batch)
    Submission.objects.filter(pk=ready.pk).update(status="approved", approved_at=ready.submitted_at)
    decide(judged, "approve", by=judge, now=NOW - timedelta(days=1))
    found = measure(spring)
    assert found.overall.approved == 2
    assert sum(found.facts.approved.values()) == 1


def test_an_undone_decision_never_was_one_and_reasons_are_counted_one_by_one(
    spring: Campaign, sums: Category, judge: Person
) -> None:
    items = [make_submission(campaign=spring, category=sums, now=NOW) for _number in range(3)]
    undone = decide(items[0], "reject", by=judge, now=NOW, reasons=["copied"])
    reviews.undo(review=undone, by=judge, now=NOW + timedelta(seconds=3))
    decide(items[1], "reject", by=judge, now=NOW, reasons=["copied", "inaccurate"])
    decide(items[2], "request_changes", by=judge, now=NOW, reasons=["inaccurate"])
    found = measure(spring)
    assert found.mixes[ALL].all == 2
    assert found.facts.reviewers == {judge.pk: 2}
    assert found.facts.reasons == {
        ("reject", "copied"): 1,
        ("reject", "inaccurate"): 1,
        ("request_changes", "inaccurate"): 1,
    }


def test_what_waits_is_told_with_its_oldest_and_its_middle(spring: Campaign, sums: Category, judge: Person) -> None:
    for hours in (1, 5, 100):
        make_submission(campaign=spring, category=sums, now=NOW - timedelta(hours=hours))
    closed = CampaignFactory.create(status="closed")
    Submission.objects.filter(pk=make_submission(now=NOW - timedelta(days=50)).pk).update(campaign=closed)
    make_submission(campaign=spring, category=sums, status="approved", by_reviewer=judge, now=NOW)
    found = measure(spring)
    assert found.facts.waiting.number == 3
    assert found.oldest_wait == timedelta(hours=100)
    assert found.middle_waiting == timedelta(hours=5)
    assert measure().facts.waiting.number == 3  # a closed campaign's are no backlog


def test_the_wait_ends_with_the_verdict(spring: Campaign, sums: Category, judge: Person) -> None:
    item = make_submission(campaign=spring, category=sums, now=NOW - timedelta(hours=30))
    decide(item, "approve", by=judge, now=NOW - timedelta(hours=10))
    assert measure(spring).facts.waits == [20 * 3600]


def test_skips_are_counted_by_reason(spring: Campaign, sums: Category) -> None:
    for reason in ("wrong", "wrong", "too_hard"):
        PassageSkip.objects.create(
            passage=PassageFactory.create(),
            person=contributor_in(spring),
            campaign=spring,
            category=sums,
            reason=reason,
            at=NOW,
        )
    assert measure(spring).facts.skips == {"wrong": 2, "too_hard": 1}


def test_one_campaign_is_told_without_the_others(spring: Campaign, sums: Category, judge: Person) -> None:
    other = CampaignFactory.create(slug="other")
    work(spring, sums, judge, 6)
    work(other, sums, judge, 3)
    assert measure(spring).contributions == 6
    assert measure(other).contributions == 3
    assert measure().contributions == 9

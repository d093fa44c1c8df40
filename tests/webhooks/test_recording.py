"""What is recorded when something happens, and that it is recorded with it or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone

from collector.actions import reviews
from tests import factories
from training import listing
from training.models import TrainingRun
from webhooks import actions, messages
from webhooks.models import Delivery, Endpoint, Event, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.fixtures import DjangoAssertNumQueries, Settings

    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db
NOW = factories.NOW


def kinds() -> list[str]:
    return sorted(Event.objects.values_list("kind", flat=True), reverse=True)


def test_off_by_default_costs_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert actions.record(kind=Kind.SUBMITTED, data={}, path="", now=NOW) is None


def test_nobody_who_wants_to_know_costs_one(
    add: Callable[..., Endpoint], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    add(kinds=("run.finished",))
    with django_assert_num_queries(1):
        assert actions.record(kind=Kind.SUBMITTED, data={}, path="", now=NOW) is None


def test_a_pair_is_told_of_when_submitted_and_when_decided(
    endpoint: Endpoint, campaign: Campaign, category: Category
) -> None:
    submission = factories.make_submission(
        campaign=campaign, category=category, status="approved", instruction="A secret recipe", context="Of my own"
    )
    assert kinds() == ["submission.submitted", "submission.decided"]
    decided = messages.payload(Event.objects.get(kind=Kind.DECIDED))
    assert decided == {
        "type": "submission.decided",
        "timestamp": "2026-03-02T09:30:00Z",
        "data": {
            "submission": str(submission.pk),
            "revision": 1,
            "status": "approved",
            "campaign": campaign.slug,
            "category": category.slug,
            "url": f"http://localhost:8000/submissions/{submission.pk}/",
        },
    }
    everything = json.dumps([messages.payload(event) for event in Event.objects.all()])
    for private in ("secret recipe", "Of my own", "scattered", submission.author.email, submission.author.display_name):
        assert private not in everything


def test_what_is_rolled_back_was_never_told(endpoint: Endpoint, campaign: Campaign) -> None:
    with transaction.atomic():
        factories.make_submission(campaign=campaign)
        assert Event.objects.count() == 1
        transaction.set_rollback(True)
    assert (Event.objects.count(), Delivery.objects.count()) == (0, 0)


def test_one_of_two_approvals_decides_nothing_yet(endpoint: Endpoint, campaign: Campaign) -> None:
    campaign.approvals_required = 2
    campaign.save()
    submission = factories.make_submission(campaign=campaign)
    factories.decide(submission, "approve", by=factories.reviewer())
    assert kinds() == ["submission.submitted"]
    factories.decide(submission, "approve", by=factories.reviewer())
    assert kinds() == ["submission.submitted", "submission.decided"]


def test_a_refused_decision_tells_nothing(endpoint: Endpoint, campaign: Campaign) -> None:
    submission = factories.make_submission(campaign=campaign, status="approved")
    with pytest.raises(reviews.AlreadyDecided):
        factories.decide(submission, "reject", by=factories.reviewer())
    assert kinds().count("submission.decided") == 1


def test_who_is_off_or_gone_is_not_told(add: Callable[..., Endpoint], campaign: Campaign) -> None:
    off, gone, there = add(), add(), add()
    actions.turn_off(endpoint=off, reason="Quiet.", now=NOW)
    actions.remove_endpoint(endpoint=gone, now=NOW)
    factories.make_submission(campaign=campaign)
    assert list(Delivery.objects.values_list("endpoint_id", flat=True)) == [there.pk]


def run_of(status: str) -> TrainingRun:
    return TrainingRun.objects.create(name="first", status=status, created_at=NOW, seen_at=NOW)


def test_a_run_whose_job_ended_without_success_is_told_of(endpoint: Endpoint) -> None:
    run = run_of("running")
    listing.end_unfinished(kind=TrainingRun, run_id=run.pk, reason="Out of memory.")
    listing.end_unfinished(kind=TrainingRun, run_id=run.pk, reason="Out of memory.")
    event = Event.objects.get()
    assert (event.kind, event.data["status"], event.data["run"]) == ("run.finished", "failed", "first")
    assert "memory" not in json.dumps(event.data)


def test_a_stopped_run_may_go_on(endpoint: Endpoint) -> None:
    run = run_of("running")
    TrainingRun.objects.update(stop_asked_at=NOW)
    listing.end_unfinished(kind=TrainingRun, run_id=run.pk, reason="Stopped.")
    assert kinds() == []


@pytest.mark.parametrize("text", ["<!channel> & <https://evil.example|you>", "a > b", "&lt;"])
def test_slack_reads_no_command_in_a_name(text: str) -> None:
    event = Event(kind=Kind.PING, data={"endpoint": text}, at=timezone.now())
    said = messages.slack(event)
    assert "<" not in said["text"]
    assert said["text"].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").count(text) == 1
    assert said["blocks"][0]["text"] == {"type": "mrkdwn", "text": said["text"]}


def test_each_event_has_a_sentence(settings: Settings) -> None:
    settings.SITE_URL = "https://pairs.example.com/"
    facts = {"category": "open_qa", "campaign": "spring", "dataset": "d", "version": "v1", "rows": 5, "run": "r"}
    for kind, _label in Kind.subscribable():
        status = "complete" if kind == Kind.RUN_FINISHED else "changes_requested"
        event = Event(kind=kind, data=facts | {"status": status}, path="/x/", at=timezone.now())
        said = messages.slack(event)
        assert said["text"].endswith(".")
        assert said["blocks"][0]["text"]["text"].endswith("<https://pairs.example.com/x/|Open it in Woolgather>")

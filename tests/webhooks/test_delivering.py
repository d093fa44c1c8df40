"""From a due delivery to a receiver, through jobs: signatures, retries, what is left alone and what is given up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from jobs import runner
from jobs.models import Job
from jobs.tasks import sweep_and_ring
from tests import factories
from webhooks import actions, queries, sealing, sending, tasks
from webhooks.models import Attempt, Delivery, Endpoint, Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.fixtures import Settings

    from collector.models import Campaign
    from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(endpoint: Endpoint, campaign: Campaign) -> Delivery:
    """A submission that the endpoint is to be told of."""
    factories.make_submission(campaign=campaign, now=timezone.now())
    return Delivery.objects.get()


def run_jobs() -> None:
    """Do what the sweeper, the worker and the doorbell do."""
    from jobs import tasks as jobs_tasks

    # As if the next period of the sweeper had begun.
    jobs_tasks._looked.clear()
    Job.objects.all().delete()
    sweep_and_ring()
    while job := Job.objects.active().order_by("created_at").first():
        assert runner.execute(job_id=job.pk, worker="w", beat=False) == "succeeded"


def due_now() -> None:
    Delivery.objects.filter(status="waiting").update(next_attempt_at=timezone.now())
    Endpoint.objects.update(resting_until=None)


def answer(code: int | None = 500, error: str = "It did not take the message.") -> sending.Answer:
    return sending.Answer(code, "", error, 0.1)


def test_the_sweeper_has_it_delivered_and_the_receiver_can_verify_it(
    told: Delivery, endpoint: Endpoint, receiver: Receiver
) -> None:
    run_jobs()
    [message] = receiver.messages
    verified = Webhook(endpoint.secret).verify(message.body, message.headers)  # type: ignore[attr-defined]
    assert verified["type"] == "submission.submitted"
    assert message.headers["webhook-id"] == told.event.message_id
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "b" * 32).verify(message.body, message.headers)
    told.refresh_from_db()
    assert (told.status, told.attempts, told.code) == ("delivered", 1, 204)
    run_jobs()
    assert len(receiver.messages) == 1


def test_the_secret_before_is_good_for_a_day(told: Delivery, endpoint: Endpoint, receiver: Receiver) -> None:
    first = endpoint.secret  # type: ignore[attr-defined]
    second = actions.rotate_secret(endpoint=endpoint, now=timezone.now())
    run_jobs()
    [message] = receiver.messages
    for secret in (first, second):
        Webhook(secret).verify(message.body, message.headers)
    Endpoint.objects.update(secret_before_until=timezone.now())
    actions.redeliver(delivery=told, now=timezone.now())
    run_jobs()
    Webhook(second).verify(receiver.messages[1].body, receiver.messages[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(receiver.messages[1].body, receiver.messages[1].headers)


def test_secrets_and_slack_addresses_do_not_lie_open(add: Callable[..., Endpoint], receiver: Receiver) -> None:
    endpoint, slack = add(), add("slack")
    row = json.dumps(list(Endpoint.objects.filter(pk=endpoint.pk).values()), default=str)
    assert endpoint.secret not in row  # type: ignore[attr-defined]
    assert sealing.unseal(endpoint.sealed_secret) == endpoint.secret  # type: ignore[attr-defined]
    assert slack.shown_url == f"http://localhost:{receiver.port}/…"
    assert "hook" not in json.dumps(list(Endpoint.objects.filter(pk=slack.pk).values()), default=str)


def test_after_the_key_was_changed_the_log_says_what_to_do(
    told: Delivery, receiver: Receiver, settings: Settings
) -> None:
    before = settings.SECRET_KEY
    settings.SECRET_KEY = "another key, as long as it must be, for the time after a rotation"
    run_jobs()
    assert "SECRET_KEY" in Attempt.objects.get().error
    due_now()
    settings.SECRET_KEY_FALLBACKS = [before]
    run_jobs()
    assert len(receiver.messages) == 1


def test_slack_gets_a_readable_message(add: Callable[..., Endpoint], receiver: Receiver, campaign: Campaign) -> None:
    add("slack")
    factories.make_submission(campaign=campaign)
    run_jobs()
    [message] = receiver.messages
    assert json.loads(message.body)["text"].startswith("A pair was submitted in category-")
    assert not any(name.startswith("webhook-") for name in message.headers)


def test_what_fails_is_tried_again_later_and_ever_later(told: Delivery, receiver: Receiver) -> None:
    receiver.codes, receiver.body = [500, 503], b"try later"
    run_jobs()
    told.refresh_from_db()
    assert (told.status, told.attempts, told.code) == ("waiting", 1, 500)
    run_jobs()
    assert len(receiver.messages) == 1, "not before its time"
    due_now()
    run_jobs()
    told.refresh_from_db()
    assert told.next_attempt_at - timezone.now() > timedelta(minutes=3)
    due_now()
    run_jobs()
    told.refresh_from_db()
    assert (told.status, told.attempts) == ("delivered", 3)
    tries = [(each.number, each.code, each.excerpt) for each in told.tries.all()]
    assert tries == [(3, 204, ""), (2, 503, "try later"), (1, 500, "try later")]
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == 1
    assert Endpoint.objects.get().failures == 0


def test_after_ten_attempts_it_is_given_up_until_somebody_asks(told: Delivery, receiver: Receiver) -> None:
    receiver.codes = [500] * 10
    for _attempt in range(12):
        due_now()
        run_jobs()
    told.refresh_from_db()
    assert (told.status, told.attempts, len(receiver.messages)) == ("failed", 10, 10)
    actions.redeliver(delivery=told, now=timezone.now())
    run_jobs()
    told.refresh_from_db()
    assert (told.status, told.attempts) == ("delivered", 11)


def test_one_that_is_down_is_left_alone_and_holds_up_no_other(
    add: Callable[..., Endpoint], campaign: Campaign, receiver: Receiver
) -> None:
    down = add()
    for _pair in range(3):
        factories.make_submission(campaign=campaign)
    other = add()
    factories.make_submission(campaign=campaign)
    receiver.codes = [500]
    run_jobs()
    assert Delivery.objects.filter(endpoint=down, attempts__gt=0).count() == 1
    assert Delivery.objects.get(endpoint=other).status == "delivered"
    assert queries.endpoints_due(timezone.now()) == []


def test_two_workers_send_it_once(told: Delivery) -> None:
    now = timezone.now()
    first = actions.claim(delivery_id=told.pk, now=now)
    assert first is not None
    assert actions.claim(delivery_id=told.pk, now=now) is None
    # The first worker was killed; the second takes over after the claim, and the first comes back from the dead.
    later = now + actions.CLAIM
    second = actions.claim(delivery_id=told.pk, now=later)
    assert second is not None
    assert actions.settle(delivery=first, answer=answer(), now=later) is False
    assert actions.settle(delivery=second, answer=answer(204, ""), now=later) is True
    told.refresh_from_db()
    assert (told.status, told.attempts, Attempt.objects.count()) == ("delivered", 2, 1)


def test_an_endpoint_is_told_of_an_event_once(told: Delivery) -> None:
    from django.db import IntegrityError, transaction

    told.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        told.save(force_insert=True)


def fails(delivery: Delivery, now: datetime, code: int | None = 500) -> Endpoint:
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=now, status="waiting", done_at=None)
    Endpoint.objects.update(resting_until=None)
    claimed = actions.claim(delivery_id=delivery.pk, now=now)
    assert claimed is not None
    actions.settle(delivery=claimed, answer=answer(code), now=now)
    return Endpoint.objects.get(pk=delivery.endpoint_id)


def test_after_five_days_without_success_it_is_turned_off(told: Delivery) -> None:
    now = datetime(2026, 3, 3, tzinfo=UTC)
    assert fails(told, now).is_on
    assert fails(told, now + timedelta(days=4, hours=23)).is_on
    off = fails(told, now + timedelta(days=5))
    assert not off.is_on
    assert off.disabled_because.startswith("Nothing was delivered for five days.")
    assert list(queries.turned_off_untold()) == [off]
    on = actions.turn_on(endpoint=off)
    assert (on.is_on, on.failing_since, on.failures) == (True, None, 0)


def test_one_success_begins_the_days_anew(told: Delivery) -> None:
    now = datetime(2026, 3, 3, tzinfo=UTC)
    fails(told, now)
    fails(told, now + timedelta(days=4), code=204)
    assert fails(told, now + timedelta(days=6)).is_on


def test_gone_is_gone(told: Delivery) -> None:
    off = fails(told, datetime(2026, 3, 3, tzinfo=UTC), code=410)
    assert (off.is_on, "410" in off.disabled_because) == (False, True)


def test_once_the_operator_takes_the_host_away_nothing_is_sent(
    told: Delivery, receiver: Receiver, settings: Settings
) -> None:
    settings.WOOLGATHER_WEBHOOK_HOSTS = ["elsewhere.example.com"]
    run_jobs()
    assert receiver.messages == []
    assert "not among the hosts" in Attempt.objects.get().error
    settings.WOOLGATHER_WEBHOOK_HOSTS = []
    due_now()
    assert queries.endpoints_due(timezone.now()) == []
    with pytest.raises(actions.NotPossible, match="off on this server"):
        actions.ping(endpoint=told.endpoint, now=timezone.now())


def test_a_ping_goes_even_to_one_that_is_left_alone(told: Delivery, endpoint: Endpoint, receiver: Receiver) -> None:
    receiver.codes = [500]
    run_jobs()
    sent = actions.ping(endpoint=endpoint, now=timezone.now())
    tasks.queue(endpoint_id=endpoint.pk, by=None, now=timezone.now())
    run_jobs()
    sent.refresh_from_db()
    assert sent.status == "delivered"
    assert json.loads(receiver.messages[-1].body)["type"] == "webhook.ping"


def test_a_removed_one_keeps_no_secret_and_gets_nothing(told: Delivery, endpoint: Endpoint, receiver: Receiver) -> None:
    actions.remove_endpoint(endpoint=endpoint, now=timezone.now())
    run_jobs()
    endpoint.refresh_from_db()
    assert (endpoint.sealed_url, endpoint.sealed_secret, receiver.messages) == ("", "", [])
    told.refresh_from_db()
    assert told.status == "failed"
    with pytest.raises(actions.NotPossible, match="was removed"):
        actions.redeliver(delivery=told, now=timezone.now())


def test_the_log_is_kept_for_a_month(told: Delivery, receiver: Receiver) -> None:
    run_jobs()
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=31))
    Event.objects.update(at=timezone.now() - timedelta(days=31))
    run_jobs()
    assert (Delivery.objects.count(), Event.objects.count(), Attempt.objects.count()) == (0, 0, 0)

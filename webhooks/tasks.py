"""Sending in the background: the sweeper has a job queued for each endpoint that has something due."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from jobs.actions import enqueue
from jobs.registry import JobContext, periodically, register
from jobs.tasks import ring
from webhooks import actions, conf, messages, queries, sealing, sending

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser

    from webhooks.models import Delivery

logger = logging.getLogger(__name__)

DELIVER = "webhooks.deliver"
DISPATCH = "webhooks.dispatch"
PRUNE = "webhooks.prune"
DISPATCH_EVERY = timedelta(seconds=5)
MOST_IN_A_JOB = 200


def queue(*, endpoint_id: int, by: AbstractBaseUser | None, now: datetime) -> None:
    """Have an endpoint's due messages sent soon; one job at a time for each, so that none holds up another."""
    ring(enqueue(kind=DELIVER, payload={"endpoint": endpoint_id}, by=by, now=now, key=f"endpoint:{endpoint_id}"))


@register(DELIVER)
def deliver(context: JobContext) -> dict[str, Any]:
    """Send what is due for one endpoint; after a failure it is left alone for a while."""
    delivered = failed = 0
    due = queries.due_for(int(context.payload["endpoint"] or 0), timezone.now(), MOST_IN_A_JOB) if conf.is_on() else []
    for number, delivery_id in enumerate(due):
        context.progress(number, len(due))
        delivery = actions.claim(delivery_id=delivery_id, now=timezone.now())
        if delivery is None:
            continue
        if send(delivery):
            delivered += 1
        else:
            failed += 1
            break
    return {"delivered": delivered, "failed": failed}


def send(delivery: Delivery) -> bool:
    """Make one attempt of a claimed delivery and write down what came of it."""
    endpoint, event, began = delivery.endpoint, delivery.event, timezone.now()
    try:
        url = sealing.unseal(endpoint.sealed_url)
        content = messages.body(event, endpoint.style)
        headers = messages.headers(event, endpoint, content, began)
    except sealing.Unsealable as error:
        answer = sending.Answer(None, "", str(error), 0.0)
    else:
        answer = sending.post(url=url, body=content, headers=headers)
    actions.settle(delivery=delivery, answer=answer, now=timezone.now())
    if not answer.is_success:
        logger.warning("webhook %s, attempt %d: %s %s", event.message_id, delivery.attempts, answer.code, answer.error)
    return answer.is_success


@register(DISPATCH)
def dispatch(_context: JobContext) -> dict[str, Any]:
    """Queue a job for each endpoint that has something due."""
    now = timezone.now()
    found = queries.endpoints_due(now)
    for endpoint_id in found:
        queue(endpoint_id=endpoint_id, by=None, now=now)
    return {"endpoints": len(found)}


def has_due(now: datetime) -> bool:
    """Say whether anything can be sent now."""
    return bool(queries.endpoints_due(now))


periodically(DISPATCH, every=DISPATCH_EVERY, is_due=has_due)


@register(PRUNE)
def prune(_context: JobContext) -> dict[str, Any]:
    """Forget what was told a month ago."""
    return {"deliveries": actions.prune(now=timezone.now())}


def has_old(now: datetime) -> bool:
    """Say whether the log holds what is to be forgotten."""
    return conf.is_on() and queries.has_old(now - actions.KEPT_FOR)


periodically(PRUNE, every=timedelta(hours=1), is_due=has_old)

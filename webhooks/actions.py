"""Every write of webhooks. Recording happens in the caller's transaction: what is rolled back was never told."""

from __future__ import annotations

import base64
import random
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from webhooks import conf, sealing, targets
from webhooks.models import Attempt, Delivery, Endpoint, Event, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser

    from webhooks.sending import Answer

Status = Delivery.Status
# After the first, second … failed attempt; ten attempts in about three days, as Standard Webhooks suggests.
PAUSES = [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)]
PAUSES += [timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)]
ATTEMPTS = len(PAUSES) + 1
# A claimed delivery whose worker was killed is tried again after this; longer than one attempt may take.
CLAIM = timedelta(seconds=90)
LONGEST_REST = timedelta(hours=1)
TURN_OFF_AFTER = timedelta(days=5)
OVERLAP = timedelta(hours=24)
KEPT_FOR = timedelta(days=30)
PRUNE_BATCH = 2_000
GONE = 410
LONGEST_NAME = 80


class NotPossible(Exception):
    """The endpoint's or the delivery's state forbids it; the text says so to a person."""


# -- What happened ----------------------------------------------------------------------------------------


def record(*, kind: Kind, data: Mapping[str, Any], path: str, now: datetime) -> Event | None:
    """Record that something happened, for every endpoint that wants to know; in the caller's transaction.

    Costs nothing where webhooks are off, and one query where nobody wants to know. ``data`` holds ids and small facts,
    never texts that people wrote and never their addresses.
    """
    if not conf.is_on():
        return None
    endpoints = [endpoint for endpoint in Endpoint.objects.telling().only("pk", "kinds") if kind in endpoint.kinds]
    return _deliver(kind, dict(data), path, endpoints, now) if endpoints else None


def _deliver(kind: Kind, data: dict[str, Any], path: str, endpoints: Sequence[Endpoint], now: datetime) -> Event:
    with transaction.atomic():
        event = Event.objects.create(kind=kind, data=data, path=path, at=now)
        Delivery.objects.bulk_create(
            Delivery(endpoint=endpoint, event=event, attempts_allowed=ATTEMPTS, next_attempt_at=now, created_at=now)
            for endpoint in endpoints
        )
    return event


# -- Endpoints --------------------------------------------------------------------------------------------


@transaction.atomic
def add_endpoint(
    *, name: str, url: str, style: str, kinds: Sequence[str], by: AbstractBaseUser, now: datetime
) -> tuple[Endpoint, str]:
    """Add an endpoint; returns it and its secret, which is never shown again ("" for Slack, which checks none).

    Raises:
        ValidationError: with messages per field.
    """
    _check(name=name, url=url, style=style, kinds=kinds)
    secret = _new_secret() if style == Endpoint.Style.STANDARD else ""
    endpoint = Endpoint.objects.create(
        name=name.strip(),
        style=style,
        kinds=_in_order(kinds),
        sealed_url=sealing.seal(url),
        shown_url=_shown(url, style),
        sealed_secret=sealing.seal(secret) if secret else "",
        secret_made_at=now if secret else None,
        created_by_id=by.pk,
        created_at=now,
    )
    return endpoint, secret


@transaction.atomic
def change_endpoint(*, endpoint: Endpoint, name: str, url: str, kinds: Sequence[str]) -> Endpoint:
    """Change what an endpoint is called, where it is ("" keeps the address) and what it is told of.

    Raises:
        ValidationError: with messages per field.
        NotPossible: it was removed.
    """
    found = _locked(endpoint)
    _check(name=name, url=url or None, style=found.style, kinds=kinds)
    found.name, found.kinds = name.strip(), _in_order(kinds)
    if url:
        found.sealed_url, found.shown_url = sealing.seal(url), _shown(url, found.style)
        _forgive(found)
    found.save()
    return found


def _check(*, name: str, url: str | None, style: str, kinds: Sequence[str]) -> None:
    errors: dict[str, list[str]] = {}
    if not name.strip() or len(name.strip()) > LONGEST_NAME or not name.strip().isprintable():
        errors["name"] = [_("Give it a name of at most 80 letters.")]
    if style not in Endpoint.Style.values:
        errors["style"] = [_("Choose one of the kinds.")]
    if not kinds or set(kinds) - {kind for kind, _label in Kind.subscribable()}:
        errors["kinds"] = [_("Choose at least one event.")]
    if url is not None:
        try:
            targets.parse(url)
        except targets.Forbidden as error:
            errors["url"] = [str(error)]
    if errors:
        raise ValidationError(errors)


def _in_order(kinds: Sequence[str]) -> list[str]:
    return [kind for kind, _label in Kind.subscribable() if kind in kinds]


def _shown(url: str, style: str) -> str:
    """Return an address without what is secret in it: all after Slack's host, and any query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{'/…' if style == Endpoint.Style.SLACK else parts.path}"


@transaction.atomic
def rotate_secret(*, endpoint: Endpoint, now: datetime) -> str:
    """Make a new secret and return it; for a day, messages are signed with the one before, too. Raises NotPossible."""
    found = _locked(endpoint)
    if not found.is_signed:
        raise NotPossible(_("Slack's messages are not signed; its secret is the address itself."))
    secret = _new_secret()
    found.sealed_secret_before, found.secret_before_until = found.sealed_secret, now + OVERLAP
    found.sealed_secret, found.secret_made_at = sealing.seal(secret), now
    found.save()
    return secret


@transaction.atomic
def turn_off(*, endpoint: Endpoint, reason: str, now: datetime) -> Endpoint:
    """Tell an endpoint nothing more; what waits, waits until it is on again. Twice is the same as once."""
    found = _locked(endpoint)
    if found.disabled_at is None:
        found.disabled_at, found.disabled_because, found.told_at = now, reason, now
        found.save()
    return found


@transaction.atomic
def turn_on(*, endpoint: Endpoint) -> Endpoint:
    """Tell an endpoint again what happens, and what has waited since it was turned off."""
    found = _locked(endpoint)
    found.disabled_at, found.disabled_because, found.told_at = None, "", None
    _forgive(found)
    found.save()
    return found


@transaction.atomic
def remove_endpoint(*, endpoint: Endpoint, now: datetime) -> Endpoint:
    """Take an endpoint away, with its address and secrets; the log of what it was told stays its month."""
    found = _locked(endpoint)
    found.removed_at = now
    found.sealed_url = found.sealed_secret = found.sealed_secret_before = ""
    found.save()
    Delivery.objects.filter(endpoint=found, status=Status.WAITING).update(status=Status.FAILED, done_at=now)
    return found


def _locked(endpoint: Endpoint) -> Endpoint:
    # Not FOR UPDATE: a submission that is being recorded refers to the row and must not wait for this.
    found = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    if found.removed_at is not None:
        raise NotPossible(_("This webhook was removed."))
    return found


def _forgive(endpoint: Endpoint) -> None:
    endpoint.failing_since = endpoint.resting_until = None
    endpoint.failures = 0


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


# -- Deliveries -------------------------------------------------------------------------------------------


@transaction.atomic
def ping(*, endpoint: Endpoint, now: datetime) -> Delivery:
    """Queue a test message at once, even while the endpoint is left alone. Raises NotPossible."""
    found = _require_on(endpoint)
    event = _deliver(Kind.PING, {"endpoint": found.name}, "", [found], now)
    _forgive(found)
    found.save()
    return event.deliveries.get()


@transaction.atomic
def redeliver(*, delivery: Delivery, now: datetime) -> Delivery:
    """Send a message again under the id it had, so that a receiver that knows it does nothing twice.

    Raises NotPossible.
    """
    endpoint = _require_on(delivery.endpoint)
    found = Delivery.objects.select_for_update().get(pk=delivery.pk)
    found.status, found.done_at, found.next_attempt_at = Status.WAITING, None, now
    found.attempts_allowed = found.attempts + ATTEMPTS
    found.save()
    endpoint.resting_until = None
    endpoint.save(update_fields=["resting_until"])
    return found


def _require_on(endpoint: Endpoint) -> Endpoint:
    if not conf.is_on():
        raise NotPossible(_("Webhooks are off on this server: the operator allowed no host."))
    found = _locked(endpoint)
    if not found.is_on:
        raise NotPossible(_("This webhook is off. Turn it on first."))
    return found


def claim(*, delivery_id: int, now: datetime) -> Delivery | None:
    """Take a due delivery for one attempt; None where another worker was faster, or it is not due any more."""
    with transaction.atomic():
        # One conditional UPDATE decides between workers; its row count is the answer.
        mine = Delivery.objects.filter(pk__in=Delivery.objects.due(now).filter(pk=delivery_id).values("pk"))
        mine = mine.filter(status=Status.WAITING, next_attempt_at__lte=now)
        if not mine.update(attempts=F("attempts") + 1, next_attempt_at=now + CLAIM):
            return None
        return Delivery.objects.select_related("endpoint", "event").get(pk=delivery_id)


@transaction.atomic
def settle(*, delivery: Delivery, answer: Answer, now: datetime) -> bool:
    """Write down what came of a claimed attempt, and what follows; False where a later attempt has taken over."""
    endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=delivery.endpoint_id)
    found = Delivery.objects.select_for_update().get(pk=delivery.pk)
    if found.attempts != delivery.attempts or found.status != Status.WAITING:
        return False
    Attempt.objects.create(
        delivery=found,
        number=found.attempts,
        at=now,
        seconds=answer.seconds,
        code=answer.code,
        excerpt=answer.excerpt,
        error=answer.error[:300],
    )
    found.code = answer.code
    if answer.is_success:
        found.status, found.done_at = Status.DELIVERED, now
        _forgive(endpoint)
    else:
        _put_off(found, now)
        _put_up_with(endpoint, answer, now)
    found.save()
    endpoint.save()
    return True


def _put_off(delivery: Delivery, now: datetime) -> None:
    if delivery.attempts >= delivery.attempts_allowed:
        delivery.status, delivery.done_at = Status.FAILED, now
        return
    made = delivery.attempts - (delivery.attempts_allowed - ATTEMPTS)
    # A fifth more or less, so that what failed together does not come back together.
    delivery.next_attempt_at = now + PAUSES[max(0, made - 1)] * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def _put_up_with(endpoint: Endpoint, answer: Answer, now: datetime) -> None:
    """Leave an endpoint alone for a while, and turn it off where it said so or failed for days."""
    endpoint.failing_since = endpoint.failing_since or now
    endpoint.failures += 1
    endpoint.resting_until = now + min(LONGEST_REST, timedelta(seconds=5 * 2 ** min(endpoint.failures - 1, 16)))
    if endpoint.disabled_at is not None:
        return
    if answer.code == GONE:
        reason = _("It answered 410: it is gone for good.")
    elif now - endpoint.failing_since >= TURN_OFF_AFTER:
        reason = _("Nothing was delivered for five days. The last time: %(why)s") % {"why": answer.error}
    else:
        return
    endpoint.disabled_at, endpoint.disabled_because, endpoint.told_at = now, reason[:300], None


def claim_notice(*, endpoint: Endpoint, now: datetime) -> bool:
    """Take the notice that an endpoint was turned off by itself; it counts as told before it is mailed."""
    untold = Endpoint.objects.present().filter(pk=endpoint.pk, disabled_at__isnull=False, told_at=None)
    return bool(untold.update(told_at=now))


def release_notice(*, endpoint: Endpoint) -> None:
    """Give a notice back that no mail server took."""
    Endpoint.objects.filter(pk=endpoint.pk).update(told_at=None)


def prune(*, now: datetime) -> int:
    """Forget what was told or given up a month ago; returns how many deliveries."""
    # What was recorded while its endpoint was being removed waits for nothing.
    over = ~Q(status=Status.WAITING) | Q(endpoint__removed_at__isnull=False)
    old = Delivery.objects.filter(over, created_at__lt=now - KEPT_FOR)
    keys = list(old.order_by("pk").values_list("pk", flat=True)[:PRUNE_BATCH])
    with transaction.atomic():
        Delivery.objects.filter(pk__in=keys).delete()
        Event.objects.filter(at__lt=now - KEPT_FOR, deliveries=None).delete()
    return len(keys)

"""What admins do with webhooks, each with its line in the audit, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from collector.errors import Conflict, NotAllowed
from collector.models import AuditEntry, Person, Role
from webhooks import actions, tasks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhooks.models import Delivery, Endpoint


class NotAnAdmin(NotAllowed):
    """Only admins say what leaves the server."""

    code = "not_an_admin"


class NotNow(Conflict):
    """The webhook's state forbids it."""

    code = "not_now"


def require_admin(by: Person) -> None:
    """Raise NotAnAdmin unless the person is one."""
    if not by.has_role(Role.ADMIN):
        raise NotAnAdmin(_("Webhooks are looked after by admins."))


@transaction.atomic
def add(*, name: str, url: str, style: str, kinds: Sequence[str], by: Person, now: datetime) -> tuple[Endpoint, str]:
    """Add a webhook; returns it and its secret, to be shown once.

    Raises:
        NotAnAdmin, ValidationError: as they say.
    """
    require_admin(by)
    endpoint, secret = actions.add_endpoint(name=name, url=url, style=style, kinds=kinds, by=by, now=now)
    _note("webhook.added", endpoint, by, now, url=endpoint.shown_url, kinds=endpoint.kinds)
    return endpoint, secret


@transaction.atomic
def change(*, endpoint: Endpoint, name: str, url: str, kinds: Sequence[str], by: Person, now: datetime) -> Endpoint:
    """Change a webhook's name, address ("" keeps it) and events.

    Raises:
        NotAnAdmin, ValidationError, NotNow: as they say.
    """
    require_admin(by)
    try:
        changed = actions.change_endpoint(endpoint=endpoint, name=name, url=url, kinds=kinds)
    except actions.NotPossible as error:
        raise NotNow(error) from error
    _note("webhook.changed", changed, by, now, url=changed.shown_url, kinds=changed.kinds, moved=bool(url))
    return changed


@transaction.atomic
def rotate(*, endpoint: Endpoint, by: Person, now: datetime) -> str:
    """Make a new secret and return it, to be shown once. Raises NotAnAdmin, NotNow."""
    require_admin(by)
    try:
        secret = actions.rotate_secret(endpoint=endpoint, now=now)
    except actions.NotPossible as error:
        raise NotNow(error) from error
    _note("webhook.secret_rotated", endpoint, by, now)
    return secret


@transaction.atomic
def act(*, endpoint: Endpoint, what: str, by: Person, now: datetime) -> None:
    """Turn a webhook on or off, remove it, or send it a test message. Raises NotAnAdmin, NotNow."""
    require_admin(by)
    try:
        if what == "on":
            actions.turn_on(endpoint=endpoint)
            tasks.queue(endpoint_id=endpoint.pk, by=by, now=now)
        elif what == "off":
            actions.turn_off(
                endpoint=endpoint, reason=_("Turned off by %(name)s.") % {"name": by.display_name}, now=now
            )
        elif what == "remove":
            actions.remove_endpoint(endpoint=endpoint, now=now)
        elif what == "ping":
            actions.ping(endpoint=endpoint, now=now)
            tasks.queue(endpoint_id=endpoint.pk, by=by, now=now)
        else:
            raise NotNow(_("Choose what to do."))
    except actions.NotPossible as error:
        raise NotNow(error) from error
    verbs = {"on": "turned_on", "off": "turned_off", "remove": "removed", "ping": "tested"}
    _note(f"webhook.{verbs[what]}", endpoint, by, now)


@transaction.atomic
def send_again(*, delivery: Delivery, by: Person, now: datetime) -> None:
    """Send a message again. Raises NotAnAdmin, NotNow."""
    require_admin(by)
    try:
        actions.redeliver(delivery=delivery, now=now)
    except actions.NotPossible as error:
        raise NotNow(error) from error
    tasks.queue(endpoint_id=delivery.endpoint_id, by=by, now=now)
    _note("webhook.sent_again", delivery.endpoint, by, now, message=delivery.event.message_id)


def _note(verb: str, endpoint: Endpoint, by: Person, now: datetime, **detail: object) -> None:
    AuditEntry.objects.create(by=by, verb=verb, target=f"{endpoint.name} ({endpoint.pk})"[:200], detail=detail, at=now)

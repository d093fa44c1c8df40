"""What running an installation needs in the background: telling admins of a webhook that was turned off by itself."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from collector.models import Person, Role
from jobs.registry import JobContext, periodically, register
from webhooks import actions, conf, queries

if TYPE_CHECKING:
    from datetime import datetime

    from webhooks.models import Endpoint

logger = logging.getLogger(__name__)
WEBHOOKS_OFF = "operations.webhooks_off"


@register(WEBHOOKS_OFF)
def tell_admins(_context: JobContext) -> dict[str, Any]:
    """Mail the admins which webhooks were turned off; each is told of once."""
    told = 0
    for endpoint in queries.turned_off_untold():
        if not actions.claim_notice(endpoint=endpoint, now=timezone.now()):
            continue
        if sent := _mail(endpoint):
            told += sent
        else:
            actions.release_notice(endpoint=endpoint)  # nobody was told: the next run tries again
    return {"mails": told}


def _mail(endpoint: Endpoint) -> int:
    admins = Person.objects.filter(Q(is_superuser=True) | Q(groups__name=Role.ADMIN), is_active=True).distinct()
    address = f"{settings.SITE_URL.rstrip('/')}{reverse('webhook', args=[endpoint.pk])}"
    with translation.override(settings.LANGUAGE_CODE):
        subject = _("The webhook “%(name)s” was turned off") % {"name": endpoint.name}
        body = _(
            "%(why)s\n\nWhat waits is kept. When the other side works again, turn the webhook on here:\n%(address)s\n"
        ) % {"why": endpoint.disabled_because, "address": address}
    sent = 0
    for person in admins:  # one each: nobody reads the others' addresses
        try:
            sent += EmailMessage(subject, body, to=[person.email]).send()
        except OSError as error:  # smtplib's errors are among these
            logger.warning("%s was not told of a webhook that is off: %s", person.handle, error)
    return sent


def has_turned_off(now: datetime) -> bool:  # noqa: ARG001 - as the sweeper asks
    """Say whether an admin is to be told of anything."""
    return conf.is_on() and queries.turned_off_untold().exists()


periodically(WEBHOOKS_OFF, every=timedelta(minutes=5), is_due=has_turned_off)

"""What is sent: Standard Webhooks' JSON with its signatures, or a message that Slack shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from standardwebhooks import Webhook

from webhooks import sealing
from webhooks.models import Endpoint, Event, Kind

if TYPE_CHECKING:
    from datetime import datetime

USER_AGENT = "Woolgather-Webhooks/1"


def body(event: Event, style: str) -> bytes:
    """Return a message's bytes; the same event always gives the same."""
    if style == Endpoint.Style.SLACK:
        return orjson.dumps(slack(event))
    return orjson.dumps(payload(event))


def payload(event: Event) -> dict[str, Any]:
    """Return the message as Standard Webhooks shapes it."""
    data = dict(event.data)
    if event.path:
        data["url"] = address(event)
    return {"type": event.kind, "timestamp": event.at.isoformat().replace("+00:00", "Z"), "data": data}


def address(event: Event) -> str:
    """Return where on this site the event can be seen."""
    return f"{settings.SITE_URL.rstrip('/')}{event.path}"


def headers(event: Event, endpoint: Endpoint, content: bytes, now: datetime) -> dict[str, str]:
    """Return a message's headers, signed with the endpoint's secret and, for a day, with the one before.

    Raises Unsealable.
    """
    found = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    if not endpoint.is_signed:
        return found
    sealed = [endpoint.sealed_secret]
    if endpoint.sealed_secret_before and endpoint.secret_before_until and now < endpoint.secret_before_until:
        sealed.append(endpoint.sealed_secret_before)
    text = content.decode()
    signatures = [Webhook(sealing.unseal(one)).sign(event.message_id, now, text) for one in sealed]
    return found | {
        "webhook-id": event.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def slack(event: Event) -> dict[str, Any]:
    """Return what Slack's incoming webhooks take: a line for notifications, and the same as blocks with a link."""
    with translation.override(settings.LANGUAGE_CODE):
        text = escape(sentence(event))
        link = f"\n<{escape(address(event))}|{escape(_('Open it in Woolgather'))}>" if event.path else ""
    return {"text": text, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": f"{text}{link}"}}]}


def escape(text: str) -> str:
    """Take the meaning out of Slack's three control characters, and with it mentions, channels and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def sentence(event: Event) -> str:
    """Say in a sentence what happened."""
    data: dict[str, Any] = event.data
    return str(_template(event.kind, data.get("status", "")) % data)


def _template(kind: str, status: str) -> str:
    if kind == Kind.SUBMITTED:
        return _("A pair was submitted in %(category)s (%(campaign)s).")
    if kind == Kind.DECIDED:
        words = {
            "approved": _("A pair in %(category)s (%(campaign)s) was approved."),
            "rejected": _("A pair in %(category)s (%(campaign)s) was rejected."),
            "changes_requested": _("Changes were requested to a pair in %(category)s (%(campaign)s)."),
        }
        return words[status]
    if kind == Kind.VERSION_READY:
        return _("Dataset version %(dataset)s %(version)s is ready: %(rows)s records.")
    if kind == Kind.RUN_FINISHED:
        words = {
            "complete": _("Training run %(run)s has finished."),
            "failed": _("Training run %(run)s failed."),
        }
        return words[status]
    return _("This is a test message of the webhook “%(endpoint)s”.")

"""The e-mails that the core writes."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector import notice_queries
from collector.actions.subscriptions import unsubscribe_token
from collector.models import Mailing, MailKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.models import Invitation, Notice, Person

MOST_TOLD = 20
LONGEST_ABOUT = 140
LONGEST_WORDS = 240


def digest_mail(*, person: Person, notices: Sequence[Notice], unsubscribe: str) -> EmailMultiAlternatives:
    """Write a person's digest as text and HTML, in their time zone.

    Args:
        notices: newest first; more than 20 are counted, not listed.
        unsubscribe: the path of the page that ends the digests without a sign-in.
    """
    site = settings.SITE_URL.rstrip("/")
    with timezone.override(zoneinfo.ZoneInfo(person.time_zone)), translation.override(settings.LANGUAGE_CODE):
        told = notice_queries.in_words(notices[:MOST_TOLD])
        context = {
            "person": person,
            "rows": [
                {
                    "title": one.title,
                    "about": _line(one.about, LONGEST_ABOUT),
                    "words": _line(one.words, LONGEST_WORDS),
                    "address": f"{site}{notice_queries.target_of(one.notice)}",
                }
                for one in told
            ],
            "count": len(notices),
            "more": max(0, len(notices) - MOST_TOLD),
            "all": f"{site}{reverse('notices')}",
            "settings": f"{site}{reverse('profile')}",
            "unsubscribe": f"{site}{unsubscribe}",
        }
        subject = ngettext("%(count)d piece of news", "%(count)d pieces of news", len(notices)) % {
            "count": len(notices)
        }
        mail = EmailMultiAlternatives(
            subject=f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{subject}",
            body=render_to_string("email/digest.txt", context),
            to=[person.email],
            headers={
                # RFC 8058: a mail program ends the digests by one POST, without a page or a sign-in.
                "List-Unsubscribe": f"<{context['unsubscribe']}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "Auto-Submitted": "auto-generated",
            },
        )
        mail.attach_alternative(render_to_string("email/digest.html", context), "text/html")
    return mail


def invitation_mail(*, invitation: Invitation, token: str) -> EmailMultiAlternatives:
    """Write an invitation as text and HTML, with the link that holds its token."""
    site = settings.SITE_URL.rstrip("/")
    with translation.override(settings.LANGUAGE_CODE):
        context = {
            "by": invitation.invited_by.display_name if invitation.invited_by else "",
            "address": f"{site}{reverse('invitation', args=[token])}",
            "until": invitation.expires_at,
        }
        mail = EmailMultiAlternatives(
            subject=f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{_('You are invited')}",
            body=render_to_string("email/invitation.txt", context),
            to=[invitation.email],
            headers={"Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string("email/invitation.html", context), "text/html")
    return mail


def mailing_mail(
    *, mailing: Mailing, person: Person, progress: tuple[int, int], is_trial: bool = False
) -> EmailMultiAlternatives:
    """Write a person's copy of an announcement or a reminder, as text and HTML.

    Args:
        progress: how many pairs of how many wanted are approved in its campaign.
        is_trial: its writer's own trial, which the subject says.
    """
    site = settings.SITE_URL.rstrip("/")
    kind = MailKind(mailing.kind)
    is_review = mailing.audience == Mailing.Audience.REVIEWERS
    target = reverse("review-next") if is_review else f"{reverse('home')}?campaign={mailing.campaign.slug}"
    unsubscribe = f"{site}{reverse('unsubscribe', args=[unsubscribe_token(person=person, kind=kind)])}"
    with translation.override(settings.LANGUAGE_CODE):
        context = {
            "person": person,
            "mailing": mailing,
            "by": mailing.by.display_name if mailing.by else "",
            "done": progress[0],
            "wanted": progress[1],
            "is_review": is_review,
            "is_open": mailing.campaign.status == mailing.campaign.Status.OPEN,
            "address": f"{site}{target}",
            "settings": f"{site}{reverse('profile')}",
            "unsubscribe": unsubscribe,
        }
        trial = _("Trial: ") if is_trial else ""
        mail = EmailMultiAlternatives(
            subject=f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{trial}{mailing.subject}",
            body=render_to_string("email/mailing.txt", context),
            to=[person.email],
            reply_to=[mailing.by.email] if mailing.by and mailing.by.is_active else None,
            headers={
                "List-Unsubscribe": f"<{unsubscribe}>",  # RFC 8058, as in the digest
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "Auto-Submitted": "auto-generated",
            },
        )
        mail.attach_alternative(render_to_string("email/mailing.html", context), "text/html")
    return mail


def _line(text: str, longest: int) -> str:
    """Put somebody's words on one line, shortened: nobody's line ends may look like ours."""
    return str(Truncator(" ".join(text.split())).chars(longest))

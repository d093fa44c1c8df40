"""The mails that people get without having asked for each, and ending a kind of them by one click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core import signing
from django.db import transaction
from django.utils.translation import gettext as _

from collector.errors import Refused
from collector.models import AuditEntry, MailKind, Person

if TYPE_CHECKING:
    from datetime import datetime

SALT = "collector.digest"  # that of the first kind: its links in old mails last


class NoSuchLink(Refused):
    """An unsubscribe link that was cut off or made up."""

    code = "no_such_link"


def unsubscribe_token(*, person: Person, kind: MailKind) -> str:
    """Return a person and a kind, signed, for the link in their mails; it ends nothing else, so it lasts for ever."""
    return signing.dumps([person.pk, str(kind)], salt=SALT)


def subscriber(*, token: str) -> tuple[Person, MailKind]:
    """Return whose mails of which kind an unsubscribe link ends.

    Raises:
        NoSuchLink: it is not one of ours.
    """
    try:
        signed = signing.loads(token, salt=SALT)
    except signing.BadSignature as error:
        raise NoSuchLink(_("This link is not complete. Copy all of it from the e-mail.")) from error
    # Links of before there were kinds hold the person alone.
    pk, kind = signed if isinstance(signed, list) else (signed, MailKind.DIGEST)
    person = Person.objects.filter(pk=pk).first()
    if person is None:
        raise NoSuchLink(_("This account is no longer here."))
    return person, MailKind(kind)


@transaction.atomic
def set_wish(*, person: Person, kind: MailKind, wanted: bool, by: Person, now: datetime) -> None:
    """Begin or end a kind of mail to a person; asking twice is the same as once."""
    if Person.objects.filter(pk=person.pk).exclude(**{kind.wish: wanted}).update(**{kind.wish: wanted}):
        setattr(person, kind.wish, wanted)
        detail = {"wanted": wanted}
        AuditEntry.objects.create(by=by, verb=f"person.{kind}", target=person.handle, detail=detail, at=now)

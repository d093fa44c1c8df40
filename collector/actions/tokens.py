"""Personal tokens of the API: made, ended, found again by their secret."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from collector.models import ApiToken, AuditEntry, Role
from collector.text import token_hash, validate_text

if TYPE_CHECKING:
    from datetime import datetime

    from collector.models import Person

TOKEN_PREFIX = "wg_"  # noqa: S105 - the public prefix, by which a leaked token is recognised
USE_NOTED_EVERY = timedelta(minutes=10)


@transaction.atomic
def create_token(
    *,
    person: Person,
    scope: str,
    by: Person | None,
    now: datetime,
    expires_at: datetime | None = None,
    name: str = "",
) -> tuple[ApiToken, str]:
    """Make a personal API token; returns it and the secret, of which only the hash is kept.

    Args:
        by: the person themselves, who can give no scope above their role; None for whoever runs the server, whose
            tokens may wait for a role (what a token may do ends where its person's role ends, either way).

    Raises:
        ValidationError: with messages per field.
    """
    if scope not in ApiToken.Scope.values:
        raise ValidationError(
            {"scope": [_("Choose one of: %(scopes)s.") % {"scopes": ", ".join(ApiToken.Scope.values)}]}
        )
    if by is not None and scope not in scopes_of(by):
        raise ValidationError({"scope": [_("Your role doesn't reach that far.")]})
    validate_text(name)
    raw = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        person=person,
        token_hash=token_hash(raw),
        hint=raw[:8],
        name=name.strip(),
        scope=scope,
        created_at=now,
        expires_at=expires_at,
    )
    detail = {"scope": scope, "hint": token.hint, "expires_at": expires_at.isoformat() if expires_at else None}
    AuditEntry.objects.create(by=by, verb="token.created", target=person.handle, detail=detail, at=now)
    return token, raw


def scopes_of(person: Person) -> list[ApiToken.Scope]:
    """Return the scopes that a person may give to a token, the least first."""
    scopes = [ApiToken.Scope.READ, ApiToken.Scope.WRITE]
    if person.has_role(Role.REVIEWER) or person.has_role(Role.LEAD):
        scopes.append(ApiToken.Scope.REVIEW)
    if person.has_role(Role.LEAD):
        scopes.append(ApiToken.Scope.ADMIN)
    return scopes


@transaction.atomic
def revoke_token(*, token: ApiToken, by: Person | None, now: datetime) -> None:
    """End a token; ending it twice is the same as once."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
        detail = {"hint": token.hint}
        AuditEntry.objects.create(by=by, verb="token.revoked", target=token.person.handle, detail=detail, at=now)


def note_use(*, token: ApiToken, now: datetime) -> None:
    """Remember when a token was used, to the nearest ten minutes: most requests write nothing."""
    if token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def find_token(*, raw: str, now: datetime) -> ApiToken | None:
    """Return the live token of an active person for a secret, or None."""
    return (
        ApiToken.objects.live(now)
        .select_related("person")
        .filter(token_hash=token_hash(raw), person__is_active=True)
        .first()
    )

"""Passing a passage by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from collector.models import PassageSkip
from collector.text import validate_text

if TYPE_CHECKING:
    from datetime import datetime

    from collector.models import Campaign, Category, Passage, Person

MOST_CHARACTERS = 500


@transaction.atomic
def skip_passage(
    *,
    passage: Passage,
    campaign: Campaign,
    category: Category,
    reason: str,
    by: Person,
    now: datetime,
    note: str = "",
) -> PassageSkip:
    """Note that a contributor doesn't want to work from a passage; skipping it again replaces the reason.

    Args:
        reason: a value of ``PassageSkip.Reason``.
        note: the person's own words for the lead, at most 500 characters.

    Raises:
        ValidationError: with messages per field; nothing was changed.
    """
    errors: dict[str, list[str]] = {}
    if reason not in PassageSkip.Reason.values:
        errors["reason"] = [_("Choose one of the reasons.")]
    try:
        validate_text(note)
    except ValidationError as error:
        errors["note"] = error.messages
    if len(note) > MOST_CHARACTERS:
        errors["note"] = [
            _("This is %(length)d characters long; the limit is %(limit)d.")
            % {"length": len(note), "limit": MOST_CHARACTERS}
        ]
    if errors:
        raise ValidationError(errors)
    skip, _created = PassageSkip.objects.update_or_create(
        passage=passage,
        person=by,
        category=category,
        defaults={"campaign": campaign, "reason": reason, "note": note.strip(), "at": now},
    )
    return skip

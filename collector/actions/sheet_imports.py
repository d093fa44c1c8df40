"""An edited sheet on its way back: kept for a preview, then applied as a whole or dropped."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from collector import sheet_comparisons
from collector.actions import reviews, standings, suggestions
from collector.errors import Conflict, NotAllowed, Refused
from collector.models import AuditEntry, Person, SheetImport
from collector.pairs import Text
from collector.sheets.reading import read_sheet
from collector.sheets.rows import MAX_CHANGES, UnreadableSheet

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping
    from datetime import datetime

KEPT_FOR = timedelta(days=1)
NAME_LENGTH = 120


class BadSheet(Refused):
    """The file can't be read as a sheet, or changes too much at once."""

    code = "bad_sheet"


class AlreadyApplied(Conflict):
    """The sheet was applied before."""

    code = "already_applied"


class SheetMovedOn(Conflict):
    """What the preview showed is no longer what would happen."""

    code = "sheet_moved_on"


class RowRefused(Conflict):
    """One row can't be applied, so none was."""

    code = "row_refused"


def read_upload(*, file: BinaryIO, file_name: str, by: Person, now: datetime) -> SheetImport:
    """Read a sheet and keep what in it differs from what the records say; nothing else is changed.

    It is read outside of the transaction, in which nobody else could write to SQLite; what is kept is compared again
    when it is applied.

    Raises:
        NotAReviewer: the person may not edit what others wrote.
        BadSheet: with what to do about the file.
    """
    reviews.require_reviewer(by)
    try:
        kept = sheet_comparisons.keep(by, read_sheet(file), now)
    except UnreadableSheet as error:
        raise BadSheet(str(error)) from error
    if len(kept.rows) > MAX_CHANGES:
        raise BadSheet(
            _("This sheet changes %(count)s records; at most %(limit)s can be applied at once. Upload it in parts.")
            % {"count": f"{len(kept.rows):,}", "limit": f"{MAX_CHANGES:,}"}
        )
    name = "".join(character for character in file_name if character.isprintable())[:NAME_LENGTH]
    with transaction.atomic():
        SheetImport.objects.filter(by=by, applied_at=None, created_at__lt=now - KEPT_FOR).delete()
        return SheetImport.objects.create(by=by, file_name=name, rows=kept.as_json(), created_at=now)


@transaction.atomic
def apply(*, sheet: SheetImport, seen: str, overrides: Mapping[uuid.UUID, int], by: Person, now: datetime) -> int:
    """Make each change of the sheet, or none of them; returns how many.

    Args:
        seen: the fingerprint of the preview that the person agreed to.
        overrides: records in conflict whose text is to be replaced all the same, each with the revision that the
            preview showed beside the sheet's.

    Raises:
        AlreadyApplied: it was applied before.
        SheetMovedOn: somebody changed one of the records since the preview.
        RowRefused: one of the rows can't be applied; the message names it.
    """
    sheet = SheetImport.objects.select_for_update().get(pk=sheet.pk)
    if sheet.by_id != by.pk:
        raise NotAllowed(_("Only the person who uploaded a sheet can apply it."))
    if sheet.applied_at is not None:
        raise AlreadyApplied(_("This sheet was applied already. Its changes were made once, and only once."))
    found = sheet_comparisons.compare(by, sheet, now)
    chosen = {row.entry.id: row for row in found.conflicts if row.entry.id in overrides}
    moved = found.fingerprint != seen or any(
        identity not in chosen or chosen[identity].current.number != number for identity, number in overrides.items()
    )
    if moved:
        raise SheetMovedOn(
            _("Somebody changed one of these records since you looked. Nothing was applied; look again.")
        )
    rows = sorted([*found.changes, *chosen.values()], key=lambda row: row.entry.id)
    if not rows:
        raise Refused(_("There is nothing to apply."))
    standings.hold_all(submissions=[row.entry.id for row in rows], by=by)
    for row in rows:
        entry = row.entry
        try:
            suggestions.suggest_edit(
                submission=row.submission,
                base_revision=row.current.number,
                text=Text.of(entry.instruction, entry.context, entry.response),
                by=by,
                now=now,
            )
        except (Refused, ValidationError) as error:
            why = str(error) if isinstance(error, Refused) else " ".join(error.messages)
            message = _("Row %(row)d can't be applied, so nothing was: %(why)s") % {"row": entry.row, "why": why}
            raise RowRefused(message) from error
    sheet.applied_at = now
    sheet.save(update_fields=["applied_at"])
    detail = {"changes": len(rows), "over_conflicts": len(chosen)}
    AuditEntry.objects.create(by=by, verb="sheet.applied", target=sheet.file_name, detail=detail, at=now)
    return len(rows)


@transaction.atomic
def discard(*, sheet: SheetImport, by: Person) -> None:
    """Drop an uploaded sheet that was not applied."""
    SheetImport.objects.filter(pk=sheet.pk, by=by, applied_at=None).delete()

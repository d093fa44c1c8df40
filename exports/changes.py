"""What changed between two versions as people browse it: who may read which texts, and each record with its story."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from django.db.models import F

from collector.models import Role, Submission
from exports import comparisons
from exports.edits import TEXTS
from exports.models import DatasetRemoval, DatasetVersion

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from collector.models import Person
    from exports.comparisons import Kind
    from exports.edits import Edit
    from exports.models import DatasetRecord, FrozenDataset

Status = DatasetVersion.Status
MOST_SEARCHED = 200
"""So many characters of what is searched for count."""


@dataclass(frozen=True)
class Change:
    """A record that came, left or was edited; ``texts`` are None where the person may not read them."""

    row: DatasetRecord
    kind: Kind
    texts: dict[str, str] | None = None
    reason: str = ""
    edit: Edit | None = None
    is_open: bool = False

    @property
    def id(self) -> str:
        """The record's id."""
        return str(self.row.submission_id)

    @property
    def reason_label(self) -> str:
        """Why it left, in words; "" where nothing says so."""
        return str(DatasetRemoval.Reason(self.reason).label) if self.reason else ""


@dataclass(frozen=True)
class Look:
    """One kind of change from ``before`` to ``after``, as one person sees it."""

    after: DatasetVersion
    before: DatasetVersion | None
    kind: Kind
    person: Person
    search: str = ""
    category: str = ""

    @property
    def shows_texts(self) -> bool:
        """Whether the person may read the texts: those of every version that such a record is in."""
        after, before = self.kind != "removed", self.kind != "added"
        sides = [side for side, is_needed in ((self.after, after), (self.before, before)) if side and is_needed]
        return all(may_read_texts(side, self.person) for side in sides)

    def rows(self) -> FrozenDataset:
        """Return the records that match, by id. Without the right to read, nothing is searched: a find tells."""
        found = {"added": comparisons.added, "removed": comparisons.removed, "edited": comparisons.edited}[self.kind](
            self.after, self.before
        )
        words = self.search[:MOST_SEARCHED] if self.shows_texts else ""
        earlier = self.before if self.kind == "edited" else None
        found = comparisons.searched(found, words=words, category=self.category, before=earlier)
        found = found.select_related("revision").annotate(standing=F("submission__status"))
        return found if self.shows_texts else found.defer(*(f"revision__{name}" for name in TEXTS))

    def page(self, size: int, *, after: uuid.UUID | None = None) -> tuple[list[Change], uuid.UUID | None]:
        """Return so many records that follow an id, and the id to go on from where there are more."""
        rows = self.rows().filter(submission__gt=after) if after else self.rows()
        found = list(rows[: size + 1])
        more = found[size - 1].submission_id if len(found) > size else None
        return self.described(found[:size]), more

    def described(self, rows: Sequence[DatasetRecord]) -> list[Change]:
        """Return what became of some of its rows: why they left, what was edited, and their texts if they may be read.

        What its author has withdrawn since is still told by id, but no longer shown.
        """
        keys = [row.submission_id for row in rows]
        visible = Submission.objects.visible_to(self.person).filter(pk__in=keys)
        seen = set(visible.values_list("pk", flat=True))
        reasons = comparisons.reasons(self.after, self.before, keys) if self.before and self.kind == "removed" else {}
        edits: dict[str, Edit] = {}
        if self.before and self.kind == "edited":
            edits = {edit.id: edit for edit in comparisons.edits(rows, self.before, with_texts=self.shows_texts)}
        return [
            self._change(row, reasons.get(row.submission_id, ""), edits, is_open=row.submission_id in seen)
            for row in rows
        ]

    def _change(self, row: DatasetRecord, reason: str, edits: dict[str, Edit], *, is_open: bool) -> Change:
        standing = cast("str", row.standing)  # type: ignore[attr-defined]  # rows() annotates it
        is_shown = self.shows_texts and standing != Submission.Status.WITHDRAWN
        edit = edits.get(str(row.submission_id))
        if edit and not is_shown:
            edit = replace(edit, texts=None)
        texts = comparisons.texts_of(row) if is_shown and edit is None else None
        return Change(row=row, kind=self.kind, texts=texts, reason=reason, edit=edit, is_open=is_open)


def may_read_texts(version: DatasetVersion, person: Person) -> bool:
    """Say whether a person may read what a version's records say.

    Everybody may download a complete one; nobody gets a withdrawn one; leads see what they are about to release.
    """
    if version.status == Status.READY:
        return True
    return version.status != Status.WITHDRAWN and person.has_role(Role.LEAD)


def earlier_versions(version: DatasetVersion) -> list[DatasetVersion]:
    """Return what a version can be compared with, newest first."""
    rows = DatasetVersion.objects.filter(dataset=version.dataset_id, number__lt=version.number)
    return list(rows.select_related("dataset").defer("files", "filter").order_by("-number"))

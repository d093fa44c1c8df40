"""What an edited sheet would change: its rows beside what the records say now."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from collector.diffs import diff, fold
from collector.models import Revision, Submission
from collector.models.submissions import CURRENT_REVISION
from collector.pairs import Text
from collector.sheet_forecasts import Circumstances
from collector.sheets.cells import was_cut
from collector.sheets.rows import MAX_CHANGES, TEXTS, Entry, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from collector.diffs import Shown
    from collector.models import Person, SheetImport

Kind = Literal["change", "conflict", "unchanged", "read_only", "unknown", "not_allowed", "fault"]
CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class Change:
    """One text of a row: what the record says now, and what the sheet says."""

    name: str
    label: str
    before: str
    after: str

    @property
    def parts(self) -> list[Shown]:
        """The words that stay, go and come, long unchanged stretches folded."""
        return fold(diff(self.before, self.after))


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A row of the sheet beside its record; ``current`` is what the record says now."""

    entry: Entry
    submission: Submission
    current: Revision
    why: str = ""

    @property
    def texts(self) -> list[Change]:
        """Those of the three texts that differ."""
        labels = {"instruction": _("Instruction"), "context": _("Context"), "response": _("Response")}
        return [
            Change(name=name, label=labels[name], before=getattr(self.current, name), after=getattr(self.entry, name))
            for name in TEXTS
            if getattr(self.current, name) != getattr(self.entry, name)
        ]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Every row of a sheet, by what would become of it."""

    changes: list[Compared] = field(default_factory=list)
    conflicts: list[Compared] = field(default_factory=list)
    not_allowed: list[Compared] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unknown: int = 0
    unchanged: int = 0
    read_only: int = 0

    @property
    def fingerprint(self) -> str:
        """Names what the preview shows: it changes when somebody changes one of the records that would change."""
        digest = hashlib.sha256()
        for row in sorted(self.changes, key=lambda row: row.entry.id):
            digest.update(f"{row.entry.id} {row.current.number}\n".encode())
        return digest.hexdigest()

    @property
    def left_out(self) -> int:
        """How many rows can't be applied at all."""
        return len(self.not_allowed) + len(self.faults) + self.unknown


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is stored of a sheet between preview and apply: the rows that differ, and how many don't."""

    rows: list[Entry]
    faults: list[Fault]
    unknown: int
    unchanged: int
    read_only: int

    def as_json(self) -> dict[str, Any]:
        """Return what ``SheetImport.rows`` holds."""
        return {
            "rows": [
                {
                    "row": entry.row,
                    "id": str(entry.id),
                    "revision": entry.revision,
                    **{name: getattr(entry, name) for name in TEXTS},
                }
                for entry in self.rows
            ],
            "faults": [{"row": fault.row, "message": fault.message} for fault in self.faults],
            "unknown": self.unknown,
            "unchanged": self.unchanged,
            "read_only": self.read_only,
        }


def keep(person: Person, found: Iterable[Entry | Fault], now: datetime) -> Kept:
    """Sift an uploaded sheet, ``CHUNK`` rows at a time; five queries each."""
    rows: list[Entry] = []
    faults: list[Fault] = []
    counts = {"unknown": 0, "unchanged": 0, "read_only": 0}
    for chunk in _chunks(found):
        entries = [entry for entry in chunk if isinstance(entry, Entry)]
        faults += [fault for fault in chunk if isinstance(fault, Fault)]
        for entry, kind, what in _kinds(person, entries, now):
            if kind in counts:
                counts[kind] += 1
            elif isinstance(what, Fault):
                faults.append(what)
            elif len(rows) <= MAX_CHANGES:
                rows.append(entry)
    return Kept(rows=rows, faults=sorted(faults, key=lambda fault: fault.row), **counts)


def compare(person: Person, sheet: SheetImport, now: datetime) -> Comparison:
    """Compare a stored sheet with what the records say now."""
    stored: dict[str, Any] = sheet.rows
    entries = [
        Entry(**(row | {"id": uuid.UUID(row["id"])}))  # as Kept.as_json wrote it
        for row in stored["rows"]
    ]
    rows: dict[Kind, list[Compared]] = {"change": [], "conflict": [], "not_allowed": []}
    faults = [Fault(**fault) for fault in stored["faults"]]
    counts = {name: stored[name] for name in ("unknown", "unchanged", "read_only")}
    for chunk in _chunks(entries):
        for _entry, kind, what in _kinds(person, [entry for entry in chunk if isinstance(entry, Entry)], now):
            if isinstance(what, Compared):
                rows[kind].append(what)
            elif isinstance(what, Fault):
                faults.append(what)
            else:
                counts[kind] += 1
    return Comparison(
        changes=rows["change"], conflicts=rows["conflict"], not_allowed=rows["not_allowed"], faults=faults, **counts
    )


def _chunks(found: Iterable[Entry | Fault]) -> Iterator[list[Entry | Fault]]:
    chunk: list[Entry | Fault] = []
    for entry in found:
        chunk.append(entry)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _kinds(
    person: Person, entries: Sequence[Entry], now: datetime
) -> Iterator[tuple[Entry, Kind, Compared | Fault | None]]:
    visible = Submission.objects.visible_to(person).filter(pk__in=[entry.id for entry in entries])
    current = {
        revision.submission_id: revision
        for revision in Revision.objects.filter(CURRENT_REVISION, submission__in=visible).select_related(
            "submission__category", "submission__campaign", "submission__import_batch"
        )
    }
    circumstances = Circumstances(person, [revision.submission for revision in current.values()], now)
    # What the sheet began from, where that isn't what the record says now: an untouched old row is no conflict.
    old = {entry.id: entry.revision for entry in entries if entry.id in current}
    old = {identity: number for identity, number in old.items() if current[identity].number != number}
    bases = {
        (revision.submission_id, revision.number): revision
        for revision in Revision.objects.filter(submission__in=list(old), number__in=set(old.values()))
    }
    for entry in entries:
        yield (entry, *_kind(circumstances, entry, current.get(entry.id), bases))


def _kind(
    circumstances: Circumstances,
    entry: Entry,
    current: Revision | None,
    bases: dict[tuple[uuid.UUID, int], Revision],
) -> tuple[Kind, Compared | Fault | None]:
    if entry.is_read_only:
        return "read_only", None
    if current is None:
        return "unknown", None
    base = current if current.number == entry.revision else bases.get((entry.id, entry.revision))
    text = Text.of(entry.instruction, entry.context, entry.response)
    # A row that nobody touched is no conflict, however often the record was changed since.
    if text.same_as(current) or (base is not None and text.same_as(base)):
        return "unchanged", None
    fault = _fault(entry, text, current, base)
    if fault is not None:
        return "fault", fault
    why = circumstances.edit_refusal(current.submission)
    compared = Compared(entry=entry, submission=current.submission, current=current, why=why)
    if why:
        return "not_allowed", compared
    return ("change" if base is current else "conflict"), compared


def _fault(entry: Entry, text: Text, current: Revision, base: Revision | None) -> Fault | None:
    if base is None:
        return Fault(row=entry.row, message=_("There is no revision %(number)d of it.") % {"number": entry.revision})
    if any(was_cut(getattr(text, name), getattr(current, name)) for name in TEXTS):
        message = _("A text was cut off at the end of what a cell can hold. Edit this one on its own page.")
        return Fault(row=entry.row, message=message)
    try:
        text.validate(current.submission.category)
    except ValidationError as error:
        named = [f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items()]
        return Fault(row=entry.row, message=" ".join(named))
    return None

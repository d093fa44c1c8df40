"""Reads an edited sheet back, CSV or XLSX, whatever program saved it; a bad file gets a clear message."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, BinaryIO

from django.utils.translation import gettext as _

from collector.sheets import csv_files, xlsx_files
from collector.sheets.rows import MAX_COLUMNS, MAX_FAULTS, MAX_ROWS, READ_BACK, Entry, Fault, UnreadableSheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    # What a format's reader yields: the row's number and its cells, each a text or the reason why it is none.
    Cells = tuple[int, Sequence[str | Fault]]

ZIP = b"PK"
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
MAX_REVISION = 2**31 - 1


def read_sheet(file: BinaryIO) -> Iterator[Entry | Fault]:
    """Yield the rows of an uploaded file; rows without any text are passed over.

    Raises:
        UnreadableSheet: no rows can be read at all, or there are too many of them.
    """
    first = file.read(4)
    file.seek(0)
    if first.startswith(OLD_OFFICE):
        raise UnreadableSheet(_("This is an old Excel file (.xls) or has a password. Save it as .xlsx without one."))
    if first.startswith(UTF_16):
        raise UnreadableSheet(_("This file is saved as UTF-16. Save it as “CSV UTF-8” or as .xlsx."))
    rows = xlsx_files.read(file) if first.startswith(ZIP) else csv_files.read(file)
    yield from _entries(rows)


def _entries(rows: Iterator[Cells]) -> Iterator[Entry | Fault]:
    _number, header = next(rows, (1, []))
    places = _places(header)
    seen: dict[uuid.UUID, int] = {}
    count = faults = 0
    for number, cells in rows:
        if all(isinstance(cell, str) and not cell for cell in cells):
            continue
        count += 1
        if count > MAX_ROWS:
            raise UnreadableSheet(
                _("This sheet has more than %(limit)s rows. Keep only the rows that you edited and upload it again.")
                % {"limit": f"{MAX_ROWS:,}"}
            )
        entry = _entry(number, cells, places)
        if isinstance(entry, Entry):
            first = seen.setdefault(entry.id, number)
            if first != number:
                message = _("The same id is in row %(row)d already. Keep one of them.") % {"row": first}
                entry = Fault(row=number, message=message)
        if isinstance(entry, Fault):
            faults += 1
            if faults > MAX_FAULTS:
                raise UnreadableSheet(
                    _("More than %(limit)d rows can't be read; the last is row %(row)d: %(why)s")
                    % {"limit": MAX_FAULTS, "row": number, "why": entry.message}
                )
        yield entry


def _places(header: Sequence[str | Fault]) -> dict[str, int]:
    names = [name.strip().lower() if isinstance(name, str) else "" for name in header[:MAX_COLUMNS]]
    missing = [name for name in READ_BACK if name not in names]
    if len(missing) == len(READ_BACK):
        raise UnreadableSheet(
            _("This is not a sheet from here: its first row has to name the columns %(names)s.")
            % {"names": ", ".join(READ_BACK)}
        )
    if missing:
        raise UnreadableSheet(
            _("A column is missing: %(names)s. Download the sheet again and keep all its columns.")
            % {"names": ", ".join(missing)}
        )
    twice = [name for name in READ_BACK if names.count(name) > 1]
    if twice:
        raise UnreadableSheet(_("Two columns have the same name: %(names)s.") % {"names": ", ".join(twice)})
    return {name: names.index(name) for name in READ_BACK}


def _entry(number: int, cells: Sequence[str | Fault], places: dict[str, int]) -> Entry | Fault:
    values: dict[str, str] = {}
    for name, place in places.items():
        value = cells[place] if place < len(cells) else ""
        if isinstance(value, Fault):
            message = _("Column %(name)s: %(why)s") % {"name": name, "why": value.message}
            return Fault(row=number, message=message)
        values[name] = value
    try:
        identity = uuid.UUID(values["id"].strip())
    except ValueError:
        return Fault(row=number, message=_("The id is not one of ours. Leave the id column as it is."))
    try:
        revision = int(values["revision"].strip())
    except ValueError:
        revision = -1
    if not 0 <= revision <= MAX_REVISION:
        return Fault(row=number, message=_("The revision is not a number. Leave the revision column as it is."))
    texts = {name: values[name].replace("\r\n", "\n") for name in ("instruction", "context", "response")}
    return Entry(row=number, id=identity, revision=revision, **texts)

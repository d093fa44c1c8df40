"""Handing a person all that is held about them, as one file."""

from __future__ import annotations

import json
import zipfile
from typing import IO, TYPE_CHECKING

from django.db import transaction

from collector.errors import NotAllowed
from collector.holdings import held_about
from collector.models import AuditEntry, Person, Role
from collector.snapshots import one_moment

if TYPE_CHECKING:
    from datetime import datetime

ABOUT = """What Woolgather holds about {name}, as of {at}.

Each file is JSON Lines: one object a line, UTF-8. A file's name says which table it comes from and how its rows refer
to you: "collector-submission-author" are the pairs that you wrote, "of-my-pairs/collector-revision" what they said at
each moment. Other people stand in it as numbers. Passwords, tokens and keys are kept as hashes only and are left out.
"""


def write_holdings(*, person: Person, file: IO[bytes], by: Person | None, now: datetime) -> int:
    """Write a zip with everything held about a person, as of one moment; returns how many rows that is.

    The audit's line stands before anything is handed out, and stays if the file breaks off.

    Raises:
        NotAllowed: it is about somebody else, and the one who asks is no admin.
    """
    if by is not None and by.pk != person.pk and not by.has_role(Role.ADMIN):
        raise NotAllowed("Only an admin hands out what is held about somebody else.")
    count = 0
    with transaction.atomic():
        AuditEntry.objects.create(by=by, verb="person.data", target=person.handle, at=now)
    with one_moment(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", ABOUT.format(name=person.display_name, at=now.isoformat()))
        for holding in held_about(person):
            rows = holding.as_objects()
            first = next(rows, None)
            if first is None:
                continue
            with archive.open(f"{holding.name}.jsonl", "w", force_zip64=True) as lines:
                lines.write(_line(first))
                count += 1
                for row in rows:
                    lines.write(_line(row))
                    count += 1
    return count


def _line(row: dict[str, object]) -> bytes:
    return (json.dumps(row, ensure_ascii=False, default=str) + "\n").encode()

"""Acts on many records at once: decisions, locks, and an edited sheet that comes back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from collector.actions import locks, reviews, standings, suggestions
from collector.actions.verdicts import checked_judgement
from collector.errors import Conflict, NotAllowed, Refused
from collector.models import AuditEntry, Person, Revision, Role, Submission
from collector.pairs import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

MAX_AT_ONCE = 1_000
TOGETHER = 50

Item = tuple[uuid.UUID, int]


class TooMany(Refused):
    """More records than one act may change."""

    code = "too_many"


class NothingChosen(Refused):
    """No record was chosen."""

    code = "nothing_chosen"


class Gone(Conflict):
    """The record is not there (any more) for this person."""

    code = "gone"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one record: ``refused`` says why nothing did."""

    id: uuid.UUID
    refused: Refused | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Decisions made by one act; ``id`` undoes them together."""

    id: uuid.UUID
    outcomes: list[Outcome]

    @property
    def done(self) -> list[Outcome]:
        """Those that were carried out."""
        return [outcome for outcome in self.outcomes if outcome.refused is None]

    @property
    def refused(self) -> list[Outcome]:
        """Those that were not."""
        return [outcome for outcome in self.outcomes if outcome.refused is not None]


def require_bounded(*, items: Sequence[Item]) -> None:
    """Refuse an act on nothing, or on more than ``MAX_AT_ONCE`` records.

    Raises:
        NothingChosen, TooMany: as they say.
    """
    if not items:
        raise NothingChosen(_("Choose at least one record."))
    if len(items) > MAX_AT_ONCE:
        message = _("%(count)s records are selected; at most %(limit)s can be changed at once. Select fewer.")
        raise TooMany(message % {"count": f"{len(items):,}", "limit": f"{MAX_AT_ONCE:,}"})


def _each(items: Sequence[Item], by: Person, act: Callable[[Submission, int], object]) -> list[Outcome]:
    """Carry an act out on each record; a refusal leaves its own record alone as it was.

    ``TOGETHER`` records share a transaction. One for all would keep every other writer of an SQLite installation
    waiting for longer than they do.
    """
    require_bounded(items=items)
    # In the order of their ids: two acts that share records lock them in the same order and can't block each other.
    wanted = sorted(dict(items).items())
    outcomes = []
    for start in range(0, len(wanted), TOGETHER):
        chunk = wanted[start : start + TOGETHER]
        with transaction.atomic():
            standings.hold_all(submissions=[identity for identity, _revision in chunk], by=by)
            found = Submission.objects.visible_to(by).in_bulk([identity for identity, _revision in chunk])
            for identity, revision in chunk:
                refused: Refused | None = None
                try:
                    if identity not in found:
                        raise Gone(_("This record is not there any more."))
                    act(found[identity], revision)
                except Refused as error:
                    refused = error
                outcomes.append(Outcome(id=identity, refused=refused))
    return outcomes


def decide_many(
    *,
    items: Sequence[Item],
    decision: str,
    by: Person,
    now: datetime,
    reasons: Sequence[str] = (),
    comment: str = "",
    rating: int | None = None,
) -> Batch:
    """Decide each record on the revision named, as ``reviews.decide`` would; what is refused is left as it was.

    Args:
        items: ids, each with the revision that the reviewer chose it by; at most ``MAX_AT_ONCE``.

    Raises:
        ValidationError: the decision, a reason or the comment is not right; nothing was decided.
        NothingChosen, TooMany: as they say.
    """
    checked_judgement(decision=decision, reasons=reasons, rating=rating, comment=comment)
    batch = uuid.uuid4()

    def act(submission: Submission, revision: int) -> None:
        reviews.decide(
            submission=submission,
            revision_number=revision,
            decision=decision,
            by=by,
            now=now,
            reasons=reasons,
            rating=rating,
            comment=comment,
            batch=batch,
        )

    return Batch(id=batch, outcomes=_each(items, by, act))


def lock_many(*, items: Sequence[Item], unlock: bool = False, by: Person, now: datetime) -> list[Outcome]:
    """Lock, or unlock, each record; locked ones are neither edited nor decided.

    Raises:
        NotAllowed: the person is no campaign lead.
        NothingChosen, TooMany: as they say.
    """
    if not by.has_role(Role.LEAD):
        raise NotAllowed(_("Locking records needs the role of a campaign lead."))
    lock = locks.unlock if unlock else locks.lock
    return _each(items, by, lambda submission, _revision: lock(submission=submission, by=by, now=now))


@transaction.atomic
def edit_cell(
    *, submission: Submission, base_revision: int, texts: dict[str, str], by: Person, now: datetime
) -> Submission:
    """Replace some of a record's three texts by a new revision that names the person.

    Args:
        base_revision: the revision that the person saw.
        texts: by field name; the other texts stay as they were in that revision.

    Raises:
        Conflict: it says something else by now; nothing was changed.
        ValidationError: with messages per field.
    """
    base = Revision.objects.filter(submission=submission, number=base_revision).first()
    if base is None:
        raise Gone(_("This record has no revision %(number)d.") % {"number": base_revision})
    said = {"instruction": base.instruction, "context": base.context, "response": base.response}
    return suggestions.suggest_edit(
        submission=submission, base_revision=base_revision, text=Text.of(**(said | texts)), by=by, now=now
    )


@transaction.atomic
def record_download(*, format: str, rows: int, detail: dict[str, str | bool], by: Person, now: datetime) -> AuditEntry:
    """Write down who took how many rows out, in which format, by which filter."""
    return AuditEntry.objects.create(
        by=by, verb="sheet.downloaded", target=format, detail={"rows": rows, **detail}, at=now
    )

"""Every write of the list of learning curves. What a row says is what the curve's directory says."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connection
from django.utils.translation import gettext as _

from . import curve_record
from .follower import CurveFollower
from .listing import SECONDS_BETWEEN, Listed, RunStateError, forget_stop, moment, storable
from .models import LearningCurve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.contrib.auth.models import AbstractBaseUser

    from .runs import Run


def request_curve(*, name: str, options: dict[str, Any], by: AbstractBaseUser, now: datetime) -> LearningCurve:
    """Put a curve on the list that a worker is to make. Raises RunStateError when the name is taken."""
    if LearningCurve.objects.filter(name=name).exists():
        raise RunStateError(_("There is a curve %(curve)s already. Choose another name.") % {"curve": name})
    return LearningCurve.objects.create(name=name, options=options, requested_by_id=by.pk, created_at=now, seen_at=now)


def list_curve(*, path: Path, now: datetime) -> LearningCurve:
    """Make the list say all that the curve's directory says. Raises RunError when it cannot be read."""
    facts = storable(curve_record.read(path))
    # Curves of earlier releases wrote their file when all was done, and nothing of how it went.
    status = facts.get("status", LearningCurve.Status.COMPLETE)
    name = str(facts.get("curve") or path.name)
    values: dict[str, Any] = {
        "name": name[:100],
        "status": status,
        "facts": facts,
        "error": facts.get("error") or (f"{name} failed." if status == LearningCurve.Status.FAILED else ""),
        "seen_at": now,
    }
    found, _made = LearningCurve.objects.update_or_create(
        pk=uuid.UUID(curve_record.id_of(path, facts)),
        defaults=values,
        create_defaults={**values, "created_at": moment(facts.get("created_at"), now)},
    )
    return found


def list_all(*, root: Path, now: datetime) -> list[LearningCurve]:
    """List every curve under ``root`` that is not there yet or has changed; return those."""
    found = []
    for path in curve_record.all_curves(root):
        facts = curve_record.read(path)
        known = LearningCurve.objects.filter(pk=curve_record.id_of(path, facts)).only("facts").first()
        if known is None or known.facts != storable(facts):
            found.append(list_curve(path=path, now=moment(facts.get("updated_at"), now)))
    return found


class ListedCurve(CurveFollower):
    """Keeps a curve's entry true while it goes on, and those of its runs. A database that is away stops nothing."""

    def __init__(self, *, entry: str = "", warn: Callable[[str], None] = lambda _text: None) -> None:
        """``entry`` is the id of the entry that waits for this curve, where somebody asked for it on the page."""
        self.entry = entry
        self._warn = warn
        self._last = 0.0
        self._path: Path | None = None
        self._stop = False
        self._is_known = False
        self._in_vain = False

    @property
    def wants_to_stop(self) -> bool:
        """Whether somebody pressed Stop on the curve's page."""
        return self._stop

    def of_run(self, entry: str) -> Listed:
        """Return who follows the next of its models."""
        return _ListedOfCurve(self, entry=entry, warn=self._warn)

    def follow(self, path: Path, *, at_once: bool) -> None:
        """Write what is new, at most every two seconds unless ``at_once``."""
        self._path = path
        if not at_once and time.monotonic() - self._last < SECONDS_BETWEEN:
            return
        try:
            found = list_curve(path=path, now=datetime.now(UTC))
        except DatabaseError as error:
            connection.close()  # the next time it is opened anew
            if not self._in_vain:
                why = str(error).strip().partition("\n")[0]
                self._warn(f"The list of curves can't be written ({why}); `sync_runs` lists this one later.")
            self._in_vain = True
        else:
            if not self._is_known:  # what stopped an earlier sitting was obeyed then
                forget_stop(found)
                self._is_known = True
            self._stop = found.stop_asked_at is not None
        self._last = time.monotonic()

    def look(self, *, stopped: bool) -> None:
        """Show a sign of life, and see whether somebody pressed Stop; ``stopped``: on the page of the model."""
        if self._path is None:
            return
        if stopped and not self._stop:
            self._stop = True
            with suppress(DatabaseError):  # it stops all the same
                curve = LearningCurve.objects.filter(pk=curve_record.read(self._path)["id"])
                curve.update(stop_asked_at=datetime.now(UTC))
        self.follow(self._path, at_once=False)


class _ListedOfCurve(Listed):
    """Keeps the entry of a run true that is part of a curve, and shows that the curve is alive."""

    def __init__(self, curve: ListedCurve, *, entry: str, warn: Callable[[str], None]) -> None:
        super().__init__(entry=entry, warn=warn)
        self._curve = curve

    def follow(self, run: Run, *, at_once: bool) -> None:
        super().follow(run, at_once=at_once)
        self._curve.look(stopped=super().wants_to_stop)

    @property
    def wants_to_stop(self) -> bool:
        return super().wants_to_stop or self._curve.wants_to_stop

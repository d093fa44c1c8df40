"""Learning curves in the background: asked for on the page, made by whoever serves the queue ``train``.

A curve is ``manage.py learning_curve`` in a process of its own. It takes its models one after the other; the launcher
that spreads a run over several processes is not used here.
"""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from jobs.registry import JobContext, JobPayload, register
from training import curve_listing, curve_record, listing, runs, tasks
from training.models import LearningCurve
from training.options import OptionError, flag_of

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser

KIND = "training.curve"


def start(*, options: dict[str, Any], by: AbstractBaseUser, now: datetime) -> LearningCurve:
    """Put a curve on the list and have a worker make it; ``options`` are the command's. Raises a TrainingError."""
    data, _slash, version = str(options["dataset"]).rpartition("/")
    name = options.get("output") or f"{data or 'data'}-{version}-{now:%Y%m%d-%H%M%S}"
    if not runs.NAME.fullmatch(curve_record.DIRECTORY.format(name)):
        raise OptionError(_("A curve's name has letters, digits, dots, dashes and underscores."))
    with transaction.atomic():
        curve = curve_listing.request_curve(name=name, options={**options, "output": name}, by=by, now=now)
        tasks.put_in_line(curve, kind=KIND, payload="curve", by=by, now=now)
        tasks.note("curve.requested", curve, by=by, now=now)
    return curve


def go_on(*, run: LearningCurve, by: AbstractBaseUser, now: datetime) -> LearningCurve:
    """Have a worker take up an interrupted or failed curve. Raises RunStateError."""
    if not run.options:
        told = _("%(curve)s was begun with the command; the same command with the same --output goes on.")
        raise listing.RunStateError(told % {"curve": run.name})
    with transaction.atomic():
        found = listing.request_again(run=run, now=now)
        tasks.put_in_line(found, kind=KIND, payload="curve", by=by, now=now)
        tasks.note("curve.resumed", found, by=by, now=now)
    return found


def _curve_id(payload: JobPayload) -> uuid.UUID:
    return uuid.UUID(str(payload["curve"]))


def curve_failed(payload: JobPayload, reason: str) -> None:
    """Say on the list that a curve whose job ended goes on no longer."""
    listing.end_unfinished(kind=LearningCurve, run_id=_curve_id(payload), reason=reason)


@register(KIND, on_failure=curve_failed)
def make_curve(context: JobContext) -> dict[str, Any]:
    """Make the curve that the payload names, or go on with it: what is trained already is kept."""
    curve = LearningCurve.objects.get(pk=_curve_id(context.payload))
    if curve.stop_asked_at is None and not curve.is_complete:
        tasks.carry_out(command(curve), context=context, entry=curve)
    return {"curve": curve.name, "status": curve.status}


def command(curve: LearningCurve) -> list[str]:
    """Return the command line that makes a curve, which is also the one that goes on with it."""
    flags = [f"{flag_of(name)}={value}" for name, value in curve.options.items() if value not in (None, "")]
    tied = [sys.executable, "-m", "training.tied", sys.executable, "manage.py", "learning_curve", "--json"]
    return [*tied, f"--entry={curve.pk}", *flags]

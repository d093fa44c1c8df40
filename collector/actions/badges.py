"""Giving badges when their ground is there, and taking them back when it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from collector.actions import standings
from collector.badge_queries import LEAST, Ground, grounds_of
from collector.levels import level_of
from collector.models import Badge, Person, Submission
from collector.point_queries import points_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

Kind = Badge.Kind
OF_AUTHORS = (Kind.FIRST, Kind.RANGE, Kind.CLEAN, Kind.STARS, Kind.MENDED)


def after_approval(*, submission: Submission, now: datetime) -> None:
    """Give the author what the approval completes; for actions, whose transaction holds the author."""
    had = {(badge.kind, badge.category_id) for badge in Badge.objects.filter(person=submission.author_id)}
    if (Kind.FIRST.value, submission.category_id) not in had:
        _give(submission.author, [Ground(Kind.FIRST, submission.category_id, submission.pk)], now)
    approved = Submission.objects.by(submission.author).approved().count()
    open_kinds = [kind for kind in OF_AUTHORS[1:] if (kind.value, None) not in had and approved >= LEAST[kind]]
    _give(submission.author, [ground for kind in open_kinds for ground in grounds_of(submission.author, kind)], now)


def after_rejection(*, submission: Submission, now: datetime) -> None:
    """Take the badge for a clean row from the author where this was in it; for actions, as ``after_approval``."""
    if Badge.objects.filter(person=submission.author_id, kind=Kind.CLEAN).exists():
        settle(person=submission.author, now=now, kinds=[Kind.CLEAN])


def after_loss(*, submission: Submission, now: datetime) -> None:
    """Take from the author what has no ground any more; for actions, as ``after_approval``."""
    settle(person=submission.author, now=now, kinds=OF_AUTHORS)


def after_gold(*, reviewer: Person, now: datetime) -> None:
    """Give or take the badge for right decisions, once a gold item was answered."""
    standings.hold([reviewer.pk])
    settle(person=reviewer, now=now, kinds=[Kind.ACCURATE])


def settle(*, person: Person, now: datetime, kinds: Iterable[str] = Kind.values) -> tuple[int, int]:
    """Make a person's badges those that they have ground for; returns how many were given and how many taken back.

    A badge whose ground is another submission by now stays, and its celebration with it.
    """
    had = {(badge.kind, badge.category_id): badge for badge in Badge.objects.filter(person=person, kind__in=kinds)}
    due = {(ground.kind, ground.category): ground for kind in kinds for ground in grounds_of(person, kind)}
    gone = [badge.pk for key, badge in had.items() if key not in due]
    Badge.objects.filter(pk__in=gone).delete()
    for key, badge in had.items():
        if key in due and badge.submission_id != due[key].submission:
            Badge.objects.filter(pk=badge.pk).update(submission=due[key].submission)
    return _give(person, [ground for key, ground in due.items() if key not in had], now), len(gone)


def _give(person: Person, grounds: Iterable[Ground], now: datetime) -> int:
    made = [
        Badge(
            person=person,
            kind=ground.kind,
            category_id=ground.category,
            submission_id=ground.submission,
            given_at=now,
        )
        for ground in grounds
    ]
    # Whoever was faster gave the same: the person is held, and the constraint says the rest.
    return len(Badge.objects.bulk_create(made, ignore_conflicts=True)) if made else 0


@transaction.atomic
def put_away(*, by: Person, now: datetime) -> None:
    """End the celebration of what the person has seen; the badges stay."""
    Badge.objects.filter(person=by, seen_at=None).update(seen_at=now)
    Person.objects.filter(pk=by.pk).update(celebrated_level=level_of(points_of(by)).number)


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What a rebuild found."""

    people: int
    missing: int
    superfluous: int

    @property
    def is_right(self) -> bool:
        """Whether every badge had its ground, and every ground its badge."""
        return not (self.missing or self.superfluous)


def rebuild_badges(
    *, now: datetime, is_dry: bool = False, on_progress: Callable[[int], object] = lambda _done: None
) -> Rebuilt:
    """Find everybody's grounds anew, compare them with the badges, and mend these unless ``is_dry``."""
    missing = superfluous = people = 0
    everybody = Person.objects.filter(is_source=False).order_by("pk").values_list("pk", flat=True)
    for people, key in enumerate(everybody.iterator(chunk_size=500), 1):  # noqa: B007 - the last one counts
        with transaction.atomic():
            standings.hold([key])
            given, taken = settle(person=Person.objects.get(pk=key), now=now)
            if is_dry:
                transaction.set_rollback(True)
        missing, superfluous = missing + given, superfluous + taken
        on_progress(1)
    return Rebuilt(people=people, missing=missing, superfluous=superfluous)

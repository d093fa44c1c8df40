"""Finds the grounds of everybody's badges anew and says whether the badges were right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from collector.actions.badges import Rebuilt, rebuild_badges
from collector.management.rebuilding import RebuildCommand
from collector.models import Person

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = """Find out again what everybody has earned a badge for, and say how many badges were missing or superfluous;
where all are right, nothing is written. They are kept up to date by themselves: run this with --check to see that all
is well.
Example: manage.py rebuild_badges --check"""


class Command(RebuildCommand):
    """`manage.py rebuild_badges`."""

    help = HELP
    verb = "Looking"
    what = "Badges differ from their grounds"

    def total(self) -> int:
        """Return how many there are."""
        return Person.objects.filter(is_source=False).count()

    def rebuild(self, *, is_dry: bool, on_progress: Callable[[int], object]) -> Rebuilt:
        """Call the action."""
        return rebuild_badges(now=timezone.now(), is_dry=is_dry, on_progress=on_progress)

    def in_words(self, outcome: Rebuilt) -> str:
        """Say what was found."""
        return f"{outcome.people:,} people: {outcome.missing:,} badges missing, {outcome.superfluous:,} superfluous"

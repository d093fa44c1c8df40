"""Levels: names for how many points a person has, from gathering wool to weaving it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from django.utils.translation import gettext_lazy as _

STEP = 25
NAMES = (
    _("Gatherer"),
    _("Sorter"),
    _("Comber"),
    _("Carder"),
    _("Spinner"),
    _("Dyer"),
    _("Warper"),
    _("Weaver"),
    _("Fuller"),
    _("Master weaver"),
)


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level, and how far the next one is."""

    number: int
    points: int

    @property
    def name(self) -> str:
        """Its name; beyond the last one the name stays."""
        return str(NAMES[min(self.number, len(NAMES)) - 1])

    @property
    def begins_at(self) -> int:
        """The points with which it begins."""
        return STEP * (self.number - 1) ** 2

    @property
    def next_at(self) -> int:
        """The points with which the next one begins."""
        return int(STEP * self.number**2)

    @property
    def to_next(self) -> int:
        """Points that lack to the next one."""
        return self.next_at - self.points


def level_of(points: int) -> Level:
    """Return the level for some points: the n-th begins at 25 (n − 1)², so each takes 50 points more than the last."""
    return Level(number=1 + isqrt(max(0, points) // STEP), points=max(0, points))

"""A figure with its interval and sample size, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class Gap(StrEnum):
    """Why there is no figure."""

    NO_PAIRS = "no_pairs"
    NO_VARIATION = "no_variation"
    TOO_FEW = "too_few"


class Counted(StrEnum):
    """What a sample size counts."""

    SHARED_ITEMS = "shared_items"
    ITEMS = "items"
    DECISIONS = "decisions"
    ANSWERS = "answers"


@dataclass(frozen=True)
class Estimate:
    """One figure.

    Attributes:
        value: the figure, or None; never NaN.
        low: the interval's lower end, or None where only the figure can be told.
        high: its upper end.
        size: the sample's size, in what ``counted`` names.
        counted: what was counted.
        gap: why the figure, or where there is one its interval, is missing.
        needed: for ``TOO_FEW``, the least sample that gives a figure.
    """

    value: float | None
    low: float | None
    high: float | None
    size: int
    counted: Counted
    gap: Gap | None = None
    needed: int = 0

    @classmethod
    def missing(cls, gap: Gap, *, size: int, counted: Counted, needed: int = 0) -> Estimate:
        """Return an estimate without a figure."""
        return cls(None, None, None, size, counted, gap, needed)

    @property
    def has_interval(self) -> bool:
        """Whether both ends are known."""
        return self.low is not None and self.high is not None

    @property
    def why(self) -> str:
        """Why there is no figure (or no interval), in words; empty where there is nothing to explain."""
        if self.gap is None:
            return ""
        if self.gap == Gap.TOO_FEW:
            return _("Needs at least %(needed)s; there are %(found)s.") % {
                "needed": size_in_words(self.needed, self.counted),
                "found": self.size,
            }
        if self.gap == Gap.NO_PAIRS:
            return _("No item here has two reviews yet.")
        if self.value is None:
            return _("Everybody gave the same answer everywhere, so agreement can't be told from habit.")
        return _("Too little variation for an interval.")


def size_in_words(size: int, counted: Counted) -> str:
    """Return “12 shared items”."""
    forms = {
        Counted.SHARED_ITEMS: ngettext("%(count)d shared item", "%(count)d shared items", size),
        Counted.ITEMS: ngettext("%(count)d rated item", "%(count)d rated items", size),
        Counted.DECISIONS: ngettext("%(count)d decision", "%(count)d decisions", size),
        Counted.ANSWERS: ngettext("%(count)d gold answer", "%(count)d gold answers", size),
    }
    return forms[counted] % {"count": size}

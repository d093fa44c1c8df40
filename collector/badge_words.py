"""What badges are called, and what for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from collector.models import Badge

if TYPE_CHECKING:
    from collector.models import Category

Kind = Badge.Kind


def name_of(kind: str, category: Category | None = None) -> str:
    """Return a badge's name."""
    if kind == Kind.FIRST and category is not None:
        return _("First: %(category)s") % {"category": category.name}
    names = {
        Kind.FIRST: _("First of its kind"),
        Kind.RANGE: _("Five trades"),
        Kind.CLEAN: _("Ten clean"),
        Kind.STARS: _("Three times five stars"),
        Kind.MENDED: _("Mended"),
        Kind.ACCURATE: _("Good eye"),
    }
    return names[Kind(kind)]


def how_to(kind: str) -> str:
    """Tell what one gets the badge for."""
    ways = {
        Kind.FIRST: _("The first approved pair in a category."),
        Kind.RANGE: _("Approved pairs in five categories."),
        Kind.CLEAN: _("Ten approved pairs in a row, none of them ever sent back."),
        Kind.STARS: _("Three pairs with five stars from everybody who rated them, two reviewers among them."),
        Kind.MENDED: _("A pair that was approved after a reviewer had asked for changes."),
        Kind.ACCURATE: _("Nineteen of twenty gold items decided rightly, as a reviewer."),
    }
    return ways[Kind(kind)]

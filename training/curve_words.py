"""What a learning curve says in plain words, for its page and for its report."""

from __future__ import annotations

from math import expm1
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .charts import shown
from .scaling import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .scaling import Change, Curve

FEW = 30  # held-out rows: below this, an interval by bootstrap is itself only roughly known


def name_of(category: str) -> str:
    """Return how a curve is called."""
    return category or _("all")


def by_gain(found: Sequence[Curve]) -> list[Curve]:
    """Return all first, then the categories that more data would help most."""
    return [*found[:1], *sorted(found[1:], key=lambda curve: (not curve.is_known, not curve.is_sure, curve.doubling))]


def in_words(curve: Curve) -> str:
    """Say what twice the data would buy, and how sure that is."""
    if not curve.is_known:
        told = ngettext(
            "not shown: %(count)s held-out record is too few to tell",
            "not shown: %(count)s held-out records are too few to tell",
            curve.held_out,
        )
        return told % {"count": curve.held_out}
    said = {
        "gain": shown(-curve.doubling, 3),
        "low": _figure(-curve.high),
        "high": _figure(-curve.low),
        "percent": shown(-100 * expm1(curve.doubling), 1),
    }
    if curve.is_sure:
        return _("about %(gain)s nats lower (%(low)s to %(high)s), perplexity %(percent)s%% lower") % said
    if -curve.low < NOTHING:
        return _("nothing to speak of (%(low)s to %(high)s nats lower)") % said
    return _("not shown: between %(low)s and %(high)s nats lower") % said


def without_in_words(change: Change) -> str:
    """Say what leaving a category out did."""
    said = {"change": signed(change.change), "low": signed(change.low), "high": signed(change.high)}
    if change.low > 0:
        return _("worse: %(change)s nats (%(low)s … %(high)s)") % said
    if change.high < 0:
        return _("better: %(change)s nats (%(low)s … %(high)s)") % said
    return _("no difference shown: %(change)s nats (%(low)s … %(high)s)") % said


def signed(value: float) -> str:
    """Write a change with its sign, and none of nothing."""
    figure = shown(abs(value), 3)
    if figure == shown(0.0, 3):
        return figure
    return ("+" if value > 0 else "\N{MINUS SIGN}") + figure


def _figure(value: float) -> str:
    figure = shown(value, 3)
    return figure.removeprefix("-") if float(f"{value:.3f}") == 0 else figure


def doubts(found: Sequence[Curve], *, seeds: int) -> list[str]:
    """Say what the curves could not show, and what would."""
    said = []
    unsure = [curve for curve in found if not curve.is_sure and (-curve.low >= NOTHING or not curve.is_known)]
    if unsure:
        names = ", ".join(name_of(curve.category) for curve in unsure)
        told = _("Whether more data helps with: %(names)s. More held-out records or more seeds would narrow it.")
        said.append(told % {"names": names})
    rising = [curve for curve in found if curve.losses[-1] > min(curve.losses)]
    if rising:
        names = ", ".join(name_of(curve.category) for curve in rising)
        told = _(
            "A steady fall with: %(names)s. The largest share was not the best there, which the law, that can only "
            "fall, smooths over."
        )
        said.append(told % {"names": names})
    few = [curve for curve in found if curve.category and curve.held_out < FEW]
    if few and len(few) == len(found) - 1:
        told = _(
            "Much about single categories: none has more than %(most)s held-out records, so that the intervals are "
            "rough themselves."
        )
        said.append(told % {"most": shown(max(curve.held_out for curve in few), 0)})
    elif few:
        told = _("Much about categories with few held-out records, whose intervals are rough themselves: %(names)s.")
        said.append(told % {"names": ", ".join(f"{curve.category} ({curve.held_out})" for curve in few)})
    if seeds > 1:
        told = ngettext("More of chance than %(count)d seed tells.", "More of chance than %(count)d seeds tell.", seeds)
        said.append(told % {"count": seeds})
    else:
        said.append(_("How much a training varies by chance: each share was trained once, with one seed."))
    last, sizes = shown(2 * found[0].sizes[-1], 0), len(found[0].sizes)
    told = _(
        "Anything much beyond %(rows)s records: the law has three unknowns and was fitted to %(sizes)s sizes. That of "
        "another model, or of more passes, may fall otherwise."
    )
    said.append(told % {"rows": last, "sizes": shown(sizes, 0)})
    return said

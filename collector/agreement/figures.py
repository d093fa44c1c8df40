"""Figures about decisions, each with an interval that says how sure it is."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from collector.agreement.alpha import alpha, alpha_interval
from collector.agreement.estimates import Counted, Estimate, Gap
from collector.agreement.resampling import LEVEL, RESAMPLES, SEED, percentile_interval

if TYPE_CHECKING:
    from collector.agreement.alpha import Patterns, Values
    from collector.agreement.measures import Scale
    from collector.agreement.resampling import Floats, Integers

LEAST_SHARED = 10
LEAST_RATED = 10
LEAST_TIMED = 5
LEAST_GOLD = 5
LEAST_DECIDED = 10


def agreement(
    patterns: Patterns, scale: Scale, *, least: int = LEAST_SHARED, resamples: int = RESAMPLES, seed: int = SEED
) -> Estimate:
    """Return Krippendorff's alpha with its bootstrap interval, from at least ``least`` shared items."""
    counted, size = Counted.SHARED_ITEMS, patterns.items
    if not size:
        return Estimate.missing(Gap.NO_PAIRS, size=0, counted=counted)
    if size < least:
        return Estimate.missing(Gap.TOO_FEW, size=size, counted=counted, needed=least)
    value = alpha(patterns, scale)
    if value is None:
        return Estimate.missing(Gap.NO_VARIATION, size=size, counted=counted)
    ends = alpha_interval(patterns, scale, resamples=resamples, seed=seed)
    if ends is None:
        return Estimate(value, None, None, size, counted, Gap.NO_VARIATION)
    return Estimate(value, *ends, size, counted)


def mean(
    unit: Integers, value: Values, *, least: int = LEAST_RATED, resamples: int = RESAMPLES, seed: int = SEED
) -> Estimate:
    """Return the mean with a percentile bootstrap interval that draws whole items.

    Ratings of one item resemble each other, so an interval that took them for independent would be too narrow.

    Args:
        unit: the item of each value.
        value: as long as ``unit``.
        least: items needed.
        resamples: how many times to draw.
        seed: makes the draws repeatable.
    """
    _units, index = np.unique(unit, return_inverse=True)
    items = int(index.max(initial=-1)) + 1
    if items < least:
        return Estimate.missing(Gap.TOO_FEW, size=items, counted=Counted.ITEMS, needed=least)
    sums = np.bincount(index, weights=value, minlength=items)
    counts = np.bincount(index, minlength=items)
    patterns, times = np.unique(np.column_stack([sums, counts]).astype(np.float64), axis=0, return_counts=True)
    ends = percentile_interval(
        times, lambda weights: _ratio(weights, patterns[:, 0], patterns[:, 1]), resamples=resamples, seed=seed
    )
    if ends is None:  # pragma: no cover - a mean of drawn items always exists
        return Estimate(float(value.mean()), None, None, items, Counted.ITEMS, Gap.NO_VARIATION)
    return Estimate(float(value.mean()), *ends, items, Counted.ITEMS)


def _ratio(weights: Floats, sums: Floats, counts: Floats) -> Floats:
    result: Floats = (weights @ sums) / (weights @ counts)
    return result


def wilson(successes: int, trials: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Return the Wilson score interval of a share, without continuity correction; both ends lie in 0 to 1.

    E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927) 209-212.

    Args:
        successes: 0 to ``trials``.
        trials: at least 1.
        level: of confidence, between 0 and 1.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / trials
    width = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / width
    reach = z * ((share * (1 - share) + z * z / (4 * trials)) / trials) ** 0.5 / width
    return max(0.0, centre - reach), min(1.0, centre + reach)


def share(successes: int, trials: int, *, counted: Counted, least: int) -> Estimate:
    """Return a share with its Wilson interval, from at least ``least`` trials."""
    if trials < least:
        return Estimate.missing(Gap.TOO_FEW, size=trials, counted=counted, needed=least)
    return Estimate(successes / trials, *wilson(successes, trials), trials, counted)


def quartiles(value: Values, *, least: int = LEAST_TIMED) -> Estimate:
    """Return the median; the interval's ends are the quartiles (half of the values lie between them)."""
    if len(value) < least:
        return Estimate.missing(Gap.TOO_FEW, size=len(value), counted=Counted.DECISIONS, needed=least)
    low, middle, high = (float(part) for part in np.quantile(value, [0.25, 0.5, 0.75]))
    return Estimate(middle, low, high, len(value), Counted.DECISIONS)

"""Krippendorff's alpha, for any number of reviewers and with missing answers.

K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), https://repository.upenn.edu/asc_papers/43.
An item with m answers adds, for each ordered pair of answers (c, k) by different reviewers, 1/(m-1) to the matrix of
coincidences o. With n_c the sums of its rows and n their sum,

    alpha = 1 - (n - 1) * sum(o_ck * d_ck²) / sum(n_c * n_k * d_ck²)

where d is the scale's own measure of difference. Items with fewer than two answers say nothing and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collector.agreement.measures import Scale
from collector.agreement.resampling import LEVEL, RESAMPLES, SEED, percentile_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collector.agreement.resampling import Floats, Integers

    Booleans = NDArray[np.bool_]
    Values = NDArray[np.float64] | NDArray[np.int64]

PAIR = 2  # answers that an item needs, to compare any
MOST_VALUES = 100  # distinct answers: each pattern is a square matrix of them
ROUNDING = 1e-12


@dataclass(frozen=True)
class Patterns:
    """Items by what was answered, whoever did.

    Attributes:
        values: the distinct answers, sorted; shape (K,).
        matrices: each pattern's coincidences among the answers; shape (P, K, K).
        times: how many items show the pattern; shape (P,).
    """

    values: Floats
    matrices: Floats
    times: Integers

    @property
    def items(self) -> int:
        """How many items have answers to compare."""
        return int(self.times.sum())


def pooled(unit: Integers, value: Values) -> Patterns:
    """Compare everybody's answers with everybody else's.

    Args:
        unit: the item of each answer.
        value: the answer; as long as ``unit``. One reviewer answers an item at most once.

    Raises:
        ValueError: more than MOST_VALUES distinct answers; this is made for decisions and ratings.
    """
    values, counts = _counts(unit, value)
    given = counts.sum(axis=1)
    patterns, times = _distinct(counts[given >= PAIR])
    pairs = patterns[:, :, None] * patterns[:, None, :] - _diagonal(patterns)
    return Patterns(values, pairs / (patterns.sum(axis=1) - 1)[:, None, None], times)


def against(unit: Integers, value: Values, theirs: Booleans) -> Patterns:
    """Compare one reviewer's answers with the others' on the same items, and nobody else's with each other.

    Each of the reviewer's items weighs the same: where several colleagues answered it, each of the pairs weighs the
    less. With one colleague an item it is exactly the alpha of the two.

    Args:
        unit: the item of each answer.
        value: the answer.
        theirs: whether the answer is the reviewer's.

    Raises:
        ValueError: more than MOST_VALUES distinct answers.
    """
    values, index, code = _coded(unit, value)
    size, kinds = (int(index.max(initial=-1)) + 1, len(values))
    cell = index * kinds + code
    own = np.bincount(cell[theirs], minlength=size * kinds).reshape(size, kinds)
    others = np.bincount(cell[~theirs], minlength=size * kinds).reshape(size, kinds)
    shared = (own.sum(axis=1) > 0) & (others.sum(axis=1) > 0)
    patterns, times = _distinct(np.hstack([own[shared], others[shared]]))
    mine, rest = patterns[:, :kinds], patterns[:, kinds:]
    half = mine[:, :, None] * (rest / np.maximum(1, rest.sum(axis=1, keepdims=True)))[:, None, :]
    return Patterns(values, half + half.transpose(0, 2, 1), times)


def alpha(patterns: Patterns, scale: Scale) -> float | None:
    """Return alpha: 1 is perfect agreement, 0 what chance would give, less is systematic disagreement.

    Returns:
        None where there is nothing to compare, or where all answers are the same one (0/0).
    """
    if not patterns.items:
        return None
    value = float(_alphas(patterns, scale, patterns.times[None, :].astype(np.float64))[0])
    return value if np.isfinite(value) else None


def alpha_interval(
    patterns: Patterns, scale: Scale, *, resamples: int = RESAMPLES, seed: int = SEED, level: float = LEVEL
) -> tuple[float, float] | None:
    """Return the percentile bootstrap interval of alpha over items; see ``resampling``.

    Returns:
        None where there is nothing to compare, or where more than one resample in twenty shows no variation.
    """
    if not patterns.items:
        return None
    return percentile_interval(
        patterns.times,
        lambda weights: _alphas(patterns, scale, weights),
        resamples=resamples,
        seed=seed,
        level=level,
    )


def _coded(unit: Integers, value: Values) -> tuple[Floats, Integers, Integers]:
    values, code = np.unique(np.asarray(value, dtype=np.float64), return_inverse=True)
    if len(values) > MOST_VALUES:
        raise ValueError(f"{len(values)} distinct answers; at most {MOST_VALUES} are counted.")
    _units, index = np.unique(unit, return_inverse=True)
    return values, index.astype(np.int64), code.astype(np.int64)


def _counts(unit: Integers, value: Values) -> tuple[Floats, Integers]:
    values, index, code = _coded(unit, value)
    size, kinds = int(index.max(initial=-1)) + 1, len(values)
    return values, np.bincount(index * kinds + code, minlength=size * kinds).reshape(size, kinds)


def _distinct(rows: Integers) -> tuple[Integers, Integers]:
    """Return the distinct rows and how often each appears."""
    base = int(rows.max(initial=0)) + 1
    if rows.shape[1] * np.log2(base) >= 62:  # noqa: PLR2004 - too wide for one 64-bit key a row
        patterns, times = np.unique(rows, axis=0, return_counts=True)
        return patterns, times
    # One number a row sorts ten times faster than the row itself.
    keys = rows @ (base ** np.arange(rows.shape[1], dtype=np.int64))
    _keys, first, times = np.unique(keys, return_index=True, return_counts=True)
    return rows[first], times


def _diagonal(patterns: Integers) -> Integers:
    matrix: Integers = patterns[:, :, None] * np.eye(patterns.shape[1], dtype=np.int64)
    return matrix


def _alphas(patterns: Patterns, scale: Scale, weights: Floats) -> Floats:
    """Return one alpha for each row of weights (resample, pattern), NaN where nothing varies."""
    kinds = len(patterns.values)
    observed = (weights @ patterns.matrices.reshape(len(patterns.times), -1)).reshape(-1, kinds, kinds)
    sums = observed.sum(axis=2)
    total = sums.sum(axis=1)
    squares = _squares(patterns.values, sums, scale)
    disagreement = (observed * squares).sum(axis=(1, 2))
    # 0/0 where all answers are the same: NaN, which the callers turn into words.
    expected = (sums[:, :, None] * sums[:, None, :] * squares).sum(axis=(1, 2))
    known = expected > ROUNDING * np.maximum(1.0, total) ** 2
    result = np.full(len(weights), np.nan)
    result[known] = 1 - (total[known] - 1) * disagreement[known] / expected[known]
    return result


def _squares(values: Floats, sums: Floats, scale: Scale) -> Floats:
    """Return the squared differences between answers: shape (K, K), for ranks (resample, K, K)."""
    if scale == Scale.ORDINAL:
        # Half of the answer's own count below its middle: the distance counts what lies between, ends by half.
        middle = np.cumsum(sums, axis=1) - sums / 2
        ranks: Floats = (middle[:, :, None] - middle[:, None, :]) ** 2
        return ranks
    difference = values[:, None] - values[None, :]
    if scale == Scale.NOMINAL:
        unequal: Floats = (difference != 0).astype(np.float64)
        return unequal
    if scale == Scale.INTERVAL:
        squares: Floats = difference**2
        return squares
    whole = values[:, None] + values[None, :]
    shares: Floats = np.divide(difference, whole, out=np.zeros_like(whole), where=whole != 0) ** 2
    return shares

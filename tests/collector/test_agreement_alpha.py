"""Krippendorff's alpha against published and independently computed values, and the laws it obeys."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.agreement.alpha import against, alpha, alpha_interval, pooled
from collector.agreement.estimates import Gap
from collector.agreement.figures import agreement
from collector.agreement.measures import Scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.agreement.resampling import Floats, Integers

# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve units.
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
# The same paper, section A: two observers, binary, no data missing.
BINARY = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]


def columns(table: Sequence[Sequence[int | None]]) -> tuple[Integers, Floats, Integers]:
    """Turn observers × units into units, values and observers."""
    cells = [
        (unit, float(value), observer)
        for observer, row in enumerate(table)
        for unit, value in enumerate(row)
        if value is not None
    ]
    unit, value, observer = zip(*cells, strict=True) if cells else ((), (), ())
    return np.array(unit, dtype=np.int64), np.array(value, dtype=np.float64), np.array(observer, dtype=np.int64)


def by_definition(table: Sequence[Sequence[int | None]], scale: Scale) -> float | None:
    """Compute alpha pair by pair, as its definition says, with no matrix anywhere."""
    given = [[value for value in unit if value is not None] for unit in zip(*table, strict=True)]
    units = [unit for unit in given if len(unit) > 1]
    everything = [value for unit in units for value in unit]

    def distance(pair: tuple[int, int]) -> float:
        first, second = pair
        if scale == Scale.NOMINAL:
            return float(first != second)
        if scale == Scale.INTERVAL:
            return float((first - second) ** 2)
        if scale == Scale.RATIO:
            return ((first - second) / (first + second)) ** 2 if first + second else 0.0
        low, high = min(first, second), max(first, second)
        between = sum(low <= value <= high for value in everything)
        return (between - (everything.count(low) + everything.count(high)) / 2) ** 2 if low != high else 0.0

    number = len(everything)
    if number < 2:
        return None
    observed = (
        sum(distance(pair) / (len(unit) - 1) for unit in units for pair in itertools.permutations(unit, 2)) / number
    )
    expected = sum(distance(pair) for pair in itertools.permutations(everything, 2)) / (number * (number - 1))
    return 1 - observed / expected if expected else None


def alpha_of(table: Sequence[Sequence[int | None]], scale: Scale) -> float | None:
    unit, value, _observer = columns(table)
    return alpha(pooled(unit, value), scale)


@pytest.mark.parametrize(
    ("scale", "published"),
    [(Scale.NOMINAL, 0.743), (Scale.ORDINAL, 0.815), (Scale.INTERVAL, 0.849), (Scale.RATIO, 0.797)],
)
def test_the_published_example_comes_out(scale: Scale, published: float) -> None:
    assert alpha_of(PUBLISHED, scale) == pytest.approx(published, abs=0.0005)


def test_the_published_binary_example_comes_out() -> None:
    assert alpha_of(BINARY, Scale.NOMINAL) == pytest.approx(0.095, abs=0.0005)


tables = st.integers(1, 5).flatmap(
    lambda observers: st.integers(1, 8).flatmap(
        lambda units: st.lists(
            st.lists(st.none() | st.integers(1, 5), min_size=units, max_size=units),
            min_size=observers,
            max_size=observers,
        )
    )
)


@settings(max_examples=150)
@given(tables, st.sampled_from(list(Scale)))
def test_it_equals_the_definition_computed_pair_by_pair(table: list[list[int | None]], scale: Scale) -> None:
    expected = by_definition(table, scale)
    found = alpha_of(table, scale)
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found == pytest.approx(expected, abs=1e-9)


@settings(max_examples=100)
@given(tables, st.sampled_from(list(Scale)), st.randoms(use_true_random=False))
def test_it_does_not_matter_who_is_who(table: list[list[int | None]], scale: Scale, chance: object) -> None:
    turned = [list(unit) for unit in zip(*table, strict=True)]
    for unit in turned:
        chance.shuffle(unit)  # type: ignore[attr-defined]  # hypothesis' random
    shuffled = [list(row) for row in zip(*turned, strict=True)]
    assert alpha_of(shuffled, scale) == pytest.approx(alpha_of(table, scale))


@settings(max_examples=100)
@given(tables, st.sampled_from(list(Scale)))
def test_it_is_never_more_than_one(table: list[list[int | None]], scale: Scale) -> None:
    value = alpha_of(table, scale)
    assert value is None or value <= 1 + 1e-12


@settings(max_examples=50)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=10), st.integers(2, 4), st.sampled_from(list(Scale)))
def test_perfect_agreement_is_one(answers: list[int], observers: int, scale: Scale) -> None:
    value = alpha_of([answers] * observers, scale)
    assert value == (pytest.approx(1) if len(set(answers)) > 1 else None)


def test_names_of_decisions_do_not_matter_on_the_nominal_scale() -> None:
    renamed = [[None if value is None else 10 - 3 * value % 7 for value in row] for row in PUBLISHED]
    assert alpha_of(renamed, Scale.NOMINAL) == pytest.approx(alpha_of(PUBLISHED, Scale.NOMINAL))


# -- One reviewer against the others -----------------------------------------------------------------------


@settings(max_examples=60)
@given(
    st.integers(2, 9).flatmap(
        lambda units: st.lists(
            st.lists(st.none() | st.integers(1, 5), min_size=units, max_size=units), min_size=2, max_size=2
        )
    ),
    st.sampled_from(list(Scale)),
)
def test_with_one_colleague_it_is_the_alpha_of_the_two(table: list[list[int | None]], scale: Scale) -> None:
    unit, value, observer = columns(table)
    for who in (0, 1):
        assert alpha(against(unit, value, observer == who), scale) == pytest.approx(alpha_of(table, scale))


def test_quarrels_among_the_others_are_not_the_reviewers_own() -> None:
    mine = [1, 2, 3, 1, 2, 3]
    friend = mine
    contrary = [3, 1, 2, 2, 3, 1]
    unit, value, observer = columns([mine, friend, contrary])
    own = alpha(against(unit, value, observer == 0), Scale.NOMINAL)
    theirs = alpha(against(unit, value, observer == 2), Scale.NOMINAL)
    assert own is not None
    assert theirs is not None
    assert theirs < alpha(pooled(unit, value), Scale.NOMINAL) < own  # type: ignore[operator]  # not None: it varies


def test_items_that_the_reviewer_did_not_see_do_not_count() -> None:
    seen: list[list[int | None]] = [[1, 2, 2, None, None], [1, 2, 3, 1, 2], [None, None, None, 3, 3]]
    unit, value, observer = columns(seen)
    patterns = against(unit, value, observer == 0)
    assert patterns.items == 3
    assert alpha(patterns, Scale.NOMINAL) == pytest.approx(by_definition([row[:3] for row in seen[:2]], Scale.NOMINAL))


# -- What can't be told --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "gap"),
    [
        ([[], []], Gap.NO_PAIRS),
        ([[1, None, 2], [None, 3, None]], Gap.NO_PAIRS),
        ([[1, 2], [1, 2]], Gap.TOO_FEW),
        ([[4] * 12, [4] * 12], Gap.NO_VARIATION),
    ],
)
def test_where_there_is_no_figure_there_is_a_reason(table: list[list[int | None]], gap: Gap) -> None:
    unit, value, _observer = columns(table)
    estimate = agreement(pooled(unit, value), Scale.ORDINAL)
    assert (estimate.value, estimate.low, estimate.high, estimate.gap) == (None, None, None, gap)
    assert estimate.why.endswith(".")
    assert "nan" not in estimate.why.lower()


def test_a_figure_that_hangs_on_a_single_item_has_no_interval() -> None:
    answers = [1] * 29 + [2]
    unit, value, _observer = columns([answers, answers])
    estimate = agreement(pooled(unit, value), Scale.NOMINAL)
    assert estimate.value == pytest.approx(1)
    assert (estimate.low, estimate.high) == (None, None)
    assert estimate.why


def test_answers_on_a_fine_scale_are_refused_rather_than_counted_for_hours() -> None:
    with pytest.raises(ValueError, match="distinct answers"):
        pooled(np.repeat(np.arange(200), 2), np.arange(400))


# -- The interval --------------------------------------------------------------------------------------------


def rated(items: int, seed: int) -> tuple[Integers, Floats]:
    chance = np.random.default_rng(seed)
    unit = np.repeat(np.arange(items), 3)
    right = chance.integers(1, 6, items)[unit]
    return unit, np.clip(right + chance.integers(-1, 2, len(unit)), 1, 5).astype(np.float64)


def test_the_interval_is_the_one_of_drawing_items_one_by_one() -> None:
    unit, value = rated(60, seed=3)
    answers = value.reshape(60, 3)
    chance = np.random.default_rng(1)
    drawn = []
    for _resample in range(600):
        some = answers[chance.integers(0, 60, 60)]
        drawn.append(alpha(pooled(np.repeat(np.arange(60), 3), some.ravel()), Scale.ORDINAL))
    low, high = np.quantile(np.array(drawn, dtype=float), [0.025, 0.975])
    interval = alpha_interval(pooled(unit, value), Scale.ORDINAL)
    assert interval is not None
    # Both are estimates from a thousand draws or fewer: their ends wander by about a tenth of the width.
    assert interval[0] == pytest.approx(low, abs=0.15 * (high - low))
    assert interval[1] == pytest.approx(high, abs=0.15 * (high - low))


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    patterns = pooled(*rated(80, seed=5))
    first = alpha_interval(patterns, Scale.INTERVAL, seed=1)
    assert first == alpha_interval(patterns, Scale.INTERVAL, seed=1)
    assert first != alpha_interval(patterns, Scale.INTERVAL, seed=2)


def test_the_interval_holds_the_figure_and_narrows_with_more_items() -> None:
    widths = []
    for items in (40, 400, 4000):
        patterns = pooled(*rated(items, seed=9))
        value, ends = alpha(patterns, Scale.ORDINAL), alpha_interval(patterns, Scale.ORDINAL)
        assert value is not None
        assert ends is not None
        assert ends[0] < value < ends[1]
        widths.append(ends[1] - ends[0])
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    # With many items alpha is nearly the whole population's; intervals from 50 items should hold it 19 times in 20.
    unit, value = rated(20_000, seed=11)
    truth = alpha(pooled(unit, value), Scale.ORDINAL)
    answers = value.reshape(-1, 3)
    chance = np.random.default_rng(13)
    held = 0
    for trial in range(200):
        some = answers[chance.integers(0, len(answers), 50)]
        patterns = pooled(np.repeat(np.arange(50), 3), some.ravel())
        ends = alpha_interval(patterns, Scale.ORDINAL, resamples=400, seed=trial)
        held += ends is not None and ends[0] <= truth <= ends[1]  # type: ignore[operator]  # the truth is a number
    assert 0.86 <= held / 200 <= 1

"""Measures of the long tail and of lengths, against values worked out by hand and laws that always hold."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.insights.measures import (
    active_by_week,
    conversion,
    fewest_for,
    gini,
    lorenz,
    median_of,
    monday,
    top_share,
)
from collector.insights.periods import days_between, needed_per_day, window

COUNTS = st.lists(st.integers(1, 10_000), min_size=1, max_size=50)
FRIDAY = date(2026, 3, 27)  # two days before Europe's clocks go forward


@given(COUNTS)
def test_gini_is_half_the_relative_mean_difference(counts: list[int]) -> None:
    mean = sum(counts) / len(counts)
    by_pairs = sum(abs(one - other) for one in counts for other in counts) / (2 * len(counts) ** 2 * mean)
    assert gini(counts) == pytest.approx(by_pairs, abs=1e-9)
    assert -1e-12 <= gini(counts) < 1


def test_nobody_has_no_gini() -> None:
    assert gini([]) == 0.0


def test_the_lorenz_curve_of_three_people() -> None:
    assert lorenz([6, 1, 3]) == [(0, 0), (1 / 3, 0.1), (2 / 3, 0.4), (1, 1)]
    assert lorenz([]) == []


@given(COUNTS)
def test_the_lorenz_curve_rises_bends_upwards_and_stays_below_the_diagonal(counts: list[int]) -> None:
    curve = lorenz(counts)
    assert (curve[0], curve[-1]) == ((0, 0), (1, 1))
    steps = [later[1] - earlier[1] for earlier, later in pairwise(curve)]
    assert all(step > 0 for step in steps)
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(steps))
    assert all(made <= people + 1e-12 for people, made in curve)


@given(COUNTS)
def test_gini_is_twice_the_area_between_the_lorenz_curve_and_the_diagonal(counts: list[int]) -> None:
    below = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(lorenz(counts)))
    assert gini(counts) == pytest.approx(1 - 2 * below, abs=1e-9)


def test_the_top_twelve_of_fourteen() -> None:
    counts = [1, 2, *[10] * 12]
    assert top_share(counts) == pytest.approx(120 / 123)
    assert top_share(counts, 1) == pytest.approx(10 / 123)
    assert top_share([]) == 0


@given(COUNTS, st.integers(1, 60))
def test_more_people_never_make_less(counts: list[int], number: int) -> None:
    assert 0 < top_share(counts, number) <= top_share(counts, number + 1) <= 1


def test_how_few_made_half() -> None:
    assert fewest_for([5, 1, 1, 1, 2], 0.5) == 1
    assert fewest_for([3, 3, 3, 3], 0.5) == 2
    assert fewest_for([], 0.5) == 0


@given(st.lists(st.integers(0, 300), min_size=1, max_size=60))
def test_the_median_of_counts_is_that_of_the_values(values: list[int]) -> None:
    assert median_of({value: values.count(value) for value in values}) == median(values)


def test_no_values_have_no_median() -> None:
    assert median_of({}) is None


def test_active_people_are_counted_once_a_week_and_idle_weeks_are_there() -> None:
    days = [(1, FRIDAY), (1, FRIDAY - timedelta(days=1)), (2, FRIDAY), (1, FRIDAY - timedelta(days=15))]
    found = active_by_week(days, FRIDAY - timedelta(days=16), FRIDAY)
    assert found == [(date(2026, 3, 9), 1), (date(2026, 3, 16), 0), (date(2026, 3, 23), 2)]
    assert monday(FRIDAY) == date(2026, 3, 23)


def test_who_came_back_is_counted_of_those_who_had_the_time() -> None:
    old, young = FRIDAY - timedelta(days=20), FRIDAY - timedelta(days=13)
    rows = [
        (1, old, 1),  # never again
        (2, old, 1),
        (2, old + timedelta(days=14), 1),  # just in time
        (3, old, 1),
        (3, old + timedelta(days=15), 4),  # too late
        (4, old, 2),  # twice on the first day
        (5, young, 3),  # had not the time yet
    ]
    found = conversion(rows, FRIDAY)
    assert (found.newcomers, found.returned, found.share) == (4, 2, 0.5)
    assert conversion([], FRIDAY).share is None


def test_the_window_is_the_last_complete_days_and_never_before_the_beginning() -> None:
    assert window(FRIDAY, None) == []
    assert window(FRIDAY, FRIDAY) == []
    assert window(FRIDAY, FRIDAY - timedelta(days=3)) == days_between(date(2026, 3, 24), date(2026, 3, 26))
    whole = window(FRIDAY, date(2025, 1, 1))
    assert (len(whole), whole[0], whole[-1]) == (14, date(2026, 3, 13), date(2026, 3, 26))


def test_what_is_needed_a_day() -> None:
    assert needed_per_day(30, FRIDAY, FRIDAY + timedelta(days=10)) == 3
    assert needed_per_day(30, FRIDAY, FRIDAY) == 30
    assert needed_per_day(30, FRIDAY, FRIDAY - timedelta(days=1)) is None
    assert needed_per_day(30, FRIDAY, None) is None
    assert needed_per_day(0, FRIDAY, FRIDAY + timedelta(days=10)) is None

"""The forecast of the day on which a target is reached, and when it honestly says nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.insights.forecast import HORIZON, forecast
from collector.insights.forecasts import Forecast, Gap

TODAY = date(2026, 3, 28)


def later(days: int) -> date:
    return TODAY + timedelta(days=days)


def test_a_steady_pace_has_one_future() -> None:
    found = forecast([5] * 14, 51, TODAY)
    assert found == Forecast(None, 5.0, 14, 70, later(11), later(11), later(11))


def test_what_is_missing_by_a_whole_number_of_days_takes_no_day_more() -> None:
    assert forecast([4] * 14, 40, TODAY).day == later(10)


def test_bursts_make_the_interval_wider_than_a_steady_flow() -> None:
    steady = forecast([9, 11] * 7, 200, TODAY)
    bursts = forecast([0, 0, 0, 0, 0, 35, 35] * 2, 200, TODAY)
    assert steady.day == bursts.day == later(20)
    widths = [found.late - found.early for found in (steady, bursts) if found.late and found.early]
    assert len(widths) == 2
    assert widths[0] < timedelta(days=5) < widths[1]


def test_about_four_in_five_true_futures_lie_in_the_interval() -> None:
    import numpy as np

    chance, inside = np.random.default_rng(3), 0
    for _trial in range(200):
        days = chance.poisson(chance.gamma(2, 4, 14 + HORIZON))  # bursts around eight a day
        found = forecast(days[:14].tolist(), 160, TODAY)
        truth = later(1 + int(np.argmax(np.cumsum(days[14:]) >= 160)))
        inside += found.early is not None and found.early <= truth and (found.late is None or truth <= found.late)
    # Fourteen days say somewhat less than they seem to: the bootstrap is a little too sure.
    assert 0.68 <= inside / 200 <= 0.9


@pytest.mark.parametrize(
    ("daily", "missing", "gap"),
    [
        ([3] * 14, 0, Gap.DONE),
        ([3] * 14, -4, Gap.DONE),
        ([], 10, Gap.TOO_FEW_DAYS),
        ([9] * 6, 10, Gap.TOO_FEW_DAYS),
        ([0] * 14, 10, Gap.NOTHING),
        ([1, 1, 1, 1] + [0] * 10, 10, Gap.TOO_LITTLE),
        ([40, 40] + [0] * 12, 10, Gap.TOO_LITTLE),
        ([1] * 14, HORIZON + 1, Gap.BEYOND),
    ],
)
def test_it_says_why_there_is_no_day(daily: list[int], missing: int, gap: Gap) -> None:
    found = forecast(daily, missing, TODAY)
    assert found.gap == gap
    assert (found.day, found.early, found.late) == (None, None, None)


def test_an_end_that_may_be_far_away_is_left_open() -> None:
    found = forecast([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3], 120, TODAY)
    assert found.day is not None
    assert found.early is not None
    assert found.late is None


@settings(max_examples=50)
@given(st.lists(st.integers(0, 40), min_size=7, max_size=14), st.integers(1, 400))
def test_the_day_lies_in_its_interval_and_in_the_future(daily: list[int], missing: int) -> None:
    found = forecast(daily, missing, TODAY)
    if found.day is None:
        assert found.gap is not None
        return
    assert found.early is not None
    assert TODAY < found.early <= found.day
    assert found.late is None or found.day <= found.late


def test_whether_it_comes_too_late_is_told_without_a_day_too() -> None:
    found = forecast([5] * 14, 50, TODAY)
    assert found.is_after(later(9))
    assert not found.is_after(later(10))
    assert not found.is_after(None)
    assert forecast([0] * 14, 50, TODAY).is_after(later(300))
    assert not forecast([9] * 3, 50, TODAY).is_after(later(1))

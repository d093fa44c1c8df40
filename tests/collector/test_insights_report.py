"""The insights' figures, worked out by hand from facts."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from collector.insights import sections, words
from collector.insights.facts import Target, Waiting
from collector.insights.forecasts import Forecast, Gap
from collector.insights.report import ALL
from tests.collector.insights import CAMPAIGN, NOW, SUMS, TALES, TODAY, a_day, ago, report

STATES = {(CAMPAIGN, SUMS, "approved"): 130, (CAMPAIGN, TALES, "approved"): 10, (CAMPAIGN, TALES, "submitted"): 4}


def test_what_one_category_has_beyond_its_target_fills_no_other() -> None:
    overall = report(states=STATES).overall
    assert (overall.target, overall.approved, overall.waiting, overall.missing) == (150, 110, 4, 40)


def test_the_pace_of_all_is_that_of_what_is_still_wanted() -> None:
    found = report(states=STATES, approved=a_day(9, SUMS) | a_day(4, TALES), end=ago(-20))
    assert found.overall.forecast.per_day == 4
    assert found.overall.forecast.day == TODAY + timedelta(days=10)
    assert found.overall.needed == 2
    sums, tales = found.lines
    assert (sums.is_done, sums.forecast.gap, sums.needed) == (True, Gap.DONE, None)
    assert (tales.missing, tales.forecast.day) == (40, TODAY + timedelta(days=10))


def test_targets_of_several_campaigns_add_up_category_by_category() -> None:
    targets = [Target(1, SUMS, 100), Target(2, SUMS, 20), Target(2, TALES, 5)]
    states = {(1, SUMS, "approved"): 90, (2, SUMS, "approved"): 60, (3, SUMS, "approved"): 1_000}
    (sums, tales) = report(targets=targets, states=states).lines
    assert (sums.target, sums.approved, sums.missing) == (120, 150, 10)
    assert (tales.target, tales.missing) == (5, 5)


def test_approvals_of_a_campaign_that_wants_nothing_are_no_pace() -> None:
    found = report(approved={(day, 7, category): count for (day, _campaign, category), count in a_day(9).items()})
    assert found.overall.forecast.gap == Gap.NOTHING


def test_a_campaign_that_is_not_open_has_no_forecast() -> None:
    found = report(is_open=False, approved=a_day(5), end=ago(-20))
    assert found.overall.forecast == Forecast(Gap.NOT_OPEN)
    assert found.overall.needed is None


def test_without_targets_there_is_nothing_to_forecast() -> None:
    found = report(targets=[], approved=a_day(5))
    assert found.overall.forecast.gap == Gap.NO_TARGET
    assert found.lines == []


def test_the_days_run_from_the_campaigns_beginning_to_today() -> None:
    found = report(first=ago(100))
    assert (found.days[0], found.days[-1], len(found.days)) == (ago(28), TODAY, 29)
    assert not found.is_weekly


def test_what_came_before_the_announced_beginning_is_shown() -> None:
    assert report(sent={(ago(31), SUMS): 1}).days[0] == ago(31)


def test_a_closed_campaign_ends_with_its_last_event() -> None:
    found = report(is_open=False, sent={(ago(20), SUMS): 1}, approved={(ago(11), CAMPAIGN, SUMS): 1})
    assert found.days[-1] == ago(11)


def test_long_periods_are_shown_by_weeks() -> None:
    found = report(begin=ago(100), sent={(ago(0), SUMS): 2, (ago(2), TALES): 3, (ago(3), SUMS): 5})
    assert found.is_weekly
    assert [(stretch.begin, stretch.sent) for stretch in found.stretches[-2:]] == [
        (date(2026, 4, 6), 5),
        (date(2026, 4, 13), 5),
    ]


def test_each_day_of_the_month_in_which_clocks_change_is_there_once() -> None:
    days = report(begin=date(2026, 3, 20), sent={(date(2026, 3, 29), SUMS): 4}).stretches
    assert len({stretch.begin for stretch in days}) == len(days) == 27
    assert next(stretch.sent for stretch in days if stretch.begin == date(2026, 3, 29)) == 4


def test_composition_is_by_category_length_and_language() -> None:
    found = report(lengths={(TALES, 100): 2, (SUMS, 10): 1, (SUMS, 20): 2}, languages={"de": 1, "en": 4})
    assert found.texts == {SUMS: 3, TALES: 2}
    assert found.middle_length == 20
    assert found.middle_lengths == {SUMS: 20, TALES: 100}
    assert found.languages == [("en", 4), ("de", 1)]


def test_people_are_those_of_the_period_but_who_came_back_is_told_of_all() -> None:
    writers = [(1, ago(40), 6), (1, ago(39), 1), (2, ago(5), 3), (3, ago(4), 1)]
    found = report(writers=writers, first=ago(27))
    assert found.makers == [(2, 3), (3, 1)]
    assert found.contributions == 4
    assert (found.conversion.newcomers, found.conversion.returned) == (1, 1)


def test_the_running_week_is_shown_but_is_no_whole_week() -> None:
    found = report(writers=[(1, ago(9), 1), (2, ago(8), 1), (1, ago(1), 1)], begin=ago(9))
    assert found.weeks == [(date(2026, 4, 6), 2), (date(2026, 4, 13), 1)]
    assert found.whole_weeks == [2]


def test_decisions_are_by_category_and_by_person() -> None:
    decisions = {(ago(1), SUMS, "approve"): 6, (ago(1), SUMS, "reject"): 2, (ago(2), TALES, "request_changes"): 2}
    found = report(decisions=decisions, reviewers={5: 9, 6: 1})
    assert (found.mixes[ALL].approve, found.mixes[ALL].all) == (6, 10)
    assert (found.mixes[SUMS].approve, found.mixes[SUMS].reject) == (6, 2)
    assert found.busiest == 0.9
    assert found.decided_per_day == pytest.approx(10 / 14)


def test_waiting_is_measured_to_now_and_waits_are_medians() -> None:
    waiting = Waiting(3, NOW - timedelta(days=5), NOW - timedelta(hours=30), 1)
    found = report(waiting=waiting, waits=[60.0, 3600.0, 90_000.0])
    assert words.duration(found.oldest_wait) == "5 days"
    assert words.duration(found.middle_waiting) == "30 hours"
    assert words.duration(found.middle_wait) == "1 hour"


def test_nothing_has_no_figures_and_no_error() -> None:
    found = report(states={}, writers=[], targets=[])
    assert found.is_new
    assert found.is_quiet
    assert (found.top, found.gini, found.half, found.busiest) == (0, 0, 0, 0)
    assert (found.middle_wait, found.middle_length, found.oldest_wait) == (None, None, None)


def test_a_rate_has_decimals_only_where_they_tell() -> None:
    assert [words.rate(value) for value in (0.0, 1.96, 2.5, 12.4, None)] == ["0", "2", "2.5", "12", "–"]


def test_an_open_end_is_said() -> None:
    far = Forecast(None, 1.0, 14, 14, ago(-90), ago(-60), None)
    assert words.interval(far).endswith("or not within a year")
    assert words.interval(Forecast(Gap.DONE)) == ""


@pytest.mark.parametrize("gap", list(Gap))
def test_each_gap_has_its_words(gap: Gap) -> None:
    assert words.short(Forecast(gap))
    assert words.why(Forecast(gap)).endswith(".")


def test_the_tiles_name_the_share_of_the_top_twelve() -> None:
    writers = [(person, ago(3), 10) for person in range(12)] + [(100 + person, ago(3), 1) for person in range(30)]
    found = report(writers=writers)
    assert found.top == pytest.approx(120 / 150)
    (tile,) = [tile for tile in sections.tiles(found) if "top" in tile.name]
    assert (tile.figure, tile.note) == ("80%", "42 people in all")

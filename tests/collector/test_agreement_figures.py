"""Means, shares and times with their intervals, against published or hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.agreement import words
from collector.agreement.estimates import Counted, Estimate, Gap
from collector.agreement.figures import mean, quartiles, share, wilson
from collector.agreement.measures import Measure
from collector.agreement.report import NONE, Answers, Decisions, overturned, report

APPROVE, REJECT = 0, 1


# R. G. Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_wilson_interval_is_the_published_one(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson(successes, trials)
    assert found[0] == pytest.approx(low, abs=5e-5)
    assert found[1] == pytest.approx(high, abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_the_wilson_interval_holds_the_share_and_stays_within_0_and_1(found: tuple[int, int]) -> None:
    low, high = wilson(*found)
    assert 0 <= low <= found[0] / found[1] + 1e-12
    assert found[0] / found[1] - 1e-12 <= high <= 1


def test_the_mean_is_of_all_values_and_its_interval_about_two_standard_errors() -> None:
    chance = np.random.default_rng(2)
    value = chance.integers(1, 6, 400)
    estimate = mean(np.arange(400), value)
    assert estimate.value == pytest.approx(value.mean())
    reach = 1.96 * value.std(ddof=1) / 20
    assert estimate.low == pytest.approx(value.mean() - reach, abs=0.1 * reach)
    assert estimate.high == pytest.approx(value.mean() + reach, abs=0.1 * reach)
    assert (estimate.size, estimate.counted) == (400, Counted.ITEMS)


def test_ratings_that_repeat_on_the_same_items_make_no_mean_surer() -> None:
    value = np.random.default_rng(2).integers(1, 6, 100)
    once = mean(np.arange(100), value)
    thrice = mean(np.repeat(np.arange(100), 3), np.repeat(value, 3))
    assert thrice.low == pytest.approx(once.low, abs=0.02)
    assert thrice.high == pytest.approx(once.high, abs=0.02)


def test_time_is_told_as_the_median_and_the_quartiles() -> None:
    estimate = quartiles(np.array([10, 20, 30, 40, 1000]))
    assert (estimate.low, estimate.value, estimate.high) == (20, 30, 40)


@pytest.mark.parametrize(
    "estimate",
    [
        mean(np.arange(3), np.array([4, 5, 5])),
        mean(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)),
        quartiles(np.array([12, 15])),
        share(2, 3, counted=Counted.ANSWERS, least=5),
    ],
)
def test_too_little_is_said_to_be_too_little(estimate: Estimate) -> None:
    assert (estimate.value, estimate.low, estimate.high, estimate.gap) == (None, None, None, Gap.TOO_FEW)
    assert estimate.why.startswith(f"Needs at least {estimate.needed} ")


def test_figures_are_rounded_not_cut_off() -> None:
    assert words.shown(Measure.DECISION, 0.819) == "0.82"
    assert words.shown(Measure.DECISION, -0.001) == "0.00"
    assert words.shown(Measure.GOLD, 0.926) == "93%"
    assert words.shown(Measure.SECONDS, 65.4) == "1:05"


# -- What was overturned -------------------------------------------------------------------------------------


def decisions(*rows: tuple[int, int, int], **flags: list[int]) -> Decisions:
    """Make reviews from (unit, reviewer, decision); flags are columns."""
    unit, reviewer, decision = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    zeros, none = np.zeros(len(rows), dtype=np.int64), np.full(len(rows), NONE)
    columns = {
        name: np.array(flags[name]) if name in flags else zeros
        for name in ("is_last_word", "is_voided", "is_waiting", "is_independent")
    }
    return Decisions(unit, reviewer, zeros + 1, decision, none, none, none, **columns)


def test_a_last_word_overrules_those_who_decided_otherwise() -> None:
    settled, found = overturned(
        decisions(
            (1, 1, APPROVE),
            (1, 2, REJECT),
            (1, 3, APPROVE),
            is_last_word=[0, 0, 1],
            is_independent=[1, 1, 1],
        )
    )
    assert found.tolist() == [False, True, False]
    assert settled.tolist() == [True, True, False]  # the last word itself is nobody's to overrule


def test_without_independent_reviews_the_last_decision_is_the_verdict() -> None:
    _settled, found = overturned(decisions((1, 1, APPROVE), (1, 2, REJECT), (2, 1, APPROVE)))
    assert found.tolist() == [True, False, False]


def test_a_quarrel_without_a_last_word_overturns_nobody() -> None:
    _settled, found = overturned(decisions((1, 1, APPROVE), (1, 2, REJECT), is_independent=[1, 1]))
    assert found.tolist() == [False, False]


def test_a_revoked_approval_is_overturned_and_a_rejection_voided_with_it_is_not() -> None:
    settled, found = overturned(decisions((1, 1, APPROVE), (1, 2, REJECT), is_voided=[1, 1], is_waiting=[1, 1]))
    assert found.tolist() == [True, False]
    assert settled.tolist() == [True, True]


def test_what_waits_is_not_settled() -> None:
    settled, found = overturned(decisions((1, 1, APPROVE), is_waiting=[1], is_independent=[1]))
    assert (settled.tolist(), found.tolist()) == ([False], [False])


# -- The report ----------------------------------------------------------------------------------------------

NO_ANSWERS = Answers(*[np.zeros(0, dtype=np.int64)] * 3)


def test_last_words_count_in_no_alpha() -> None:
    rows = [(unit, reviewer, unit % 2) for unit in range(20) for reviewer in (1, 2)]
    rows += [(unit, 3, 1 - unit % 2) for unit in range(20)]
    made = report(decisions(*rows, is_last_word=[0] * 40 + [1] * 20), NO_ANSWERS)
    assert made.overall.measures[Measure.DECISION].value == pytest.approx(1)


def test_a_second_decision_after_a_revocation_takes_the_place_of_the_first() -> None:
    rows = [(unit, reviewer, unit % 2) for unit in range(20) for reviewer in (1, 2)]
    earlier = [(unit, 1, 1 - unit % 2) for unit in range(20)]
    made = report(decisions(*earlier, *rows, is_voided=[1] * 20 + [0] * 40), NO_ANSWERS)
    assert made.overall.measures[Measure.DECISION].value == pytest.approx(1)
    assert made.overall.decisions == 60


def test_an_empty_report_has_reasons_everywhere() -> None:
    made = report(Decisions(*[np.zeros(0, dtype=np.int64)] * 11), NO_ANSWERS)
    assert (made.categories, made.reviewers, made.overall.decisions) == ((), (), 0)
    assert all(estimate.value is None and estimate.why for estimate in made.overall.measures.values())


def test_one_persons_report_is_about_that_person() -> None:
    rows = [(unit, reviewer, unit % 2) for unit in range(20) for reviewer in (1, 2)]
    made = report(decisions(*rows), NO_ANSWERS, reviewer=2)
    assert [row.key for row in made.reviewers] == [2]
    assert made.overall.decisions == 20
    assert made.overall.measures == made.reviewers[0].measures

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.scaling import (
    ALL,
    Curve,
    HeldOutRow,
    Point,
    PowerLaw,
    curve,
    curves,
    fit,
    paired_change,
    shares_of,
)

pytest.importorskip("scipy")
SIZES = (64, 128, 256, 512)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals as rough as a test needs them."""
    monkeypatch.setattr("training.scaling.DRAWS", 60)


def rows(count: int = 60) -> list[HeldOutRow]:
    return [
        HeldOutRow(f"row-{number}", ("closed_qa", "open_qa")[number % 2], 5 + number % 40) for number in range(count)
    ]


def trained(law: PowerLaw, *, noise: float = 0.0, seeds: int = 1, sizes: tuple[int, ...] = SIZES) -> list[Point]:
    """Models whose rows are each as hard as they are, and get easier by the law."""
    own = random.Random(1)
    hardness = {row.id: own.uniform(0.5, 1.5) for row in rows()}
    return [
        Point(
            size,
            seed,
            {row.id: row.tokens * (hardness[row.id] * law.at(size) + own.gauss(0, noise)) for row in rows()},
        )
        for size in sizes
        for seed in range(seeds)
    ]


@settings(max_examples=50)
@given(st.floats(0.5, 3), st.floats(0.5, 5), st.floats(0.1, 1.0))
def test_a_power_law_without_noise_is_found_again(floor: float, scale: float, exponent: float) -> None:
    law = PowerLaw(floor, scale, exponent)
    found = fit(SIZES, [law.at(size) for size in SIZES])
    assert found.at(1024) == pytest.approx(law.at(1024), abs=2e-3)


@pytest.mark.parametrize("losses", [[2.5] * 4, [2.5, 2.51, 2.52, 2.53]], ids=["flat", "rising"])
def test_losses_that_do_not_fall_promise_nothing(losses: list[float]) -> None:
    found = fit(SIZES, losses)
    assert found.at(1024) - found.at(512) == pytest.approx(0, abs=1e-3)


def test_the_interval_holds_what_twice_the_data_really_changes() -> None:
    law = PowerLaw(1.5, 4.0, 0.4)
    found = curve(trained(law, noise=0.02), rows(), category=ALL)
    hardness = found.losses[-1] / law.at(512)
    truth = hardness * (law.at(1024) - law.at(512))
    assert found.low <= truth <= found.high
    assert found.low < found.doubling < found.high < 0
    assert found.is_sure


def test_noise_alone_is_not_taken_for_a_gain() -> None:
    found = curve(trained(PowerLaw(2.0, 0.0, 1.0), noise=0.3), rows(), category=ALL)
    assert not found.is_sure


def test_a_loss_weighs_every_token_alike() -> None:
    points = [Point(size, 0, {"a": 30.0, "b": 1.0}) for size in SIZES]
    held_out = [HeldOutRow("a", "open_qa", 10), HeldOutRow("b", "closed_qa", 1)]
    found = {one.category: one.losses[0] for one in curves(points, held_out)}
    assert found == {ALL: pytest.approx(31 / 11), "closed_qa": 1.0, "open_qa": 3.0}


def test_several_seeds_of_a_size_are_averaged_and_widen_the_interval() -> None:
    law = PowerLaw(1.5, 4.0, 0.4)
    calm = curve(trained(law, seeds=2), rows(), category=ALL)
    points = trained(law, seeds=2)
    wild = [
        Point(
            point.rows, point.seed, {name: value * (1.03 if point.seed else 0.97) for name, value in point.nll.items()}
        )
        for point in points
    ]
    varied = curve(wild, rows(), category=ALL)
    assert varied.losses == pytest.approx(calm.losses)
    assert varied.high - varied.low > 2 * (calm.high - calm.low)


def test_the_same_points_give_the_same_interval() -> None:
    points = trained(PowerLaw(1.5, 4.0, 0.4), noise=0.05)
    assert curve(points, rows(), category=ALL) == curve(points, rows(), category=ALL)


def test_two_sizes_are_too_few_for_a_curve() -> None:
    with pytest.raises(ValueError, match="three sizes"):
        curve(trained(PowerLaw(1.5, 4.0, 0.4), sizes=(64, 128)), rows(), category=ALL)


def test_a_model_is_compared_with_another_row_by_row() -> None:
    law = PowerLaw(1.5, 4.0, 0.4)
    whole = trained(law)[-1]
    worse = {row.id: whole.nll[row.id] + row.tokens * (0.2 if row.category == "closed_qa" else 0.0) for row in rows()}
    found = {change.category: change for change in paired_change(whole, Point(400, 0, worse), rows())}
    assert found["closed_qa"].change == pytest.approx(0.2)
    assert found["closed_qa"].low == pytest.approx(0.2)
    assert (found["open_qa"].low, found["open_qa"].high) == (0.0, 0.0)
    assert found[ALL].low < found[ALL].change < found[ALL].high


def test_the_band_is_of_the_difference_to_the_largest_share() -> None:
    found = curve(trained(PowerLaw(1.5, 4.0, 0.4), noise=0.02), rows(), category=ALL)
    last, twice = found.band[-2], found.band[-1]
    assert list(last) == pytest.approx([found.law.at(512)] * 2)
    assert [end - found.law.at(512) for end in twice] == pytest.approx([found.low, found.high])


def test_what_was_fitted_is_read_back_from_json() -> None:
    found = curve(trained(PowerLaw(1.5, 4.0, 0.4)), rows(), category="open_qa")
    assert Curve.from_dict(json.loads(json.dumps(found.as_dict()))) == found


@pytest.mark.parametrize("wrong", ["1/2,1", "1/2,1,3/2", "0,1/2,1", "1/0,1/2,1", "a,b,c", "1,1,1"])
def test_shares_that_no_law_could_be_fitted_to_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        shares_of(wrong)
    assert [float(share) for share in shares_of("1, 1/2 ,0.25")] == [0.25, 0.5, 1.0]

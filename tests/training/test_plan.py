from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.plan import split_by_budget, stable_rank, step_plan


@given(
    lengths=st.lists(st.integers(1, 500), min_size=1, max_size=60),
    rows_per_step=st.integers(1, 9),
    steps=st.integers(1, 40),
    seed=st.integers(0, 5),
)
def test_every_step_is_full_and_no_row_comes_again_before_all_had_their_turn(
    lengths: list[int], rows_per_step: int, steps: int, seed: int
) -> None:
    plan = step_plan(lengths, rows_per_step=rows_per_step, steps=steps, seed=seed)
    assert [len(step) for step in plan] == [rows_per_step] * steps
    counts = Counter(row for step in plan for row in step)
    uses = [counts[row] for row in range(len(lengths))]
    assert max(uses) - min(uses) <= 1


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    lengths = list(range(10, 110))
    once = step_plan(lengths, rows_per_step=8, steps=30, seed=3)
    assert once == step_plan(lengths, rows_per_step=8, steps=30, seed=3)
    assert once != step_plan(lengths, rows_per_step=8, steps=30, seed=4)


def test_rows_of_similar_length_share_a_step() -> None:
    lengths = [10, 400] * 64
    plan = step_plan(lengths, rows_per_step=8, steps=16, seed=0)
    mixed = [step for step in plan if len({lengths[row] for row in step}) > 1]
    assert len(mixed) <= 2  # at most one at the seam of each window


def test_a_plan_of_no_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        step_plan([], rows_per_step=1, steps=1, seed=0)


@given(lengths=st.lists(st.integers(1, 300), max_size=40), budget=st.integers(1, 600))
def test_a_batch_is_cut_into_parts_within_the_budget_without_losing_a_row(lengths: list[int], budget: int) -> None:
    parts = split_by_budget(lengths, budget=budget)
    assert sorted(row for part in parts for row in part) == list(range(len(lengths)))
    for part in parts:
        assert len(part) == 1 or len(part) * max(lengths[row] for row in part) <= budget


def test_the_rank_of_a_text_never_changes() -> None:
    assert stable_rank("otter") == 10469943663142814918

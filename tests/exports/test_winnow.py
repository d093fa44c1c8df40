"""What a version leaves out of what its filter chose."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.filters import Filter
from exports.winnow import Columns, LeftOut, ShareTooSmall, most_for_share, winnow


def columns(count: int, **given: list[Any]) -> Columns:
    """Return candidates that have nothing in common, apart from what is given."""
    values: dict[str, Any] = {
        "pairs": [str(number) for number in range(count)],
        "contributors": [f"c-{number}" for number in range(count)],
        "categories": ["a"] * count,
        "words": [10] * count,
    }
    return Columns(**values | given)


def test_of_equal_pairs_the_first_stays() -> None:
    out = winnow(columns(4, pairs=["x", "y", "x", "x"]), Filter(duplicates="exact"), [])
    assert out == {2: LeftOut("exact_duplicate", 0), 3: LeftOut("exact_duplicate", 0)}


def test_of_near_duplicates_the_first_stays_and_the_twin_is_named() -> None:
    out = winnow(columns(3), Filter(duplicates="near"), [(0, 2)])
    assert out == {2: LeftOut("near_duplicate", 0)}


def test_what_is_near_only_to_what_was_left_out_stays() -> None:
    assert set(winnow(columns(3), Filter(duplicates="near"), [(0, 1), (1, 2)])) == {1}


def test_near_duplicates_stay_where_only_equal_ones_go() -> None:
    assert winnow(columns(2), Filter(duplicates="exact"), [(0, 1)]) == {}


def test_the_first_of_a_contributor_stay() -> None:
    out = winnow(columns(5, contributors=["x", "x", "y", "x", "y"]), Filter(most_from_one=2), [])
    assert out == {3: LeftOut("contributor")}


def test_a_record_beyond_the_budget_is_passed_over_and_a_shorter_one_fits() -> None:
    out = winnow(columns(4, words=[60, 50, 40, 1]), Filter(words=(("a", 100),)), [])
    assert out == {1: LeftOut("budget"), 3: LeftOut("budget")}


def test_a_budget_is_for_its_category_alone() -> None:
    assert winnow(columns(2, categories=["b", "b"]), Filter(words=(("a", 1),)), []) == {}


def test_a_share_that_so_few_cannot_keep_says_which_they_can() -> None:
    with pytest.raises(ShareTooSmall) as refusal:
        winnow(columns(3), Filter(most_percent_from_one=20), [])
    assert (refusal.value.contributors, refusal.value.least) == (3, 34)


@given(counts=st.lists(st.integers(1, 500), min_size=1, max_size=30), percent=st.integers(1, 100))
def test_nobody_has_more_than_the_share_and_no_higher_cap_would_do(counts: list[int], percent: int) -> None:
    people = {str(number): rows for number, rows in enumerate(counts)}

    def largest(most: int) -> float:
        kept = [min(rows, most) for rows in counts]
        return max(kept) * 100 / sum(kept)

    if len(counts) * percent < 100:
        with pytest.raises(ShareTooSmall) as refusal:
            most_for_share(people, percent)
        assert len(counts) * refusal.value.least >= 100
        return
    most = most_for_share(people, percent)
    assert largest(most) <= percent
    assert most == max(counts) or largest(most + 1) > percent


@given(data=st.data(), count=st.integers(1, 40))
def test_all_bounds_hold_at_once(data: st.DataObject, count: int) -> None:
    numbers = st.integers(0, count - 1)
    near = data.draw(st.lists(st.tuples(numbers, numbers).filter(lambda pair: pair[0] != pair[1]), max_size=40))
    people = data.draw(st.lists(st.sampled_from("xyz"), min_size=count, max_size=count))
    words = data.draw(st.lists(st.integers(1, 50), min_size=count, max_size=count))
    wanted = Filter(duplicates="near", most_from_one=5, words=(("a", 300),), most_percent_from_one=60)
    try:
        out = winnow(columns(count, contributors=people, words=words), wanted, near)
    except ShareTooSmall:
        return
    kept = [record for record in range(count) if record not in out]
    assert not [pair for pair in near if pair[0] in kept and pair[1] in kept]
    rows = Counter(people[record] for record in kept)
    assert max(rows.values(), default=0) <= 5
    assert max(rows.values(), default=0) * 100 <= 60 * len(kept)
    assert sum(words[record] for record in kept) <= 300

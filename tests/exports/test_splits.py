"""A prompt and its near-duplicates share a split, for ever."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.splits import DEFAULT, SPLITS, BadShares, Shares, assign, missing_split_notes, split_of


def fingerprints(count: int) -> list[str]:
    """Return SHA-256 digests as they come."""
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def test_the_shares_are_ninety_five_and_five() -> None:
    found = [split_of(fingerprint) for fingerprint in fingerprints(20_000)]
    assert [round(found.count(split) / 20_000, 2) for split in SPLITS] == [0.90, 0.05, 0.05]


def test_the_borders_never_move() -> None:
    assert [split_of(start + "0" * 56) for start in ("e6666665", "e6666666", "f3333332", "f3333333")] == [
        "train",
        "validation",
        "validation",
        "test",
    ]


def test_an_empty_split_is_explained() -> None:
    notes = missing_split_notes({"train": 3})
    assert [note.split(":")[0] for note in notes] == ["There is no validation split", "There is no test split"]
    assert missing_split_notes({"train": 3, "validation": 1, "test": 1}) == []


def test_a_split_that_nobody_asked_for_is_not_missed() -> None:
    assert missing_split_notes({"train": 9, "test": 1}, Shares(90, 0, 10)) == []


@pytest.mark.parametrize("text", ["", "90/5", "90/5/6", "0/50/50", "110/-5/-5", "90/5/5/0", "a/b/c", "89.5/5/5.5"])
def test_shares_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(BadShares, match="whole percents"):
        Shares.parse(text)


@pytest.mark.parametrize("text", ["100/0/0", "80/10/10", "50/0/50"])
def test_shares_are_kept(text: str) -> None:
    shares = Shares.parse(text)
    assert str(shares) == text
    found = Counter(shares.of(fingerprint) for fingerprint in fingerprints(5_000))
    assert [round(found[split] / 50) for split in SPLITS] == pytest.approx(list(shares), abs=2)


def test_each_large_category_gets_its_shares_exactly_and_so_do_all_together() -> None:
    categories = ["a"] * 130 + ["b"] * 250 + ["c"] * 20
    found = assign(fingerprints=fingerprints(400), categories=categories, pairs=[], placed={}).splits
    counts = Counter(zip(categories, found, strict=True))
    assert Counter(found) == {"train": 360, "validation": 20, "test": 20}
    assert counts["a", "test"] in {6, 7}
    assert counts["b", "test"] in {12, 13}
    assert counts["c", "test"] == 1


def test_a_small_category_follows_the_fingerprints_alone() -> None:
    some = fingerprints(19)
    found = assign(fingerprints=some, categories=["a"] * 19, pairs=[], placed={}).splits
    assert found == [DEFAULT.of(fingerprint) for fingerprint in some]


def test_a_newcomer_joins_those_it_is_near_to() -> None:
    found = assign(fingerprints=fingerprints(3), categories=["a"] * 3, pairs=[(0, 1), (1, 2)], placed={0: "test"})
    assert found.splits == ["test"] * 3


def test_a_newcomer_that_is_near_to_two_splits_is_left_out() -> None:
    found = assign(
        fingerprints=fingerprints(3), categories=["a"] * 3, pairs=[(0, 2), (1, 2)], placed={0: "test", 1: "train"}
    )
    assert found.splits == ["test", "train", ""]
    assert found.straddling == {2: 1}


def test_of_two_placed_records_that_an_edit_made_alike_the_older_stays() -> None:
    found = assign(fingerprints=fingerprints(2), categories=["a"] * 2, pairs=[(0, 1)], placed={0: "test", 1: "train"})
    assert found.splits == ["test", ""]


@given(data=st.data(), count=st.integers(1, 60))
def test_no_pair_is_ever_parted_and_whoever_was_placed_stays(data: st.DataObject, count: int) -> None:
    numbers = st.integers(0, count - 1)
    pairs = data.draw(st.lists(st.tuples(numbers, numbers).filter(lambda pair: pair[0] != pair[1]), max_size=60))
    placed = data.draw(st.dictionaries(numbers, st.sampled_from(SPLITS)))
    some = [data.draw(st.sampled_from(fingerprints(count))) for _record in range(count)]
    categories = data.draw(st.lists(st.sampled_from("ab"), min_size=count, max_size=count))
    found = assign(fingerprints=some, categories=categories, pairs=pairs, placed=placed)
    again = assign(fingerprints=some, categories=categories, pairs=pairs[::-1], placed=placed)
    assert found == again
    equal = [(one, other) for one in range(count) for other in range(one) if some[one] == some[other]]
    for one, other in [*pairs, *equal]:
        assert found.splits[one] == found.splits[other] or "" in (found.splits[one], found.splits[other])
    for record, split in enumerate(found.splits):
        assert split in (*SPLITS, "")
        assert (split == "") == (record in found.straddling)
        assert split in ("", placed.get(record, split))

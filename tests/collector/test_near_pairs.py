"""All near-duplicates among many submissions at once."""

from __future__ import annotations

import random
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from collector import near_pairs
from collector.checks.minhash import context_likeness, signature
from collector.checks.words import likeness, runs
from collector.models import Revision
from collector.near_queries import NEAR, SAME_CONTEXT
from tests.factories import make_submission

if TYPE_CHECKING:
    import uuid

pytestmark = pytest.mark.django_db

WORDS = ("heron", "bread", "moon", "explain", "river")
TIDES = "Twice a day the sea rises and falls, because the moon pulls at the water of the side that faces it."
YEAST = "Bread rises where yeast eats sugar and breathes out gas, which stretches the dough while it is warm."


@pytest.fixture
def by_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with more records than are compared exactly."""
    monkeypatch.setattr(near_pairs, "COMPARED_EXACTLY", 0)


def write_some(count: int) -> None:
    """Make submissions of few words, so that many are near to others, with two contexts and without."""
    dice = random.Random(count)
    for _number in range(count):
        text = " ".join(dice.choices(WORDS, k=dice.randint(2, 5)))
        make_submission(instruction=text, context=dice.choice(["", TIDES, YEAST]))


def by_hand() -> dict[frozenset[uuid.UUID], float]:
    """Compare each with each."""
    rows = Revision.objects.values_list("submission_id", "instruction", "context")
    near = {}
    for (one, first, source), (other, second, sink) in combinations(rows, 2):
        asked, also = signature(first, source), signature(second, sink)
        assert asked
        assert also
        similarity = likeness(runs(first), runs(second))
        if similarity >= NEAR and context_likeness(asked, also) >= SAME_CONTEXT:
            near[frozenset((one, other))] = similarity
    return near


def found() -> dict[frozenset[uuid.UUID], float]:
    pairs = near_pairs.near_pairs(Revision.objects.all())
    assert pairs == sorted(pairs)
    assert all(pair.one < pair.other for pair in pairs)
    return {frozenset((pair.one, pair.other)): pair.similarity for pair in pairs}


def test_no_pair_is_missed_and_none_is_too_many() -> None:
    write_some(60)
    expected = by_hand()
    assert len(expected) > 20
    assert found() == expected


@pytest.mark.usefixtures("by_bands")
def test_by_bands_nearly_all_are_found_and_none_is_too_many() -> None:
    write_some(60)
    expected = by_hand()
    pairs = found()
    assert pairs.items() <= expected.items()
    assert len(pairs) >= 0.9 * len(expected)


@pytest.mark.usefixtures("by_bands")
def test_of_many_equal_ones_each_is_found_with_a_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_pairs, "MOST_IN_A_GROUP", 5)
    monkeypatch.setattr(near_pairs, "NEIGHBOURS", 2)
    for _number in range(12):
        make_submission(instruction="What is a heron?")
    pairs = found()
    assert {one for pair in pairs for one in pair} == set(Revision.objects.values_list("submission_id", flat=True))
    assert len(pairs) == 11 + 10


def test_one_alone_is_near_to_nothing() -> None:
    make_submission()
    assert found() == {}


def test_what_has_no_word_is_near_to_nothing() -> None:
    for _number in range(2):
        make_submission(instruction="???")
    assert found() == {}

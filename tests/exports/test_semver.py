"""What a semantic version promises follows from what changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports import semver

numbers = st.integers(0, 99)


@pytest.mark.parametrize(
    ("added", "removed", "edited", "step"),
    [(0, 0, 0, "patch"), (3, 0, 0, "minor"), (0, 1, 0, "major"), (0, 0, 1, "major"), (2, 2, 2, "major")],
)
def test_a_step_is_as_large_as_the_worst_that_happened(added: int, removed: int, edited: int, step: str) -> None:
    assert semver.step(added=added, removed=removed, edited=edited) == step


def test_a_step_sets_the_smaller_numbers_to_nought() -> None:
    assert [semver.stepped("1.2.3", by) for by in ("major", "minor", "patch")] == ["2.0.0", "1.3.0", "1.2.4"]


@given(numbers, numbers, numbers, st.sampled_from(["major", "minor", "patch"]))
def test_every_step_leads_higher(major: int, minor: int, patch: int, by: semver.Step) -> None:
    version = f"{major}.{minor}.{patch}"
    assert semver.highest([version, semver.stepped(version, by)]) != version


def test_numbers_are_compared_as_numbers() -> None:
    assert semver.highest(["2.9.0", "2.10.0", "1.99.99"]) == "2.10.0"


def test_a_version_from_before_counts_by_its_number() -> None:
    assert [semver.of({}, 4), semver.of({"semantic_version": "1.1.0"}, 4)] == ["4.0.0", "1.1.0"]

"""Each part of a filter chooses, is kept, and is said in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.models import Revision, Submission
from exports.filters import BadFilter, Filter, budgets
from exports.queries import chosen
from tests.exports.helpers import approve

if TYPE_CHECKING:
    from collector.models import Campaign, Category

words = st.lists(st.text(max_size=8), max_size=3)
days = st.one_of(st.just(""), st.dates().map(lambda day: day.isoformat()))


@given(words, words, words, words, words, st.integers(0, 100), st.integers(0, 5), days)
def test_a_filter_survives_being_kept(
    one: list[str], two: list[str], three: list[str], four: list[str], five: list[str], least: int, best: int, day: str
) -> None:
    values = {"campaigns": one, "categories": two, "languages": three, "licences": four, "without_flags": five}
    made = Filter.of(values | {"min_approvals": least, "min_rating": best, "approved_from": day})
    assert Filter.of(made.as_dict()) == made
    assert Filter.of(made.as_dict()).sha256() == made.sha256()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"colour": 1}, "colour"),
        ({"licences": "MIT"}, "licences"),
        ({"without_flags": [1]}, "without_flags"),
        ({"approved_from": "yesterday"}, "approved_from"),
        ({"approved_from": 3}, "approved_from"),
        ({"approved_until": "2026-02-30"}, "approved_until"),
        ({"approved_until": "9999-12-31"}, "approved_until"),
        ({"approved_until": "99991231"}, "approved_until"),
        ({"duplicates": "some"}, "duplicates"),
        ({"duplicates": 1}, "duplicates"),
        ({"most_from_one": -1}, "most_from_one"),
        ({"most_from_one": "3"}, "most_from_one"),
        ({"most_percent_from_one": 101}, "most_percent_from_one"),
        ({"most_from_one": 2**31}, "most_from_one"),
        ({"words": {"open_qa": 0}}, "words"),
        ({"words": {"open_qa": 2**31}}, "words"),
        ({"words": {"open_qa": "many"}}, "words"),
        ({"words": ["open_qa"]}, "words"),
        ({"approved_from": "2026-02-02", "approved_until": "2026-02-01"}, "approved_until"),
    ],
)
def test_what_can_not_be_is_refused_at_its_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(BadFilter) as refusal:
        Filter.of(values)
    assert refusal.value.field == field


def test_every_part_is_said() -> None:
    said = Filter(
        licences=("MIT",), without_flags=("email",), approved_from="2026-01-01", approved_until="2026-01-31"
    ).in_words()
    assert said == (
        "approved records with licence MIT, no finding of email, an approval from 2026-01-01 until 2026-01-31"
    )


@pytest.mark.django_db
def test_findings_leave_a_revision_out_and_unchecked_ones_stay(campaign: Campaign, category: Category) -> None:
    for text, flags in (("clean", []), ("unchecked", None), ("mail", ["email", "phone"]), ("phone", ["phone"])):
        [pair] = approve(campaign, category, instruction=text)
        Revision.objects.filter(submission=pair).update(flags=flags)
    found = chosen(Filter(without_flags=("email",))).values_list("instruction", flat=True)
    assert set(found) == {"clean", "unchecked", "phone"}
    found = chosen(Filter(without_flags=("email", "phone"))).values_list("instruction", flat=True)
    assert set(found) == {"clean", "unchecked"}


@pytest.mark.django_db
def test_both_days_are_included(campaign: Campaign, category: Category) -> None:
    moments = {
        "before": datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        "first": datetime(2026, 2, 1, tzinfo=UTC),
        "last": datetime(2026, 2, 2, 23, 59, 59, 999_999, tzinfo=UTC),
        "after": datetime(2026, 2, 3, tzinfo=UTC),
    }
    for text, moment in moments.items():
        [pair] = approve(campaign, category, instruction=text)
        Submission.objects.filter(pk=pair.pk).update(approved_at=moment)
    found = chosen(Filter(approved_from="2026-02-01", approved_until="2026-02-02"))
    assert set(found.values_list("instruction", flat=True)) == {"first", "last"}


def test_what_a_version_leaves_out_is_said() -> None:
    wanted = Filter(duplicates="near", most_from_one=50, most_percent_from_one=10, words=(("open_qa", 50_000),))
    assert wanted.in_words() == (
        "approved records with no near-duplicates, at most 50 of one contributor, at most 10 % of one contributor, "
        "at most 50,000 words of open_qa"
    )
    assert Filter.of(wanted.as_dict()) == wanted


def test_a_part_that_came_later_is_written_only_where_it_asks_for_something() -> None:
    assert "duplicates" not in Filter().as_dict()
    assert Filter(duplicates="near").sha256() != Filter().sha256()


@pytest.mark.parametrize("line", ["open_qa", "open_qa=", "=5", "open_qa=five", "open_qa=-5", "open_qa=1.5"])
def test_a_budget_that_cannot_be_read_says_how_one_looks(line: str) -> None:
    with pytest.raises(BadFilter, match="such as open_qa=50000"):
        budgets([line])


def test_a_budget_of_thousands_of_digits_is_too_large_and_no_failure() -> None:
    with pytest.raises(BadFilter, match="from 1 word to"):
        Filter(words=budgets(["open_qa=" + "9" * 5000]))
    assert budgets(["open_qa=" + "0" * 5000 + "7"]) == (("open_qa", 7),)


def test_budgets_are_a_category_and_its_words() -> None:
    assert budgets(["open_qa=50,000", " closed_qa = 7 "]) == (("open_qa", 50_000), ("closed_qa", 7))

"""What a pair is worth, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.models import Award, Category, PointRules
from collector.points import lacking_percent, need_bonus, rating_percent, stars_of, why, within, worth_of

RULES = PointRules(number=2, need_percent=50, rating_percents=[50, 75, 100, 115, 130])
SUMMARIES = Category(slug="summarization", name="Summarization", points=15)


def test_difficulty_need_and_rating_multiply() -> None:
    worth = worth_of(rules=RULES, category=SUMMARIES, lacking=80, stars=4.0)
    assert worth.points == 24  # 15 × 1.40 × 1.15 = 24.15
    assert (worth.detail["difficulty"], worth.detail["need"], worth.detail["rating_percent"]) == (15, 40, 115)


def test_halves_are_rounded_up() -> None:
    ten = Category(slug="x", points=5)
    assert worth_of(rules=PointRules(rating_percents=[50] * 5), category=ten, lacking=0, stars=1).points == 3


def test_the_rules_word_on_a_category_comes_before_its_own() -> None:
    rules = PointRules(difficulty={"summarization": 40})
    assert worth_of(rules=rules, category=SUMMARIES, lacking=0).points == 40


@pytest.mark.parametrize(
    ("target", "approved", "lacking"), [(100, 0, 100), (100, 20, 80), (3, 1, 66), (10, 10, 0), (10, 99, 0), (0, 0, 0)]
)
def test_what_is_lacking_of_a_target(target: int, approved: int, lacking: int) -> None:
    assert lacking_percent(target, approved) == lacking


@pytest.mark.parametrize(("stars", "percent"), [(None, 100), (1, 50), (2.4, 75), (2.5, 100), (4.5, 130), (5, 130)])
def test_a_rating_counts_as_its_nearest_star(stars: float | None, percent: int) -> None:
    assert rating_percent(RULES, stars) == percent


def test_only_ratings_that_were_given_count() -> None:
    assert stars_of([None, 4, 5]) == 4.5
    assert stars_of([None]) is None


@given(
    difficulty=st.integers(0, 1000),
    lacking=st.integers(0, 100),
    need=st.integers(0, 300),
    stars=st.one_of(st.none(), st.floats(1, 5)),
)
def test_points_are_never_negative_and_need_never_costs(
    difficulty: int, lacking: int, need: int, stars: float | None
) -> None:
    rules = PointRules(need_percent=need, rating_percents=RULES.rating_percents, difficulty={"x": difficulty})
    category = Category(slug="x")
    worth = worth_of(rules=rules, category=category, lacking=lacking, stars=stars)
    plain = worth_of(rules=rules, category=category, lacking=0, stars=stars)
    assert worth.points >= plain.points >= 0
    assert need_bonus(rules, lacking) <= need


@given(points=st.integers(0, 500), given_before=st.integers(-50, 500), limit=st.one_of(st.none(), st.integers(0, 400)))
def test_a_limit_is_never_passed_by_what_is_given(points: int, given_before: int, limit: int | None) -> None:
    left = within(points, given=given_before, limit=limit)
    assert 0 <= left <= points
    assert limit is None or left == 0 or given_before + left <= limit


def test_the_reasons_tell_the_sum_in_words() -> None:
    worth = worth_of(rules=RULES, category=SUMMARIES, lacking=80, stars=4.0)
    award = Award(reason="approved", points=worth.points, category=SUMMARIES, detail=worth.detail)
    assert why(award) == [
        "Summarization is worth 15 points.",
        "Plus 40 %: when you began, the campaign lacked 80 % of what it wants of it.",
        "Times 115 %, because reviewers gave it 4.0 of 5 stars.",
        "15 × 1.40 × 1.15 = 24, rounded.",
    ]


def test_the_reasons_tell_what_was_cut() -> None:
    detail = worth_of(rules=RULES, category=SUMMARIES, lacking=0).detail
    near = Award(reason="approved", points=0, category=SUMMARIES, detail={**detail, "near": "0"})
    limited = Award(reason="approved", points=4, category=SUMMARIES, detail={**detail, "limit": 300})
    assert why(near)[-1] == "No points: another approved pair of yours asks nearly the same."
    assert why(limited)[-1] == "You had reached the 300 points of a day, so 4 were left to give."


def test_awards_from_before_there_were_rules_have_words_too() -> None:
    assert why(Award(reason="approved", points=10, category=SUMMARIES)) == [
        "The category's own points, as the rules were then."
    ]

"""What to do next: each rule speaks where it should, is silent where it shouldn't, and the urgent comes first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from collector.insights.advice import MOST, Advice, Place, advise, is_short
from collector.insights.facts import Target, Waiting
from tests.collector.insights import CAMPAIGN, NOW, SLUGS, SUMS, TALES, a_day, ago, report

PEOPLE = {1: "Rita Reviewer"}


def said(**fields: Any) -> list[Advice]:
    return advise(report(**fields), people=PEOPLE, slugs=SLUGS)


def only(place: Place, **fields: Any) -> Advice:
    (found,) = [advice for advice in said(**fields) if advice.place == place]
    return found


def silent(place: Place, **fields: Any) -> bool:
    return all(advice.place != place for advice in said(**fields))


ON_TIME: dict[str, Any] = {
    "states": {(CAMPAIGN, SUMS, "approved"): 60, (CAMPAIGN, TALES, "approved"): 30},
    "approved": a_day(4, SUMS) | a_day(2, TALES),
    "end": ago(-30),
}


def test_a_new_campaign_is_told_to_invite_people_and_nothing_else() -> None:
    (found,) = said(states={}, writers=[])
    assert found.place == Place.INVITE
    (closed,) = said(states={}, writers=[], is_open=False)
    assert closed.place == Place.CAMPAIGN


def test_where_all_is_well_it_says_when_the_targets_are_met() -> None:
    (found,) = said(**ON_TIME)
    assert found.urgency == 0
    assert found.text == (
        "Nothing is urgent: at the present pace all targets are met on April 25, 2026, "
        "in time for the end on May 15, 2026."
    )
    (endless,) = said(**ON_TIME | {"end": None})
    assert "all targets are met on April 25, 2026." in endless.text


def test_too_little_to_forecast_is_no_alarm() -> None:
    (found,) = said(begin=ago(3), writers=[(1, ago(2), 1)], end=ago(-30))
    assert found.text == "Nothing is urgent. A forecast needs seven complete days; there are 3."


def test_a_late_campaign_is_told_what_is_needed_a_day() -> None:
    found = only(Place.CAMPAIGN, **ON_TIME | {"end": ago(-5)})
    assert "all targets are met on April 25, 2026, after the campaign's end on April 20, 2026" in found.text
    assert "12 approvals a day are needed, 6 come" in found.text


def test_a_target_out_of_reach_is_said_without_a_day() -> None:
    found = only(Place.CAMPAIGN, approved=a_day(1), targets=[Target(CAMPAIGN, SUMS, 900)], end=ago(-9))
    assert "out of reach" in found.text


def test_a_campaign_that_is_over_or_not_open_and_lacks_something() -> None:
    assert "end was" in only(Place.CAMPAIGN, **ON_TIME | {"end": ago(1)}).text
    assert "open it again" in only(Place.CAMPAIGN, **ON_TIME | {"is_open": False}).text


def test_met_targets_lead_to_a_version() -> None:
    found = only(Place.COMPOSE, states={(CAMPAIGN, SUMS, "approved"): 100, (CAMPAIGN, TALES, "approved"): 50})
    assert found.text.startswith("Every target is met")


def test_missing_targets_are_asked_for() -> None:
    assert "No category has a target" in only(Place.CAMPAIGN, targets=[]).text
    assert said(targets=[], is_open=False)[0].urgency == 0


def test_the_two_categories_furthest_behind_are_named_the_worse_first() -> None:
    found = [
        advice
        for advice in said(**ON_TIME | {"approved": a_day(1, SUMS) | a_day(1, TALES), "end": ago(-10)})
        if advice.place == Place.CATEGORY
    ]
    assert [advice.category for advice in found] == [SUMS, TALES]  # 40 of 100 and 20 of 50: in the house's order
    assert found[0].text.startswith("Summarization lacks 40 of 100; at the present pace it is done on May 25, 2026")
    assert found[0].urgency > found[1].urgency


def test_a_category_to_which_hardly_anything_comes_is_named_without_an_end_too() -> None:
    found = only(Place.CATEGORY, **ON_TIME | {"approved": a_day(4, SUMS), "end": None})
    assert found.category == TALES
    assert "hardly anything comes" in found.text


def test_what_would_fill_a_category_and_waits_is_to_be_reviewed_first() -> None:
    states = ON_TIME["states"] | {(CAMPAIGN, TALES, "submitted"): 25}
    found = only(Place.WAITING, **ON_TIME | {"states": states, "approved": a_day(4, SUMS)})
    assert "lacks 20 of 50, but 25 wait for review" in found.text
    assert found.category == TALES


def waiting(number: int, days: float, disputed: int = 0) -> Waiting:
    since = NOW - timedelta(days=days)
    return Waiting(number, since, since, disputed)


def test_a_long_wait_is_told_and_a_very_long_one_before_all_else() -> None:
    some = only(Place.WAITING, **ON_TIME, waiting=waiting(2, 3.5))
    assert some.text == "2 texts wait for review, the oldest for 3 days: who waits long seldom writes again."
    assert only(Place.WAITING, **ON_TIME, waiting=waiting(2, 8)).urgency > some.urgency
    assert silent(Place.WAITING, **ON_TIME, waiting=waiting(2, 2.5))


def test_a_backlog_of_days_of_work_is_told_before_it_is_old() -> None:
    decisions = {(ago(day), SUMS, "approve"): 5 for day in range(1, 15)}
    found = only(Place.WAITING, **ON_TIME, decisions=decisions, waiting=waiting(36, 1.5))
    assert "at 5 decisions a day that is 8 days of work" in found.text
    assert silent(Place.WAITING, **ON_TIME, decisions=decisions, waiting=waiting(14, 1.5))


def test_disputes_wait_for_the_lead() -> None:
    found = only(Place.DISPUTED, **ON_TIME, waiting=waiting(1, 1, disputed=1))
    assert found.text == "Reviewers disagree on 1 text: it waits for your last word."


@pytest.mark.parametrize(("length", "number", "short"), [(14, 40, True), (15, 40, False), (5, 29, False)])
def test_short_responses_are_warned_of(length: int, number: int, short: bool) -> None:
    lengths = {(SUMS, length): number}
    assert is_short(report(lengths=lengths)) is short
    texts = [advice.text for advice in said(**ON_TIME, lengths=lengths)]
    assert any("learns to answer as shortly" in text for text in texts) is short


def test_a_category_far_below_dollys_length_is_named() -> None:
    lengths = {(TALES, 50): 30, (SUMS, 50): 30}  # dolly: 118 and 54
    found = only(Place.CATEGORY, **ON_TIME, lengths=lengths)
    assert found.text.startswith("Creative writing is answered in 50 words")
    assert silent(Place.CATEGORY, **ON_TIME, lengths={(TALES, 60): 30})


def tail(top: int, others: int) -> list[Any]:
    return [(person, ago(1), top) for person in range(12)] + [(100 + n, ago(1), 1) for n in range(others)]


def test_a_long_tail_leads_to_the_composer() -> None:
    found = only(Place.COMPOSE, **ON_TIME, writers=tail(10, 60))
    assert found.text.startswith("The 12 most active of 72 people wrote 67%")
    assert silent(Place.COMPOSE, **ON_TIME, writers=tail(4, 60))
    assert silent(Place.COMPOSE, **ON_TIME, writers=tail(10, 20))  # twelve of few people always make much


def test_one_person_who_writes_most_is_told_of_without_a_name() -> None:
    found = only(Place.INVITE, **ON_TIME, writers=[(1, ago(1), 30), (2, ago(1), 10)])
    assert found.text.startswith("One person wrote 75%")
    assert silent(Place.INVITE, **ON_TIME, writers=[(1, ago(1), 20), (2, ago(1), 5)])


def test_a_week_with_half_as_many_people_asks_for_a_reminder() -> None:
    before = [(person, ago(days), 1) for person in range(8) for days in (10, 17, 24)]
    found = only(Place.ACTIVE, **ON_TIME, writers=[*before, (1, ago(3), 1), (2, ago(4), 1), (3, ago(5), 1)])
    assert found.text == "Last week 3 people contributed, in the weeks before 8: time for a reminder."
    assert silent(Place.ACTIVE, **ON_TIME, writers=before + [(person, ago(3), 1) for person in range(6)])


def test_newcomers_who_stay_away_are_told_of() -> None:
    once = [(person, ago(20), 1) for person in range(8)]
    twice = [(person, ago(20), 2) for person in range(50, 54)]
    found = only(Place.WAITING, **ON_TIME, writers=once + twice)
    assert "Of 12 people who wrote for the first time, 4 (33%) came back within 14 days" in found.text
    assert silent(Place.WAITING, **ON_TIME, writers=once)  # too few to tell


def test_one_reviewer_for_everything_and_one_who_does_most() -> None:
    alone = only(Place.ROLES, **ON_TIME, reviewers={1: 40})
    assert alone.text.startswith("Rita Reviewer decides everything alone")
    most = only(Place.REVIEWERS, **ON_TIME, reviewers={1: 30, 2: 10, 3: 5})
    assert most.text.startswith("Rita Reviewer makes 67% of all decisions")
    assert silent(Place.REVIEWERS, **ON_TIME, reviewers={1: 16, 2: 15, 3: 10})
    assert silent(Place.ROLES, **ON_TIME, reviewers={1: 20})


def test_a_category_that_is_seldom_approved_needs_better_guidelines() -> None:
    decisions = {(ago(1), SUMS, "approve"): 12, (ago(1), SUMS, "reject"): 28, (ago(1), TALES, "approve"): 40}
    found = only(Place.CATEGORY, **ON_TIME, decisions=decisions)
    assert found.text.startswith("Only 30% of the decisions on Summarization approve")
    few = {(ago(1), SUMS, "approve"): 3, (ago(1), SUMS, "reject"): 7}
    assert silent(Place.CATEGORY, **ON_TIME, decisions=few)


def test_passages_at_fault_are_to_be_mended() -> None:
    found = only(Place.PASSAGES, **ON_TIME, skips={"wrong": 2, "unclear": 1, "too_hard": 9})
    assert "skipped 3 times" in found.text
    assert silent(Place.PASSAGES, **ON_TIME, skips={"too_hard": 9, "wrong": 2})


def test_the_most_urgent_come_first_and_no_more_than_six() -> None:
    found = said(
        approved=a_day(1, SUMS) | a_day(1, TALES),
        end=ago(-3),
        waiting=waiting(30, 9, disputed=2),
        lengths={(SUMS, 4): 60},
        skips={"wrong": 9},
        reviewers={1: 99},
        writers=tail(10, 60),
    )
    assert len(found) == MOST
    assert [advice.urgency for advice in found] == sorted((advice.urgency for advice in found), reverse=True)
    assert found[0].place == Place.WAITING
    assert all(advice.text.endswith((".", "!")) and advice.action for advice in found)

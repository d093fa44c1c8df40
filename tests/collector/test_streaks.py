"""Days in a row, as they were lived: weekends, free days, moves and nights in which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.actions.days import mark_day, recall_days
from collector.actions.setup import ensure_installation
from collector.badge_queries import streak
from collector.models import ActiveDay
from collector.streaks import streak_of
from tests.factories import NOW, PersonFactory, decide, make_submission

if TYPE_CHECKING:
    from collector.models import Campaign, Person

MONDAY = date(2026, 3, 2)


def days(*offsets: int) -> list[date]:
    """Return days counted from a Monday."""
    return [MONDAY + timedelta(days=offset) for offset in offsets]


def current(*offsets: int, today: int, weekends_count: bool = False) -> int:
    return streak_of(days(*offsets), today=days(today)[0], weekends_count=weekends_count).current


def test_days_in_a_row_count() -> None:
    assert current(0, 1, 2, today=2) == 3


def test_today_is_not_missed_before_it_is_over() -> None:
    found = streak_of(days(0, 1), today=days(2)[0])
    assert (found.current, found.is_done_today, found.is_at_stake) == (2, False, True)


def test_one_missed_day_a_week_is_bridged_but_does_not_count() -> None:
    found = streak_of(days(0, 1, 3), today=days(3)[0])
    assert (found.current, found.is_frozen_this_week) == (3, True)


def test_a_second_missed_day_of_the_week_ends_it() -> None:
    assert current(0, 2, 4, today=4) == 1
    assert current(0, 3, today=3) == 1


def test_each_week_has_its_free_day() -> None:
    assert current(0, 1, 2, 3, 7, 8, 10, 11, today=11) == 8  # Friday and the next Wednesday were missed


def test_weekends_are_no_days_missed_and_count_where_used() -> None:
    assert current(3, 4, 7, today=7) == 3
    assert current(3, 4, 5, 7, today=7) == 4


def test_weekends_are_days_as_others_for_who_wants_them() -> None:
    assert current(3, 4, 7, today=7, weekends_count=True) == 1  # Saturday and Sunday of one week
    assert current(3, 4, 5, 7, today=7, weekends_count=True) == 4


def test_the_longest_stays_known() -> None:
    found = streak_of(days(0, 1, 2, 3, 4, 14), today=days(14)[0])
    assert (found.current, found.longest) == (1, 5)


def test_nothing_done_is_no_streak() -> None:
    found = streak_of([], today=MONDAY)
    assert (found.current, found.longest, found.is_at_stake) == (0, 0, False)


def naive(lived: set[date], today: date, *, weekends_count: bool) -> tuple[int, int]:
    """Walk every day of the calendar, as one would with a pencil."""
    run = longest = 0
    used: set[tuple[int, int]] = set()
    pending: list[tuple[int, int]] = []
    day = min(lived, default=today)
    while day <= today:
        week = day.isocalendar()[:2]
        if day in lived:
            run, longest = run + 1, max(longest, run + 1)
            used |= set(pending)
            pending = []
        elif run and day != today and (weekends_count or day.weekday() < 5):
            if week in used or week in pending:
                run, used, pending = 0, set(), []
            else:
                pending.append(week)
        day += timedelta(days=1)
    return run, longest


@given(st.sets(st.integers(0, 60), max_size=50), st.integers(0, 70), st.booleans())
def test_the_streak_is_what_a_walk_through_the_calendar_finds(
    offsets: set[int], today: int, weekends_count: bool
) -> None:
    until = days(today)[0]
    lived = {day for day in days(*offsets) if day <= until}
    found = streak_of(lived, today=until, weekends_count=weekends_count)
    assert (found.current, found.longest) == naive(lived, until, weekends_count=weekends_count)


# -- As they were lived ---------------------------------------------------------------------------------------


def lived(person: Person) -> list[date]:
    return sorted(ActiveDay.objects.filter(person=person).values_list("day", flat=True))


def move(person: Person, zone: str) -> None:
    person.time_zone = zone
    person.save()


@pytest.mark.django_db
def test_sending_and_reviewing_make_a_day_active_once(campaign: Campaign, author: Person, reviewer: Person) -> None:
    for _pair in range(2):
        decide(make_submission(campaign=campaign, author=author), "approve", by=reviewer)
    assert lived(author) == lived(reviewer) == [NOW.date()]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        # The night of 23 hours, and that of 25: a minute before and a minute after midnight.
        ("Europe/Berlin", datetime(2026, 3, 28, 22, 59, tzinfo=UTC), datetime(2026, 3, 28, 23, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 29, 21, 59, tzinfo=UTC), datetime(2026, 3, 29, 22, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 24, 21, 59, tzinfo=UTC), datetime(2026, 10, 24, 22, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, 22, 59, tzinfo=UTC), datetime(2026, 10, 25, 23, 1, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 3, 59, tzinfo=UTC), datetime(2026, 11, 1, 4, 1, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 4, 4, 10, 59, tzinfo=UTC), datetime(2026, 4, 4, 11, 1, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_the_persons_own_midnight_also_when_clocks_change(
    zone: str, before: datetime, after: datetime
) -> None:
    person = PersonFactory.create(time_zone=zone)
    mark_day(person=person, now=before)
    mark_day(person=person, now=after)
    first, second = lived(person)
    assert second - first == timedelta(days=1)
    assert streak(person, after).current == 2


@pytest.mark.django_db
def test_a_past_day_stays_as_it_was_lived_after_a_move() -> None:
    person = PersonFactory.create(time_zone="Pacific/Auckland")
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # already Tuesday there
    mark_day(person=person, now=at)
    move(person, "America/Los_Angeles")
    assert lived(person) == [date(2026, 3, 3)]


@pytest.mark.django_db
def test_flying_west_costs_nothing_and_the_day_that_comes_again_is_one() -> None:
    person = PersonFactory.create(time_zone="Pacific/Auckland")
    monday = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    for hours in (0, 24):  # Monday and Tuesday morning
        mark_day(person=person, now=monday + timedelta(hours=hours))
    move(person, "Pacific/Honolulu")
    landed = monday + timedelta(hours=24 + 13)  # Monday night there
    mark_day(person=person, now=landed)
    assert lived(person) == [date(2026, 3, 2), date(2026, 3, 3)]
    assert streak(person, landed).current == 2 or streak(person, landed).current == 1
    wednesday = datetime(2026, 3, 4, 20, 0, tzinfo=UTC)
    mark_day(person=person, now=wednesday)
    assert streak(person, wednesday).current == 3


@pytest.mark.django_db
def test_another_zone_in_the_profile_makes_no_two_days_of_one() -> None:
    person = PersonFactory.create(time_zone="Pacific/Honolulu")
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    mark_day(person=person, now=at)
    move(person, "Pacific/Kiritimati")
    mark_day(person=person, now=at + timedelta(minutes=5))
    assert len(lived(person)) == 1
    mark_day(person=person, now=at + timedelta(hours=12))
    assert len(lived(person)) == 2


@pytest.mark.django_db
@given(
    steps=st.lists(
        st.tuples(
            st.integers(1, 40), st.sampled_from(["UTC", "Pacific/Kiritimati", "Pacific/Honolulu", "Asia/Kolkata"])
        ),
        max_size=12,
    )
)
def test_days_never_outrun_the_clock_whatever_the_zones(steps: list[tuple[int, str]]) -> None:
    person = PersonFactory.create(time_zone="UTC")
    now = NOW
    for hours, zone in steps:
        now += timedelta(hours=hours)
        move(person, zone)
        mark_day(person=person, now=now)
    assert len(lived(person)) <= (now - NOW) / timedelta(days=1) + 2
    ActiveDay.objects.filter(person=person).delete()


@pytest.mark.django_db
def test_days_of_an_installation_from_before_are_recalled(campaign: Campaign) -> None:
    author = PersonFactory.create(time_zone="Asia/Tokyo")
    late = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
    make_submission(campaign=campaign, author=author, now=late)
    ActiveDay.objects.all().delete()
    ensure_installation(now=NOW)
    assert lived(author) == [late.astimezone(ZoneInfo("Asia/Tokyo")).date()]
    assert recall_days() == 0

"""The boards' sums equal the ledger, whatever happens and whoever does it at the same moment."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from collector.actions import reviews, submissions
from collector.actions.setup import ensure_installation
from collector.actions.standings import rebuild_standings
from collector.models import Award, Standing
from collector.periods import first_day
from tests.collector.test_races import together
from tests.factories import NOW, CampaignFactory, contributor_in, decide, make_submission, reviewer

if TYPE_CHECKING:
    from collector.models import Campaign, Person

pytestmark = pytest.mark.django_db


def kept(person: Person, **fields: object) -> list[tuple[int, int]]:
    """Return points and count of a person's rows."""
    wanted = {"board": "people", "period": "all", "campaign": 0, "category": 0} | fields
    return list(person.standings.filter(**wanted).values_list("points", "count"))


def test_an_award_counts_in_every_period_and_scope(campaign: Campaign, author: Person) -> None:
    pair = make_submission(campaign=campaign, author=author, status="approved")
    points = pair.category.points
    scopes = {"campaign": campaign.pk, "category": pair.category_id}
    for period, starts in (("day", NOW.date()), ("week", first_day("week", NOW.date())), ("all", date(1970, 1, 1))):
        assert kept(author, period=period, starts=starts) == [(points, 1)]
        assert kept(author, period=period, starts=starts, **scopes) == [(points, 1)]


def test_what_is_taken_back_leaves_the_count_of_its_own_day_and_the_points_of_today(
    campaign: Campaign, author: Person
) -> None:
    pair = make_submission(campaign=campaign, author=author, status="approved")
    later = NOW + timedelta(days=1)
    submissions.withdraw(submission=pair, by=author, now=later)
    points = pair.category.points
    assert kept(author) == [(0, 0)]
    assert kept(author, period="day", starts=NOW.date()) == [(points, 0)]
    assert kept(author, period="day", starts=later.date()) == [(-points, 0)]


def test_rebuilding_finds_nothing_to_mend(campaign: Campaign, author: Person, admin: Person) -> None:
    for _number in range(3):
        make_submission(campaign=campaign, author=author, status="approved")
    pair = make_submission(campaign=campaign, author=author, status="approved")
    reviews.revoke_approval(submission=pair, reason="No.", by=admin, now=NOW + timedelta(days=40))
    found = rebuild_standings(is_dry=True)
    assert found.is_right
    assert found.rows == Standing.objects.exclude(points=0, count=0).count()


@pytest.mark.parametrize("harm", ["missing", "changed", "superfluous"])
def test_rebuilding_mends_what_is_wrong_and_says_so(campaign: Campaign, author: Person, harm: str) -> None:
    make_submission(campaign=campaign, author=author, status="approved")
    before = set(Standing.objects.values_list("person", "board", "period", "points", "count"))
    row = Standing.objects.filter(person=author, period="day").first()
    assert row is not None
    if harm == "missing":
        row.delete()
    elif harm == "changed":
        Standing.objects.filter(pk=row.pk).update(points=1_000)
    else:
        Standing.objects.create(person=author, board="people", period="day", starts=date(2020, 1, 1), points=5)
    found = rebuild_standings()
    assert (found.is_right, getattr(found, harm)) == (False, 1)
    assert rebuild_standings(is_dry=True).is_right
    assert set(Standing.objects.values_list("person", "board", "period", "points", "count")) == before


def test_the_command_tells_whether_the_boards_are_right(
    campaign: Campaign, author: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    make_submission(campaign=campaign, author=author, status="approved")
    call_command("rebuild_standings", "--check", "--json")
    assert json.loads(capsys.readouterr().out)["is_right"] is True
    Standing.objects.all().delete()
    with pytest.raises(CommandError, match="without --check"):
        call_command("rebuild_standings", "--check")
    assert not Standing.objects.exists()


def test_an_installation_from_before_gets_its_boards(campaign: Campaign, author: Person) -> None:
    make_submission(campaign=campaign, author=author, status="approved")
    Standing.objects.all().delete()
    ensure_installation(now=NOW)
    assert rebuild_standings(is_dry=True).is_right


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_reviewers_who_judge_each_other_at_once_never_deadlock() -> None:
    campaign = CampaignFactory.create()
    people = [contributor_in(campaign) for _number in range(4)]
    judges = [reviewer() for _number in range(4)]
    for person, judge in zip(people, judges, strict=True):
        person.groups.add(*judge.groups.all())
    for _round in range(10):
        items = [make_submission(campaign=campaign, author=person) for person in people]
        together(
            *(
                lambda item=item, judge=judge: decide(item, "approve", by=judge)
                for item, judge in zip(items, [*people[1:], people[0]], strict=True)
            )
        )
    assert Award.objects.filter(reason="approved").count() == 40
    assert rebuild_standings(is_dry=True).is_right

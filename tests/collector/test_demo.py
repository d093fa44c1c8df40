"""The demonstration: an installation that looks alive, and never somebody's real one."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import models, transaction
from django.utils import timezone

from collector.actions import demo
from collector.actions.setup import read_content
from collector.models import Award, Campaign, Category, Person, Review, Revision, Submission, Team
from tests.factories import NOW, PersonFactory, make_submission

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct horse battery staple"


# One process seeds for all that only look.
looks = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def story(django_db_setup: None, django_db_blocker: Any) -> Iterator[demo.Summary]:
    """Seed once for the tests that only look."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield demo.seed_demo(now=NOW, password=PASSWORD)
        transaction.set_rollback(True)


@looks
def test_it_has_two_campaigns_forty_colleagues_and_at_least_120_pairs(story: demo.Summary) -> None:
    assert (story.campaigns, story.people) == (2, 40)
    assert story.submissions >= 120
    assert Team.objects.filter(members__isnull=False).distinct().count() >= 4


@looks
def test_its_campaigns_are_marked_and_the_only_ones(story: demo.Summary) -> None:
    assert set(Campaign.objects.values_list("is_demo", flat=True)) == {True}


@looks
def test_every_dolly_category_has_approved_pairs(story: demo.Summary) -> None:
    counted = Counter(Submission.objects.approved().values_list("category__slug", flat=True))
    slugs = {entry["slug"] for entry in read_content("categories.json")}
    assert set(counted) == slugs == set(Category.objects.values_list("slug", flat=True))
    assert min(counted.values()) >= 5


@looks
def test_pairs_are_in_every_state_and_mostly_approved(story: demo.Summary) -> None:
    counted = Counter(Submission.objects.values_list("status", flat=True))
    assert set(counted) == set(Submission.Status.values)
    assert counted["approved"] > story.submissions / 2


@looks
def test_three_weeks_pass_and_nothing_lies_in_the_future(story: demo.Summary) -> None:
    moments = sorted(Submission.objects.values_list("created_at", flat=True))
    assert timedelta(days=18) < moments[-1] - moments[0] <= timedelta(days=24)
    assert max(*moments, *Review.objects.values_list("created_at", flat=True)) <= NOW


@looks
def test_a_revision_is_judged_after_it_was_written(story: demo.Summary) -> None:
    early = [
        review.pk
        for review in Review.objects.select_related("revision")
        if review.created_at < review.revision.created_at
    ]
    assert early == []


@looks
def test_reviewers_ask_for_changes_in_words_and_authors_resubmit(story: demo.Summary) -> None:
    asked = Review.objects.filter(decision="request_changes")
    assert asked.exists()
    assert all(review.comment for review in asked)
    assert Submission.objects.approved().filter(revision_number=2).exists()


@looks
def test_the_board_has_a_long_tail(story: demo.Summary) -> None:
    points = Counter[int]()
    for person, amount in Award.objects.values_list("person", "points"):
        points[person] += amount
    assert len(points) >= 25
    assert max(points.values()) >= 5 * min(points.values())


@looks
def test_no_pair_is_approved_twice(story: demo.Summary) -> None:
    approved = Revision.objects.filter(submission__status="approved", number=models.F("submission__revision_number"))
    counted = Counter(approved.values_list("fingerprint", flat=True))
    assert [key for key, times in counted.items() if times > 1] == []


@looks
def test_only_the_admin_can_sign_in_by_password(story: demo.Summary) -> None:
    admin = demo.demo_admin()
    assert admin.email == story.admin
    assert admin.check_password(PASSWORD)
    assert admin.is_superuser
    assert not [person for person in Person.objects.exclude(pk=admin.pk) if person.has_usable_password()]


@looks
def test_nobody_has_a_real_address(story: demo.Summary) -> None:
    assert not Person.objects.exclude(email__endswith=".example").exists()


def told() -> list[tuple[Any, ...]]:
    fields = ("id", "author__handle", "status", "created_at", "category__slug", "campaign__slug")
    return sorted(Submission.objects.values_list(*fields), key=str)


@pytest.mark.one_database
def test_the_same_moment_tells_the_same_story(db: None) -> None:
    stories = []
    for _time in range(2):
        with transaction.atomic():
            demo.seed_demo(now=NOW, password=PASSWORD)
            stories.append(told())
            transaction.set_rollback(True)
    assert stories[0] == stories[1]


@pytest.mark.one_database
def test_it_begins_on_a_sunday_too(db: None) -> None:
    """Three weeks ago was a Sunday as well: what falls on a weekend must not slip before the campaign."""
    sunday = NOW + timedelta(days=6 - NOW.weekday())
    summary = demo.seed_demo(now=sunday.replace(hour=2), password=PASSWORD)
    assert summary.submissions >= 120


def test_it_never_mixes_with_submissions(db: None) -> None:
    make_submission()
    with pytest.raises(demo.NotEmpty):
        demo.seed_demo(now=NOW, password=PASSWORD, force=True)
    assert not demo.is_seeded()


def test_it_refuses_where_real_people_are_unless_told(db: None) -> None:
    PersonFactory.create()
    with pytest.raises(demo.NotEmpty, match="--force"):
        demo.seed_demo(now=NOW, password=PASSWORD)
    assert demo.seed_demo(now=NOW, password=PASSWORD, force=True).people == 40


# -- The command ------------------------------------------------------------------------------------------


def seed(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("seed_demo", *arguments, "--json", stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


@pytest.mark.django_db(transaction=True)
def test_the_command_releases_a_version_and_a_second_run_changes_nothing(settings: Any, tmp_path: Path) -> None:
    settings.WOOLGATHER_DATASETS = tmp_path
    first = seed()
    assert (first["seeded"], first["version"]) == (True, "v1")
    assert (tmp_path / settings.WOOLGATHER_DATASET_NAME / "v1" / "manifest.json").exists()
    assert "/sign-in/" in first["sign_in_link"]
    before = told()
    again = seed()
    assert (again["seeded"], again["people"], again["admin"]) == (False, 0, first["admin"])
    assert list(again) == list(first)
    assert told() == before


@pytest.mark.one_database
def test_the_command_ends_its_three_weeks_now(db: None) -> None:
    seed("--no-dataset")
    newest = max(Submission.objects.values_list("created_at", flat=True))
    assert timezone.now() - newest < timedelta(days=2)


def test_the_command_refuses_in_one_line_and_if_empty_passes_by(db: None) -> None:
    make_submission()
    with pytest.raises(CommandError) as refused:
        seed()
    assert "\n" not in str(refused.value)
    call_command("seed_demo", "--if-empty", stdout=StringIO(), stderr=StringIO())
    assert not demo.is_seeded()


def test_a_machine_is_told_in_one_line_that_the_database_is_in_use(db: None) -> None:
    make_submission()
    out, err = StringIO(), StringIO()
    call_command("seed_demo", "--if-empty", "--json", stdout=out, stderr=err)
    assert (out.getvalue().count("\n"), json.loads(out.getvalue())["seeded"]) == (1, False)
    assert err.getvalue()

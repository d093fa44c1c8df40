"""Who gets which points when, and who loses them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.actions import drafts, reviews, submissions
from collector.actions.standings import rebuild_standings
from collector.models import Award, Review, Submission
from collector.pairs import Text
from tests.factories import (
    NOW,
    CampaignFactory,
    CategoryFactory,
    PersonFactory,
    contributor_in,
    decide,
    make_submission,
    plain_rules,
)
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Campaign, CampaignCategory, Category, Person

pytestmark = pytest.mark.django_db


def points(person: Person, reason: str = "approved") -> int:
    return sum(Award.objects.filter(person=person, reason=reason).values_list("points", flat=True))


def begin(campaign: Campaign, category: Category, author: Person) -> uuid.UUID:
    """Save a first draft, as the editor does at the first words."""
    number = uuid.uuid4()
    text = Text.of("What is a hedge?", "", "A row of bushes.")
    drafts.save_draft(id=number, campaign=campaign, category=category, text=text, version=0, by=author, now=NOW)
    return number


def send(number: uuid.UUID, campaign: Campaign, category: Category, author: Person) -> Submission:
    text = Text.of("What is a hedge?", "", "A row of bushes.")
    return submissions.submit(id=number, campaign=campaign, category=category, text=text, by=author, now=NOW)


def test_the_need_is_that_of_the_moment_in_which_the_author_began(
    campaign: Campaign, target: CampaignCategory, author: Person
) -> None:
    plain_rules(need_percent=50)
    number = begin(campaign, target.category, author)
    for _pair in range(10):  # others fill the target meanwhile
        make_submission(campaign=campaign, category=target.category, status="approved")
    decide(send(number, campaign, target.category, author), "approve", by=a_reviewer())
    assert points(author) == 15


def test_rules_published_later_leave_what_was_begun_as_promised(
    campaign: Campaign, category: Category, author: Person, admin: Person
) -> None:
    from tests.collector.test_actions_points import publish

    number = begin(campaign, category, author)
    publish(admin, difficulty={category.slug: 99})
    decide(send(number, campaign, category, author), "approve", by=a_reviewer())
    assert points(author) == 10
    assert Award.objects.get(person=author).rule_version == 1


def test_the_mean_rating_of_those_who_approved_counts(author: Person) -> None:
    plain_rules(rating_percents=[50, 75, 100, 115, 130])
    campaign = CampaignFactory.create(approvals_required=2)
    pair = make_submission(campaign=campaign, author=author)
    decide(pair, "approve", by=a_reviewer(), rating=4)
    decide(pair, "approve", by=a_reviewer(), rating=5)
    award = Award.objects.get(person=author, reason="approved")
    assert (award.detail["rating"], award.points) == (4.5, 13)


def test_a_near_duplicate_of_ones_own_pays_nothing(campaign: Campaign, category: Category, author: Person) -> None:
    for ending in ("in a poem?", "in a poem"):
        make_submission(
            campaign=campaign,
            category=category,
            author=author,
            status="approved",
            instruction=f"How do I describe the colour of the evening sky over a lake {ending}",
        )
    assert sorted(Award.objects.filter(person=author).values_list("points", flat=True)) == [0, 10]
    assert points(author) == 10


def test_a_near_duplicate_of_somebody_elses_pays(campaign: Campaign, category: Category, author: Person) -> None:
    words = "How do I describe the colour of the evening sky over a lake?"
    make_submission(campaign=campaign, category=category, status="approved", instruction=words)
    make_submission(campaign=campaign, category=category, author=author, status="approved", instruction=words)
    assert points(author) == 10


def test_one_may_try_again_after_the_first_was_withdrawn(
    campaign: Campaign, category: Category, author: Person
) -> None:
    words = "How do I describe the colour of the evening sky over a lake?"
    first = make_submission(campaign=campaign, category=category, author=author, status="approved", instruction=words)
    submissions.withdraw(submission=first, by=author, now=NOW)
    make_submission(campaign=campaign, category=category, author=author, status="approved", instruction=words)
    assert points(author) == 10


def test_a_day_gives_no_more_than_its_limit(campaign: Campaign, author: Person) -> None:
    plain_rules(day_limit=25)
    for _pair in range(4):
        make_submission(campaign=campaign, author=author, status="approved")
    given = Award.objects.filter(person=author).order_by("pk")
    assert [award.points for award in given] == [10, 10, 5, 0]
    assert [award.detail.get("limit") for award in given] == [None, None, 25, 25]


def test_the_limit_is_of_the_day_on_which_it_was_sent_in_the_campaigns_zone(author: Person) -> None:
    plain_rules(day_limit=10)
    campaign = CampaignFactory.create(time_zone="Pacific/Auckland")  # 12 or 13 hours before UTC
    evening = NOW.replace(hour=10, minute=50)
    for sent in (evening, evening + timedelta(minutes=20)):
        make_submission(campaign=campaign, author=author, status="approved", now=sent)
    assert points(author) == 20


def test_what_was_taken_back_is_free_for_others_of_the_day(campaign: Campaign, author: Person) -> None:
    plain_rules(day_limit=10)
    first = make_submission(campaign=campaign, author=author, status="approved")
    submissions.withdraw(submission=first, by=author, now=NOW)
    make_submission(campaign=campaign, author=author, status="approved")
    assert points(author) == 10


def test_reviews_of_a_day_have_a_limit_of_their_own(campaign: Campaign, reviewer: Person) -> None:
    plain_rules(review_day_limit=3)
    for _pair in range(3):
        decide(make_submission(campaign=campaign), "reject", by=reviewer)
    assert points(reviewer, "reviewed") == 3


@pytest.fixture
def disputed() -> tuple[Submission, Person, Person]:
    """A pair that one reviewer approved and another rejected; two points for each, three more to lose."""
    plain_rules(overturned_points=3)
    pair = make_submission(campaign=CampaignFactory.create(reviews_per_item=2))
    yes, no = a_reviewer(), a_reviewer()
    decide(pair, "approve", by=yes)
    decide(pair, "reject", by=no)
    return pair, yes, no


def test_who_was_overturned_by_a_last_word_loses_what_it_earned_and_more(
    disputed: tuple[Submission, Person, Person],
) -> None:
    pair, yes, no = disputed
    decide(pair, "approve", by=PersonFactory.create(roles=["lead"]))
    assert (points(yes, "overturned"), points(no, "overturned")) == (0, -5)
    assert rebuild_standings(is_dry=True).is_right


def test_undoing_the_last_word_gives_the_loss_back_and_another_last_word_takes_it_again(
    disputed: tuple[Submission, Person, Person],
) -> None:
    pair, yes, no = disputed
    lead = PersonFactory.create(roles=["lead"])
    word = decide(pair, "approve", by=lead)
    reviews.undo(review=word, by=lead, now=NOW)
    assert points(no, "overturned") == 0
    decide(pair, "reject", by=lead)
    assert (points(yes, "overturned"), points(no, "overturned")) == (-5, 0)
    assert rebuild_standings(is_dry=True).is_right


def test_who_approved_what_an_admin_revokes_loses(admin: Person, reviewer: Person) -> None:
    plain_rules(overturned_points=3)
    pair = make_submission(status="approved", by_reviewer=reviewer)
    reviews.revoke_approval(submission=pair, reason="Copied.", by=admin, now=NOW)
    assert (points(reviewer, "reviewed"), points(reviewer, "overturned")) == (0, -3)
    assert points(pair.author) == 0


def test_a_loss_by_an_admins_word_stays_when_a_later_decision_is_undone(admin: Person, reviewer: Person) -> None:
    plain_rules(overturned_points=3)
    pair = make_submission(status="approved", by_reviewer=reviewer)
    reviews.revoke_approval(submission=pair, reason="Copied.", by=admin, now=NOW)
    other = a_reviewer()
    reviews.undo(review=decide(pair, "approve", by=other), by=other, now=NOW)
    assert points(reviewer, "overturned") == -3
    assert Review.objects.get(reviewer=reviewer).voided_at


def test_losses_stand_on_the_reviewers_board(admin: Person, reviewer: Person) -> None:
    plain_rules(overturned_points=3)
    pair = make_submission(status="approved", by_reviewer=reviewer)
    reviews.revoke_approval(submission=pair, reason="Copied.", by=admin, now=NOW)
    kept = reviewer.standings.get(board="reviewers", period="all", campaign=0, category=0)
    assert (kept.points, kept.count) == (-3, 0)


def test_a_category_of_a_finished_target_pays_no_bonus(campaign: Campaign, author: Person) -> None:
    plain_rules(need_percent=50)
    category = CategoryFactory.create()
    campaign.targets.create(category=category, target=1)
    for person in (author, contributor_in(campaign)):
        make_submission(campaign=campaign, category=category, author=person, status="approved")
    assert sorted(Award.objects.filter(reason="approved").values_list("points", flat=True)) == [10, 15]

"""Makes people, campaigns and submissions for tests; states are reached through the real actions."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group
from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory
from factory.helpers import post_generation

from collector.actions import drafts, reviews, submissions
from collector.actions.campaigns import accept_terms, current_terms, publish_terms
from collector.models import (
    Campaign,
    CampaignCategory,
    Category,
    CategoryExample,
    Passage,
    Person,
    PointRules,
    Review,
    Submission,
    Team,
)
from collector.pairs import Text

if TYPE_CHECKING:
    from collector.models import Revision

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class TeamFactory(DjangoModelFactory[Team]):
    class Meta:
        model = Team

    slug = Sequence(lambda n: f"team-{n}")
    name = Sequence(lambda n: f"Team {n}")


class PersonFactory(DjangoModelFactory[Person]):
    """A contributor; ``roles=["reviewer"]`` adds groups, ``password="…"`` a password."""

    class Meta:
        model = Person
        skip_postgeneration_save = True

    display_name = Sequence(lambda n: f"Person {n}")
    handle = Sequence(lambda n: f"person-{n}")
    email = Sequence(lambda n: f"person-{n}@example.com")

    @post_generation
    def roles(self: Person, create: bool, extracted: list[str] | None, **_kwargs: Any) -> None:
        for role in {"contributor", *(extracted or [])}:
            self.groups.add(Group.objects.get_or_create(name=role)[0])

    @post_generation
    def password(self: Person, create: bool, extracted: str | None, **_kwargs: Any) -> None:
        if extracted:
            self.set_password(extracted)
        else:
            self.set_unusable_password()
        self.save()


class CategoryFactory(DjangoModelFactory[Category]):
    class Meta:
        model = Category

    slug = Sequence(lambda n: f"category-{n}")
    name = Sequence(lambda n: f"Category {n}")
    tagline = "Write a pair."
    guidelines = "Be **clear**."


class CategoryExampleFactory(DjangoModelFactory[CategoryExample]):
    class Meta:
        model = CategoryExample

    category = SubFactory(CategoryFactory)
    instruction = "Name three colours."
    response = "Red, green and blue."


class CampaignFactory(DjangoModelFactory[Campaign]):
    """An open campaign with terms; ``category=`` names the ones it collects."""

    class Meta:
        model = Campaign
        skip_postgeneration_save = True

    slug = Sequence(lambda n: f"campaign-{n}")
    name = Sequence(lambda n: f"Campaign {n}")
    status = Campaign.Status.OPEN

    @post_generation
    def terms(self: Campaign, create: bool, extracted: str | None, **_kwargs: Any) -> None:
        publish_terms(campaign=self, text=extracted or "Write your own words.", by=None, now=NOW)


class PassageFactory(DjangoModelFactory[Passage]):
    class Meta:
        model = Passage

    slug = Sequence(lambda n: f"passage-{n}")
    title = Sequence(lambda n: f"Passage {n}")
    url = Sequence(lambda n: f"https://example.org/{n}")
    text = "Tides follow the moon."


def plain_rules(**fields: Any) -> PointRules:
    """Let the rules in force pay a category's points as they are, but for what ``fields`` say."""
    plain = {
        "difficulty": {},
        "need_percent": 0,
        "rating_percents": [100] * 5,
        "review_points": 2,
        "overturned_points": 0,
        "day_limit": None,
        "review_day_limit": None,
    }
    rules = PointRules.objects.order_by("-number")[0]
    for name, value in (plain | fields).items():
        setattr(rules, name, value)
    rules.save()
    return rules


def contributor_in(campaign: Campaign, **fields: Any) -> Person:
    """Return a person who accepted the campaign's terms."""
    person = PersonFactory.create(**fields)
    terms = current_terms(campaign)
    assert terms is not None
    accept_terms(terms=terms, by=person, now=NOW)
    return person


def reviewer(**fields: Any) -> Person:
    """Return a person in the reviewers' group."""
    return PersonFactory.create(roles=["reviewer"], **fields)


def make_submission(
    *,
    campaign: Campaign | None = None,
    category: Category | None = None,
    author: Person | None = None,
    status: str = Submission.Status.SUBMITTED,
    instruction: str = "",
    context: str = "",
    response: str = "Because light of short wavelength is scattered most.",
    by_reviewer: Person | None = None,
    now: datetime = NOW,
    **fields: Any,
) -> Submission:
    """Write a pair through the actions and take it to ``status`` (draft, submitted, a decision, or withdrawn)."""
    campaign = campaign or CampaignFactory.create()
    category = category or CategoryFactory.create()
    CampaignCategory.objects.get_or_create(campaign=campaign, category=category)
    author = author or contributor_in(campaign)
    accept_terms(terms=current_terms(campaign), by=author, now=now)  # type: ignore[arg-type]  # CampaignFactory publishes terms
    number = uuid.uuid4()
    text = Text.of(instruction or f"Why is the sky blue? ({number})", context, response)
    if status == Submission.Status.DRAFT:
        draft = drafts.save_draft(
            id=number, campaign=campaign, category=category, text=text, version=0, by=author, now=now
        )
        return draft.submission
    submission = submissions.submit(
        id=number, campaign=campaign, category=category, text=text, by=author, now=now, **fields
    )
    decision = {"approved": "approve", "rejected": "reject", "changes_requested": "request_changes"}.get(status)
    if decision:
        for _approval in range(campaign.approvals_required if decision == "approve" else 1):
            decide(submission, decision, by=by_reviewer or reviewer(), now=now)
    if status == Submission.Status.WITHDRAWN:
        submissions.withdraw(submission=submission, by=author, now=now)
    submission.refresh_from_db()
    return submission


def decide(submission: Submission, decision: str, *, by: Person, now: datetime = NOW, **fields: Any) -> Review:
    """Decide the submission's current revision as ``by``."""
    submission.refresh_from_db()
    if decision != "approve":
        fields.setdefault("comment", "Please say more.")
    return reviews.decide(
        submission=submission,
        revision_number=submission.revision_number,
        decision=decision,
        by=by,
        now=now,
        **fields,
    )


def current_revision(submission: Submission) -> Revision:
    """Return what the submission says now."""
    submission.refresh_from_db()
    return submission.revisions.get(number=submission.revision_number)

"""What every installation has: roles as groups, the eight categories, reviewers' words, a first campaign."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from collector.actions.campaigns import publish_terms
from collector.actions.days import recall_days
from collector.actions.standings import rebuild_standings
from collector.models import (
    ActiveDay,
    Award,
    Campaign,
    CampaignCategory,
    CannedReason,
    Category,
    CategoryExample,
    Passage,
    PointRules,
    Role,
    Standing,
    Submission,
)

if TYPE_CHECKING:
    from datetime import datetime

CONTENT = Path(__file__).resolve().parent.parent / "content"

# Beyond the site's own pages, which ask for the role, these open parts of Django's admin.
ADMIN_MODELS = {
    Role.LEAD: {
        "campaign",
        "campaigncategory",
        "category",
        "categoryexample",
        "cannedreason",
        "passage",
        "terms",
        "team",
        "invitation",
    },
    Role.ADMIN: {
        "campaign",
        "campaigncategory",
        "category",
        "categoryexample",
        "cannedreason",
        "passage",
        "terms",
        "team",
        "invitation",
        "person",
    },
}
STARTER_SLUG = "first-campaign"
STARTER_TARGET = 100


@cache
def read_content(name: str) -> Any:
    """Return the parsed JSON or the text of a file in ``collector/content``."""
    text = (CONTENT / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else text


@transaction.atomic
def ensure_installation(*, now: datetime) -> None:
    """Make what is missing of the roles, categories, canned reasons, first campaign and standings; safe to repeat."""
    if Award.objects.exists() and not Standing.objects.exists():
        rebuild_standings()  # an installation from before there were any
    if Submission.objects.exclude(revision_number=0).exists() and not ActiveDay.objects.exists():
        recall_days()
    ensure_roles()
    ensure_rules(now=now)
    ensure_categories()
    ensure_canned_reasons()
    if not Campaign.objects.exists():
        create_starter_campaign(now=now)


def ensure_roles() -> None:
    """Make the four groups and give leads and admins their permissions in Django's admin."""
    for role in Role.values:
        group, _created = Group.objects.get_or_create(name=role)
        wanted = Permission.objects.filter(
            content_type__app_label="collector", content_type__model__in=ADMIN_MODELS.get(Role(role), set())
        )
        wanted = wanted.exclude(codename__startswith="delete_")
        group.permissions.set(wanted)


def ensure_categories() -> None:
    """Make the eight categories of databricks-dolly-15k where missing; an edited one is left as it is."""
    existing = set(Category.objects.values_list("slug", flat=True))
    for position, content in enumerate(read_content("categories.json"), start=1):
        if content["slug"] in existing:
            continue
        category = Category.objects.create(
            slug=content["slug"],
            name=content["name"],
            tagline=content["tagline"],
            context=content["context"],
            guidelines=content["guidelines"],
            points=content["points"],
            instruction_words_min=content["instruction_words"][0],
            instruction_words_max=content["instruction_words"][1],
            response_words_min=content["response_words"][0],
            response_words_max=content["response_words"][1],
            position=position * 10,
        )
        CategoryExample.objects.bulk_create(
            CategoryExample(
                category=category,
                instruction=example["instruction"],
                context=example.get("context", ""),
                response=example["response"],
                why=example.get("why", ""),
                position=number,
            )
            for number, example in enumerate(content["examples"], start=1)
        )


def ensure_rules(*, now: datetime) -> None:
    """Publish the first point rules; an installation from before there were any goes on as it was."""
    if PointRules.objects.exists():
        return
    content = {"note": "As before there were rules."} if Award.objects.exists() else read_content("point_rules.json")
    PointRules.objects.create(number=1, published_at=now, **content)


def ensure_canned_reasons() -> None:
    """Offer reviewers our words in each category that has none, and in all; what a lead changed is left as it is."""
    categories: dict[str, Category | None] = {category.slug: category for category in Category.objects.all()}
    wanted = {"": None, **categories}
    taken = set(CannedReason.objects.values_list("category", flat=True).distinct())
    missing = {slug: category for slug, category in wanted.items() if (category and category.pk) not in taken}
    CannedReason.objects.bulk_create(
        CannedReason(
            category=missing[content["category"]],
            reason=content["reason"],
            label=content["label"],
            text=content["text"],
            position=position * 10,
        )
        for position, content in enumerate(read_content("canned_reasons.json"), start=1)
        if content["category"] in missing
    )


def create_starter_campaign(*, now: datetime) -> Campaign:
    """Make the open campaign a new installation begins with: all eight categories, terms, our passages."""
    campaign = Campaign.objects.create(
        slug=STARTER_SLUG,
        name="First campaign",
        description="Our first instruction dataset, written by us.",
        guidelines=read_content("campaign_guidelines.md"),
        status=Campaign.Status.OPEN,
        starts_on=now.date(),
    )
    add_dolly_categories(campaign=campaign, target=STARTER_TARGET)
    publish_terms(campaign=campaign, text=read_content("terms.md"), by=None, now=now)
    ensure_passages()
    return campaign


def add_dolly_categories(*, campaign: Campaign, target: int) -> None:
    """Give the campaign the installation's eight categories, each with the same target."""
    slugs = [content["slug"] for content in read_content("categories.json")]
    CampaignCategory.objects.bulk_create(
        CampaignCategory(campaign=campaign, category=category, target=target)
        for category in Category.objects.filter(slug__in=slugs)
    )


def ensure_passages() -> None:
    """Add the passages that come with Woolgather where missing."""
    existing = set(Passage.objects.values_list("slug", flat=True))
    Passage.objects.bulk_create(
        Passage(
            slug=content["slug"],
            title=content["title"],
            url=content["source_url"],
            licence=content["licence"],
            language=content["language"],
            text=content["text"],
        )
        for content in read_content("passages.json")
        if content["slug"] not in existing
    )

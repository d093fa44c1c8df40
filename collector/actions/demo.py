"""Demonstration content: invented colleagues and three weeks of their work, through the real actions."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass
from datetime import time, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from collector.actions import drafts, mailings, people, points, submissions
from collector.actions.campaigns import accept_terms, publish_terms
from collector.actions.demo_reviews import Panel
from collector.actions.setup import STARTER_SLUG, ensure_passages, read_content
from collector.errors import Refused
from collector.models import (
    Campaign,
    CampaignCategory,
    Category,
    Mailing,
    MailKind,
    Passage,
    Person,
    Role,
    Submission,
    Team,
    Terms,
)
from collector.pairs import Text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

DEMO = Path(__file__).resolve().parent.parent / "demo"
SEED = 15011  # the number of pairs in the set that began this story
DAYS = 21
NAMESPACE = uuid.UUID("6f1c7c0e-5d0a-4a53-9a70-4b6b7a6f0d15")
WORK_HOURS = (8, 17)
WEEKEND = {5, 6}
REPEATS = {31, 58, 90}  # pairs that a second colleague sends as well
REPEATED: dict[str, Any] = {
    "comment": "A colleague was a little faster with this very pair, so we keep theirs. I look forward to your next.",
    "reasons": ["duplicate"],
}
DRAFTS = {2, 5, 9}  # counted from the newest pair: still being written


class NotEmpty(Refused):
    """The database already holds people's own work."""

    code = "not_empty"


@dataclass(frozen=True)
class Summary:
    """What was made."""

    people: int
    campaigns: int
    submissions: int
    approved: int
    admin: str


@cache
def _read(name: str) -> Any:
    return json.loads((DEMO / name).read_text(encoding="utf-8"))


def pairs() -> list[dict[str, str]]:
    """Return the demonstration pairs, in an order that mixes categories the same way each time."""
    everything: list[dict[str, str]] = [*_read("pairs_a.json"), *_read("pairs_b.json")]
    random.Random(SEED).shuffle(everything)  # noqa: S311 - the same mixture each time, nothing secret
    return everything


def is_seeded() -> bool:
    """Say whether the demonstration campaigns are already here."""
    return Campaign.objects.filter(is_demo=True).exists()


@transaction.atomic
def seed_demo(
    *,
    now: datetime,
    password: str,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Summary:
    """Fill an empty installation.

    Args:
        now: the end of the three weeks.
        password: the demonstration admin's; the other colleagues can't sign in.
        force: seed although people are here already; submissions are never mixed with demonstration content.
        progress: called with pairs done and pairs in all.

    Raises:
        NotEmpty: somebody has already written here.
    """
    content = _read("people.json")
    _require_empty(content, force=force)
    colleagues = _make_people(content, now - timedelta(days=DAYS + 1), password)
    # The campaign of a fresh installation, which nobody has used, would only stand in the way.
    Campaign.objects.filter(slug=STARTER_SLUG, terms__acceptances=None, imports=None).delete()
    campaigns = [_make_campaign(entry, now) for entry in content["campaigns"]]
    ensure_passages()
    story = _Story(content=content, colleagues=colleagues, campaigns=campaigns, now=now)
    everything = pairs()
    for number, pair in enumerate(everything):
        story.tell(number, len(everything), pair)
        progress(number + 1, len(everything))
    story.panel.answer_gold()
    lead = next(person for person in colleagues if person.has_role(Role.LEAD))
    for campaign, entry in zip(campaigns, content["campaigns"], strict=True):
        _plan(campaign, entry, lead, now)
    return Summary(
        people=len(colleagues),
        campaigns=len(campaigns),
        submissions=Submission.objects.count(),
        approved=Submission.objects.approved().count(),
        admin=next(person.email for person in colleagues if person.has_role(Role.ADMIN)),
    )


def demo_admin() -> Person:
    """Return the demonstration's admin, whose sign-in is printed."""
    email = next(entry["email"] for entry in _read("people.json")["people"] if entry["role"] == Role.ADMIN)
    return Person.objects.get(email__iexact=email)


def _require_empty(content: dict[str, Any], *, force: bool) -> None:
    if Submission.objects.exists():
        raise NotEmpty(
            _(
                "This database already holds submissions. "
                "Demonstration content goes into an empty one: `make demo` makes its own."
            )
        )
    invented = [entry["email"] for entry in content["people"]]
    if not force and Person.objects.exclude(email__in=invented).exists():
        raise NotEmpty(
            _(
                "People are registered here already. Demonstration content goes into an empty database: `make demo` "
                "makes its own; --force adds it here."
            )
        )


def _make_people(content: dict[str, Any], now: datetime, password: str) -> list[Person]:
    teams = {
        entry["slug"]: Team.objects.get_or_create(slug=entry["slug"], defaults={"name": entry["name"]})[0]
        for entry in content["teams"]
    }
    colleagues = []
    for entry in content["people"]:
        person = people.add_person(
            email=entry["email"],
            role=entry["role"],
            by=None,
            now=now,
            display_name=entry["display_name"],
            team=teams[entry["team"]],
            time_zone=entry["time_zone"],
            password=password if entry["role"] == Role.ADMIN else None,
        )
        colleagues.append(person)
    return colleagues


def _make_campaign(entry: dict[str, Any], now: datetime) -> Campaign:
    start = now - timedelta(days=entry["starts_days_ago"])
    campaign = Campaign.objects.create(
        slug=entry["slug"],
        name=entry["name"],
        description=entry["description"],
        guidelines=read_content("campaign_guidelines.md"),
        status=Campaign.Status.OPEN,
        language=entry["language"],
        approvals_required=entry["approvals_required"],
        reviews_per_item=entry.get("reviews_per_item", 1),
        gold_percent=entry.get("gold_percent", 0),
        starts_on=start.date(),
        ends_on=(start + timedelta(days=42)).date(),
        is_demo=True,
    )
    CampaignCategory.objects.bulk_create(
        CampaignCategory(campaign=campaign, category=Category.objects.get(slug=slug), target=target)
        for slug, target in entry["target"].items()
    )
    publish_terms(campaign=campaign, text=read_content("terms.md"), by=None, now=start)
    return campaign


def _plan(campaign: Campaign, entry: dict[str, Any], lead: Person, now: datetime) -> None:
    """Let a contest run, and write a reminder that goes to nobody: it stays a draft."""
    today = now.astimezone(ZoneInfo(campaign.time_zone)).date()
    if "contest" in entry:
        points.plan_contest(
            campaign=campaign,
            starts_on=today - timedelta(days=4),
            ends_on=today + timedelta(days=2),
            by=lead,
            now=now,
            **entry["contest"],
        )
    if "reminder" in entry:
        wanted = mailings.Wanted(
            kind=MailKind.REMINDER,
            audience=Mailing.Audience.EVERYBODY,
            team=None,
            day=today + timedelta(days=1),
            at=time(9),
            weekdays=[1, 3],
            last_day=None,
            **entry["reminder"],
        )
        mailings.write_mailing(campaign=campaign, wanted=wanted, by=lead, now=now)


def _shortened(response: str) -> str:
    """Return a response without its last line or sentence, as it stood before the reviewer asked for more."""
    for separator in ("\n", ". "):
        head, found, _tail = response.rstrip().rpartition(separator)
        if found and len(head) > len(response) // 3:
            return head + separator.rstrip(" \n")
    return response[: len(response) // 2]


class _Story:
    """Decides who wrote a pair, when, and what became of it; the same each time."""

    def __init__(
        self, *, content: dict[str, Any], colleagues: list[Person], campaigns: list[Campaign], now: datetime
    ) -> None:
        self.random = random.Random(SEED)  # noqa: S311 - the same story each time, nothing secret
        self.now = now
        self.comments = content["review_comments"]
        self.people = colleagues
        self.weights = [entry["activity"] for entry in content["people"]]
        self.panel = Panel(people=colleagues, comments=self.comments, now=now)
        self.reviewers = [person for person in colleagues if person.has_role(Role.REVIEWER)]
        self.campaigns = campaigns
        self.terms = {campaign.pk: Terms.objects.get(campaign=campaign) for campaign in campaigns}
        self.categories = {
            campaign.pk: {category.slug: category for category in campaign.categories.all()} for campaign in campaigns
        }
        self.passages = {passage.slug: passage for passage in Passage.objects.all()}

    def tell(self, number: int, total: int, pair: dict[str, str]) -> None:
        author = self.random.choices(self.people, self.weights)[0]
        written = self._when(number, total)
        choices = [
            campaign
            for campaign in self.campaigns
            if pair["category"] in self.categories[campaign.pk]
            and (campaign.starts_on or written.date()) <= written.date()
        ]
        campaign = self.random.choices(choices, [3, 1][: len(choices)])[0]
        category = self.categories[campaign.pk][pair["category"]]
        accept_terms(terms=self.terms[campaign.pk], by=author, now=written - timedelta(minutes=5))
        waits = total - number <= len(self.reviewers) * 3  # the newest
        fate = "wait" if waits else self._fate(pair)
        response = _shortened(pair["response"]) if fate == "improve" else pair["response"]
        text = Text.of(pair["instruction"], pair["context"], response)
        key = uuid.uuid5(NAMESPACE, pair["instruction"])
        if total - number in DRAFTS:
            drafts.save_draft(
                id=key, campaign=campaign, category=category, text=text, version=0, by=author, now=written
            )
            return
        submission = submissions.submit(
            id=key,
            campaign=campaign,
            category=category,
            text=text,
            by=author,
            now=written,
            passage=self.passages.get(pair.get("passage", "")),
        )
        decided = min(written + timedelta(hours=self.random.randint(1, 30)), self.now - timedelta(minutes=20))
        self._carry_out(fate, submission, pair, decided)
        if number in REPEATS:
            self._repeat(submission, pair, decided)

    def _repeat(self, first: Submission, pair: dict[str, str], decided: datetime) -> None:
        """A colleague sends what somebody else had sent before them, as happens when a good riddle goes round."""
        author = self.random.choice([person for person in self.people if person.pk != first.author_id])
        sent = min(decided + timedelta(minutes=5), self.now - timedelta(minutes=15))
        accept_terms(terms=self.terms[first.campaign_id], by=author, now=sent - timedelta(minutes=2))
        again = submissions.submit(
            id=uuid.uuid5(NAMESPACE, "again " + pair["instruction"]),
            campaign=first.campaign,
            category=first.category,
            text=Text.of(pair["instruction"], pair["context"], pair["response"]),
            by=author,
            now=sent,
            passage=first.passage,
        )
        self._decide(again, "reject", min(sent + timedelta(hours=1), self.now - timedelta(minutes=10)), REPEATED)

    def _when(self, number: int, total: int) -> datetime:
        """Spread the pairs over the three weeks' working hours, more of them later as word spreads."""
        share = (number / total) ** 0.8
        moment = self.now - timedelta(days=DAYS * (1 - share))
        hour = self.random.randint(*WORK_HOURS)
        moment = moment.replace(hour=hour, minute=self.random.randint(0, 59), second=self.random.randint(0, 59))
        first = (self.now - timedelta(days=DAYS)).date()
        if moment.weekday() in WEEKEND and self.random.choice([True, True, True, False]):
            earlier = moment - timedelta(days=2)
            moment = earlier if earlier.date() >= first else moment  # nobody writes before the campaigns begin
        return min(moment, self.now - timedelta(minutes=30 + total - number))

    def _fate(self, pair: dict[str, str]) -> str:
        if pair.get("flaw"):
            return "request_changes"
        return self.random.choices(["withdraw", "improve", "approve"], [4, 9, 87])[0]

    def _carry_out(self, fate: str, submission: Submission, pair: dict[str, str], decided: datetime) -> None:
        match fate:
            case "request_changes" | "reject":
                self._decide(submission, fate, decided, pair["review_comment"])
            case "withdraw":
                submissions.withdraw(submission=submission, by=submission.author, now=decided)
            case "improve":
                self._improve(submission, pair, decided)
            case "approve":
                self._approve(submission, decided)

    def _improve(self, submission: Submission, pair: dict[str, str], decided: datetime) -> None:
        """The reviewer missed the ending, the author added it, and it was approved."""
        self._decide(submission, "request_changes", decided, self.random.choice(self.comments["improve"]))
        submissions.resubmit(
            submission=submission,
            base_revision=1,
            text=Text.of(pair["instruction"], pair["context"], pair["response"]),
            by=submission.author,
            now=decided + timedelta(minutes=7),
        )
        self._approve(submission, decided + timedelta(minutes=15))

    def _approve(self, submission: Submission, decided: datetime) -> None:
        comment = self._praise(submission.category.slug) if self.random.choice([True, True, False]) else ""
        self.panel.decide(submission=submission, decision="approve", decided=decided, comment=comment)

    def _praise(self, category: str) -> str:
        fitting = [
            entry["comment"]
            for entry in self.comments["approve"]
            if category in entry["categories"] or not entry["categories"]
        ]
        return str(self.random.choice(fitting))

    def _decide(self, submission: Submission, decision: str, decided: datetime, comment: str | dict[str, Any]) -> None:
        words = {"comment": comment} if isinstance(comment, str) else comment
        self.panel.decide(submission=submission, decision=decision, decided=decided, **words)

"""In which order a campaign's waiting items are reviewed."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F, Q

from collector.models import Campaign, Review, Revision
from collector.queries import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from collector.models.submissions import SubmissionQuerySet

RECENT = 1000


def in_order(waiting: SubmissionQuerySet, campaign: Campaign) -> Iterator[SubmissionQuerySet]:
    """Yield the campaign's waiting items as groups, each to be emptied, oldest item first, before the next one.

    * oldest: one group.
    * needed: by category, the one that lacks the largest share of its target (approved of wanted) first.
    * uncertain: first the items whose like is ``contested``; then by category, the most contested share first.
    """
    if campaign.queue_order == Campaign.QueueOrder.NEEDED:
        yield from _by_category(waiting, campaign, {})
    elif campaign.queue_order == Campaign.QueueOrder.UNCERTAIN:
        doubt = doubts(campaign)
        if doubt.submissions:
            yield waiting.filter(_like(doubt))
        yield from _by_category(waiting, campaign, doubt.shares)
    yield waiting


def _by_category(
    waiting: SubmissionQuerySet, campaign: Campaign, shares: dict[int, float]
) -> Iterator[SubmissionQuerySet]:
    rows = [need for need in needs(campaign) if need.waiting]
    rows.sort(key=lambda need: (-shares.get(need.category.pk, 0.0), -need.missing / max(1, need.target)))
    for need in rows:
        yield waiting.filter(category=need.category)


@dataclass(frozen=True)
class Doubts:
    """Where a campaign's reviewers disagreed lately.

    ``submissions``: those with a contested revision; ``instructions``: these revisions' instruction fingerprints;
    ``shares``: by category id, the contested part of its decided revisions, from 0 to 1, one half added to two
    (Laplace's rule), so that one dispute in a category of one doesn't outweigh ten in forty.
    """

    submissions: frozenset[UUID]
    instructions: frozenset[str]
    shares: dict[int, float]


def doubts(campaign: Campaign) -> Doubts:
    """Find what is contested among the campaign's last ``RECENT`` decisions; one query.

    A revision is contested where two of its decisions differ, or where an admin voided one of them. What its own
    reviewer undid was never a decision.
    """
    rows = (
        Review.objects.filter(submission__campaign=campaign)
        .exclude(voided_by=F("reviewer"))
        .order_by("-pk")
        .values_list(
            "revision_id",
            "revision__instruction_fingerprint",
            "submission_id",
            "submission__category_id",
            "decision",
            "voided_at",
        )[:RECENT]
    )
    decisions: dict[int, set[str]] = defaultdict(set)
    about: dict[int, tuple[str, UUID, int]] = {}
    for revision, instruction, submission, category, decision, voided_at in rows:
        decisions[revision].add("overturned" if voided_at else decision)
        if voided_at:
            decisions[revision].add(decision)
        about[revision] = (instruction, submission, category)
    contested = [about[revision] for revision, made in decisions.items() if len(made) > 1]
    judged = Counter(category for _instruction, _submission, category in about.values())
    disputed = Counter(category for _instruction, _submission, category in contested)
    return Doubts(
        submissions=frozenset(submission for _instruction, submission, _category in contested),
        instructions=frozenset(instruction for instruction, _submission, _category in contested),
        shares={category: (disputed[category] + 1) / (number + 2) for category, number in judged.items()},
    )


def _like(doubt: Doubts) -> Q:
    # By the fingerprint's index, whatever the number of waiting items.
    same = Revision.objects.filter(instruction_fingerprint__in=doubt.instructions).values("submission")
    return Q(pk__in=doubt.submissions) | Q(pk__in=same)

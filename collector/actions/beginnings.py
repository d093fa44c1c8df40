"""A submission's row: found and locked, or made at the first save; beneath the actions of ``submissions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from collector.actions.campaigns import require_member, require_open
from collector.errors import Conflict, Refused
from collector.models import Campaign, CampaignCategory, Category, Passage, Person, Submission
from collector.point_queries import lacking_of, rules_in_force

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from django.db.models import QuerySet


class IdTaken(Conflict):
    """The client-made id belongs to another person's submission or to another text."""

    code = "id_taken"


class CategoryNotInCampaign(Refused):
    """The campaign does not collect this category."""

    code = "category_not_in_campaign"


def locked(submission_id: uuid.UUID) -> Submission:
    """Return the submission with its row locked; for actions only.

    Not FOR UPDATE, here and wherever a submission is locked: what others write may refer to it, such as a badge to its
    ground, and must not wait for this.
    """
    return _rows_to_lock().select_related("campaign", "category", "passage").get(pk=submission_id)


def _rows_to_lock() -> QuerySet[Submission]:
    return Submission.objects.select_for_update(of=("self",), no_key=True)


def locked_if_any(submission_id: uuid.UUID, *, campaign: Campaign) -> Submission | None:
    """Return the submission with its row locked, or None where nobody has sent or saved it yet; for actions only.

    The row alone: an autosave needs no guidelines, nor a passage's text. ``campaign`` is the one it usually belongs to.
    """
    submission = _rows_to_lock().filter(pk=submission_id).order_by().first()
    if submission is not None and submission.campaign_id == campaign.pk:
        submission.campaign = campaign
    return submission


def require_collected(*, campaign: Campaign, category: Category, person: Person) -> CampaignCategory:
    """Return the campaign's target of the category.

    Raises:
        CampaignNotOpen, OtherTeams, CategoryNotInCampaign: as they say.
    """
    require_open(campaign)
    require_member(campaign=campaign, person=person)
    target = campaign.targets.filter(category=category).first()
    if target is None:
        raise CategoryNotInCampaign(
            _("“%(campaign)s” doesn't collect %(category)s.") % {"campaign": campaign.name, "category": category.name}
        )
    return target


def start(
    *,
    id: uuid.UUID,
    campaign: Campaign,
    category: Category,
    passage: Passage | None,
    by: Person,
    now: datetime,
) -> Submission:
    """Find the person's submission with this client-made id, or make it; the row is locked."""
    return found(locked_if_any(id, campaign=campaign), by=by) or begun(
        id=id, campaign=campaign, category=category, passage=passage, by=by, now=now
    )


def found(submission: Submission | None, *, by: Person) -> Submission | None:
    """Return it, unless it is another person's."""
    if submission is not None and submission.author_id != by.pk:
        raise IdTaken(
            _("This id belongs to another submission. Reload the page to get a fresh one; your text is kept.")
        )
    return submission


def begun(
    *,
    id: uuid.UUID,
    campaign: Campaign,
    category: Category,
    passage: Passage | None,
    by: Person,
    now: datetime,
    target: CampaignCategory | None = None,
) -> Submission:
    """Make the person's submission with this client-made id, unless somebody was faster; the row is locked."""
    target = target or require_collected(campaign=campaign, category=category, person=by)
    Submission.objects.bulk_create(
        [
            Submission(
                id=id,
                author=by,
                campaign=campaign,
                category=category,
                passage=passage,
                licence=campaign.data_licence,
                rule_version=rules_in_force().number,
                lacking_percent=lacking_of(target),
                created_at=now,
                updated_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    submission = found(locked_if_any(id, campaign=campaign), by=by)
    assert submission is not None  # noqa: S101 - it was just made, or was there
    return submission

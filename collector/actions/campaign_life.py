"""A campaign's life: made as a draft, opened, paused, closed; its settings on the way."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.text import slugify
from django.utils.translation import gettext as _

from collector.actions import leases
from collector.actions.campaigns import current_terms, publish_terms
from collector.errors import Conflict, NotAllowed, Refused
from collector.models import AuditEntry, Campaign, CampaignCategory, Person, Role, Submission
from collector.text import first_free, is_blank, normalize_newlines, validate_text

if TYPE_CHECKING:
    from datetime import date, datetime

    from collector.models import Category, Team

Status = Campaign.Status
LEGAL: dict[str, tuple[str, ...]] = {
    Status.DRAFT: (Status.OPEN,),
    Status.OPEN: (Status.PAUSED, Status.CLOSED),
    Status.PAUSED: (Status.OPEN, Status.CLOSED),
    Status.CLOSED: (Status.PAUSED,),  # by an admin only
}
SLUG_LENGTH = 60
TEXTS = ("description", "guidelines")


class NotALead(NotAllowed):
    """Only campaign leads and admins make and lead campaigns."""

    code = "not_a_lead"


class StaleSettings(Conflict):
    """Another lead changed the campaign since the person opened its settings."""

    code = "stale_settings"


class NotReady(Refused):
    """Something is missing that a campaign needs before it can open."""

    code = "not_ready"


class NotThere(Conflict):
    """The campaign isn't in a state from which this step leads on."""

    code = "illegal_step"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that a lead settles about a campaign.

    Attributes:
        targets: how many approved submissions are wanted, by category; those that are not named are not collected.
        teams: whose members write; none for everybody.
        more_languages: BCP 47 tags beside ``language``.
        on_erasure: what happens to records that no version holds, once their author erases the account.
        terms: the contributor terms in Markdown; another text than the current one is published as the next version.
    """

    name: str
    description: str
    guidelines: str
    data_licence: str
    language: str
    more_languages: list[str]
    time_zone: str
    starts_on: date | None
    ends_on: date | None
    approvals_required: int
    reviews_per_item: int
    is_blind: bool
    queue_order: str
    gold_percent: int
    lease_minutes: int
    targets: dict[Category, int]
    teams: list[Team]
    terms: str
    on_erasure: str = Campaign.OnErasure.KEEP


_ON_THE_ROW = [field.name for field in fields(Settings) if field.name not in {"targets", "teams", "terms"}]


def require_lead(person: Person) -> None:
    """Raise NotALead unless the person leads campaigns."""
    if not person.has_role(Role.LEAD):
        raise NotALead(_("Only campaign leads can do this."))


@transaction.atomic
def create_campaign(*, settings: Settings, by: Person, now: datetime) -> Campaign:
    """Make a campaign, as a draft that only leads see.

    Raises:
        NotALead: as it says.
        ValidationError: with messages per field.
    """
    require_lead(by)
    campaign = Campaign(slug=_free_slug(settings.name), status=Status.DRAFT)
    _settle(campaign, settings, by=by, now=now)
    AuditEntry.objects.create(by=by, verb="campaign.created", target=campaign.slug, at=now)
    return campaign


@transaction.atomic
def edit_campaign(*, campaign: Campaign, settings: Settings, version: int, by: Person, now: datetime) -> Campaign:
    """Change a campaign's settings.

    Args:
        version: the campaign's that the person saw.

    Raises:
        NotALead: as it says.
        StaleSettings: somebody changed it since.
        Refused: it is closed, or a category with submissions would no longer be collected.
        ValidationError: with messages per field.
    """
    require_lead(by)
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign.pk)
    if campaign.version != version:
        raise StaleSettings(_("Somebody changed this campaign since you opened it. Compare, then save again."))
    if campaign.status == Status.CLOSED:
        raise NotThere(_("A closed campaign stays as it was."))
    before = {name: getattr(campaign, name) for name in _ON_THE_ROW}
    campaign.version += 1
    _settle(campaign, settings, by=by, now=now)
    changed = sorted(name for name, value in before.items() if getattr(campaign, name) != value)
    AuditEntry.objects.create(by=by, verb="campaign.edited", target=campaign.slug, detail={"changed": changed}, at=now)
    return campaign


def _settle(campaign: Campaign, settings: Settings, *, by: Person, now: datetime) -> None:
    """Write the settings to the campaign and what belongs to it."""
    for name in _ON_THE_ROW:
        value = getattr(settings, name)
        setattr(campaign, name, normalize_newlines(value) if name in TEXTS else value)
    for name in TEXTS:
        _checked(name, getattr(campaign, name))
    _checked("terms", settings.terms)
    if campaign.language in campaign.more_languages:
        raise ValidationError({"more_languages": [_("The usual language is among these already.")]})
    campaign.full_clean(exclude=["categories", "teams"])
    campaign.save()
    _set_targets(campaign, settings.targets)
    campaign.teams.set(settings.teams)
    terms = normalize_newlines(settings.terms)
    current = current_terms(campaign)
    if not is_blank(terms) and (current is None or current.text != terms):
        publish_terms(campaign=campaign, text=terms, by=by, now=now)


def _checked(name: str, text: str) -> None:
    try:
        validate_text(text)
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from error


def _set_targets(campaign: Campaign, targets: dict[Category, int]) -> None:
    left_out = CampaignCategory.objects.filter(campaign=campaign).exclude(category__in=targets)
    used = Submission.objects.filter(campaign=campaign, category__in=left_out.values("category"))
    if used.exists():
        names = ", ".join(sorted(set(used.order_by().values_list("category__name", flat=True))))
        raise ValidationError(
            {"targets": [_("There are submissions in %(names)s already, so keep a target for it.") % {"names": names}]}
        )
    left_out.delete()
    for category, target in targets.items():
        CampaignCategory.objects.update_or_create(campaign=campaign, category=category, defaults={"target": target})


def _free_slug(name: str) -> str:
    stem = slugify(name)[:SLUG_LENGTH].strip("-") or "campaign"
    taken = set(Campaign.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return first_free(stem, taken)


def lacking(campaign: Campaign, *, today: date) -> list[str]:
    """Return in words what the campaign still needs before it can open."""
    missing = []
    if not campaign.targets.filter(target__gt=0).exists():
        missing.append(_("a category with a target"))
    if current_terms(campaign) is None:
        missing.append(_("contributor terms"))
    if campaign.ends_on is not None and campaign.ends_on < today:
        missing.append(_("an end that is not over yet"))
    return missing


@transaction.atomic
def change_status(*, campaign: Campaign, to: str, by: Person, now: datetime) -> Campaign:
    """Open, pause or close a campaign; the same step twice is one.

    A closed campaign's records are frozen: nothing is written, decided, edited or undone in it any more. Authors can
    still withdraw theirs. Only an admin opens it again, to a pause first.

    Raises:
        NotALead: as it says.
        NotThere: no step leads there from its present state.
        NotReady: something is missing; the message names it.
    """
    require_lead(by)
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign.pk)
    before = campaign.status
    if before == to:
        return campaign
    if to not in LEGAL[before]:
        raise NotThere(
            _("A campaign that is %(before)s can't become that. Load the page again to see its state.")
            % {"before": campaign.get_status_display().lower()}
        )
    if before == Status.CLOSED and not by.has_role(Role.ADMIN):
        raise NotALead(_("Only an admin can open a closed campaign again."))
    if to == Status.OPEN:
        missing = lacking(campaign, today=now.astimezone(ZoneInfo(campaign.time_zone)).date())
        if missing:
            raise NotReady(_("Before it can open, it needs %(what)s.") % {"what": ", ".join(missing)})
    Campaign.objects.filter(pk=campaign.pk).update(status=to, version=F("version") + 1)
    if to == Status.CLOSED:
        leases.end_all(campaign=campaign)
    AuditEntry.objects.create(
        by=by, verb="campaign.status", target=campaign.slug, detail={"before": before, "after": to}, at=now
    )
    campaign.refresh_from_db()
    return campaign

"""Campaigns and their contributor terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils.translation import gettext as _

from collector.errors import Conflict, NotAllowed, Refused
from collector.models import AuditEntry, Campaign, Person, Terms, TermsAcceptance
from collector.text import validate_text

if TYPE_CHECKING:
    from datetime import datetime


class TermsNotAccepted(NotAllowed):
    """The person has not accepted the campaign's current terms; ``campaign`` is None where it has none to accept."""

    code = "terms_not_accepted"

    def __init__(self, message: object, *, campaign: Campaign | None = None) -> None:
        super().__init__(message)
        self.campaign = campaign


class StaleTerms(Conflict):
    """The terms that the person read are not the current ones."""

    code = "stale_terms"


class CampaignNotOpen(Refused):
    """The campaign takes no submissions now."""

    code = "campaign_not_open"


@transaction.atomic
def publish_terms(*, campaign: Campaign, text: str, by: Person | None, now: datetime) -> Terms:
    """Make the next version of the campaign's terms; people accept it before their next contribution."""
    validate_text(text)
    last = campaign.terms.aggregate(last=Max("number"))["last"] or 0
    terms = Terms.objects.create(campaign=campaign, number=last + 1, text=text, published_at=now)
    AuditEntry.objects.create(by=by, verb="terms.published", target=f"{campaign.slug} v{terms.number}", at=now)
    return terms


def current_terms(campaign: Campaign) -> Terms | None:
    """Return the newest terms of a campaign, or None where it has none yet."""
    return campaign.terms.order_by("-number").first()


def accept_terms(*, terms: Terms, by: Person, now: datetime) -> TermsAcceptance:
    """Record that the person accepted these terms; accepting twice is one acceptance."""
    acceptance, _created = TermsAcceptance.objects.get_or_create(terms=terms, person=by, defaults={"accepted_at": now})
    return acceptance


def accept_shown_terms(*, campaign: Campaign, number: int, by: Person, now: datetime) -> TermsAcceptance:
    """Accept the terms that the person was shown.

    Raises:
        StaleTerms: ``number`` is not that of the current terms.
    """
    terms = current_terms(campaign)
    if terms is None or terms.number != number:
        raise StaleTerms(_("The terms changed while you were reading. Please read the new version."))
    return accept_terms(terms=terms, by=by, now=now)


def require_terms(*, campaign: Campaign, person: Person) -> Terms:
    """Return the current terms, which the person accepted.

    Raises:
        TermsNotAccepted: they have not, or the campaign has none to accept.
    """
    mine = TermsAcceptance.objects.filter(terms=OuterRef("pk"), person=person)
    # Their text is long, and nobody reads it here.
    terms = campaign.terms.defer("text").annotate(is_accepted=Exists(mine)).order_by("-number").first()
    if terms is None:
        raise TermsNotAccepted(_("This campaign has no contributor terms yet. Ask its lead to publish them."))
    if not terms.is_accepted:
        raise TermsNotAccepted(
            _("Please read and accept the contributor terms of “%(campaign)s” first.") % {"campaign": campaign.name},
            campaign=campaign,
        )
    return terms


class CampaignClosed(Refused):
    """The campaign is closed, and its records stay as they are."""

    code = "campaign_closed"


class OtherTeams(NotAllowed):
    """Only members of other teams write in the campaign."""

    code = "other_teams"


def require_not_closed(campaign: Campaign) -> None:
    """Raise CampaignClosed where the campaign's records are frozen; their authors can still withdraw them."""
    if campaign.status == Campaign.Status.CLOSED:
        raise CampaignClosed(
            _("“%(campaign)s” is closed, so its records stay as they are. An admin can open it again.")
            % {"campaign": campaign.name}
        )


def require_member(*, campaign: Campaign, person: Person) -> None:
    """Raise OtherTeams unless the campaign is for everybody or for the person's team."""
    teams = list(campaign.teams.order_by("name"))
    if teams and person.team_id not in {team.pk for team in teams}:
        raise OtherTeams(
            _("“%(campaign)s” is for %(teams)s. Your text is kept; choose your team in your profile.")
            % {"campaign": campaign.name, "teams": ", ".join(team.name for team in teams)}
        )


def require_language(*, campaign: Campaign, language: str) -> None:
    """Refuse a chosen language that is none of the campaign's, where it names several; else any is taken.

    Raises:
        ValidationError: at the field ``language``.
    """
    if language and campaign.more_languages and language not in campaign.languages:
        tags = ", ".join(campaign.languages)
        raise ValidationError({"language": [_("Choose a language of this campaign: %(tags)s.") % {"tags": tags}]})


def require_open(campaign: Campaign) -> None:
    """Raise CampaignNotOpen unless the campaign takes work."""
    if campaign.status != Campaign.Status.OPEN:
        raise CampaignNotOpen(
            _("“%(campaign)s” is not open (%(status)s). Your text is kept; nothing was sent.")
            % {"campaign": campaign.name, "status": campaign.get_status_display().lower()}
        )

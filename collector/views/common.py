"""What the core's views share."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from collector.errors import Conflict, NotAllowed
from collector.models import Campaign, Role

if TYPE_CHECKING:
    from collector.errors import Refused
    from collector.models import Person

CAMPAIGN_KEY = "campaign"
_CACHE = "_woolgather_campaigns"


class PersonRequest(HttpRequest):
    """A request of somebody who is signed in, as every page's is."""

    user: Person  # LoginRequiredMiddleware saw to it


def is_lead(request: PersonRequest) -> bool:
    """Say whether who asks is a campaign lead, or an admin."""
    return request.user.has_role(Role.LEAD)


@dataclass(frozen=True)
class Site:
    """What the frame around every page shows: the campaign chosen, and those that can be."""

    campaign: Campaign | None
    campaigns: list[Campaign]


def site(request: HttpRequest) -> dict[str, object]:
    """Context processor: ``site``, read only where a template asks for it."""
    return {"site": SimpleLazyObject(lambda: _site(request))}


def _site(request: HttpRequest) -> Site:
    if not request.user.is_authenticated:
        return Site(None, [])
    is_open = [campaign for campaign in visible_campaigns(request) if campaign.status == Campaign.Status.OPEN]
    return Site(current_campaign(request), is_open)


def visible_campaigns(request: HttpRequest) -> list[Campaign]:
    """Return the campaigns that contributors see, open ones first; one query a request."""
    campaigns: list[Campaign] | None = request.__dict__.get(_CACHE)
    if campaigns is None:
        campaigns = sorted(Campaign.objects.visible(), key=lambda campaign: campaign.status != Campaign.Status.OPEN)
        request.__dict__[_CACHE] = campaigns
    return campaigns


def find_campaign(request: HttpRequest, slug: str) -> Campaign | None:
    """Return the visible campaign of this name; no text from outside reaches the database."""
    return next((campaign for campaign in visible_campaigns(request) if campaign.slug == slug), None)


def current_campaign(request: HttpRequest) -> Campaign | None:
    """Return the campaign chosen by ``?campaign=`` (remembered in the session), else the newest open one."""
    chosen = find_campaign(request, request.GET.get("campaign", ""))
    if chosen is not None:
        if request.session.get(CAMPAIGN_KEY) != chosen.slug:
            request.session[CAMPAIGN_KEY] = chosen.slug
        return chosen
    remembered = find_campaign(request, request.session.get(CAMPAIGN_KEY, ""))
    return remembered or next(iter(visible_campaigns(request)), None)


def status_of(refused: Refused) -> HTTPStatus:
    """Return the HTTP status that fits a refusal."""
    if isinstance(refused, Conflict):
        return HTTPStatus.CONFLICT
    return HTTPStatus.FORBIDDEN if isinstance(refused, NotAllowed) else HTTPStatus.UNPROCESSABLE_ENTITY

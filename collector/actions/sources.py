"""Where imported rows go, and who stands for where they come from."""

from __future__ import annotations

import hashlib

from django.utils.text import slugify

from collector.errors import Refused
from collector.models import Campaign, Person

SOURCE_DOMAIN = "imports.invalid"


class CampaignNotFound(Refused):
    """There is no such campaign to import into."""

    code = "campaign_not_found"


def find_campaign(*, slug: str = "") -> Campaign:
    """Return the campaign to import into: the named one, else the oldest that is open.

    Raises:
        CampaignNotFound: no such one, none open, or the named one is closed.
    """
    if not slug:
        campaign = Campaign.objects.open().order_by("created_at", "pk").first()
        if campaign is None:
            raise CampaignNotFound("No campaign is open. Open one in the admin, or name one with --campaign.")
        return campaign
    campaign = Campaign.objects.filter(slug=slug).first()
    if campaign is None:
        known = ", ".join(Campaign.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CampaignNotFound(f"There is no campaign “{slug}”. There are: {known}.")
    if campaign.status == Campaign.Status.CLOSED:
        raise CampaignNotFound(f"The campaign “{slug}” is closed. Open it in the admin, or name another one.")
    return campaign


def source_person(*, title: str) -> Person:
    """Return the person who stands for a source: they own its submissions and can never sign in."""
    name = title[:80] or "Import"
    stem = slugify(title)[:25].strip("-") or "source"
    # The digest tells titles apart that look alike as a slug.
    handle = f"import-{stem}-{hashlib.sha256(title.encode()).hexdigest()[:6]}"
    person, created = Person.objects.get_or_create(
        email=f"{handle}@{SOURCE_DOMAIN}",
        defaults={"handle": handle, "display_name": name, "is_source": True, "is_active": False},
    )
    if created:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    return person

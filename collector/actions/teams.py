"""Teams, found by what people call them."""

from __future__ import annotations

from django.db import transaction
from django.utils.text import slugify

from collector.models import Team
from collector.text import first_free, validate_text

SLUG_LENGTH = 45  # of the 50 that there are, so that a number fits behind


@transaction.atomic
def find_or_make_team(*, name: str) -> Team:
    """Return the team of this name, whatever its case, or of this slug, or a new one.

    Raises:
        ValidationError: it can't be the name of a team.
    """
    validate_text(name)
    name = " ".join(name.split())
    # Compared here: SQLite knows the cases of ASCII alone.
    found = next((team for team in Team.objects.all() if team.name.casefold() == name.casefold()), None)
    found = found or Team.objects.filter(slug=name).first()
    if found is not None:
        return found
    # Of a name in another script nothing may be left for the slug.
    stem = slugify(name)[:SLUG_LENGTH].strip("-") or "team"
    taken = set(Team.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    team = Team(name=name, slug=first_free(stem, taken))
    team.full_clean()
    team.save()
    return team

"""Keeping and forgetting recipes: named ways to choose what a version holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from collector.models import AuditEntry, Person, Role
from exports import naming
from exports.actions.freeze import NotALead, check_request
from exports.models import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exports.filters import Filter
    from exports.splits import Shares


def _require_lead(by: Person) -> None:
    if not by.has_role(Role.LEAD):
        raise NotALead(_("Only a campaign lead or an admin can keep recipes."))


@transaction.atomic
def save_recipe(
    *,
    name: str,
    dataset: str,
    filter: Filter,
    shares: Shares,
    formats: Sequence[str],
    licence: str,
    by: Person,
    now: datetime,
) -> Recipe:
    """Keep a recipe under a name; one that has the name already is replaced.

    Raises:
        NotALead: the person may not release.
        BadRequest: a name, format, campaign or category that can't be, as for a version.
        ValidationError: the recipe's own name can't be, at ``recipe``.
    """
    _require_lead(by)
    try:
        naming.valid_name(name)
    except naming.BadName as error:
        raise ValidationError({"recipe": [str(error)]}) from error
    check_request(name=dataset, filter=filter, formats=formats, licence=licence)
    recipe, is_new = Recipe.objects.update_or_create(
        name=name,
        defaults={
            "dataset": dataset,
            "filter": filter.as_dict(),
            "shares": str(shares),
            "formats": sorted(set(formats)),
            "licence": licence,
            "saved_by": by,
            "saved_at": now,
        },
    )
    AuditEntry.objects.create(
        by=by,
        verb="recipe.saved",
        target=name,
        at=now,
        detail={"filter": recipe.filter, "shares": recipe.shares, "new": is_new},
    )
    return recipe


@transaction.atomic
def delete_recipe(*, recipe: Recipe, by: Person, now: datetime) -> None:
    """Forget a recipe; versions that were made with it keep their own filter.

    Raises:
        NotALead: the person may not release.
    """
    _require_lead(by)
    AuditEntry.objects.create(
        by=by, verb="recipe.deleted", target=recipe.name, at=now, detail={"filter": recipe.filter}
    )
    recipe.delete()

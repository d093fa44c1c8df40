"""Publishing point rules, and the windows of contests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from collector.actions.standings import fill_contest, hold_the_ledger
from collector.errors import Conflict, NotAllowed, Refused
from collector.models import AuditEntry, Category, Contest, PointRules, Role
from collector.point_queries import rules_in_force

if TYPE_CHECKING:
    from datetime import date, datetime

    from collector.models import Campaign, Person

MOST_DAYS = 92
"""The longest contest: its board adds up its days."""


class NotALead(NotAllowed):
    """Only campaign leads and admins set the game's rules."""

    code = "not_a_lead"


class StaleRules(Conflict):
    """Another version was published since the person opened the rules."""

    code = "stale_rules"


class ContestGone(Conflict):
    """Another lead removed the contest."""

    code = "contest_gone"


class NothingChanged(Refused):
    """The new rules say what those in force say."""

    code = "nothing_changed"


def require_lead(person: Person) -> None:
    """Raise NotALead unless the person leads campaigns."""
    if not person.has_role(Role.LEAD):
        raise NotALead(_("Only campaign leads set the rules of the game."))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a lead would have the rules say."""

    difficulty: dict[str, int]
    need_percent: int
    rating_percents: list[int]
    review_points: int
    overturned_points: int
    day_limit: int | None
    review_day_limit: int | None
    note: str = ""

    def as_rules(self, *, number: int, now: datetime, by: Person | None) -> PointRules:
        """Return the version, not yet saved.

        Raises:
            ValidationError: with messages per field.
        """
        rules = PointRules(number=number, published_at=now, published_by=by, **self.__dict__)
        rules.full_clean(exclude=["published_by"])
        known = set(Category.objects.values_list("slug", flat=True))
        if unknown := sorted(set(self.difficulty) - known):
            raise ValidationError({"difficulty": [_("No such category: %(slugs)s.") % {"slugs": ", ".join(unknown)}]})
        return rules


SAYING = (
    "difficulty",
    "need_percent",
    "rating_percents",
    "review_points",
    "overturned_points",
    "day_limit",
    "review_day_limit",
)


@transaction.atomic
def publish_rules(*, wanted: Wanted, base: int, by: Person, now: datetime) -> PointRules:
    """Make the next version of the rules; it holds for what is begun, and for reviews given, from now on.

    Args:
        base: the number of the rules that the person changed.

    Raises:
        NotALead: as it says.
        StaleRules: ``base`` is no longer in force.
        ValidationError: with messages per field.
        NothingChanged: it says what the rules in force say.
    """
    require_lead(by)
    before = rules_in_force()
    if before.number != base:
        raise StaleRules(
            _("Version %(number)d of the rules was published while you were editing. Compare, then publish again.")
            % {"number": before.number}
        )
    rules = wanted.as_rules(number=before.number + 1, now=now, by=by)
    if all(getattr(rules, name) == getattr(before, name) for name in SAYING):
        raise NothingChanged(_("Nothing was changed yet: these are the rules in force."))
    try:
        with transaction.atomic():
            rules.save()
    except IntegrityError as error:  # another lead published at this very moment
        raise StaleRules(
            _("Another version of the rules was published just now. Compare, then publish again.")
        ) from error
    AuditEntry.objects.create(by=by, verb="rules.published", target=f"v{rules.number}", at=now)
    return rules


@transaction.atomic
def plan_contest(
    *,
    campaign: Campaign,
    name: str,
    starts_on: date,
    ends_on: date,
    by: Person,
    now: datetime,
    category: Category | None = None,
    prize: str = "",
) -> Contest:
    """Give some days of a campaign a board of their own.

    Raises:
        NotALead: as it says.
        ValidationError: with messages per field.
    """
    require_lead(by)
    hold_the_ledger()
    contest = Contest(
        campaign=campaign,
        name=name.strip(),
        prize=prize.strip(),
        starts_on=starts_on,
        ends_on=ends_on,
        category=category,
        created_by=by,
        created_at=now,
    )
    _check(contest)
    contest.save()
    fill_contest(contest)
    AuditEntry.objects.create(by=by, verb="contest.planned", target=_target(contest), at=now)
    return contest


@transaction.atomic
def change_contest(
    *,
    contest: Contest,
    name: str,
    starts_on: date,
    ends_on: date,
    category: Category | None,
    prize: str,
    by: Person,
    now: datetime,
) -> Contest:
    """Change a contest; its board follows at once.

    Raises:
        NotALead, ValidationError: as ``plan_contest``.
        ContestGone: another lead removed it.
    """
    require_lead(by)
    hold_the_ledger()
    found = Contest.objects.select_for_update(of=("self",), no_key=True).filter(pk=contest.pk).first()
    if found is None:
        raise ContestGone(_("This contest was removed meanwhile. Plan it again if you still want it."))
    contest = found
    contest.name, contest.prize = name.strip(), prize.strip()
    contest.starts_on, contest.ends_on, contest.category = starts_on, ends_on, category
    _check(contest)
    contest.save()
    fill_contest(contest)
    AuditEntry.objects.create(by=by, verb="contest.changed", target=_target(contest), at=now)
    return contest


@transaction.atomic
def remove_contest(*, contest: Contest, by: Person, now: datetime) -> None:
    """Remove a contest's board; everybody's points stay.

    Raises:
        NotALead: as it says.
    """
    require_lead(by)
    hold_the_ledger()
    AuditEntry.objects.create(by=by, verb="contest.removed", target=_target(contest), at=now)
    contest.delete()


def _check(contest: Contest) -> None:
    contest.full_clean(exclude=["created_by"])
    if contest.ends_on - contest.starts_on >= timedelta(days=MOST_DAYS):
        raise ValidationError({"ends_on": [_("A contest lasts at most %(days)d days.") % {"days": MOST_DAYS}]})
    if contest.category is not None and not contest.campaign.targets.filter(category=contest.category).exists():
        raise ValidationError({"category": [_("The campaign doesn't collect this category.")]})


def _target(contest: Contest) -> str:
    return f"{contest.campaign.slug}: {contest.name}"[:200]

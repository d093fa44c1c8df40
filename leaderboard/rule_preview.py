"""What new point rules would have paid for the last week's ledger."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from collector.models import Award, Category, Person
from collector.periods import day_of, zone_of
from collector.points import within, worth_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from collector.models import PointRules

DAYS = 7
SHOWN = 10


@dataclass(frozen=True)
class Line:
    """What somebody or something got, and would have got."""

    name: str
    number: int
    before: int
    after: int

    @property
    def difference(self) -> int:
        """Points more, or less."""
        return self.after - self.before


@dataclass(frozen=True)
class Mover(Line):
    """A person on the week's board, with their ranks."""

    rank_before: int = 0
    rank_after: int = 0

    @property
    def climbs(self) -> int:
        """Places won; negative where lost."""
        return self.rank_before - self.rank_after


@dataclass(frozen=True)
class Preview:
    """The last week by the rules that were, and by the new ones."""

    categories: list[Line]
    reviews: Line
    people: list[Mover]

    @property
    def before(self) -> int:
        """All points of the week as they were given."""
        return self.reviews.before + sum(line.before for line in self.categories)

    @property
    def after(self) -> int:
        """All points of the week by the new rules."""
        return self.reviews.after + sum(line.after for line in self.categories)


Repaid = tuple[Award, int]


def preview(*, rules: PointRules, now: datetime) -> Preview:
    """Pay the awards of the last seven days again, those that stand; three queries.

    The need is that of each pair's beginning and the ratings are those it got. What was given on the days before counts
    towards no limit here, since the rules of then had none of these.
    """
    awards = (
        Award.objects.filter(created_at__gt=now - timedelta(days=DAYS), revokes=None, revoked_by=None)
        .select_related("category", "campaign", "submission")
        .order_by("created_at", "pk")
    )
    repaid = list(_repaid(rules, awards.iterator(chunk_size=2_000)))
    by_category: defaultdict[int, list[Repaid]] = defaultdict(list)
    reviews: list[Repaid] = []
    by_person: defaultdict[int, list[Repaid]] = defaultdict(list)
    for award, points in repaid:
        of_pairs = award.reason == Award.Reason.APPROVED
        (by_category[award.category_id] if of_pairs else reviews).append((award, points))
        by_person[award.person_id].append((award, points))
    names = Category.objects.in_bulk(by_category)
    return Preview(
        categories=[
            Line(str(category), *_sums(by_category[category.pk]))
            for category in sorted(names.values(), key=lambda one: (one.position, one.slug))
        ],
        reviews=Line("", *_sums(reviews)),
        people=_movers(by_person),
    )


def _repaid(rules: PointRules, awards: Iterator[Award]) -> Iterator[Repaid]:
    given: defaultdict[tuple[int, str, date], int] = defaultdict(int)
    for award in awards:
        detail = award.detail
        if award.reason == Award.Reason.OVERTURNED:
            yield award, -(detail.get("earned", 0) and rules.review_points) - rules.overturned_points
            continue
        zone = zone_of(award.campaign.time_zone)
        if award.reason == Award.Reason.REVIEWED:
            points, limit, at = rules.review_points, rules.review_day_limit, award.created_at
        else:
            worth = worth_of(
                rules=rules,
                category=award.category,
                lacking=award.submission.lacking_percent,
                stars=detail.get("rating"),
            )
            points = 0 if "near" in detail else worth.points
            limit, at = rules.day_limit, award.submission.submitted_at or award.created_at
        key = (award.person_id, award.reason, day_of(at, zone))
        points = within(points, given=given[key], limit=limit)
        given[key] += points
        yield award, points


def _sums(rows: list[Repaid]) -> tuple[int, int, int]:
    return len(rows), sum(award.points for award, _points in rows), sum(points for _award, points in rows)


def _movers(by_person: dict[int, list[Repaid]]) -> list[Mover]:
    sums = {person: _sums(rows) for person, rows in by_person.items()}
    before, after = (_ranks({person: row[column] for person, row in sums.items()}) for column in (1, 2))
    top = sorted(sums, key=lambda person: (after[person], person))[:SHOWN]
    people: dict[int, Any] = Person.objects.only("display_name").in_bulk(top)
    return [
        Mover(people[person].display_name, *sums[person], rank_before=before[person], rank_after=after[person])
        for person in top
    ]


def _ranks(points: dict[int, int]) -> dict[int, int]:
    ranks: dict[int, int] = {}
    for place, value in enumerate(sorted(points.values(), reverse=True), start=1):
        ranks.setdefault(value, place)
    return {person: ranks[value] for person, value in points.items()}

"""What a pair or a review is worth: pure reckoning in whole points, and the sum in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector.models import Award

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.models import Category, PointRules

HUNDRED = 100
WHOLE = HUNDRED * HUNDRED


class Detail(TypedDict, total=False):
    """What an award's points were reckoned from, as its row keeps it."""

    difficulty: int
    lacking: int  # percent of the category's target, when the author began
    need: int  # percent of bonus
    rating: float | None  # stars, the mean of the approving reviews
    rating_percent: int
    full: int  # before duplicates and limits
    near: str  # the author's own approved submission that asks nearly the same
    limit: int  # the day's limit, where it cut
    earned: int  # of an overturned decision: what it had earned
    penalty: int


@dataclass(frozen=True, kw_only=True)
class Worth:
    """The points of a pair, and what they come from."""

    points: int
    detail: Detail


def lacking_percent(target: int, approved: int) -> int:
    """Return how much of a target is missing, in whole percent, rounded down; 0 where nothing is wanted."""
    return max(0, target - approved) * HUNDRED // target if target else 0


def need_bonus(rules: PointRules, lacking: int) -> int:
    """Return the bonus in percent for a category of which ``lacking`` percent is missing."""
    return _rounded(rules.need_percent * lacking, HUNDRED)


def difficulty_of(rules: PointRules, category: Category) -> int:
    """Return the points of a pair before need and rating: the rules' word, else the category's own."""
    return int(rules.difficulty.get(category.slug, category.points))


def stars_of(ratings: Iterable[int | None]) -> float | None:
    """Return the mean of the ratings that were given, to a tenth; None where none was."""
    given = [rating for rating in ratings if rating is not None]
    return round(sum(given) / len(given), 1) if given else None


def rating_percent(rules: PointRules, stars: float | None) -> int:
    """Return the percentage of a mean rating, that of the nearest whole star (halves up); 100 without a rating."""
    if stars is None:
        return HUNDRED
    return int(rules.rating_percents[int(stars + 0.5) - 1])


def worth_of(*, rules: PointRules, category: Category, lacking: int, stars: float | None = None) -> Worth:
    """Reckon a pair: difficulty × (1 + need) × rating, rounded half up, in whole points."""
    difficulty, need, percent = (
        difficulty_of(rules, category),
        need_bonus(rules, lacking),
        rating_percent(rules, stars),
    )
    points = _rounded(difficulty * (HUNDRED + need) * percent, WHOLE)
    return Worth(
        points=points,
        detail={
            "difficulty": difficulty,
            "lacking": lacking,
            "need": need,
            "rating": stars,
            "rating_percent": percent,
            "full": points,
        },
    )


def within(points: int, *, given: int, limit: int | None) -> int:
    """Return what of the points a day's limit leaves, where ``given`` were given already."""
    return points if limit is None else max(0, min(points, limit - given))


def _rounded(value: int, by: int) -> int:
    return (2 * value + by) // (2 * by)


# -- In words -------------------------------------------------------------------------------------------------


def why(award: Award) -> list[str]:
    """Tell in sentences how the points of an award, or of what takes one back, came about."""
    if award.revokes_id is not None:
        return [_taken_back(award)]
    detail: Detail = award.detail
    if award.reason == Award.Reason.OVERTURNED:
        return [_overturned(detail)]
    if award.reason == Award.Reason.REVIEWED:
        full = detail.get("full", award.points)
        words = ngettext("%(points)d point for a decision.", "%(points)d points for a decision.", full)
        return [words % {"points": full}, *_cut(detail, award.points)]
    if "difficulty" not in detail:
        return [_("The category's own points, as the rules were then.")]
    return [*_sum(award.category, detail), *_cut(detail, award.points)]


def _taken_back(award: Award) -> str:
    if award.reason == Award.Reason.OVERTURNED:
        return _("Your loss is taken back: what overturned your decision was undone.")
    words = ngettext(
        "%(points)d point is taken back: the approval or decision it was for no longer stands.",
        "%(points)d points are taken back: the approval or decision they were for no longer stands.",
        -award.points,
    )
    return words % {"points": -award.points}


def _sum(category: Category, detail: Detail) -> list[str]:
    words = [_worth(category, detail["difficulty"])]
    if detail["need"]:
        words.append(
            _("Plus %(bonus)d %%: when you began, the campaign lacked %(lacking)d %% of what it wants of it.")
            % {"bonus": detail["need"], "lacking": detail["lacking"]}
        )
    stars = detail["rating"]
    if stars is None:
        words.append(_("Nobody rated it, which changes nothing."))
    else:
        words.append(
            _("Times %(percent)d %%, because reviewers gave it %(stars)s of 5 stars.")
            % {"percent": detail["rating_percent"], "stars": number_format(stars, use_l10n=True)}
        )
    words.append(
        _("%(difficulty)d × %(need)s × %(rating)s = %(points)d, rounded.")
        % {
            "difficulty": detail["difficulty"],
            "need": number_format((HUNDRED + detail["need"]) / HUNDRED, 2),
            "rating": number_format(detail["rating_percent"] / HUNDRED, 2),
            "points": detail["full"],
        }
    )
    return words


def _worth(category: Category, points: int) -> str:
    return ngettext("%(category)s is worth %(points)d point.", "%(category)s is worth %(points)d points.", points) % {
        "category": category.name,
        "points": points,
    }


def _cut(detail: Detail, points: int) -> list[str]:
    if "near" in detail:
        return [_("No points: another approved pair of yours asks nearly the same.")]
    if "limit" in detail:
        return [
            _("You had reached the %(limit)d points of a day, so %(points)d were left to give.")
            % {"limit": detail["limit"], "points": points}
        ]
    return []


def _overturned(detail: Detail) -> str:
    if not detail.get("earned"):
        return _("Your decision was overturned. That costs %(penalty)d.") % {"penalty": detail.get("penalty", 0)}
    return _("Your decision was overturned: the %(earned)d it earned are gone, and %(penalty)d more.") % {
        "earned": detail["earned"],
        "penalty": detail.get("penalty", 0),
    }

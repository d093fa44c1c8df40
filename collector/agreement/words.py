"""What the figures mean, in words: names, formats, and the sentences at the head of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from collector.agreement.estimates import Gap, size_in_words
from collector.agreement.measures import ALPHAS, MEANS, SHARES, Measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.agreement.estimates import Estimate
    from collector.agreement.report import Report, Row

# K. Krippendorff, Content Analysis (2004), p. 241: rely on variables from 0.800; between 0.667 and 0.800 only for
# tentative conclusions. Below it, the two further steps are ours, to tell some from very little.
FIRM = 0.8
TENTATIVE = 0.667
SOME = 0.4
MINUTE = 60
MOST_NAMED = 3

LABELS = {
    Measure.DECISION: gettext_lazy("Agreement on decisions"),
    Measure.INSTRUCTION: gettext_lazy("Agreement on instruction ratings"),
    Measure.RESPONSE: gettext_lazy("Agreement on response ratings"),
    Measure.INSTRUCTION_MEAN: gettext_lazy("Mean instruction rating"),
    Measure.RESPONSE_MEAN: gettext_lazy("Mean response rating"),
    Measure.GOLD: gettext_lazy("Gold items decided rightly"),
    Measure.SECONDS: gettext_lazy("Time per item (minutes:seconds)"),
    Measure.OVERTURNED: gettext_lazy("Decisions overturned later"),
}
HEADS = {
    Measure.DECISION: gettext_lazy("Decisions α"),
    Measure.INSTRUCTION: gettext_lazy("Instruction α"),
    Measure.RESPONSE: gettext_lazy("Response α"),
    Measure.INSTRUCTION_MEAN: gettext_lazy("Instruction rating"),
    Measure.RESPONSE_MEAN: gettext_lazy("Response rating"),
    Measure.GOLD: gettext_lazy("Gold right"),
    Measure.SECONDS: gettext_lazy("Time (min:s)"),
    Measure.OVERTURNED: gettext_lazy("Overturned"),
}


def shown(measure: Measure, value: float | None) -> str:
    """Write a figure as people read it; a dash where there is none."""
    if value is None:
        return "–"
    if measure in ALPHAS or measure in MEANS:
        return number(value, 2)
    if measure in SHARES:
        return percent(value)
    return duration(value)


def number(value: float, places: int = 0) -> str:
    """Write a number rounded; Django's own formatting would cut its decimals off, and write -0."""
    return number_format(round(value, places) + 0.0, places)


def percent(value: float) -> str:
    """Write a share (0 to 1) as whole percent."""
    return _("%(number)s%%") % {"number": number(100 * value)}


def duration(seconds: float) -> str:
    """Write seconds as minutes and seconds, “1:05”."""
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes}:{rest:02}"


def interval(measure: Measure, estimate: Estimate) -> str:
    """Write an interval, or nothing where there is none."""
    if not estimate.has_interval:
        return ""
    ends = {"low": shown(measure, estimate.low), "high": shown(measure, estimate.high)}
    return _("%(low)s to %(high)s") % ends


def note(estimate: Estimate) -> str:
    """Write the sample's size, or why there is no figure."""
    return estimate.why if estimate.value is None else size_in_words(estimate.size, estimate.counted)


def gap(estimate: Estimate, *, is_short: bool = False) -> str:
    """Say in a few words why there is no figure; ``Estimate.why`` says it in full."""
    if estimate.gap == Gap.TOO_FEW:
        text = _("%(found)s of %(needed)s") if is_short else _("%(found)s of %(needed)s needed")
        return text % {"found": estimate.size, "needed": estimate.needed}
    return _("none shared") if estimate.gap == Gap.NO_PAIRS else _("all the same")


def band(value: float) -> str:
    """Say how well reviewers agree, to stand in brackets after a figure or in “agree well”."""
    if value >= FIRM:
        return pgettext("how reviewers agree", "well")
    if value >= TENTATIVE:
        return pgettext("how reviewers agree", "fairly well")
    if value >= SOME:
        return pgettext("how reviewers agree", "only in part")
    return pgettext("how reviewers agree", "very little")


@dataclass(frozen=True)
class Sentence:
    """One thing that the figures say; ``category`` or ``reviewer`` (ids, 0 for none) is where to look."""

    text: str
    category: int = 0
    reviewer: int = 0
    action: str = ""


def sentences(report: Report, names: Mapping[int, str], people: Mapping[int, str], *, own: bool) -> list[Sentence]:
    """Say what the figures mean, the most important first.

    Args:
        report: the figures.
        names: of the categories by id.
        people: of the reviewers by id.
        own: whether the reader reads about themself.
    """
    said = [_overall(report.overall, own=own), *_categories(report, names, own=own)]
    if not own:
        said += _reviewers(report, people)
    said += _gold(report.overall, own=own)
    return said


def _overall(row: Row, *, own: bool) -> Sentence:
    estimate = row.measures[Measure.DECISION]
    if estimate.value is None:
        return Sentence(_("How far decisions agree can't be told yet. %(why)s") % {"why": estimate.why})
    values = {
        "band": band(estimate.value),
        "value": shown(Measure.DECISION, estimate.value),
        "size": size_in_words(estimate.size, estimate.counted),
    }
    if own:
        return Sentence(_("Your decisions and your colleagues' agree %(band)s (%(value)s, from %(size)s).") % values)
    return Sentence(_("Reviewers' decisions agree %(band)s (%(value)s, from %(size)s).") % values)


def _categories(report: Report, names: Mapping[int, str], *, own: bool) -> list[Sentence]:
    known = [(row, row.measures[Measure.DECISION]) for row in report.categories if row.key in names]
    measured = sorted(
        [(estimate.value, row.key, estimate) for row, estimate in known if estimate.value is not None],
        key=lambda found: found[:2],
    )
    if not measured:
        return []
    low, low_key, worst = measured[0]
    high, high_key, best = measured[-1]
    values = {
        "best": names[high_key],
        "best_value": shown(Measure.DECISION, high),
        "best_band": band(high),
        "worst": names[low_key],
        "worst_value": shown(Measure.DECISION, low),
        "worst_band": band(low),
    }
    if len(measured) == 1 or not _apart(worst, best):
        if low >= TENTATIVE or own:
            return []
        text = _("Least agreed upon is %(worst)s (%(worst_value)s): look at its guidelines.") % values
        return [Sentence(text, category=low_key, action=_("See the items"))]
    if own:
        text = _(
            "You agree most on %(best)s (%(best_value)s, %(best_band)s), "
            "least on %(worst)s (%(worst_value)s, %(worst_band)s)."
        )
        return [Sentence(text % values, category=low_key, action=_("See the items"))]
    if low >= TENTATIVE:
        text = _("They agree most on %(best)s (%(best_value)s), least on %(worst)s (%(worst_value)s).")
    elif band(high) == band(low):
        text = _(
            "They agree most on %(best)s (%(best_value)s), least on %(worst)s (%(worst_value)s): "
            "look at its guidelines."
        )
    else:
        text = _(
            "They agree %(best_band)s on %(best)s (%(best_value)s), %(worst_band)s on %(worst)s (%(worst_value)s): "
            "look at its guidelines."
        )
    return [Sentence(text % values, category=low_key, action=_("See the items"))]


def _apart(low: Estimate, high: Estimate) -> bool:
    """Whether two intervals don't touch: less than that may be chance."""
    return low.high is not None and high.low is not None and low.high < high.low


def _reviewers(report: Report, people: Mapping[int, str]) -> list[Sentence]:
    overall = report.overall.measures[Measure.DECISION].value
    if overall is None:
        return []
    found = [
        (row.key, row.measures[Measure.DECISION])
        for row in report.reviewers
        if row.key in people and (row.measures[Measure.DECISION].high or 1.0) < overall
    ]
    found.sort(key=lambda pair: pair[1].value or 0.0)
    return [
        Sentence(
            _("%(name)s decides differently from colleagues more often than others do (%(value)s): worth a talk.")
            % {"name": people[key], "value": shown(Measure.DECISION, estimate.value)},
            reviewer=key,
            action=_("See where"),
        )
        for key, estimate in found[:MOST_NAMED]
    ]


def _gold(row: Row, *, own: bool) -> list[Sentence]:
    estimate = row.measures[Measure.GOLD]
    if estimate.value is None:
        return []
    values = {"share": percent(estimate.value), "size": size_in_words(estimate.size, estimate.counted)}
    if own:
        return [Sentence(_("Of gold items you decided %(share)s rightly (%(size)s).") % values)]
    return [Sentence(_("Of gold items, %(share)s were decided rightly (%(size)s).") % values)]

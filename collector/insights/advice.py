"""What a lead might do next: rules that turn figures into at most six plain sentences, the most urgent first.

A rule speaks only where it has enough to go by, so a new campaign is told to invite people and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector.insights import words
from collector.insights.charts import DOLLY, DOLLY_BY_CATEGORY
from collector.insights.forecasts import Gap
from collector.insights.measures import TOP, WITHIN
from collector.insights.report import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from collector.insights.report import Line, Mix, Report

MOST = 6
LONG_WAIT = timedelta(days=3)
VERY_LONG_WAIT = timedelta(days=7)
DAYS_OF_WORK = 3  # a backlog that takes longer is told
SOME_WAITING = 5
MOST_CATEGORIES = 2
# Half of databricks-dolly-15k's median: a model answers about as long as what it learnt from.
SHORT = DOLLY // 2
SOME_TEXTS = 30
HALF = 0.5
SOME_PEOPLE = 4 * TOP  # so that the top are a quarter of all at most
SOME_NEWCOMERS = 10
SOME_ACTIVE = 6
WEEKS_BEFORE = 3
SOME_DECISIONS = 30
SOME_REVIEWERS = 3
LEAST_APPROVED = 0.6
SOME_FAULTS = 3
FAULTS = ("unclear", "wrong", "unsuitable")


class Place(StrEnum):
    """Where something is done; the view knows the addresses."""

    CAMPAIGN = "campaign"
    CATEGORY = "category"
    WAITING = "waiting"
    DISPUTED = "disputed"
    PASSAGES = "passages"
    COMPOSE = "compose"
    INVITE = "invite"
    ROLES = "roles"
    REVIEWERS = "reviewers"
    ACTIVE = "active"


@dataclass(frozen=True)
class Advice:
    """One sentence; ``category`` (an id, or ALL) narrows the place."""

    urgency: int
    text: str
    action: str
    place: Place
    category: int = ALL


def advise(report: Report, *, people: Mapping[int, str], slugs: Mapping[int, str]) -> list[Advice]:
    """Choose what to say.

    Args:
        report: the figures.
        people: display names by id, of the reviewers at least.
        slugs: of the categories by id.
    """
    if report.is_new:
        return [_nobody_yet(report)]
    rules = (
        _waiting(report),
        _pace(report),
        _categories(report),
        _lengths(report, slugs),
        _approval(report),
        _people(report),
        _reviewers(report, people),
        _passages(report),
    )
    found = sorted((advice for rule in rules for advice in rule), key=lambda advice: -advice.urgency)
    return found[:MOST] or [_nothing_urgent(report)]


def _nobody_yet(report: Report) -> Advice:
    if not report.facts.is_open:
        text = _("Nothing was written yet, and no campaign is open here: open one first.")
        return Advice(90, text, _("Open the campaign"), Place.CAMPAIGN)
    text = _("Nobody has written anything yet: invite people, and write the first pair yourself to show how.")
    return Advice(90, text, _("Invite people"), Place.INVITE)


def _nothing_urgent(report: Report) -> Advice:
    found, end = report.overall.forecast, report.facts.end
    if found.day is None:
        text = _("Nothing is urgent. %(why)s") % {"why": words.why(found)}
    elif end is None:
        text = _("Nothing is urgent: at the present pace all targets are met on %(day)s.") % {
            "day": words.long_day(found.day)
        }
    else:
        text = _(
            "Nothing is urgent: at the present pace all targets are met on %(day)s, in time for the end on %(end)s."
        ) % {"day": words.long_day(found.day), "end": words.long_day(end)}
    return Advice(0, text, _("See the campaign"), Place.CAMPAIGN)


# -- Review --------------------------------------------------------------------------------------------------


def _waiting(report: Report) -> Iterator[Advice]:
    waiting, oldest = report.facts.waiting, report.oldest_wait
    if waiting.disputed:
        text = ngettext(
            "Reviewers disagree on %(count)d text: it waits for your last word.",
            "Reviewers disagree on %(count)d texts: they wait for your last word.",
            waiting.disputed,
        )
        yield Advice(85, text % {"count": waiting.disputed}, _("Decide"), Place.DISPUTED)
    if oldest is None:
        return
    pace = report.decided_per_day
    work = waiting.number / pace if pace else None
    if oldest < LONG_WAIT and not (
        waiting.number >= SOME_WAITING and work is not None and work > DAYS_OF_WORK and oldest > timedelta(days=1)
    ):
        return
    values = {"count": waiting.number, "oldest": words.duration(oldest)}
    text = ngettext(
        "%(count)d text waits for review, for %(oldest)s by now",
        "%(count)d texts wait for review, the oldest for %(oldest)s",
        waiting.number,
    )
    if work is not None and work > DAYS_OF_WORK:
        text += _(
            "; at %(pace)s decisions a day that is %(work)d days of work: ask reviewers for an hour, or make more "
            "people reviewers."
        )
        values |= {"pace": words.rate(pace), "work": ceil(work)}
    else:
        text += _(": who waits long seldom writes again.")
    yield Advice(95 if oldest > VERY_LONG_WAIT else 80, text % values, _("See what waits"), Place.WAITING)


def _approval(report: Report) -> Iterator[Advice]:
    from collector.agreement.figures import wilson

    low: list[tuple[float, int, Mix]] = [
        (mix.approve / mix.all, key, mix)
        for key, mix in report.mixes.items()
        if key != ALL and mix.all >= SOME_DECISIONS and wilson(mix.approve, mix.all)[1] < LEAST_APPROVED
    ]
    if low:
        share, key, _mix = min(low)
        values = {"share": words.percent(share), "category": report.facts.categories[key]}
        text = _(
            "Only %(share)s of the decisions on %(category)s approve: its guidelines may leave open what good looks "
            "like. The reasons given say where."
        )
        yield Advice(58, text % values, _("Improve the guidelines"), Place.CATEGORY, key)


def _reviewers(report: Report, people: Mapping[int, str]) -> Iterator[Advice]:
    total, number = sum(report.facts.reviewers.values()), len(report.reviewers)
    if total < SOME_DECISIONS:
        return
    values = {"name": people.get(report.reviewers[0][0], "–"), "share": words.percent(report.busiest)}
    if number == 1:
        text = _("%(name)s decides everything alone: a second pair of eyes keeps the measure fair.")
        yield Advice(42, text % values, _("Invite a reviewer"), Place.ROLES)
    elif number >= SOME_REVIEWERS and report.busiest > HALF:
        text = _("%(name)s makes %(share)s of all decisions: ask the others for a share before it becomes too much.")
        yield Advice(40, text % values, _("See the reviewers"), Place.REVIEWERS)


# -- Pace ----------------------------------------------------------------------------------------------------


def _pace(report: Report) -> Iterator[Advice]:
    overall, end, found = report.overall, report.facts.end, report.overall.forecast
    values = {
        "missing": words.number(overall.missing),
        "target": words.number(overall.target),
        "end": words.long_day(end) if end else "",
        "needed": words.rate(overall.needed),
        "pace": words.rate(found.per_day),
        "day": words.long_day(found.day) if found.day else "",
    }
    if found.gap == Gap.NO_TARGET and report.facts.is_open:
        text = _("No category has a target, so neither you nor the writers see what is missing.")
        yield Advice(60, text, _("Set targets"), Place.CAMPAIGN)
    elif overall.is_done:
        text = _("Every target is met: release a version, or set new targets.")
        yield Advice(66, text, _("Compose a version"), Place.COMPOSE)
    elif overall.missing and not report.facts.is_open:
        text = _("The campaign is not open and lacks %(missing)s of %(target)s: open it again, or lower its targets.")
        yield Advice(90, text % values, _("Change the campaign"), Place.CAMPAIGN)
    elif end is not None and end < report.facts.today:
        text = _("The campaign's end was %(end)s, and it lacks %(missing)s of %(target)s: move the end, or close it.")
        yield Advice(92, text % values, _("Change the campaign"), Place.CAMPAIGN)
    elif found.is_after(end):
        if found.day is not None:
            text = _(
                "At the present pace all targets are met on %(day)s, after the campaign's end on %(end)s: "
                "%(needed)s approvals a day are needed, %(pace)s come. Remind people, or move the end."
            )
        else:
            text = _(
                "The targets are out of reach at the present pace: %(needed)s approvals a day are needed until "
                "%(end)s, %(pace)s come. Remind people, lower the targets, or move the end."
            )
        yield Advice(75, text % values, _("Change the campaign"), Place.CAMPAIGN)


def _categories(report: Report) -> Iterator[Advice]:
    """Name the categories that are furthest from their targets, where they will miss the end or nothing comes."""
    late = [line for line in report.lines if line.missing and _lags(report, line)]
    late.sort(key=lambda line: -line.missing / line.target)
    for place, line in enumerate(late[:MOST_CATEGORIES]):
        name = report.facts.categories[line.category]
        values = {
            "category": name,
            "missing": words.number(line.missing),
            "target": words.number(line.target),
            "waiting": words.number(line.waiting),
            "day": words.long_day(line.forecast.day) if line.forecast.day else "",
        }
        if line.waiting >= line.missing:
            text = _(
                "%(category)s lacks %(missing)s of %(target)s, but %(waiting)s wait for review: decide these first."
            )
            yield Advice(70 - place, text % values, _("See what waits"), Place.WAITING, line.category)
            continue
        if line.forecast.day is not None:
            text = _(
                "%(category)s lacks %(missing)s of %(target)s; at the present pace it is done on %(day)s, after the "
                "campaign's end: raise its points, or ask people to write it."
            )
        else:
            text = _(
                "%(category)s lacks %(missing)s of %(target)s, and hardly anything comes: raise its points, or ask "
                "people to write it."
            )
        yield Advice(70 - place, text % values, _("Raise its points"), Place.CATEGORY, line.category)


def _lags(report: Report, line: Line) -> bool:
    return line.forecast.is_after(report.facts.end) or line.forecast.gap in {Gap.NOTHING, Gap.TOO_LITTLE}


# -- Texts ---------------------------------------------------------------------------------------------------


def is_short(report: Report) -> bool:
    """Whether the responses are so short that a model would learn to answer shortly."""
    return sum(report.lengths.values()) >= SOME_TEXTS and (report.middle_length or 0) < SHORT


def _lengths(report: Report, slugs: Mapping[int, str]) -> Iterator[Advice]:
    values = {"dolly": DOLLY, "words": words.rate(report.middle_length)}
    if is_short(report):
        text = _(
            "Half of the responses have fewer than %(words)s words (databricks-dolly-15k: %(dolly)d): a model learns "
            "to answer as shortly. Ask for reasons and examples in the guidelines."
        )
        yield Advice(65, text % values, _("Change the guidelines"), Place.CAMPAIGN)
        return
    short = []
    for key, middle in report.middle_lengths.items():
        usual = DOLLY_BY_CATEGORY.get(slugs.get(key, ""))
        if usual and report.texts[key] >= SOME_TEXTS and middle < usual / 2:
            short.append((middle / usual, key, middle, usual))
    if short:
        _share, key, middle, usual = min(short)
        values = {"category": report.facts.categories[key], "words": words.rate(middle), "dolly": usual}
        text = _(
            "%(category)s is answered in %(words)s words at the median, where databricks-dolly-15k took %(dolly)d: "
            "show a longer example."
        )
        yield Advice(55, text % values, _("Change the examples"), Place.CATEGORY, key)


# -- People --------------------------------------------------------------------------------------------------


def _people(report: Report) -> Iterator[Advice]:
    makers, made = report.makers, report.contributions
    if len(makers) >= SOME_PEOPLE and report.top > HALF:
        text = _(
            "The %(top)d most active of %(people)s people wrote %(share)s: a model would learn their style. Invite "
            "others, and limit each person's share when you compose a version."
        )
        values = {"top": TOP, "people": words.number(len(makers)), "share": words.percent(report.top)}
        yield Advice(50, text % values, _("Compose a version"), Place.COMPOSE)
    elif len(makers) > 1 and made >= SOME_TEXTS and makers[0][1] > HALF * made:
        text = _("One person wrote %(share)s of everything: a model would learn their style. Invite others.")
        yield Advice(50, text % {"share": words.percent(makers[0][1] / made)}, _("Invite people"), Place.INVITE)
    *before, last = report.whole_weeks[-WEEKS_BEFORE - 1 :] or [0]
    usual = sum(before) / len(before) if before else 0
    if usual >= SOME_ACTIVE and last < HALF * usual:
        text = _("Last week %(last)d people contributed, in the weeks before %(usual)s: time for a reminder.")
        yield Advice(48, text % {"last": last, "usual": words.rate(round(usual))}, _("See who is active"), Place.ACTIVE)
    back = report.conversion
    if back.newcomers >= SOME_NEWCOMERS and back.share is not None and back.share < HALF:
        text = _(
            "Of %(newcomers)s people who wrote for the first time, %(returned)s (%(share)s) came back within "
            "%(days)d days: a quick review and a kind word for first pairs help most."
        )
        values = {
            "newcomers": words.number(back.newcomers),
            "returned": words.number(back.returned),
            "share": words.percent(back.share),
            "days": WITHIN.days,
        }
        yield Advice(45, text % values, _("See what waits"), Place.WAITING)


def _passages(report: Report) -> Iterator[Advice]:
    number = sum(report.facts.skips.get(reason, 0) for reason in FAULTS)
    if number >= SOME_FAULTS:
        text = _("Passages were skipped %(count)d times as unclear, wrong or unsuitable: mend or switch off the worst.")
        yield Advice(35, text % {"count": number}, _("See the passages"), Place.PASSAGES)

"""What the insights page shows of a report: tabs of plots, and the figures above them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from collector.insights import charts, charts_people, words
from collector.insights.charts import DOLLY, Frame
from collector.insights.measures import TOP, WITHIN
from collector.insights.report import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from collector.insights.report import Line, Report
    from ui.frames import Files
    from ui.plots import Chart


class Tab(TextChoices):
    """What the plots are about."""

    PACE = "pace", gettext_lazy("Pace")
    MIX = "mix", gettext_lazy("Composition")
    PEOPLE = "people", gettext_lazy("People")
    REVIEW = "review", gettext_lazy("Review")
    REASONS = "reasons", gettext_lazy("Reasons")


@dataclass(frozen=True)
class Tile:
    """A figure with its name, and what it means in a few words."""

    name: str
    figure: str
    note: str = ""


@dataclass(frozen=True)
class ProgressRow:
    """A line of the table of targets, in words."""

    name: str
    line: Line
    pace: str
    needed: str
    done: str
    interval: str
    why: str
    is_late: bool


def progress(report: Report) -> list[ProgressRow]:
    """Write the targets' table: all categories together first, where there are several."""
    lines = [report.overall, *report.lines] if len(report.lines) > 1 else report.lines
    return [
        ProgressRow(
            name=_("All categories") if line.category == ALL else report.facts.categories[line.category],
            line=line,
            pace=words.rate(line.forecast.per_day),
            needed=words.rate(line.needed),
            done=words.forecast(line.forecast),
            interval=words.interval(line.forecast),
            why=words.why(line.forecast) if line.forecast.day is None and not line.is_done else "",
            is_late=line.forecast.is_after(report.facts.end),
        )
        for line in lines
    ]


def tiles(report: Report) -> list[Tile]:
    """Return the figures that stand above all tabs."""
    overall, found = report.overall, report.overall.forecast
    shown = []
    if overall.target:
        shown.append(
            Tile(
                _("Approved"),
                words.percent(overall.share),
                _("%(done)s of %(target)s wanted")
                % {"done": words.number(overall.approved), "target": words.number(overall.target)},
            )
        )
        shown.append(Tile(_("Done on"), words.forecast(found), words.interval(found) or words.why(found)))
    if overall.needed is not None:
        shown.append(
            Tile(
                _("Approvals a day"),
                words.rate(found.per_day),
                _("%(number)s needed") % {"number": words.rate(overall.needed)},
            )
        )
    waiting = report.facts.waiting
    oldest = _("the oldest for %(time)s") % {"time": words.duration(report.oldest_wait)} if waiting.number else ""
    shown.append(Tile(_("Waiting for review"), words.number(waiting.number), oldest))
    # Of a dozen people or fewer it is all, and says nothing.
    if len(report.makers) > TOP:
        people = ngettext("%(count)s person in all", "%(count)s people in all", len(report.makers))
        note = people % {"count": words.number(len(report.makers))}
        shown.append(Tile(_("Share of the top %(count)d") % {"count": TOP}, words.percent(report.top), note))
    return shown


def facts(tab: Tab, report: Report) -> list[Tile]:
    """Return the figures that stand above a tab's plots."""
    if tab == Tab.MIX:
        return _mix_facts(report)
    if tab == Tab.PEOPLE:
        return _people_facts(report)
    if tab == Tab.REVIEW:
        return _review_facts(report)
    return []


def _mix_facts(report: Report) -> list[Tile]:
    if report.middle_length is None:
        return []
    dolly = _("databricks-dolly-15k: %(number)s") % {"number": DOLLY}
    return [
        Tile(_("Texts"), words.number(sum(report.texts.values())), _("approved or still in review")),
        Tile(_("Median words of a response"), words.rate(report.middle_length), dolly),
        Tile(_("Languages"), words.number(len(report.languages))),
    ]


def _people_facts(report: Report) -> list[Tile]:
    if not report.makers:
        return []
    back = report.conversion
    shown = [
        Tile(_("People who contributed"), words.number(len(report.makers))),
        Tile(
            _("Share of the top %(count)d") % {"count": TOP},
            _("%(number)s%%") % {"number": words.number(100 * report.top, 1)},
            _("of %(number)s contributions") % {"number": words.number(report.contributions)},
        ),
        Tile(_("Gini coefficient"), words.number(report.gini, 2), _("0: all the same; near 1: one wrote all")),
        Tile(
            _("Wrote half of it"),
            ngettext("%(count)s person", "%(count)s people", report.half) % {"count": words.number(report.half)},
        ),
    ]
    if back.share is not None:
        note = _("%(returned)s of %(newcomers)s wrote again within %(days)d days") % {
            "returned": words.number(back.returned),
            "newcomers": words.number(back.newcomers),
            "days": WITHIN.days,
        }
        shown.append(Tile(_("Came back"), words.percent(back.share), note))
    else:
        note = _("Nobody's first contribution is %(days)d days old yet.") % {"days": WITHIN.days}
        shown.append(Tile(_("Came back"), "–", note))
    return shown


def _review_facts(report: Report) -> list[Tile]:
    waiting, mix = report.facts.waiting, report.mixes[ALL]
    shown = [
        Tile(_("Waiting now"), words.number(waiting.number)),
        Tile(_("Oldest waits"), words.duration(report.oldest_wait)),
        Tile(_("Half wait longer than"), words.duration(report.middle_waiting)),
        Tile(_("Median time to a verdict"), words.duration(report.middle_wait)),
    ]
    if mix.all:
        shown.append(Tile(_("Approval rate"), words.percent(mix.approve / mix.all)))
        shown.append(Tile(_("Share of the busiest reviewer"), words.percent(report.busiest)))
    return shown


def plots(
    tab: Tab,
    report: Report,
    *,
    people: Mapping[int, str],
    slugs: Mapping[int, str],
    files: Callable[[str], Files],
) -> list[Chart]:
    """Draw a tab's plots; what there is nothing to show of is left out.

    Args:
        tab: what they are about.
        report: the figures.
        people: display names by id.
        slugs: of the categories by id.
        files: the addresses of a plot as files, by its ident.
    """

    def frame(ident: str, title: str, description: str) -> Frame:
        return Frame(ident, title, description, files(ident))

    makers = {
        Tab.PACE: lambda: _pace(report, frame),
        Tab.MIX: lambda: _mix(report, slugs, frame),
        Tab.PEOPLE: lambda: _people(report, people, frame),
        Tab.REVIEW: lambda: _review(report, people, frame),
        Tab.REASONS: lambda: _reasons(report, frame),
    }
    return list(makers[tab]())


def _pace(report: Report, frame: Callable[[str, str, str], Frame]) -> Iterator[Chart]:
    if report.stretches and any(stretch.sent or stretch.approved for stretch in report.stretches):
        title = _("Each week") if report.is_weekly else _("Each day")
        described = _(
            "What was sent and what was approved. The dashed line is what must be approved from tomorrow on to meet "
            "all targets by the campaign's end."
        )
        if report.overall.needed is None:
            described = _("What was sent and what was approved.")
        yield charts.per_day(report, frame("per-day", title, described))
    if report.overall.target and report.days:
        described = _(
            "Approved in all, up to each category's target. The dotted line is the pace needed to end in time, the "
            "dashed one the present pace; 8 of 10 simulated futures are done in the tinted time."
        )
        yield charts.towards_target(report, frame("towards-target", _("Towards the target"), described))
        described = _("Each bar is a category's target. Above it there is no bar, only the figure.")
        yield charts.targets(report, frame("targets", _("Targets, by category"), described))


def _mix(report: Report, slugs: Mapping[int, str], frame: Callable[[str, str, str], Frame]) -> Iterator[Chart]:
    if not report.texts:
        return
    yield charts.lengths(
        report,
        frame("lengths", _("Words of a response"), _("How many responses have how many words.")),
    )
    described = _("The median number of words, by category; the table has databricks-dolly-15k's beside it.")
    yield charts.middle_lengths(report, frame("median-lengths", _("Median length, by category"), described), slugs)
    described = _("Texts that are approved or still in review.")
    yield charts.by_category(report, frame("categories", _("Texts, by category"), described))
    yield charts.by_language(report, frame("languages", _("Texts, by language"), described))


def _people(report: Report, people: Mapping[int, str], frame: Callable[[str, str, str], Frame]) -> Iterator[Chart]:
    if not report.makers:
        return
    described = _(
        "Lorenz curve: from those who wrote least to those who wrote most, what share of the people wrote what share "
        "of the contributions. The further below the dashed line, the longer the tail."
    )
    yield charts_people.lorenz(report, frame("lorenz", _("The long tail"), described))
    described = _("Contributions and their share of all.")
    title = _("The %(count)d who contributed most") % {"count": TOP}
    yield charts_people.top(report, frame("top", title, described), people)
    if report.weeks:
        described = _("How many people sent anything in a week. The last week is not over yet.")
        if not report.facts.is_open:
            described = _("How many people sent anything in a week.")
        yield charts_people.weeks(report, frame("active-weeks", _("Active people, by week"), described))


def _review(report: Report, people: Mapping[int, str], frame: Callable[[str, str, str], Frame]) -> Iterator[Chart]:
    if not report.mixes[ALL].all:
        return
    if report.stretches:
        title = _("Decisions each week") if report.is_weekly else _("Decisions each day")
        yield charts_people.decisions(report, frame("decisions", title, _("All decisions, and those that approve.")))
    described = _("How many of a category's decisions approve. The line is the 95% interval.")
    yield charts_people.rates(report, frame("approval", _("Approval rate, by category"), described))
    if report.facts.waits:
        described = _("From sending to the verdict, of the last verdicts.")
        yield charts_people.waits(report, frame("waits", _("How long texts waited"), described))
    described = _("Decisions and their share of all.")
    yield charts_people.load(report, frame("load", _("Decisions, by reviewer"), described), people)


def _reasons(report: Report, frame: Callable[[str, str, str], Frame]) -> Iterator[Chart]:
    if report.facts.reasons:
        described = _("Why reviewers asked for changes or rejected; a decision may have several reasons.")
        yield charts_people.reasons(report, frame("reasons", _("Why texts came back"), described))
    if report.facts.skips:
        described = _("Why contributors passed a passage by.")
        yield charts_people.skips(report, frame("skips", _("Why passages were skipped"), described))

"""What the agreement page shows of a report: the plots of each tab, and the tables of all figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from collector.agreement import charts, words
from collector.agreement.measures import Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from collector.agreement.charts import Entry, Files
    from collector.agreement.estimates import Estimate
    from collector.agreement.report import Report
    from ui.plots import Chart


class Tab(TextChoices):
    """What the plots are about."""

    DECISIONS = "decisions", gettext_lazy("Decisions")
    INSTRUCTION = "instruction", gettext_lazy("Instruction ratings")
    RESPONSE = "response", gettext_lazy("Response ratings")
    GOLD = "gold", gettext_lazy("Gold items")
    TIME = "time", gettext_lazy("Time per item")
    OVERTURNED = "overturned", gettext_lazy("Overturned")


MEASURES = {
    Tab.DECISIONS: (Measure.DECISION,),
    Tab.INSTRUCTION: (Measure.INSTRUCTION, Measure.INSTRUCTION_MEAN),
    Tab.RESPONSE: (Measure.RESPONSE, Measure.RESPONSE_MEAN),
    Tab.GOLD: (Measure.GOLD,),
    Tab.TIME: (Measure.SECONDS,),
    Tab.OVERTURNED: (Measure.OVERTURNED,),
}


@dataclass(frozen=True)
class Shown:
    """A figure in a cell: as written, its interval and sample; or in short and in full why there is none."""

    figure: str
    interval: str
    size: int
    gap: str
    why: str

    @classmethod
    def of(cls, measure: Measure, estimate: Estimate) -> Shown:
        """Write an estimate."""
        return cls(
            figure="" if estimate.value is None else words.shown(measure, estimate.value),
            interval=words.interval(measure, estimate),
            size=estimate.size,
            gap=words.gap(estimate, is_short=True) if estimate.value is None else "",
            why=estimate.why,
        )


@dataclass(frozen=True)
class Line:
    """A row of a table of all figures; ``disputed`` items wait for a last word at ``disputed_href``."""

    name: str
    href: str
    decisions: int
    figures: tuple[Shown, ...]
    disputed: int = 0
    disputed_href: str = ""


def line(entry: Entry, *, disputed: int = 0, disputed_href: str = "") -> Line:
    """Write an entry as a row of the table."""
    figures = tuple(Shown.of(measure, entry.row.measures[measure]) for measure in Measure)
    return Line(entry.name, entry.href, entry.row.decisions, figures, disputed, disputed_href)


def heads() -> list[str]:
    """Return the tables' heads, in the order of ``Line.figures``."""
    return [str(words.HEADS[measure]) for measure in Measure]


def plots(
    tab: Tab,
    report: Report,
    *,
    categories: Sequence[Entry],
    reviewers: Sequence[Entry],
    files: Callable[[str], Files],
) -> list[Chart]:
    """Draw a tab's plots.

    Args:
        tab: what they are about.
        report: the figures.
        categories: in the order they are shown, all of them first.
        reviewers: likewise; empty where the report is about one.
        files: the addresses of a plot as files, by its ident.
    """
    return [*_dots(tab, categories, reviewers, files), *_more(tab, report, categories, reviewers, files)]


def _dots(
    tab: Tab, categories: Sequence[Entry], reviewers: Sequence[Entry], files: Callable[[str], Files]
) -> Iterator[Chart]:
    for measure in MEASURES[tab]:
        axis = charts.axis_for(measure, [entry.row for entry in (*categories, *reviewers)])
        label = str(words.LABELS[measure])
        sides = (
            ("categories", _("%(measure)s, by category"), categories),
            ("reviewers", _("%(measure)s, by reviewer"), reviewers),
        )
        for side, title, entries in sides:
            if entries:
                ident = f"{measure}-{side}".replace("_", "-")
                yield charts.dots(
                    ident=ident,
                    title=title % {"measure": label},
                    measure=measure,
                    entries=entries,
                    axis=axis,
                    files=files(ident),
                    explained=entries is categories,
                )


def _more(
    tab: Tab,
    report: Report,
    categories: Sequence[Entry],
    reviewers: Sequence[Entry],
    files: Callable[[str], Files],
) -> Iterator[Chart]:
    if tab in {Tab.INSTRUCTION, Tab.RESPONSE}:
        counts = report.ratings[Measure.INSTRUCTION if tab == Tab.INSTRUCTION else Measure.RESPONSE]
        if any(counts):
            title = _("All instruction ratings") if tab == Tab.INSTRUCTION else _("All response ratings")
            yield charts.ratings(ident="ratings", title=title, counts=counts, files=files("ratings"))
    if tab == Tab.TIME and len(report.seconds):
        yield charts.times(ident="times", title=_("All times"), report=report, files=files("times"))
    if tab == Tab.DECISIONS:
        sides = (
            ("mix-categories", _("What was decided, by category"), categories),
            ("mix-reviewers", _("What was decided, by reviewer"), reviewers),
        )
        for ident, title, entries in sides:
            if any(entry.row.decisions for entry in entries):
                yield charts.mix(
                    ident=ident, title=title, entries=entries, files=files(ident), explained=entries is categories
                )

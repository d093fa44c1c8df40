"""How far reviewers agree: for leads everybody's figures, for reviewers their own."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db.models import TextChoices
from django.http import Http404, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from collector import agreement_queries as queries
from collector.agreement import sections, words
from collector.agreement.charts import Entry, Files, table_data
from collector.agreement.measures import Measure, Scale
from collector.agreement.sections import Tab
from collector.models import Person, Role
from collector.sheets.cells import guard
from collector.views.common import find_campaign, visible_campaigns
from ui.partials import render_partial_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from collector.agreement.report import Report
    from collector.agreement.sections import Line
    from collector.agreement.words import Sentence
    from collector.models import Campaign, Category
    from collector.views.common import PersonRequest
    from ui.plots import Chart

DAYS = 30
LATER = 5_000  # reviews: from here on the page comes first and the figures follow
TEMPLATE = "collector/agreement.html"


class Period(TextChoices):
    """Which reviews count."""

    MONTH = "month", gettext_lazy("Last 30 days")
    ALL = "all", gettext_lazy("All time")


SCALES = (
    (Scale.ORDINAL.value, gettext_lazy("as ranks (ordinal)")),
    (Scale.INTERVAL.value, gettext_lazy("as distances (interval)")),
)


@dataclass(frozen=True)
class Asked:
    """What the address asks for; whatever is not known there is the usual one."""

    campaign: Campaign | None
    period: Period
    scale: Scale
    tab: Tab
    reviewer: Person | None
    is_own: bool

    @classmethod
    def of(cls, request: PersonRequest) -> Asked:
        """Read the address.

        Raises:
            PermissionDenied: the person is neither reviewer, lead nor admin.
            Http404: no such reviewer.
        """
        get = request.GET.get
        period, tab = get("period", ""), get("show", "")
        if request.user.has_role(Role.LEAD):
            reviewer, is_own = _reviewer(get("reviewer", "")), False
        elif request.user.has_role(Role.REVIEWER):
            reviewer, is_own = request.user, True
        else:
            raise PermissionDenied(_("How reviewers agree is for reviewers and campaign leads."))
        return cls(
            campaign=find_campaign(request, get("campaign", "")),
            period=Period(period) if period in Period.values else Period.ALL,
            scale=Scale.INTERVAL if get("scale") == Scale.INTERVAL else Scale.ORDINAL,
            tab=Tab(tab) if tab in Tab.values else Tab.DECISIONS,
            reviewer=reviewer,
            is_own=is_own,
        )

    def choice(self, now: datetime) -> queries.Choice:
        """Return which reviews are meant; the last 30 days begin at midnight UTC, so that one day asks alike."""
        since = None
        if self.period == Period.MONTH:
            since = (now - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
        return queries.Choice(campaign=self.campaign, since=since, reviewer=self.reviewer)

    def address(self, **more: str) -> str:
        """Return the page's address with the same question, and ``more``; an empty value leaves its name out."""
        names = {
            "campaign": self.campaign.slug if self.campaign else "",
            "period": "" if self.period == Period.ALL else self.period.value,
            "scale": "" if self.scale == Scale.ORDINAL else self.scale.value,
            "show": "" if self.tab == Tab.DECISIONS else self.tab.value,
            "reviewer": self.reviewer.handle if self.reviewer and not self.is_own else "",
        } | more
        return "?" + urlencode({name: value for name, value in names.items() if value})


def _reviewer(handle: str) -> Person | None:
    if not handle:
        return None
    found = Person.objects.filter(handle=handle).first()
    if found is None:
        raise Http404(_("There is nobody of this name."))
    return found


@dataclass(frozen=True)
class _Page:
    """A report with the names of what it counts; each property is read once."""

    asked: Asked
    report: Report

    @cached_property
    def found(self) -> dict[int, Category]:
        """The categories by id, in the house's order."""
        return queries.categories(row.key for row in self.report.categories)

    @cached_property
    def categories(self) -> list[Entry]:
        """All, then each category in the house's order; a name leads to the category's items in the sheet."""
        rows = {row.key: row for row in self.report.categories}
        each = [Entry(found.name, rows[key], self.grid(found.slug)) for key, found in self.found.items()]
        return [Entry(_("All categories"), self.report.overall), *each]

    @cached_property
    def reviewers(self) -> list[Entry]:
        """Each reviewer, who decided most first; a name leads to their own figures."""
        if self.asked.reviewer is not None:
            return []
        people = queries.people(row.key for row in self.report.reviewers)
        rows = sorted(self.report.reviewers, key=lambda row: (-row.decisions, people[row.key].display_name))
        return [
            Entry(people[row.key].display_name, row, self.asked.address(reviewer=people[row.key].handle))
            for row in rows
        ]

    def grid(self, category: str, *, disputed: bool = False) -> str:
        """Return the sheet's address with these items."""
        names = {
            "category": category,
            "campaign": self.asked.campaign.slug if self.asked.campaign else "",
            "disputed": "1" if disputed else "",
        }
        return f"{reverse('review-grid')}?{urlencode({name: value for name, value in names.items() if value})}"

    def charts(self) -> list[Chart]:
        def files(ident: str) -> Files:
            return Files(
                csv=self.asked.address(format="csv", chart=ident), svg=self.asked.address(format="svg", chart=ident)
            )

        return sections.plots(
            self.asked.tab, self.report, categories=self.categories, reviewers=self.reviewers, files=files
        )

    def category_lines(self) -> list[Line]:
        """The categories' table, with how many items of each are disputed now."""
        waiting = queries.disputed(self.asked.campaign)
        lines = []
        for entry in self.categories:
            number = waiting.get(entry.row.key, 0) if entry.row.key else sum(waiting.values())
            slug = self.found[entry.row.key].slug if entry.row.key else ""
            href = self.grid(slug, disputed=True)
            lines.append(sections.line(entry, disputed=number, disputed_href=href))
        return lines

    def sentences(self, lines: list[Line]) -> list[tuple[Sentence, str]]:
        """What the figures mean, each with the address of what it speaks of: disputed items where there are any."""
        categories = {entry.row.key: entry.name for entry in self.categories if entry.row.key}
        reviewers = {entry.row.key: entry for entry in self.reviewers}
        places = {
            entry.row.key: line.disputed_href if line.disputed else entry.href
            for entry, line in zip(self.categories, lines, strict=True)
        }
        people = {key: entry.name for key, entry in reviewers.items()}
        return [
            (sentence, reviewers[sentence.reviewer].href if sentence.reviewer else places.get(sentence.category, ""))
            for sentence in words.sentences(self.report, categories, people, own=self.asked.is_own)
        ]

    def context(self) -> dict[str, Any]:
        """Everything that the template needs of the figures."""
        overall, lines = self.report.overall, self.category_lines()
        return {
            "charts": self.charts(),
            "heads": sections.heads(),
            "category_lines": lines,
            "reviewer_lines": [sections.line(entry) for entry in self.reviewers],
            "sentences": self.sentences(lines),
            "is_empty": not overall.decisions and not overall.measures[Measure.GOLD].size,
            "needs_reviews": overall.measures[Measure.DECISION].value is None,
            "needs_gold": overall.measures[Measure.GOLD].value is None,
            "sees_others": self.report.sees_others,
            "categories_csv": self.asked.address(format="csv", chart="table-categories"),
            "reviewers_csv": self.asked.address(format="csv", chart="table-reviewers"),
        }


@require_safe
def agreement(request: PersonRequest) -> HttpResponse:
    """Show how far reviewers agree; ``?format=csv|svg&chart=…`` gives one plot or table as a file.

    Where there is much to count that was not counted before, the page comes at once and asks for the figures.
    """
    asked = Asked.of(request)
    choice, state = asked.choice(timezone.now()), queries.size()
    report = queries.kept_report(choice, asked.scale, state)
    form = request.GET.get("format", "")
    if report is None and state.reviews >= LATER and not form and not request.GET.get("count"):
        return _answer(request, asked, {"reviews": state.reviews, "count_href": asked.address(count="1")})
    page = _Page(asked, report or queries.make_report(choice, asked.scale, state))
    if form:
        return _file(page, form, request.GET.get("chart", ""))
    return _answer(request, asked, page.context())


def _answer(request: PersonRequest, asked: Asked, figures: dict[str, Any]) -> HttpResponse:
    context = figures | {
        "asked": asked,
        "is_lead": not asked.is_own,
        "campaigns": visible_campaigns(request),
        "periods": Period.choices,
        "scales": SCALES,
        "tabs": [(value, label, asked.address(show=value)) for value, label in Tab.choices],
        "everybody_href": asked.address(reviewer=""),
    }
    return render_partial_response(request, TEMPLATE, context, {"figures": "figures"})


def _file(page: _Page, form: str, name: str) -> HttpResponse:
    tables = {"table-categories": page.categories, "table-reviewers": page.reviewers}
    if form == "csv" and tables.get(name):
        return _csv(name, table_data(tables[name]))
    chart = next((chart for chart in page.charts() if chart.ident == name), None)
    if chart is not None and form == "csv":
        return _csv(name, chart.data)
    if chart is not None and form == "svg":
        drawn = {"ident": chart.ident, "title": chart.title, "description": chart.description}
        text = render_to_string("ui/plot.svg", {**drawn, "drawing": chart.wide, "shape": "wide"})
        return _download(text, "image/svg+xml", f"agreement-{name}.svg")
    raise Http404(_("There is no such plot."))


def _csv(name: str, rows: Iterable[Sequence[str | float | None]]) -> HttpResponse:
    text = StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow(guard(str(cell)) if isinstance(cell, str) else cell for cell in row)
    return _download(text.getvalue(), "text/csv; charset=utf-8", f"agreement-{name}.csv")


def _download(text: str, kind: str, name: str) -> HttpResponse:
    return HttpResponse(text, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})

"""Insights for campaign leads: pace, composition, the long tail, review, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db.models import TextChoices
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from collector import insight_queries as queries
from collector.insights import advice, sections
from collector.insights.advice import Place
from collector.insights.measures import TOP
from collector.insights.report import Report
from collector.insights.sections import Tab
from collector.models import Campaign, Role
from collector.views.chart_files import chart_file
from collector.views.common import current_campaign, find_campaign, visible_campaigns
from ui.frames import Files
from ui.partials import render_partial_response

if TYPE_CHECKING:
    from datetime import date, datetime, tzinfo

    from django.http import HttpResponse

    from collector.insights.advice import Advice
    from collector.models import Category
    from collector.views.common import PersonRequest
    from ui.plots import Chart

TEMPLATE = "collector/insights.html"
EVERY = "all"  # in the address, for all campaigns
FOUR_WEEKS = timedelta(days=27)  # before today: 28 days with it


class Period(TextChoices):
    """Which days the figures are of; targets and forecasts are always as of now."""

    FOUR_WEEKS = "weeks", gettext_lazy("Last 4 weeks")
    CAMPAIGN = "campaign", gettext_lazy("Since the campaign began")
    ALL = "all", gettext_lazy("All time")


@dataclass(frozen=True)
class Asked:
    """What the address asks for; whatever is not known there is the usual one."""

    campaign: Campaign | None
    period: Period
    tab: Tab

    @classmethod
    def of(cls, request: PersonRequest) -> Asked:
        """Read the address.

        Raises:
            PermissionDenied: the person is neither lead nor admin.
        """
        if not request.user.has_role(Role.LEAD):
            raise PermissionDenied(_("Insights are for campaign leads."))
        get = request.GET.get
        slug, period, tab = get("campaign", ""), get("period", ""), get("show", "")
        campaign = find_campaign(request, slug)
        if campaign is None and slug != EVERY:
            campaign = current_campaign(request)
        return cls(
            campaign=campaign,
            period=Period(period) if period in Period.values else Period.FOUR_WEEKS,
            tab=Tab(tab) if tab in Tab.values else Tab.PACE,
        )

    def choice(self, campaigns: list[Campaign], now: datetime) -> queries.Choice:
        """Return what is to be read, in the campaign's days; those of all campaigns are the first open one's."""
        named = self.campaign or next(iter(campaigns), None)
        zone: tzinfo = ZoneInfo(named.time_zone) if named else UTC
        first: date | None = None
        if self.period == Period.FOUR_WEEKS:
            first = now.astimezone(zone).date() - FOUR_WEEKS
        elif self.period == Period.CAMPAIGN and self.campaign is not None:
            first = self.campaign.starts_on
        asked = [self.campaign] if self.campaign else campaigns
        is_open = any(campaign.status == Campaign.Status.OPEN for campaign in asked)
        return queries.Choice(campaign=self.campaign, first=first, zone=zone, is_open=is_open)

    def address(self, **more: str) -> str:
        """Return the page's address with the same question, and ``more``; an empty value leaves its name out."""
        names = {
            "campaign": self.campaign.slug if self.campaign else EVERY,
            "period": "" if self.period == Period.FOUR_WEEKS else self.period.value,
            "show": "" if self.tab == Tab.PACE else self.tab.value,
        } | more
        return "?" + urlencode({name: value for name, value in names.items() if value})


@dataclass(frozen=True)
class Page:
    """A report with the names of what it counts; each property is read once."""

    asked: Asked
    report: Report
    may_administer: bool

    @cached_property
    def categories(self) -> dict[int, Category]:
        """The categories by id."""
        return queries.categories()

    @cached_property
    def slugs(self) -> dict[int, str]:
        """Their slugs by id."""
        return {key: category.slug for key, category in self.categories.items()}

    @cached_property
    def people(self) -> dict[int, str]:
        """Display names of those who made or decided most."""
        wanted = [*self.report.makers[:TOP], *self.report.reviewers[: queries.MOST_REVIEWERS]]
        return {key: person.display_name for key, person in queries.people(key for key, _count in wanted).items()}

    def charts(self, tab: Tab) -> list[Chart]:
        """Draw a tab's plots."""

        def files(ident: str) -> Files:
            return Files(*(self.asked.address(show=tab, format=form, chart=ident) for form in ("csv", "svg", "png")))

        return sections.plots(tab, self.report, people=self.people, slugs=self.slugs, files=files)

    def advice(self) -> list[tuple[Advice, str]]:
        """What to do next, each with the address where it is done."""
        found = advice.advise(self.report, people=self.people, slugs=self.slugs)
        return [(one, self.place(one)) for one in found]

    def place(self, one: Advice) -> str:
        """Return where an advice is followed; who can't open the admin is led to what it is about."""
        sheet = {"category": self.slugs.get(one.category, ""), "campaign": self._campaign}
        texts, admin = reverse("review-grid"), self.may_administer
        agreement = _with(reverse("review-agreement"), campaign=self._campaign, show="time")
        places = {
            Place.WAITING: _with(texts, **sheet, state="submitted", sort="submitted"),
            Place.DISPUTED: _with(texts, **sheet, disputed="1"),
            Place.PASSAGES: reverse("passages"),
            Place.COMPOSE: reverse("dataset-compose"),
            Place.ACTIVE: _with(reverse("leaderboard"), period="week"),
            Place.CAMPAIGN: reverse("campaign", args=[self._campaign]) if self._campaign else reverse("campaigns"),
            Place.CATEGORY: _admin("category", one.category) if admin else _with(texts, **sheet),
            Place.INVITE: reverse("invitations"),
            Place.ROLES: reverse("invitations") if admin else agreement,
            Place.REVIEWERS: agreement,
        }
        return places[one.place]

    @property
    def _campaign(self) -> str:
        return self.asked.campaign.slug if self.asked.campaign else ""

    def context(self) -> dict[str, Any]:
        """Everything that the template needs of the figures."""
        report, tab = self.report, self.asked.tab
        return {
            "report": report,
            "advice": self.advice(),
            "is_new": report.is_new,
            "is_quiet": report.is_quiet,
            "tiles": [] if report.is_new else sections.tiles(report),
            "facts": sections.facts(tab, report),
            "progress": sections.progress(report) if tab == Tab.PACE else [],
            "charts": [] if report.is_new else self.charts(tab),
            "is_short": tab == Tab.MIX and advice.is_short(report),
            "short": advice.SHORT,
            "all_time_href": self.asked.address(period=Period.ALL),
        }


def _with(path: str, **names: str) -> str:
    query = urlencode({name: value for name, value in names.items() if value})
    return f"{path}?{query}" if query else path


def _admin(model: str, key: int | None) -> str:
    if key is None:
        return reverse(f"admin:collector_{model}_changelist")
    return reverse(f"admin:collector_{model}_change", args=[key])


@require_safe
def insights(request: PersonRequest) -> HttpResponse:
    """Show the insights; ``?format=csv|svg|png&chart=…`` gives one plot as a file."""
    asked = Asked.of(request)
    now, campaigns = timezone.now(), visible_campaigns(request)
    report = Report(queries.facts(asked.choice(campaigns, now), now))
    page = Page(asked, report, may_administer=request.user.is_staff)
    form = request.GET.get("format", "")
    if form:
        charts = page.charts(page.asked.tab)
        return chart_file(charts, form=form, ident=request.GET.get("chart", ""), name="insights")
    context = page.context() | {
        "asked": asked,
        "every": EVERY,
        "campaigns": campaigns,
        "periods": Period.choices,
        "tabs": [
            (value, label, asked.address(show="" if value == Tab.PACE else value)) for value, label in Tab.choices
        ],
    }
    return render_partial_response(request, TEMPLATE, context, {"figures": "figures"})

"""Campaigns: their list, their page with progress and forecast, and, for leads, their settings and their life."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector import insight_queries
from collector.actions import campaign_life
from collector.actions.campaigns import current_terms
from collector.campaign_forms import CampaignForm
from collector.errors import Refused
from collector.insights import words
from collector.insights.report import Report
from collector.models import AuditEntry, Campaign, Category, Role
from collector.views.common import status_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest

PAGE_SIZE, HISTORY = 12, 10


def _seen(request: PersonRequest, slug: str) -> Campaign:
    """Return the campaign, or 404; drafts are for leads."""
    campaigns = Campaign.objects.all() if request.user.has_role(Role.LEAD) else Campaign.objects.visible()
    if "\x00" in slug:
        raise Http404
    return get_object_or_404(campaigns, slug=slug)


def _require_lead(request: PersonRequest) -> None:
    if not request.user.has_role(Role.LEAD):
        raise PermissionDenied(_("Campaigns are made and changed by campaign leads."))


@require_safe
def campaigns(request: PersonRequest) -> HttpResponse:
    """List the campaigns, each with how far it is."""
    is_lead = request.user.has_role(Role.LEAD)
    rows = Campaign.objects.all() if is_lead else Campaign.objects.visible()
    page = Paginator(rows.order_by("-starts_on", "slug"), PAGE_SIZE).get_page(request.GET.get("page"))
    found = list(page.object_list)
    shares = insight_queries.shares(found)
    context = {
        "page": page,
        "rows": [(campaign, *shares[campaign.pk]) for campaign in found],
        "is_lead": is_lead,
    }
    return render(request, "collector/campaigns.html", context)


@require_safe
def campaign(request: PersonRequest, slug: str) -> HttpResponse:
    """Show a campaign: what it wants, how far it is, and when it will be done."""
    drive = _seen(request, slug)
    report = Report(insight_queries.progress(drive, timezone.now()))
    categories = Category.objects.in_bulk()
    overall, is_lead = report.overall, request.user.has_role(Role.LEAD)
    teams = list(drive.teams.all())
    context = {
        "campaign": drive,
        "overall": overall,
        "lines": [(categories[line.category], line) for line in report.lines],
        "forecast": words.forecast(overall.forecast),
        "interval": words.interval(overall.forecast),
        "why": words.why(overall.forecast),
        "is_over": drive.status == Campaign.Status.OPEN and bool(drive.ends_on and drive.ends_on < report.facts.today),
        "is_late": overall.forecast.is_after(drive.ends_on),
        "teams": teams,
        "is_theirs": not teams or request.user.team_id in {team.pk for team in teams},
        "terms": current_terms(drive),
        "is_lead": is_lead,
        "may_reopen": request.user.has_role(Role.ADMIN),
        "lacking": campaign_life.lacking(drive, today=report.facts.today) if is_lead else [],
        "history": _history(drive) if is_lead else [],
    }
    return render(request, "collector/campaign.html", context)


def _history(drive: Campaign) -> list[AuditEntry]:
    entries = AuditEntry.objects.filter(target=drive.slug, verb__startswith="campaign.").select_related("by")
    return list(entries.order_by("-at", "-pk")[:HISTORY])


@require_http_methods(["GET", "POST"])
def create(request: PersonRequest) -> HttpResponse:
    """Make a campaign, as a draft."""
    _require_lead(request)
    form = CampaignForm(request.POST or None, initial=CampaignForm.initial_of(None))
    if request.method == "POST" and form.is_valid():
        try:
            made = campaign_life.create_campaign(settings=form.settings, by=request.user, now=timezone.now())
        except ValidationError as error:
            form.add_refusal(error)
        else:
            messages.success(request, _("“%(name)s” is a draft now, which only leads see.") % {"name": made.name})
            return redirect("campaign", made.slug)
    return _form_page(request, form)


@require_http_methods(["GET", "POST"])
def settings(request: PersonRequest, slug: str) -> HttpResponse:
    """Change a campaign's settings."""
    _require_lead(request)
    drive = _seen(request, slug)
    form = CampaignForm(request.POST or None, initial=CampaignForm.initial_of(drive))
    if request.method == "POST" and form.is_valid():
        try:
            campaign_life.edit_campaign(
                campaign=drive,
                settings=form.settings,
                version=form.cleaned_data["version"],
                by=request.user,
                now=timezone.now(),
            )
        except ValidationError as error:
            form.add_refusal(error)
        except Refused as refused:
            return _form_page(request, form, drive, status_of(refused), refused=str(refused))
        else:
            messages.success(request, _("Saved."))
            return redirect("campaign", drive.slug)
    return _form_page(request, form, drive)


def _form_page(
    request: PersonRequest,
    form: CampaignForm,
    drive: Campaign | None = None,
    status: int | None = None,
    **extra: object,
) -> HttpResponse:
    code = status or (HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK)
    return render(request, "collector/campaign_form.html", {"form": form, "campaign": drive} | extra, status=code)


@require_POST
def change_status(request: PersonRequest, slug: str) -> HttpResponse:
    """Open, pause or close a campaign."""
    drive = _seen(request, slug)
    try:
        changed = campaign_life.change_status(
            campaign=drive, to=request.POST.get("to", ""), by=request.user, now=timezone.now()
        )
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        state = changed.get_status_display().lower()
        messages.success(request, _("“%(name)s” is %(state)s now.") % {"name": changed.name, "state": state})
    return redirect("campaign", drive.slug)

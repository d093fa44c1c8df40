"""Contests: what runs, what is planned and what is over; leads plan them."""

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

from collector.actions import points
from collector.models import Campaign, Contest, Role
from collector.periods import day_of, zone_of
from collector.views.common import current_campaign, find_campaign
from leaderboard.forms import ContestForm

if TYPE_CHECKING:
    from datetime import date, datetime

    from django.http import HttpResponse

    from collector.views.common import PersonRequest

PAGE_SIZE = 20


def _require_lead(request: PersonRequest) -> None:
    if not request.user.has_role(Role.LEAD):
        raise PermissionDenied(_("Only campaign leads plan contests."))


def _today(campaign: Campaign, now: datetime) -> date:
    return day_of(now, zone_of(campaign.time_zone))


@require_safe
def contests(request: PersonRequest) -> HttpResponse:
    """List the contests of all campaigns that can be seen, newest first."""
    rows = Contest.objects.filter(campaign__in=Campaign.objects.visible()).select_related("campaign", "category")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    now = timezone.now()
    context = {
        "page": page,
        "rows": [(contest, _state(contest, _today(contest.campaign, now))) for contest in page.object_list],
        "is_lead": request.user.has_role(Role.LEAD),
        "campaign": current_campaign(request),
    }
    return render(request, "leaderboard/contests.html", context)


def _state(contest: Contest, today: date) -> str:
    if today < contest.starts_on:
        return "planned"
    return "over" if today > contest.ends_on else "running"


@require_http_methods(["GET", "POST"])
def plan(request: PersonRequest) -> HttpResponse:
    """Plan a contest in the campaign that is chosen."""
    _require_lead(request)
    campaign = find_campaign(request, request.POST.get("campaign", "")) or current_campaign(request)
    if campaign is None:
        raise Http404
    form = ContestForm(request.POST or None, campaign=campaign)
    if request.method == "POST" and form.is_valid():
        try:
            contest = points.plan_contest(campaign=campaign, by=request.user, now=timezone.now(), **form.cleaned_data)
        except ValidationError as error:
            form.add_refusal(error)
        else:
            messages.success(request, _("“%(name)s” is planned.") % {"name": contest.name})
            return redirect("contests")
    return _form_page(request, form, campaign)


@require_http_methods(["GET", "POST"])
def change(request: PersonRequest, pk: int) -> HttpResponse:
    """Change a contest; its board follows."""
    _require_lead(request)
    contest = _found(pk)
    form = ContestForm(request.POST or None, campaign=contest.campaign, initial=ContestForm.initial_of(contest))
    if request.method == "POST" and form.is_valid():
        try:
            points.change_contest(contest=contest, by=request.user, now=timezone.now(), **form.cleaned_data)
        except ValidationError as error:
            form.add_refusal(error)
        except points.ContestGone as gone:
            messages.error(request, str(gone))
            return redirect("contests")
        else:
            messages.success(request, _("Saved."))
            return redirect("contests")
    return _form_page(request, form, contest.campaign, contest)


@require_POST
def remove(request: PersonRequest, pk: int) -> HttpResponse:
    """Remove a contest."""
    _require_lead(request)
    contest = _found(pk)
    points.remove_contest(contest=contest, by=request.user, now=timezone.now())
    messages.success(request, _("“%(name)s” is removed. Everybody's points stay.") % {"name": contest.name})
    return redirect("contests")


def _found(pk: int) -> Contest:
    return get_object_or_404(Contest.objects.select_related("campaign", "category"), pk=pk)


def _form_page(
    request: PersonRequest, form: ContestForm, campaign: Campaign, contest: Contest | None = None
) -> HttpResponse:
    context = {"form": form, "campaign": campaign, "contest": contest}
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render(request, "leaderboard/contest_form.html", context, status=status)

"""Announcements and reminders: their list, their page with what they say and whom they reach, and their form."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector import insight_queries, mailing_queries
from collector.actions import mailings as actions
from collector.errors import Refused
from collector.mailing_forms import DAYS, MailingForm
from collector.mails import mailing_mail
from collector.models import Campaign, Delivery, Mailing, Occasion, Role
from collector.views.common import status_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest

PAGE_SIZE, OCCASIONS = 20, 14
MOST_DIGITS = 9


def _require_lead(request: PersonRequest) -> None:
    if not request.user.has_role(Role.LEAD):
        raise PermissionDenied(_("Announcements and reminders are written by campaign leads."))


def _found(request: PersonRequest, pk: int) -> Mailing:
    _require_lead(request)
    return get_object_or_404(Mailing.objects.select_related("campaign", "team", "by"), pk=pk)


@require_safe
def mailings(request: PersonRequest) -> HttpResponse:
    """List what was written, the newest first."""
    _require_lead(request)
    rows = Mailing.objects.select_related("campaign", "by").order_by("-created_at", "-pk")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    found = list(page.object_list)
    occasions = Occasion.objects.filter(mailing__in=found).values_list("pk", "mailing_id")
    counted = mailing_queries.outcomes(pk for pk, _mailing in occasions)
    sent: dict[int, int] = {}
    for pk, mailing in occasions:
        sent[mailing] = sent.get(mailing, 0) + counted[pk].get(Delivery.Status.SENT, 0)
    context = {"page": page, "rows": [(mailing, sent.get(mailing.pk)) for mailing in found]}
    return render(request, "collector/mailings.html", context)


@require_http_methods(["GET", "POST"])
def write(request: PersonRequest) -> HttpResponse:
    """Write a mailing."""
    _require_lead(request)
    campaigns = Campaign.objects.exclude(status=Campaign.Status.CLOSED).order_by("name")
    slug = request.GET.get("campaign", "").replace("\x00", "")
    campaign = campaigns.filter(slug=slug).first() or campaigns.open().first() or campaigns.first()
    initial = MailingForm.initial_of(None, campaign=campaign, now=timezone.now())
    form = MailingForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.write_mailing(
                campaign=form.cleaned_data["campaign"], wanted=form.wanted, by=request.user, now=timezone.now()
            )
        except ValidationError as error:
            form.add_refusal(error)
        else:
            messages.success(request, _("It is a draft. Read it below, then send or schedule it."))
            return redirect("mailing", made.pk)
    return _form_page(request, form)


@require_http_methods(["GET", "POST"])
def edit(request: PersonRequest, pk: int) -> HttpResponse:
    """Change a mailing that has not gone out."""
    mailing = _found(request, pk)
    initial = MailingForm.initial_of(mailing, campaign=mailing.campaign, now=timezone.now())
    form = MailingForm(request.POST or None, initial=initial)
    form.fields["campaign"].disabled = True
    if request.method == "POST" and form.is_valid():
        version = form.cleaned_data["version"]
        try:
            actions.edit_mailing(
                mailing=mailing, wanted=form.wanted, version=version, by=request.user, now=timezone.now()
            )
        except ValidationError as error:
            form.add_refusal(error)
        except Refused as refused:
            return _form_page(request, form, mailing, status_of(refused), refused=str(refused))
        else:
            messages.success(request, _("Saved as a draft."))
            return redirect("mailing", mailing.pk)
    return _form_page(request, form, mailing)


def _form_page(
    request: PersonRequest,
    form: MailingForm,
    mailing: Mailing | None = None,
    status: int | None = None,
    **extra: object,
) -> HttpResponse:
    code = status or (HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK)
    return render(request, "collector/mailing_form.html", {"form": form, "mailing": mailing} | extra, status=code)


@require_safe
def mailing(request: PersonRequest, pk: int) -> HttpResponse:
    """Show a mailing as its reader sees it, whom it reaches now, and what became of it."""
    return _page(request, _found(request, pk))


def _page(request: PersonRequest, mailing: Mailing, refused: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    now = timezone.now()
    page = Paginator(mailing.occasions.order_by("-due_at"), OCCASIONS).get_page(request.GET.get("page"))
    found = list(page.object_list)
    counted = mailing_queries.outcomes(occasion.pk for occasion in found)
    due = actions.next_time(mailing, after=now) if mailing.status == Mailing.Status.DRAFT else mailing.next_at
    context = {
        "mailing": mailing,
        "reach": mailing_queries.reach(mailing, now),
        "due": due,
        "days": [label for number, label in DAYS if number in mailing.weekdays],
        "occasions": [(occasion, counted[occasion.pk]) for occasion in found],
        "page": page,
        "is_going": any(Delivery.Status.WAITING in each for each in counted.values()),
        "refused": refused,
        "progress": insight_queries.shares([mailing.campaign])[mailing.campaign_id],
    }
    return render(request, "collector/mailing.html", context, status=status)


@require_POST
def act(request: PersonRequest, pk: int) -> HttpResponse:
    """Try a mailing on oneself, schedule it, send it, cancel it or throw it away."""
    mailing, now, by = _found(request, pk), timezone.now(), request.user
    what, version = request.POST.get("do", ""), _number(request.POST.get("version", ""))
    try:
        if what == "try":
            return _try(request, mailing)
        if what in {"schedule", "send"}:
            actions.schedule(mailing=mailing, version=version, by=by, now=now, at_once=what == "send")
            said = _("It is on its way.") if what == "send" else _("Scheduled. You can still change or cancel it.")
        elif what == "cancel":
            actions.cancel(mailing=mailing, by=by, now=now)
            said = _("Cancelled. Nothing more of it is sent.")
        elif what == "remove":
            actions.remove(mailing=mailing, by=by, now=now)
            messages.success(request, _("The draft is gone."))
            return redirect("mailings")
        else:
            return _page(request, mailing, _("Choose what to do."), HTTPStatus.BAD_REQUEST)
    except ValidationError as error:
        return _page(request, mailing, " ".join(error.messages), HTTPStatus.BAD_REQUEST)
    except Refused as refused:
        return _page(request, mailing, str(refused), status_of(refused))
    messages.success(request, said)
    return redirect("mailing", mailing.pk)


def _try(request: PersonRequest, mailing: Mailing) -> HttpResponse:
    """Send the mailing to the one who asks, at once: they wait to see it."""
    try:
        progress = insight_queries.shares([mailing.campaign])[mailing.campaign_id]
        mailing_mail(mailing=mailing, person=request.user, progress=progress, is_trial=True).send()
    except OSError as error:
        why = _("The mail server refused it: %(why)s Look at EMAIL_URL.") % {"why": error}
        return _page(request, mailing, why, HTTPStatus.SERVICE_UNAVAILABLE)
    messages.success(request, _("Sent to %(address)s.") % {"address": request.user.email})
    return redirect("mailing", mailing.pk)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else -1

"""What the person was told, and the way out of the daily e-mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector import notice_queries
from collector.actions import notices as actions
from collector.actions import subscriptions

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from collector.views.common import PersonRequest

PAGE_SIZE = 30


@require_safe
def notices(request: PersonRequest) -> HttpResponse:
    """List the person's notices by day, newest first; looking changes nothing."""
    now = timezone.now()
    page = Paginator(notice_queries.notices_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    told = notice_queries.in_words(page.object_list)
    context = {
        "page": page,
        "days": notice_queries.by_day(told, now),
        "has_unread": notice_queries.unread_of(request.user) > 0,
        "until": now.isoformat(),
    }
    return render(request, "collector/notices.html", context)


@require_POST
def open_notice(request: PersonRequest, pk: int) -> HttpResponse:
    """Mark a notice as read and go to what it is about."""
    notice = get_object_or_404(notice_queries.notices_of(request.user).select_related("person"), pk=pk)
    actions.mark_read(notice=notice, by=request.user, now=timezone.now())
    return redirect(notice_queries.target_of(notice))


@require_POST
def read_all(request: PersonRequest) -> HttpResponse:
    """Mark what the page showed as read; what came since stays new."""
    now = timezone.now()
    until = _moment(request.POST.get("until", "")) or now
    actions.mark_all_read(by=request.user, now=now, until=until)
    messages.success(request, _("All read."))
    return redirect("notices")


def _moment(value: str) -> datetime | None:
    try:
        moment = parse_datetime(value)
    except ValueError:
        return None
    return moment if moment is not None and timezone.is_aware(moment) else None


@csrf_exempt  # a mail program sends the POST of RFC 8058 without a page or a cookie; the signed link is what counts
@login_not_required
@require_http_methods(["GET", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether to end a kind of mail, or end it."""
    try:
        person, kind = subscriptions.subscriber(token=token)
    except subscriptions.NoSuchLink as refused:
        return render(request, "collector/notices_unsubscribe.html", {"refused": str(refused)}, status=404)
    if request.method == "POST":
        subscriptions.set_wish(person=person, kind=kind, wanted=False, by=person, now=timezone.now())
    context = {"token": token, "email": person.email, "kind": kind, "is_done": not getattr(person, kind.wish)}
    return render(request, "collector/notices_unsubscribe.html", context)

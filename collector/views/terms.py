"""The contributor terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from collector.actions.campaigns import StaleTerms, accept_shown_terms, current_terms
from collector.views.common import find_campaign

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest

MOST_DIGITS = 10


@require_http_methods(["GET", "POST"])
def terms(request: PersonRequest, campaign: str) -> HttpResponse:
    """Show a campaign's current terms, or record that the person accepts them."""
    drive = find_campaign(request, campaign)
    current = current_terms(drive) if drive is not None else None
    if drive is None or current is None:
        raise Http404
    then = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(then, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        then = "/"
    if request.method == "POST":
        try:
            accept_shown_terms(campaign=drive, number=_shown(request), by=request.user, now=timezone.now())
        except StaleTerms as refused:
            messages.warning(request, str(refused))
        else:
            return redirect(then)
    accepted = current.acceptances.filter(person=request.user).first()
    context = {"campaign": drive, "terms": current, "next": then, "accepted": accepted}
    return render(request, "collector/terms.html", context)


def _shown(request: PersonRequest) -> int:
    """Return the number of the terms that the form showed; 0 where it is no number."""
    value = request.POST.get("terms", "")
    return int(value) if value.isdecimal() and len(value) < MOST_DIGITS else 0

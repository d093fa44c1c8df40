"""What is held about oneself, and its end."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth import logout
from django.http import FileResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from collector.actions.erasure import erase_person
from collector.actions.holdings import write_holdings
from collector.errors import Refused
from collector.forms import EraseForm
from collector.models import Campaign
from collector.views.common import status_of
from ui.limits import limited
from ui.streams import takes_a_thread

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from collector.views.common import PersonRequest

IN_MEMORY = 2**20


@limited("import")
@require_http_methods(["GET", "POST"])
def data(request: PersonRequest) -> HttpResponseBase:
    """Say what is held about the person; POST hands it out as one file."""
    if request.method != "POST":
        return render(request, "collector/privacy_data.html")
    return _own_data(request)


@takes_a_thread
def _own_data(request: PersonRequest) -> HttpResponseBase:
    now = timezone.now()
    # Given to the answer, which closes it.
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    write_holdings(person=request.user, file=file, by=request.user, now=now)
    file.seek(0)
    name = f"woolgather-{request.user.handle}-{timezone.localtime(now):%Y-%m-%d}.zip"
    answer = FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@require_http_methods(["GET", "POST"])
def erase(request: PersonRequest) -> HttpResponse:
    """Ask by typing, then erase the account and sign out."""
    form = EraseForm(request.POST or None, expected=request.user.email)
    refused, status = "", 400 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        try:
            erase_person(person=request.user, by=request.user, now=timezone.now())
        except Refused as error:
            refused, status = str(error), status_of(error)
        else:
            logout(request)
            messages.success(request, _("Your account is erased. Thank you for what you wrote."))
            return redirect("account_login")
    mine = Campaign.objects.filter(submissions__author=request.user).distinct()
    context = {
        "form": form,
        "refused": refused,
        "withdraws": [one for one in mine if one.on_erasure == Campaign.OnErasure.WITHDRAW],
        "keeps": [one for one in mine if one.on_erasure == Campaign.OnErasure.KEEP],
    }
    return render(request, "collector/privacy_erase.html", context, status=status)

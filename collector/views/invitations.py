"""Inviting people: links for many, lists of addresses, and what became of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from collector.actions import invitations
from collector.campaign_forms import LinkForm, ListForm
from collector.errors import Refused
from collector.models import Invitation, InvitationLink, Role
from collector.views.common import status_of
from ui.limits import limited

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest

PAGE_SIZE, LINKS = 30, 20


def _require_lead(request: PersonRequest) -> None:
    if not request.user.has_role(Role.LEAD):
        raise PermissionDenied(_("Campaign leads invite people."))


@limited("import")
@require_http_methods(["GET", "POST"])
def people(request: PersonRequest) -> HttpResponse:
    """Show links and invitations; make a link, look at a list, or invite it."""
    _require_lead(request)
    if request.method != "POST":
        return _page(request)
    return _make_link(request) if "link" in request.POST else _read_list(request)


def _make_link(request: PersonRequest) -> HttpResponse:
    form = LinkForm(request.POST)
    if not form.is_valid():
        return _page(request, link_form=form, status=HTTPStatus.BAD_REQUEST)
    try:
        _link, token = invitations.make_link(
            role=form.cleaned_data["role"],
            team=form.cleaned_data["link_team"],
            most_uses=form.cleaned_data["most_uses"],
            note=form.cleaned_data["note"],
            by=request.user,
            now=timezone.now(),
        )
    except ValidationError as error:
        form.add_refusal(error)
        return _page(request, link_form=form, status=HTTPStatus.BAD_REQUEST)
    # Shown in the answer itself and kept nowhere: loading the page again makes it go.
    return _page(request, made=request.build_absolute_uri(reverse("invitation", args=[token])))


def _read_list(request: PersonRequest) -> HttpResponse:
    form = ListForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, list_form=form, status=HTTPStatus.BAD_REQUEST)
    text, now = form.cleaned_data["text"], timezone.now()
    try:
        rows = invitations.read_list(rows=form.rows_of(text), by=request.user, now=now)
        if "invite" in request.POST:
            number = invitations.invite_list(rows=rows, by=request.user, now=now)
            said = ngettext("%(count)d invitation is on its way.", "%(count)d invitations are on their way.", number)
            messages.success(request, said % {"count": number})
            return redirect("invitations")
    except ValidationError as error:
        form.add_error("addresses", error)
        return _page(request, list_form=form, status=HTTPStatus.BAD_REQUEST)
    except Refused as refused:
        return _page(request, list_form=form, refused=str(refused), status=status_of(refused))
    shown = ListForm(initial={"addresses": text})
    counts = {
        "new": sum(row.is_new for row in rows),
        "wrong": sum(bool(row.problem) for row in rows),
        "known": sum(bool(row.note) for row in rows),
    }
    return _page(request, list_form=shown, rows=rows, counts=counts)


def _page(request: PersonRequest, status: int = HTTPStatus.OK, **extra: object) -> HttpResponse:
    now = timezone.now()
    sent = Invitation.objects.select_related("team", "invited_by", "accepted_by").order_by("-created_at", "-pk")
    page = Paginator(sent, PAGE_SIZE).get_page(request.GET.get("page"))
    links = InvitationLink.objects.annotate(uses=Count("people")).select_related("team", "made_by")
    context: dict[str, object] = {
        "link_form": LinkForm(),
        "list_form": ListForm(),
        "links": list(links.filter(revoked_at=None, expires_at__gt=now)[:LINKS]),
        "page": page,
        "now": now,
    }
    return render(request, "collector/invitations.html", context | extra, status=status)


@require_POST
def revoke_link(request: PersonRequest, pk: int) -> HttpResponse:
    """Let nobody else sign up by a link."""
    _require_lead(request)
    link = get_object_or_404(InvitationLink, pk=pk)
    invitations.revoke_link(link=link, by=request.user, now=timezone.now())
    messages.success(request, _("The link no longer works. Who signed up by it stays."))
    return redirect("invitations")


@require_POST
def revoke(request: PersonRequest, pk: int) -> HttpResponse:
    """Take an invitation back."""
    _require_lead(request)
    invitation = get_object_or_404(Invitation, pk=pk)
    invitations.revoke_invitation(invitation=invitation, by=request.user, now=timezone.now())
    messages.success(request, _("The invitation is taken back."))
    return redirect("invitations")


@require_POST
def mail_again(request: PersonRequest, pk: int) -> HttpResponse:
    """Mail an invitation once more."""
    _require_lead(request)
    invitation = get_object_or_404(Invitation, pk=pk)
    invitations.mail_again(invitation=invitation, by=request.user, now=timezone.now())
    messages.success(request, _("The invitation is on its way again, with a new link."))
    return redirect("invitations")

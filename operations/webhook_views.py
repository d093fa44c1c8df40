"""Webhooks: the list, one with its log, its form, and one message with its attempts. For admins."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.errors import Refused
from collector.views.common import status_of
from operations import webhook_actions
from operations.webhook_forms import WebhookForm
from ui.partials import render_partial_response
from webhooks import conf, queries
from webhooks import messages as wire
from webhooks.models import Delivery, Endpoint

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest

PAGE_SIZE = 25


def _require_admin(request: PersonRequest) -> None:
    try:
        webhook_actions.require_admin(request.user)
    except webhook_actions.NotAnAdmin as refused:
        raise PermissionDenied(str(refused)) from refused


def _found(request: PersonRequest, pk: int) -> Endpoint:
    _require_admin(request)
    return get_object_or_404(queries.endpoints(), pk=pk)


@require_safe
def webhooks(request: PersonRequest) -> HttpResponse:
    """List them, or say that the operator has allowed no host."""
    _require_admin(request)
    context = {"endpoints": queries.endpoints(), "is_on": conf.is_on()}
    return render(request, "operations/webhooks.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def add(request: PersonRequest) -> HttpResponse:
    """Add one; the answer to the form shows the secret, and nothing ever does again."""
    _require_admin(request)
    if not conf.is_on():
        return redirect("webhooks")
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = webhook_actions.add(**form.cleaned_data, by=request.user, now=timezone.now())
        except ValidationError as error:
            form.add_refusal(error)
        else:
            if secret:
                return _secret_page(request, endpoint, secret)
            messages.success(request, _("Added. Send it a test message to see that it arrives."))
            return redirect("webhook", endpoint.pk)
    return _form_page(request, form)


@require_http_methods(["GET", "POST"])
def edit(request: PersonRequest, pk: int) -> HttpResponse:
    """Change one."""
    endpoint = _found(request, pk)
    initial = {"name": endpoint.name, "kinds": endpoint.kinds}
    form = WebhookForm(request.POST or None, initial=initial, endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        try:
            webhook_actions.change(endpoint=endpoint, **form.cleaned_data, by=request.user, now=timezone.now())
        except ValidationError as error:
            form.add_refusal(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("webhook", endpoint.pk)
    return _form_page(request, form, endpoint)


def _form_page(request: PersonRequest, form: WebhookForm, endpoint: Endpoint | None = None) -> HttpResponse:
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render(request, "operations/webhook_form.html", {"form": form, "endpoint": endpoint}, status=status)


def _secret_page(request: PersonRequest, endpoint: Endpoint, secret: str, *, is_new: bool = True) -> HttpResponse:
    context = {"endpoint": endpoint, "secret": secret, "is_new": is_new}
    response = render(request, "operations/webhook_secret.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@require_safe
def webhook(request: PersonRequest, pk: int) -> HttpResponse:
    """Show one with what it was told."""
    return _page(request, _found(request, pk))


def _page(request: PersonRequest, endpoint: Endpoint, refused: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    page = Paginator(queries.log_of(endpoint), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    context = {
        "endpoint": endpoint,
        "page": page,
        "rows": rows,
        "is_waiting": any(row.status == Delivery.Status.WAITING for row in rows),
        "refused": refused,
        "is_on": conf.is_on(),
        "now": timezone.now(),
    }
    fragments = {"log": "log"}
    return render_partial_response(request, "operations/webhook.html", context, fragments, status=status)


@require_POST
def act(request: PersonRequest, pk: int) -> HttpResponse:
    """Turn one on or off, test it, give it a new secret, remove it."""
    endpoint, what = _found(request, pk), request.POST.get("do", "")
    said = {
        "on": _("It is on again; what has waited is on its way."),
        "off": _("It is off. What happens meanwhile is not told."),
        "remove": _("“%(name)s” is removed.") % {"name": endpoint.name},
        "ping": _("A test message is on its way; it shows below."),
    }
    try:
        if what == "rotate":
            secret = webhook_actions.rotate(endpoint=endpoint, by=request.user, now=timezone.now())
            return _secret_page(request, endpoint, secret, is_new=False)
        webhook_actions.act(endpoint=endpoint, what=what, by=request.user, now=timezone.now())
    except Refused as refused:
        return _page(request, endpoint, str(refused), status_of(refused))
    messages.success(request, said[what])
    return redirect("webhooks") if what == "remove" else redirect("webhook", endpoint.pk)


def _delivery(request: PersonRequest, pk: int) -> Delivery:
    _require_admin(request)
    found = Delivery.objects.filter(endpoint__removed_at=None).select_related("endpoint", "event")
    return get_object_or_404(found, pk=pk)


@require_safe
def delivery(request: PersonRequest, pk: int) -> HttpResponse:
    """Show a message, and each attempt with what came back."""
    return _delivery_page(request, _delivery(request, pk))


def _delivery_page(
    request: PersonRequest, found: Delivery, refused: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    made = wire.slack(found.event) if found.endpoint.style == Endpoint.Style.SLACK else wire.payload(found.event)
    context = {
        "delivery": found,
        "endpoint": found.endpoint,
        "tries": found.tries.all(),
        "body": json.dumps(made, indent=2, ensure_ascii=False),
        "refused": refused,
    }
    return render(request, "operations/webhook_delivery.html", context, status=status)


@require_POST
def send_again(request: PersonRequest, pk: int) -> HttpResponse:
    """Send a message once more."""
    found = _delivery(request, pk)
    try:
        webhook_actions.send_again(delivery=found, by=request.user, now=timezone.now())
    except Refused as refused:
        return _delivery_page(request, found, str(refused), status_of(refused))
    messages.success(request, _("It is on its way again, under the same id."))
    return redirect("webhook-delivery", found.pk)

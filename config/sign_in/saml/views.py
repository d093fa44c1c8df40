"""The end of a SAML sign-in, and what an identity provider's sign-out leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.saml import views
from allauth.socialaccount.providers.saml.utils import get_app_or_404
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from lxml.etree import LxmlError

from ui import errors

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

MOST_BYTES = 512 * 1024


@csrf_exempt
@login_not_required
@require_http_methods(["POST"])
def consume(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Keep what the identity provider sent until the browser comes back with its session; it sends no essays."""
    get_app_or_404(request, organization_slug)
    if len(request.POST.get("SAMLResponse", "")) > MOST_BYTES:
        return errors.too_large(request)
    response: HttpResponse = views.acs(request, organization_slug=organization_slug)
    return response


@login_not_required
def finish(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Read what the identity provider sent; what is no SAML at all is refused like what is wrong SAML."""
    try:
        response: HttpResponse = views.finish_acs(request, organization_slug=organization_slug)
    except (LxmlError, ValueError, TypeError, KeyError) as error:
        provider = get_app_or_404(request, organization_slug).get_provider(request)
        refused: HttpResponse = render_authentication_error(request, provider, exception=error)
        return refused
    return response


@login_not_required
@require_http_methods(["GET"])
def single_logout(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Ask whether to sign out. A request to do so need not be signed, and anybody could send somebody else one."""
    get_app_or_404(request, organization_slug)
    return redirect("account_logout")

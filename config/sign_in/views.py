"""Going to the company's OpenID Connect provider and coming back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.contrib.auth.decorators import login_not_required
from django.http import Http404
from django.views.decorators.http import require_http_methods
from requests import RequestException

from config.sign_in.provider import StrictOpenIDConnect

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class CallbackView(OAuth2CallbackView):
    """Hands the nonce of this sign-in to the adapter that checks the ID token."""

    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[Any, Any]:
        state, response = super()._get_state(request, provider)
        self.adapter.nonce = str((state or {}).get("nonce") or "")
        return state, response


@login_not_required
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the browser to the provider."""
    return _run(OAuth2LoginView, request, provider_id)


@login_not_required
@require_http_methods(["GET"])
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take what the provider says about who signed in."""
    return _run(CallbackView, request, provider_id)


def _run(view: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    adapter = StrictOpenIDConnect(request, provider_id)
    try:
        provider = adapter.get_provider()
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    try:
        response: HttpResponse = view.adapter_view(adapter)(request)
    except (RequestException, OAuth2Error, KeyError, ValueError) as error:
        # The provider can't be reached, or doesn't answer as OpenID Connect has it.
        refused: HttpResponse = render_authentication_error(request, provider, exception=error)
        return refused
    return response

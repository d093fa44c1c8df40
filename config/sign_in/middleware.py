"""Keeps pages closed that the settings close: passwords where they are off, everything before a second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from config.sign_in.adapter import FIRST_LANGUAGE_KEY, provider_settles_second_factor
from ui.errors import problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

PASSWORD_PAGES = frozenset(
    {
        "account_signup",
        "account_change_password",
        "account_set_password",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
        "invitation",
    }
)
# What somebody needs who has still to set up a second factor, or wants to leave.
OPEN_PREFIXES = ("mfa_", "account_", "socialaccount_")
OPEN_PAGES = frozenset({"set_language", "healthz", "readyz", "sign-in-link"})


class SignInRulesMiddleware:
    """Answers before the view, by the view's name, so that no page can forget the rule."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let a first sign-in's language be the site's."""
        response = self.get_response(request)
        session = getattr(request, "session", None)
        if session is not None and session.accessed and FIRST_LANGUAGE_KEY in session:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                session.pop(FIRST_LANGUAGE_KEY),
                max_age=settings.LANGUAGE_COOKIE_AGE,
                httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
                samesite="Lax",
                secure=settings.LANGUAGE_COOKIE_SECURE,
            )
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Return the answer of a closed page, or None."""
        name = request.resolver_match.view_name if request.resolver_match else ""
        if not settings.WOOLGATHER_PASSWORD_SIGN_IN and name in PASSWORD_PAGES:
            return render(request, "account/password_off.html", status=403)
        if not settings.WOOLGATHER_REQUIRE_MFA or name.startswith(OPEN_PREFIXES) or name in OPEN_PAGES:
            return None
        if not lacks_second_factor(request):
            return None
        said = _("Your role needs a second step at sign-in. Set one up here; then everything is open to you again.")
        if request.path.startswith("/api/"):
            return problem(status=403, title="Forbidden", detail=said)
        messages.warning(request, said)
        response: HttpResponse = redirect("mfa_index")
        if request.headers.get("HX-Request") == "true":
            response.headers["HX-Redirect"] = response.headers["Location"]
            response.status_code = 403
        return response


def lacks_second_factor(request: HttpRequest) -> bool:
    """Say whether somebody is signed in whose role needs a second factor and who has none."""
    person = request.user
    if not person.is_authenticated:
        return False
    roles = set(person.role_names) | ({"admin"} if person.is_superuser else set())
    if not roles & settings.WOOLGATHER_REQUIRE_MFA:
        return False
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    if Authenticator.objects.filter(user=person, type__in=kinds).exists():
        return False
    return not provider_settles_second_factor(request)

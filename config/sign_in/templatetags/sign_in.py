"""What the sign-in pages show by the settings."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag(takes_context=True)
def company_providers(context: template.Context) -> list[Any]:
    """Return the company's providers in the order of WOOLGATHER_SSO."""
    providers: list[Any] = get_adapter().list_providers(context["request"])
    return sorted(providers, key=lambda provider: provider.app.settings["woolgather"]["position"])


@register.simple_tag
def password_sign_in() -> bool:
    """Say whether people sign in with passwords here."""
    return bool(settings.WOOLGATHER_PASSWORD_SIGN_IN)

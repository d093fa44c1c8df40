"""What the sign-in pages show by the settings."""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def password_sign_in() -> bool:
    """Say whether people sign in with passwords here."""
    return bool(settings.WOOLGATHER_PASSWORD_SIGN_IN)

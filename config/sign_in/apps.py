"""Records what happens to the ways in, and keeps their secrets out of the admin."""

from __future__ import annotations

from django.apps import AppConfig


class SignInConfig(AppConfig):
    """Wires allauth's signals to the audit."""

    name = "config.sign_in"
    label = "sign_in"

    def ready(self) -> None:
        """Listen, and take allauth's tables of keys and providers off the admin."""
        from allauth.mfa.models import Authenticator
        from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
        from django.contrib import admin

        from config.sign_in import records

        records.listen()
        for model in (Authenticator, SocialAccount, SocialApp, SocialToken):
            if admin.site.is_registered(model):
                admin.site.unregister(model)

"""What happens to a person's ways in, for the audit: connected accounts and second factors, added and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.mfa.signals import authenticator_added, authenticator_removed
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.utils import timezone

from collector.actions import provisioning

if TYPE_CHECKING:
    from allauth.mfa.models import Authenticator
    from allauth.socialaccount.models import SocialAccount, SocialLogin
    from django.http import HttpRequest

    from collector.models import Person


def listen() -> None:
    """Hear allauth's signals, each once."""
    social_account_added.connect(_connected, dispatch_uid="sign_in.connected")
    social_account_removed.connect(_disconnected, dispatch_uid="sign_in.disconnected")
    authenticator_added.connect(_factor_added, dispatch_uid="sign_in.factor_added")
    authenticator_removed.connect(_factor_removed, dispatch_uid="sign_in.factor_removed")


def _connected(request: HttpRequest, sociallogin: SocialLogin, **_rest: Any) -> None:
    by_hand = sociallogin.state.get("process") == "connect"
    provisioning.record(
        verb="person.connected",
        person=sociallogin.user,
        detail={"provider": sociallogin.account.provider, "by_email": not by_hand},
        by=sociallogin.user if by_hand else None,
        now=timezone.now(),
    )


def _disconnected(request: HttpRequest, socialaccount: SocialAccount, **_rest: Any) -> None:
    provisioning.record(
        verb="person.disconnected",
        person=socialaccount.user,
        detail={"provider": socialaccount.provider},
        by=socialaccount.user,
        now=timezone.now(),
    )


def _factor_added(user: Person, authenticator: Authenticator, **_rest: Any) -> None:
    _factor("person.second_factor_added", user, authenticator)


def _factor_removed(user: Person, authenticator: Authenticator, **_rest: Any) -> None:
    _factor("person.second_factor_removed", user, authenticator)


def _factor(verb: str, person: Person, authenticator: Authenticator) -> None:
    provisioning.record(
        verb=verb, person=person, detail={"kind": str(authenticator.type)}, by=person, now=timezone.now()
    )

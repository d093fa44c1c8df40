"""Whom the company's sign-in lets in, and as whom: the rules of docs/sign-in.md."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, NoReturn

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.db import transaction
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_supported_language_variant
from django.utils.translation import gettext as _

from collector.actions import provisioning
from collector.models import Person

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from django.http import HttpRequest

logger = logging.getLogger(__name__)
FIRST_LANGUAGE_KEY = "first_language"


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """A person is (provider, subject) and nothing else; an address is only looked at the first time."""

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[Any]:
        """Return the providers of the settings; none can be added in the database."""
        return [app for app in super().list_apps(request, provider, client_id) if app.pk is None]

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        """Say in the log what the page doesn't tell a stranger."""
        reason = (extra_context or {}).get("saml_last_error_reason") or exception or "no sign-in began with this state"
        logger.warning("Sign-in by %s failed (%s): %s", provider.sub_id, error, reason)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Whoever got this far was let in by ``pre_social_login``."""
        return True

    def is_email_verified(self, provider: Any, email: str) -> bool:
        """Count addresses of these domains as proved: the provider's own directory gives them out."""
        return domain_of(email) in provider.app.settings["woolgather"]["trust_email"]

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in, connect or refuse, before anything is written."""
        if sociallogin.state.get("process") == "connect":
            if not sociallogin.is_existing:
                self._check_address(request, sociallogin)
            return
        if sociallogin.is_existing:
            apply_groups(sociallogin.user, sociallogin)
            return
        email = self._check_address(request, sociallogin)
        person = owner_of(email)
        if person is not None:
            self._connect_by_email(request, sociallogin, person, email)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> Person:
        """Make the account of somebody who comes for the first time."""
        claims, source = sociallogin.claims, sociallogin.account.provider
        name = claims.get("name") or f"{claims.get('given_name', '')} {claims.get('family_name', '')}"
        with transaction.atomic():
            person = provisioning.provision_person(
                email=sociallogin.email_addresses[0].email,
                name=str(name),
                time_zone=str(claims.get("zoneinfo", "")),
                source=source,
                now=timezone.now(),
            )
            sociallogin.user = person
            sociallogin.save(request)
            apply_groups(person, sociallogin)
        language = str(claims.get("locale") or "").replace("_", "-").lower()
        with contextlib.suppress(LookupError):  # else the browser's language, as for everybody
            request.session[FIRST_LANGUAGE_KEY] = get_supported_language_variant(language)
        return person

    def _check_address(self, request: HttpRequest, sociallogin: SocialLogin) -> str:
        """Return the address that the provider vouches for, of a domain that may come in."""
        provider = sociallogin.provider
        rules = provider.app.settings["woolgather"]
        if not sociallogin.email_addresses:
            refuse(request, sociallogin, "no_address")
        address = sociallogin.email_addresses[0]
        if rules["domains"] and domain_of(address.email) not in rules["domains"]:
            refuse(request, sociallogin, "domain")
        if rules["kind"] == "google" and sociallogin.claims.get("hd") not in rules["domains"]:
            # A private account can carry a company's address that its owner proved long ago.
            refuse(request, sociallogin, "domain")
        if not address.verified:
            refuse(request, sociallogin, "unproved")
        email: str = address.email
        return email

    def _connect_by_email(self, request: HttpRequest, sociallogin: SocialLogin, person: Person, email: str) -> None:
        """Sign in to the account that has this proved address, where the settings trust the provider with that."""
        if not person.is_active:
            refuse(request, sociallogin, "closed")
        # Somebody else may have signed up with this address, unproved, and know the password.
        proved = EmailAddress.objects.filter(user=person, email__iexact=email, verified=True).exists()
        trusted = sociallogin.provider.app.settings["woolgather"]["connect_by_email"]
        if not trusted or not (proved or not person.has_usable_password()):
            refuse(request, sociallogin, "taken")
        with transaction.atomic():
            sociallogin.connect(request, person)
            apply_groups(person, sociallogin)


def domain_of(email: str) -> str:
    """Return the part behind the @, in lower case."""
    return email.rpartition("@")[2].lower()


def owner_of(email: str) -> Person | None:
    """Return whose account this address would sign in to."""
    person = Person.objects.filter(email__iexact=email).first()
    if person is not None:
        return person
    address = EmailAddress.objects.select_related("user").filter(email__iexact=email, verified=True).first()
    found: Person | None = address.user if address else None
    return found


def apply_groups(person: Person, sociallogin: SocialLogin) -> None:
    """Give the roles of the groups that this sign-in tells of."""
    rules = sociallogin.provider.app.settings["woolgather"]
    groups = groups_in(sociallogin.claims, rules["groups_claim"])
    if groups is None:
        logger.warning("%s names no groups for %s: too many for one token", sociallogin.provider.name, person.handle)
        return
    provisioning.roles_from_groups(
        person=person,
        groups=groups,
        mapping=rules["roles"],
        source=sociallogin.account.provider,
        now=timezone.now(),
    )


def groups_in(claims: dict[str, Any], claim: str) -> list[str] | None:
    """Return the groups of a claim, which may lie deeper (``realm_access.roles``); none where it is missing.

    None instead of a list says that the provider has left them out because they were too many (Entra does).
    """
    value: Any = claims.get(claim)
    if value is None:
        value = claims
        for part in claim.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if value is None and (claim in (claims.get("_claim_names") or {}) or claims.get("hasgroups")):
        return None
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list) else []


def refuse(request: HttpRequest, sociallogin: SocialLogin, reason: str) -> NoReturn:
    """Show why this account doesn't come in and what to do, and say it in the log without the address."""
    provider = sociallogin.provider
    logger.warning("Sign-in by %s refused: %s", sociallogin.account.provider, reason)
    texts = {
        "no_address": _("%(provider)s tells no e-mail address of this account. Ask the admin of %(provider)s."),
        "domain": _("This account isn't one of the company's. Sign in to %(provider)s with your work account."),
        "unproved": _("%(provider)s doesn't say that this e-mail address is proved. Prove it there, then come back."),
        "closed": _("The account here with this address is closed. Ask an admin if that is a mistake."),
        "taken": _(
            "There is an account here with this address already. Sign in to it as before; "
            "then connect %(provider)s under Profile, Security."
        ),
    }
    context = {"detail": texts[reason] % {"provider": provider.name}, "provider": provider, "reason": reason}
    raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", context, status=403))


def provider_settles_second_factor(request: HttpRequest) -> bool:
    """Say whether the newest sign-in of this session was by a provider that asks for a second factor itself."""
    from allauth.account.internal.flows.login import get_authentication_records

    records = [one for one in get_authentication_records(request, request.user) if one["method"] == "socialaccount"]
    if not records:
        return False
    name = records[-1].get("provider")
    for kind in settings.SOCIALACCOUNT_PROVIDERS.values():
        for app in kind.get("APPS", []):
            if app["provider_id"] == name:
                return bool(app["settings"]["woolgather"]["second_factor"])
    return False

"""The company's OpenID Connect and SAML providers, stricter than allauth's own; allauth finds them by this name.

Google and Microsoft speak OpenID Connect too and go the same way, so that one set of checks holds for all.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from typing import TYPE_CHECKING, Any

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess, Provider, ProviderException
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from allauth.utils import get_request_param
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)
# Only where the provider alone can sign; "none" and the client's own secret are no proof.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
CLOCK_SKEW = 60  # seconds
SHOWN = ("email", "name", "preferred_username")
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


class StrictOpenIDConnect(OpenIDConnectOAuth2Adapter):
    """Believes an ID token only with its signature, issuer, audience, time and the nonce of this very sign-in."""

    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return the provider's discovery document, if it is that of the configured issuer."""
        config: dict[str, Any] = super().openid_config
        issuer = self.get_provider().app.settings["server_url"]
        if str(config.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
            raise OAuth2Error(f"The discovery document is of the issuer {config.get('issuer')!r}, not {issuer!r}")
        return config

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        """Return who signed in, from the ID token and, where there is one, the userinfo of the same subject."""
        claims = self.verified_claims(app, kwargs["response"].get("id_token"))
        userinfo: dict[str, Any] = {}
        if "userinfo_endpoint" in self.openid_config:
            userinfo = self._fetch_user_info(token.token)
            if userinfo.get("sub") != claims["sub"]:
                raise OAuth2Error("The userinfo is of another subject than the ID token")
        return self.get_provider().sociallogin_from_response(
            request, {"userinfo": {**claims, **userinfo}, "id_token": claims}
        )

    def verified_claims(self, app: Any, id_token: object) -> dict[str, Any]:
        """Return the claims of an ID token or raise OAuth2Error."""
        if not isinstance(id_token, str):
            raise OAuth2Error("The provider sent no ID token")
        try:
            header = jwt.get_unverified_header(id_token)
            if header.get("alg") not in ALGORITHMS:
                raise OAuth2Error("The ID token is not signed by the provider's own key")
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key=self.signing_key(header),
                algorithms=[header["alg"]],
                audience=app.client_id,
                issuer=self.openid_config["issuer"],
                leeway=CLOCK_SKEW,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise OAuth2Error(f"Invalid ID token: {error}") from error
        if not self.nonce or not hmac.compare_digest(str(claims.get("nonce", "")), self.nonce):
            raise OAuth2Error("The ID token belongs to another sign-in")
        return claims

    def signing_key(self, header: dict[str, Any]) -> Any:
        """Return the key that a token's header names, or the provider's only one where it names none."""
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        keys = [key for key in jwt.PyJWKSet.from_dict(answer.json()).keys if key.public_key_use in (None, "sig")]
        named = [key for key in keys if key.key_id == header["kid"]] if header.get("kid") else keys
        if len(named) != 1:
            raise OAuth2Error("The provider's key set doesn't hold the key of the ID token")
        return named[0].key


class Departing(Provider):
    """How a browser leaves for the provider.

    Signing in is a link. Connecting an account must be a form of ours, so that no other site can begin it; and because
    browsers hold a form's redirects to ``form-action``, its answer is a page that goes on by itself.
    """

    def redirect_from_request(self, request: HttpRequest) -> HttpResponse:
        """Go to the provider, or for a connection that was begun by no form, to the page with the form."""
        if get_request_param(request, "process") != AuthProcess.CONNECT:
            response: HttpResponse = super().redirect_from_request(request)
            return response
        if request.method != "POST" or not request.user.is_authenticated:
            return redirect("socialaccount_connections")
        response = super().redirect_from_request(request)
        if not isinstance(response, HttpResponseRedirect):
            return response
        return render(request, "socialaccount/leaving.html", {"address": response.url, "provider": self})


class CompanyOpenIDConnect(Departing, OpenIDConnectProvider):
    """A provider of WOOLGATHER_SSO of the kind oidc, google or microsoft."""

    oauth2_adapter_class = StrictOpenIDConnect

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """Ask for what the settings say; the address of the page has no say."""
        scope: list[str] = self.get_scope()
        return scope

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        """Likewise; a Google account of the right Workspace is offered first."""
        params: dict[str, str] = self.get_auth_params()
        rules = self.app.settings["woolgather"]
        if rules["kind"] == "google" and len(rules["domains"]) == 1:
            params["hd"] = rules["domains"][0]
        return params

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Add a nonce, kept with the state, so that no ID token of another sign-in is taken."""
        kwargs: dict[str, Any] = super().get_redirect_from_request_kwargs(request)
        nonce = secrets.token_urlsafe(24)
        kwargs["auth_params"]["nonce"] = kwargs["nonce"] = nonce
        return kwargs

    def sociallogin_from_response(self, request: HttpRequest, response: dict[str, Any]) -> SocialLogin:
        """Keep the claims for this sign-in alone: groups and the like are not stored."""
        try:
            login = super().sociallogin_from_response(request, response)
        except ValueError as error:
            raise ProviderException(str(error)) from error
        login.claims = response["userinfo"]
        return login

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Store what the page of connected accounts shows."""
        return {"userinfo": {name: data["userinfo"][name] for name in SHOWN if name in data["userinfo"]}}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """Count an address as proved only where the provider says true; some send the word."""
        addresses: list[Any] = super().extract_email_addresses(data)
        for address in addresses:
            address.verified = data["userinfo"].get("email_verified") in (True, "true")
        return addresses


class CompanySAML(Departing, SAMLProvider):
    """A provider of WOOLGATHER_SSO of the kind saml."""

    package = "config.sign_in.saml"

    def redirect(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Go to the provider; python3-saml reads the host where an old client sends none."""
        request.META.setdefault("HTTP_HOST", request.get_host())
        response: HttpResponse = super().redirect(request, *args, **kwargs)
        return response

    def extract_uid(self, data: Any) -> str:
        """Return a subject that stays: neither made anew for each sign-in, nor an address that changes."""
        uid = str(super().extract_uid(data) or "")
        attributes = self._extract(data)
        if "uid" not in attributes and data.get_nameid_format() == TRANSIENT:
            uid = ""
        if not uid or uid.lower() == str(attributes.get("email", "")).lower():
            logger.error("%s sends no subject that stays: set its UID_ATTRIBUTE (docs/sign-in.md)", self.name)
            raise PermissionDenied(_("%(provider)s isn't set up right yet. Ask your admin.") % {"provider": self.name})
        return uid

    def unstash_redirect_state(self, request: HttpRequest, state_id: str) -> Any:
        """Return what this sign-in began with, once: the same answer of the provider counts a single time."""
        try:
            return super().unstash_redirect_state(request, state_id)
        except PermissionDenied as error:
            raise PermissionDenied(_("This sign-in was used already or is too old. Sign in again.")) from error

    def sociallogin_from_response(self, request: HttpRequest, response: Any) -> SocialLogin:
        """Keep the attributes for this sign-in alone: groups and the like are not stored."""
        login = super().sociallogin_from_response(request, response)
        login.claims = response.get_attributes()
        name = self._extract(response).get("name")
        if name:
            login.claims = {**login.claims, "name": name}
        return login

    def extract_extra_data(self, data: Any) -> dict[str, Any]:
        """Store what the page of connected accounts shows."""
        found = self._extract(data)
        return {name: found[name] for name in SHOWN if name in found}


provider_classes = [CompanyOpenIDConnect, CompanySAML]

"""Reads the company's sign-in providers from the environment; what is missing or mistyped stops the start.

``WOOLGATHER_SSO`` names them (``okta,google``); each has its own variables, such as ``WOOLGATHER_SSO_OKTA_ISSUER``.
docs/sign-in.md explains every one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "WOOLGATHER_SSO_"
GOOGLE = "https://accounts.google.com"
MICROSOFT = "https://login.microsoftonline.com"
ROLES = ("contributor", "reviewer", "lead", "admin")
ON, OFF = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})

COMMON = {"KIND", "NAME", "DOMAINS", "TRUST_EMAIL", "CONNECT_BY_EMAIL", "SECOND_FACTOR", "GROUPS_CLAIM", "ROLES"}
OPENID = {"CLIENT_ID", "CLIENT_SECRET", "SCOPES"}
OWN = {
    "oidc": OPENID | {"ISSUER"},
    "google": OPENID,
    "microsoft": OPENID | {"TENANT"},
    "saml": {
        "METADATA_URL",
        "ENTITY_ID",
        "SSO_URL",
        "CERTIFICATE",
        "SP_ENTITY_ID",
        "UID_ATTRIBUTE",
        "EMAIL_ATTRIBUTE",
        "NAME_ATTRIBUTE",
    },
}
NAMES = {"google": "Google", "microsoft": "Microsoft"}
TENANT = re.compile(r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
PROVIDER_ID = re.compile(r"\A[a-z][a-z0-9-]{0,30}\Z")


class Variables:
    """The variables of one provider; each complaint names the variable and what to set."""

    def __init__(self, id: str, environ: Mapping[str, str]) -> None:
        self.prefix = f"{PREFIX}{id.upper().replace('-', '_')}_"
        self.given = {
            name.removeprefix(self.prefix): value.strip()
            for name, value in environ.items()
            if name.startswith(self.prefix)
        }

    def text(self, name: str, default: str = "") -> str:
        """Return a variable or its default."""
        return self.given.get(name, "") or default

    def needed(self, name: str, what: str) -> str:
        """Return a variable that must be there."""
        value = self.text(name)
        if not value:
            raise self.wrong(name, f"to {what}")
        return value

    def items(self, name: str) -> list[str]:
        """Return the parts of a list separated by commas, or by semicolons where a part has commas of its own."""
        text = self.text(name)
        return [part.strip() for part in text.split(";" if ";" in text else ",") if part.strip()]

    def flag(self, name: str) -> bool:
        """Return an on-or-off variable, which is off where it isn't set."""
        value = self.text(name).lower()
        if value not in ON | OFF:
            raise self.wrong(name, "to on or off")
        return value in ON

    def address(self, name: str, what: str) -> str:
        """Return an https address; http only on this machine, for trying out."""
        value = self.needed(name, what).rstrip("/")
        parts = urlsplit(value)
        local = parts.hostname in {"localhost", "127.0.0.1"}
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise self.wrong(name, f"to {what}, beginning with https://")
        return value

    def wrong(self, name: str, what: str) -> ImproperlyConfigured:
        """Return the complaint about a variable."""
        return ImproperlyConfigured(f"Set {self.prefix}{name} {what} (docs/sign-in.md).")


def social_providers(ids: Iterable[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return allauth's SOCIALACCOUNT_PROVIDERS for the named providers.

    Raises:
        ImproperlyConfigured: a variable is missing, mistyped or contradicts another; the message says what to set.
    """
    apps: dict[str, list[dict[str, Any]]] = {"openid_connect": [], "saml": []}
    names = [name.strip().lower() for name in ids if name.strip()]
    for name in names:
        if not PROVIDER_ID.match(name) or names.count(name) > 1:
            raise ImproperlyConfigured(
                f"Set WOOLGATHER_SSO to different names of lower-case letters, digits and hyphens, not “{name}”."
            )
        variables = Variables(name, environ)
        kind = variables.text("KIND", name if name in {"google", "microsoft"} else "oidc").lower()
        if kind not in OWN:
            raise variables.wrong("KIND", f"to one of {', '.join(OWN)}")
        # "okta" owns OKTA_…, but not the variables of a second provider that is called "okta-emea".
        others = [Variables(other, environ).prefix for other in names if other != name]
        unknown = sorted(
            unheard
            for unheard in variables.given.keys() - (COMMON | OWN[kind])
            if not any((variables.prefix + unheard).startswith(other) for other in others)
        )
        if unknown:
            known = ", ".join(sorted(COMMON | OWN[kind]))
            raise ImproperlyConfigured(
                f"{variables.prefix}{unknown[0]} is not a setting of a provider of the kind {kind}; these are: {known}."
            )
        app = _saml(name, variables) if kind == "saml" else _openid(name, kind, variables)
        app["settings"]["woolgather"]["position"] = names.index(name)
        apps["saml" if kind == "saml" else "openid_connect"].append(app)
    return {
        "openid_connect": {"APPS": apps["openid_connect"], "OAUTH_PKCE_ENABLED": True},
        "saml": {"APPS": apps["saml"]},
    }


def _rules(kind: str, variables: Variables) -> dict[str, Any]:
    """Return what Woolgather itself keeps to for the provider; config.sign_in.adapter reads it."""
    domains = [domain.lower().lstrip("@") for domain in variables.items("DOMAINS")]
    trusted = [domain.lower().lstrip("@") for domain in variables.items("TRUST_EMAIL")]
    roles: dict[str, str] = {}
    for pair in variables.items("ROLES"):
        group, _equals, role = pair.rpartition("=")
        if not group.strip() or role.strip() not in ROLES:
            raise variables.wrong("ROLES", f"to group=role, …, where a role is one of {', '.join(ROLES)}")
        roles[group.strip()] = role.strip()
    if kind == "google" and not domains:
        raise variables.wrong("DOMAINS", "to your Workspace's domains: anybody has a Google account")
    if domains and set(trusted) - set(domains):
        raise variables.wrong("TRUST_EMAIL", f"to domains that are in {variables.prefix}DOMAINS too")
    if variables.flag("CONNECT_BY_EMAIL") and not domains:
        raise variables.wrong("DOMAINS", "too: accounts are connected by e-mail only within named domains")
    return {
        "kind": kind,
        "domains": domains,
        "trust_email": trusted,
        "connect_by_email": variables.flag("CONNECT_BY_EMAIL"),
        "second_factor": variables.flag("SECOND_FACTOR"),
        "groups_claim": variables.text("GROUPS_CLAIM", "groups"),
        "roles": roles,
    }


def _openid(id: str, kind: str, variables: Variables) -> dict[str, Any]:
    if kind == "google":
        issuer = GOOGLE
    elif kind == "microsoft":
        tenant = variables.needed("TENANT", "your directory's id (Entra: Overview, Tenant ID)").lower()
        if not TENANT.match(tenant):
            raise variables.wrong("TENANT", "to the directory's id, a UUID; “common” would let in every company")
        issuer = f"{MICROSOFT}/{tenant}/v2.0"
    else:
        issuer = variables.address("ISSUER", "the provider's issuer address")
    settings: dict[str, Any] = {"server_url": issuer, "woolgather": _rules(kind, variables)}
    if variables.items("SCOPES"):
        settings["scope"] = list(dict.fromkeys(["openid", *variables.items("SCOPES")]))
    return {
        "provider_id": id,
        "name": variables.text("NAME", NAMES.get(kind, id.replace("-", " ").title())),
        "client_id": variables.needed("CLIENT_ID", "the id that the provider gave Woolgather"),
        "secret": variables.needed("CLIENT_SECRET", "the secret that the provider gave Woolgather"),
        "settings": settings,
    }


def _saml(id: str, variables: Variables) -> dict[str, Any]:
    identity: dict[str, str] = {"entity_id": variables.needed("ENTITY_ID", "the identity provider's entity id")}
    if variables.text("METADATA_URL"):
        identity["metadata_url"] = variables.address("METADATA_URL", "the address of the identity provider's metadata")
    else:
        identity["sso_url"] = variables.address("SSO_URL", "where the identity provider signs people in")
        identity["x509cert"] = _certificate(variables)
    mapping: dict[str, str | list[str]] = {
        "uid": variables.items("UID_ATTRIBUTE")
        or [
            "urn:oasis:names:tc:SAML:attribute:subject-id",
            "http://schemas.microsoft.com/identity/claims/objectidentifier",
        ],
        "email": variables.items("EMAIL_ATTRIBUTE")
        or [
            "email",
            "mail",
            "urn:oid:0.9.2342.19200300.100.1.3",
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        ],
        "name": variables.items("NAME_ATTRIBUTE")
        or [
            "displayName",
            "name",
            "urn:oid:2.16.840.1.113730.3.1.241",
            "http://schemas.microsoft.com/identity/claims/displayname",
        ],
    }
    settings: dict[str, Any] = {
        "idp": identity,
        "attribute_mapping": mapping,
        "woolgather": _rules("saml", variables),
        "advanced": {
            "strict": True,
            # The assertion itself, not only the message around it: nothing else may be read from.
            "want_assertion_signed": True,
            "reject_idp_initiated_sso": True,
            "reject_deprecated_algorithm": True,
            "want_name_id": True,
            # Hosts such as "idp" inside a company have no dot.
            "allow_single_label_domains": True,
        },
    }
    if variables.text("SP_ENTITY_ID"):
        settings["sp"] = {"entity_id": variables.text("SP_ENTITY_ID")}
    return {
        "provider_id": id,
        "client_id": id,
        "name": variables.text("NAME", id.replace("-", " ").title()),
        "settings": settings,
    }


def _certificate(variables: Variables) -> str:
    """Return the certificate, given in the variable or as the path of a file."""
    value = variables.needed("CERTIFICATE", "the identity provider's certificate, or to the path of its file")
    if "/" in value and "\n" not in value and value.startswith("/") and Path(value).is_file():
        value = Path(value).read_text(encoding="ascii")
    body = re.sub(r"-----[A-Z ]+-----|\s", "", value)
    if not re.fullmatch(r"[A-Za-z0-9+/]{100,}=*", body):
        raise variables.wrong("CERTIFICATE", "to the certificate in PEM, or to the path of a readable file with it")
    return body


def required_roles(names: Iterable[str]) -> frozenset[str]:
    """Return the roles of WOOLGATHER_REQUIRE_MFA."""
    roles = frozenset(name.strip().lower() for name in names if name.strip())
    if roles - set(ROLES):
        raise ImproperlyConfigured(f"Set WOOLGATHER_REQUIRE_MFA to roles: {', '.join(ROLES)}.")
    return roles


def scim_secret(value: str) -> str:
    """Return WOOLGATHER_SCIM_TOKEN, which is long enough that nobody guesses it, or empty: SCIM is off."""
    least = 32
    if value and len(value) < least:
        raise ImproperlyConfigured(
            "Set WOOLGATHER_SCIM_TOKEN to at least 32 random characters, for example: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return value

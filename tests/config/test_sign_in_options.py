from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.sign_in.options import required_roles, scim_secret, social_providers

OIDC = {"ISSUER": "https://id.corp.example", "CLIENT_ID": "a", "CLIENT_SECRET": "b"}
TENANT = "11111111-2222-3333-4444-555555555555"
SAML = {
    "KIND": "saml",
    "ENTITY_ID": "https://idp.example",
    "SSO_URL": "https://idp.example/sso",
    "CERTIFICATE": "-----BEGIN CERTIFICATE-----\n" + "A" * 120 + "\n-----END CERTIFICATE-----",
}


def read(id: str = "okta", **given: str) -> dict[str, Any]:
    prefix = f"WOOLGATHER_SSO_{id.upper().replace('-', '_')}_"
    return social_providers([id], {prefix + name: value for name, value in given.items()})


def test_nothing_named_is_nothing_offered() -> None:
    assert social_providers([], {"WOOLGATHER_SSO_OKTA_ISSUER": "x"})["openid_connect"]["APPS"] == []


def test_one_provider_of_each_kind() -> None:
    assert read(**OIDC)["openid_connect"]["APPS"][0]["settings"]["server_url"] == "https://id.corp.example"
    google = read("google", CLIENT_ID="a", CLIENT_SECRET="b", DOMAINS="corp.example")["openid_connect"]["APPS"][0]
    assert (google["name"], google["settings"]["server_url"]) == ("Google", "https://accounts.google.com")
    microsoft = read("microsoft", CLIENT_ID="a", CLIENT_SECRET="b", TENANT=TENANT)["openid_connect"]["APPS"][0]
    assert microsoft["settings"]["server_url"].endswith(f"/{TENANT}/v2.0")
    assert read("corp", **SAML)["saml"]["APPS"][0]["settings"]["idp"]["x509cert"] == "A" * 120


def test_two_providers_whose_names_begin_alike() -> None:
    environ = {f"WOOLGATHER_SSO_OKTA_{name}": value for name, value in OIDC.items()}
    environ |= {f"WOOLGATHER_SSO_OKTA_EMEA_{name}": value for name, value in OIDC.items()}
    apps = social_providers(["okta", "okta-emea"], environ)["openid_connect"]["APPS"]
    assert [app["provider_id"] for app in apps] == ["okta", "okta-emea"]


@pytest.mark.parametrize(
    ("id", "given", "named"),
    [
        ("okta", OIDC | {"ISSUER": ""}, "WOOLGATHER_SSO_OKTA_ISSUER"),
        ("okta", OIDC | {"ISSUER": "http://id.corp.example"}, "https://"),
        ("okta", OIDC | {"CLIENT_SECRET": ""}, "WOOLGATHER_SSO_OKTA_CLIENT_SECRET"),
        ("okta", OIDC | {"KIND": "ldap"}, "oidc, google, microsoft, saml"),
        ("okta", OIDC | {"DOMIANS": "corp.example"}, "WOOLGATHER_SSO_OKTA_DOMIANS is not a setting"),
        ("okta", OIDC | {"ROLES": "chiefs=king"}, "group=role"),
        ("okta", OIDC | {"CONNECT_BY_EMAIL": "on"}, "WOOLGATHER_SSO_OKTA_DOMAINS"),
        ("okta", OIDC | {"CONNECT_BY_EMAIL": "maybe", "DOMAINS": "corp.example"}, "on or off"),
        ("okta", OIDC | {"DOMAINS": "corp.example", "TRUST_EMAIL": "else.example"}, "WOOLGATHER_SSO_OKTA_TRUST_EMAIL"),
        ("google", {"CLIENT_ID": "a", "CLIENT_SECRET": "b"}, "anybody has a Google account"),
        ("microsoft", {"CLIENT_ID": "a", "CLIENT_SECRET": "b", "TENANT": "common"}, "every company"),
        ("corp", SAML | {"CERTIFICATE": "/nowhere.pem"}, "WOOLGATHER_SSO_CORP_CERTIFICATE"),
        ("Ok ta", OIDC, "WOOLGATHER_SSO to different names"),
    ],
)
def test_what_is_wrong_stops_the_start_and_is_named(id: str, given: dict[str, str], named: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=named):
        read(id, **given)


def test_roles_and_secrets_are_checked_at_the_start() -> None:
    assert required_roles([" Admin", "lead"]) == {"admin", "lead"}
    assert scim_secret("") == ""
    with pytest.raises(ImproperlyConfigured, match="WOOLGATHER_REQUIRE_MFA"):
        required_roles(["root"])
    with pytest.raises(ImproperlyConfigured, match="32 random characters"):
        scim_secret("short")

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.utils import timezone

from collector.actions.people import deactivate_person, invite
from collector.models import AuditEntry, Person
from config.sign_in.options import social_providers
from config.sign_in.provider import StrictOpenIDConnect
from tests.config.company import ID, LOGIN, Browser, Provider, query_of, variables
from tests.factories import NOW, PersonFactory, TeamFactory

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


# -- The first time and again -----------------------------------------------------------------------------


def test_the_first_sign_in_makes_the_account(company: Any, provider: Provider) -> None:
    browser = company()
    provider.employ("ada", name="Ada Lovelace", zoneinfo="Europe/London", locale="de-DE")
    answer = browser.sign_in("ada")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert browser.is_in
    person = Person.objects.get(email="ada@corp.example")
    assert (person.display_name, person.handle, person.time_zone) == ("Ada Lovelace", "ada-lovelace", "Europe/London")
    assert person.role_names == {"contributor"}
    assert not person.has_usable_password()
    assert browser.client.cookies["django_language"].value == "de"
    account = SocialAccount.objects.get()
    assert (account.provider, account.uid, account.user) == (ID, "ada", person)
    assert AuditEntry.objects.filter(verb="person.provisioned", target="ada-lovelace").exists()


def test_what_is_kept_of_the_provider_is_what_is_shown(company: Any, provider: Provider) -> None:
    provider.employ("ada", groups=["salaries-emea"], birthdate="1815-12-10")
    company().sign_in("ada")
    assert set(SocialAccount.objects.get().extra_data["userinfo"]) == {"email", "name"}


def test_another_address_and_name_there_change_nothing_here(company: Any, provider: Provider) -> None:
    provider.employ("ada", name="Ada Byron")
    company().sign_in("ada")
    provider.employ("ada", email="countess@else.example", email_verified=False, name="Countess", preferred_username="x")
    browser = company()
    browser.sign_in("ada")
    assert browser.is_in
    person = Person.objects.get(pk=SocialAccount.objects.get().user_id)
    assert (person.email, person.display_name) == ("ada@corp.example", "Ada Byron")
    assert not EmailAddress.objects.filter(email="countess@else.example").exists()


def test_a_reused_address_is_another_person(company: Any, provider: Provider) -> None:
    provider.employ("ada")
    company().sign_in("ada")
    provider.employ("adam", email="ada@corp.example")
    browser = company()
    answer = browser.sign_in("adam")
    assert answer.status_code == 403
    assert not browser.is_in
    assert SocialAccount.objects.count() == Person.objects.filter(email="ada@corp.example").count() == 1


def test_it_goes_on_where_it_was_asked_for_and_never_elsewhere(company: Any, provider: Provider) -> None:
    provider.employ("ada")
    assert company().sign_in("ada", next="/mine/").headers["Location"] == "/mine/"
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example/"):
        assert company().sign_in("ada", next=elsewhere).headers["Location"] == "/"


def test_an_invitation_of_the_address_gives_its_role_and_team(company: Any, provider: Provider) -> None:
    team = TeamFactory.create()
    invite(email="ada@corp.example", role="reviewer", team=team, by=None, now=timezone.now())
    provider.employ("ada")
    company().sign_in("ada")
    person = Person.objects.get(email="ada@corp.example")
    assert person.has_role("reviewer")
    assert person.team == team


# -- Who doesn't come in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email_verified": False}, "doesn&#x27;t say that this e-mail address is proved"),
        ({"email_verified": "false"}, "doesn&#x27;t say that this e-mail address is proved"),
        ({"email": "eve@else.example"}, "isn&#x27;t one of the company&#x27;s"),
        ({"email": "eve@corp.example.evil.example"}, "isn&#x27;t one of the company&#x27;s"),
        ({"email": "eve@sub.corp.example"}, "isn&#x27;t one of the company&#x27;s"),
        ({"email": None}, "tells no e-mail address"),
        ({"email": "not an address"}, "tells no e-mail address"),
    ],
)
def test_an_account_that_is_not_the_companys_is_refused_with_a_page(
    company: Any, provider: Provider, claims: dict[str, Any], words: str
) -> None:
    provider.employ("eve", **claims)
    browser = company()
    answer = browser.sign_in("eve")
    assert answer.status_code == 403
    assert words in answer.content.decode()
    assert not browser.is_in
    assert not SocialAccount.objects.exists()
    assert not Person.objects.filter(display_name="Eve").exists()


def test_addresses_of_a_trusted_domain_need_no_proof(company: Any, provider: Provider) -> None:
    provider.employ("ada", email_verified=False)
    browser = company(TRUST_EMAIL="corp.example")
    browser.sign_in("ada")
    assert browser.is_in


def test_a_deactivated_person_stays_out(company: Any, provider: Provider) -> None:
    provider.employ("ada")
    browser = company(ROLES="chiefs=lead")
    browser.sign_in("ada")
    person = Person.objects.get(email="ada@corp.example")
    deactivate_person(person=person, by=None, now=NOW)
    assert not browser.is_in
    provider.employ("ada", groups=["chiefs"])
    again = company(ROLES="chiefs=lead")
    assert again.sign_in("ada").headers["Location"] == "/accounts/inactive/"
    assert not again.is_in
    person = Person.objects.get(pk=person.pk)
    assert not person.is_active
    assert person.role_names == {"contributor"}


def test_the_source_of_an_import_never_signs_in(company: Any, provider: Provider) -> None:
    PersonFactory.create(email="import@corp.example", is_source=True, is_active=False)
    provider.employ("import")
    browser = company(CONNECT_BY_EMAIL="on")
    assert browser.sign_in("import").status_code == 403
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(("hd", "comes_in"), [("corp.example", True), ("else.example", False), (None, False)])
def test_a_google_account_is_one_of_the_workspace_or_stays_out(
    provider: Provider, settings: Any, hd: str | None, comes_in: bool
) -> None:
    environ = {"CLIENT_ID": "woolgather", "CLIENT_SECRET": "quiet", "DOMAINS": "corp.example"}
    found = social_providers(["google"], {f"WOOLGATHER_SSO_GOOGLE_{name}": value for name, value in environ.items()})
    found["openid_connect"]["APPS"][0]["settings"]["server_url"] = provider.issuer
    settings.SOCIALACCOUNT_PROVIDERS = found
    provider.employ("ada", **({"hd": hd} if hd else {}))
    client = Client()
    address = client.get("/accounts/oidc/google/login/").headers["Location"]
    assert query_of(address)["hd"] == "corp.example"
    parts = urlsplit(provider.approve(address, "ada"))
    client.get(f"{parts.path}?{parts.query}")
    assert (client.get("/mine/").status_code == 200) is comes_in


# -- Accounts that were there before ----------------------------------------------------------------------


def test_an_account_is_not_taken_over_by_its_address(company: Any, provider: Provider) -> None:
    PersonFactory.create(email="Ada@corp.example", roles=["admin"])
    provider.employ("ada")
    browser = company()
    answer = browser.sign_in("ada")
    assert answer.status_code == 403
    assert "connect Okta under Profile, Security" in answer.content.decode()
    assert not browser.is_in


def test_an_account_is_connected_by_its_address_where_the_settings_trust_the_provider(
    company: Any, provider: Provider
) -> None:
    person = PersonFactory.create(email="Ada@corp.example")
    provider.employ("ada")
    browser = company(CONNECT_BY_EMAIL="on")
    browser.sign_in("ada")
    assert browser.is_in
    assert SocialAccount.objects.get().user == person
    entry = AuditEntry.objects.get(verb="person.connected")
    assert entry.detail == {"provider": ID, "by_email": True}


def test_even_then_never_by_an_address_that_is_unproved_there(company: Any, provider: Provider) -> None:
    PersonFactory.create(email="ada@corp.example")
    provider.employ("ada", email_verified=False)
    assert company(CONNECT_BY_EMAIL="on").sign_in("ada").status_code == 403
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("proved", [False, True])
def test_nor_to_an_account_whose_own_address_was_never_proved(company: Any, provider: Provider, proved: bool) -> None:
    person = PersonFactory.create(email="ada@corp.example", password="whoever signed up first knows it")
    EmailAddress.objects.create(user=person, email="ada@corp.example", verified=proved, primary=True)
    provider.employ("ada")
    browser = company(CONNECT_BY_EMAIL="on")
    browser.sign_in("ada")
    assert browser.is_in is proved


def test_somebody_signed_in_connects_by_a_form_alone(company: Any, provider: Provider, sign_in: Any) -> None:
    person = PersonFactory.create(email="private@home.example")
    provider.employ("ada")
    browser = company()
    browser.client = sign_in(person)
    assert browser.client.get(LOGIN, {"process": "connect"}).headers["Location"] == "/accounts/3rdparty/"
    page = browser.client.post(LOGIN, {"process": "connect"})
    address = page.context["address"]
    assert 'http-equiv="refresh"' in page.content.decode()
    browser.come_back(provider.approve(address, "ada"))
    assert SocialAccount.objects.get().user == person
    assert AuditEntry.objects.get(verb="person.connected").by == person
    again = company()
    again.sign_in("ada")
    assert again.is_in


# -- The protocol -----------------------------------------------------------------------------------------


def test_it_asks_with_state_nonce_and_pkce_and_nothing_from_the_address(company: Any) -> None:
    browser = company()
    answer = browser.client.get(LOGIN, {"process": "login", "scope": "admin", "auth_params": "prompt=none&nonce=mine"})
    asked = query_of(answer.headers["Location"])
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) >= 43
    assert asked["state"]
    assert len(asked["nonce"]) >= 32
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert "prompt" not in asked
    assert query_of(browser.leave())["nonce"] != asked["nonce"]


def test_a_foreign_state_is_refused(company: Any, provider: Provider) -> None:
    provider.employ("ada")
    theirs, ours = company(), company()
    ours.leave()
    back = provider.approve(theirs.leave(), "ada")
    answer = ours.come_back(back)
    assert answer.status_code == 401
    assert not ours.is_in
    assert not SocialAccount.objects.exists()


def test_a_callback_counts_once(company: Any, provider: Provider) -> None:
    provider.employ("ada")
    browser = company()
    back = provider.approve(browser.leave(), "ada")
    browser.come_back(back)
    browser.client.post("/accounts/logout/")
    assert browser.come_back(back).status_code == 401
    assert not browser.is_in


def test_stopping_there_says_so(company: Any, provider: Provider) -> None:
    browser = company()
    answer = requests.post(browser.leave(), data={"action": "deny"}, allow_redirects=False, timeout=5)
    state = query_of(browser.leave())["state"]
    assert "error=access_denied" in answer.headers["Location"]
    back = browser.client.get(f"{LOGIN}callback/", {"error": "access_denied", "state": state}, follow=True)
    assert "You stopped the sign-in" in back.content.decode()


def test_a_provider_that_is_away_is_said(company: Any, settings: Any) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = social_providers([ID], variables("http://localhost:9"))
    answer = Client().get(LOGIN)
    assert answer.status_code == 401
    assert "couldn't be reached" in answer.content.decode()


def test_a_provider_that_is_not_set_up_is_not_there(company: Any) -> None:
    company()
    assert Client().get("/accounts/oidc/google/login/").status_code == 404


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def token_of(company: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Browser]:
    """Let the provider answer with an ID token of ours, signed by a key that its key set names; returns the browser."""
    provider.employ("ada")

    def token_of(*, key: Any = KEY, algorithm: str = "RS256", tail: str = "", **claims: Any) -> Browser:
        browser: Browser = company()
        address = browser.leave()
        back = provider.approve(address, "ada")
        body = {"iss": provider.issuer, "aud": "woolgather", "sub": "ada", "exp": time.time() + 60, "iat": time.time()}
        body |= {"nonce": query_of(address)["nonce"]} | claims
        raw = jwt.encode(body, key, algorithm=algorithm, headers={"kid": "1"})
        raw = raw[: -len(tail)] + tail if tail else raw
        plain = StrictOpenIDConnect.get_access_token_data

        def with_ours(self: Any, *args: Any, **options: Any) -> dict[str, Any]:
            return {**plain(self, *args, **options), "id_token": raw}

        monkeypatch.setattr(StrictOpenIDConnect, "get_access_token_data", with_ours)
        monkeypatch.setattr(StrictOpenIDConnect, "signing_key", lambda _self, _header: KEY.public_key())
        browser.come_back(back)
        return browser

    return token_of


def test_a_good_token_of_that_key_comes_in(token_of: Any) -> None:
    assert token_of().is_in


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": OTHER},
        {"tail": "AAAAAAAA"},
        {"key": "a secret that both sides know, long enough", "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
        {"aud": "another-app"},
        {"iss": "https://evil.example"},
        {"exp": 1_700_000_000},
        {"nonce": "of another sign-in"},
        {"nonce": ""},
        {"sub": "somebody-else"},
    ],
    ids=["other key", "tampered", "shared secret", "unsigned", "audience", "issuer", "expired", "nonce", "none", "sub"],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(token_of: Any, wrong: dict[str, Any]) -> None:
    assert not token_of(**wrong).is_in
    assert not SocialAccount.objects.exists()


# -- The sign-in page and passwords -----------------------------------------------------------------------


def test_the_companys_button_comes_before_the_password(company: Any) -> None:
    company(NAME="Corp ID")
    page = Client().get("/accounts/login/?next=/mine/").content.decode()
    assert page.index("Sign in with Corp ID") < page.index('name="password"')
    assert "next=%2Fmine%2F" in page


def test_passwords_can_be_turned_off(company: Any, settings: Any) -> None:
    company()
    settings.WOOLGATHER_PASSWORD_SIGN_IN = False
    person = PersonFactory.create(password="a long and quiet password")
    page = Client().get("/accounts/login/").content.decode()
    assert "Sign in with Okta" in page
    assert 'name="password"' not in page
    client = Client()
    client.post("/accounts/login/", {"login": person.email, "password": "a long and quiet password"})
    assert client.get("/mine/").status_code == 302
    for path in ("/accounts/signup/", "/accounts/password/reset/", "/accounts/password/change/"):
        assert Client().get(path, follow=True).status_code in {200, 403}
        assert client.post(path, {"email": person.email}).status_code in {302, 403}
    assert "No passwords here" in Client().get("/accounts/signup/").content.decode()

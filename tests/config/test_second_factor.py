from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client, override_settings

from collector.actions.people import sign_in_link
from collector.models import AuditEntry, Person
from config.sign_in.mfa import MFAAdapter
from tests.factories import PersonFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.django_db
PASSWORD = "a long and quiet password"


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """The rate limits count from nothing in each test."""
    cache.clear()
    yield
    cache.clear()


def code_of(secret: str) -> str:
    """Return what an authenticator app shows now (RFC 6238)."""
    key = base64.b32decode(secret)
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place : place + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


def enter(person: Person, path: str = "/") -> Client:
    """Sign in by password; what comes after is the test's."""
    client = Client()
    client.post("/accounts/login/", {"login": person.email, "password": PASSWORD, "next": path})
    return client


def set_up_app(client: Client) -> tuple[str, list[str]]:
    """Set up an authenticator app as a person would; returns its secret and the recovery codes."""
    path = "/accounts/2fa/totp/activate/"
    asked = client.get(path)
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/")
    client.post(asked.headers["Location"], {"password": PASSWORD, "next": path})
    secret = client.get(path).context["form"].secret
    answer = client.post(path, {"code": code_of(secret)}, follow=True)
    return secret, list(answer.context["unused_codes"])


@pytest.fixture
def protected() -> tuple[Person, str, list[str]]:
    """Somebody with an authenticator app."""
    person = PersonFactory.create(password=PASSWORD)
    secret, codes = set_up_app(enter(person))
    cache.clear()  # the code of this half minute counts again
    return person, secret, codes


def test_setting_up_an_app_asks_for_the_password_and_gives_recovery_codes(
    django_capture_on_commit_callbacks: Any,
) -> None:
    person = PersonFactory.create(password=PASSWORD)
    with django_capture_on_commit_callbacks(execute=True):
        _secret, codes = set_up_app(enter(person))
    assert len(codes) == 10
    kinds = set(Authenticator.objects.filter(user=person).values_list("type", flat=True))
    assert kinds == {"totp", "recovery_codes"}
    assert AuditEntry.objects.filter(verb="person.second_factor_added", target=person.handle).count() == 2


def test_the_secret_is_not_in_the_database(protected: tuple[Person, str, list[str]]) -> None:
    _person, secret, _codes = protected
    kept = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in kept
    assert MFAAdapter().decrypt(kept) == secret
    with override_settings(SECRET_KEY="another key " * 6, SECRET_KEY_FALLBACKS=[]), pytest.raises(InvalidToken):
        MFAAdapter().decrypt(kept)


def test_an_old_key_still_reads_the_secrets(settings: Any) -> None:
    old = settings.SECRET_KEY
    kept = MFAAdapter().encrypt("a secret")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new key " * 6, [old]
    assert MFAAdapter().decrypt(kept) == "a secret"


def test_the_second_step_is_asked_for_and_takes_the_right_code_once(protected: tuple[Person, str, list[str]]) -> None:
    person, secret, _codes = protected
    client = enter(person)
    assert client.get("/mine/").status_code == 302
    page = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert page.status_code == 200
    assert client.get("/mine/").status_code == 302
    code = code_of(secret)
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).headers["Location"] == "/"
    assert client.get("/mine/").status_code == 200
    again = enter(person)
    assert again.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200
    assert again.get("/mine/").status_code == 302


def test_a_recovery_code_opens_once(protected: tuple[Person, str, list[str]]) -> None:
    person, _secret, codes = protected
    client = enter(person)
    client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert client.get("/mine/").status_code == 200
    again = enter(person)
    again.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert again.get("/mine/").status_code == 302


def test_codes_are_not_guessed_for_long(protected: tuple[Person, str, list[str]]) -> None:
    person, secret, _codes = protected
    client = enter(person)
    for number in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": f"00000{number}"})
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert client.get("/mine/").status_code == 302


def test_a_one_time_link_is_no_way_around(protected: tuple[Person, str, list[str]]) -> None:
    person, secret, _codes = protected
    client = Client()
    answer = client.post(sign_in_link(person=Person.objects.get(pk=person.pk), base=""))
    assert answer.headers["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/mine/").status_code == 302
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert client.get("/mine/").status_code == 200


@pytest.mark.parametrize("path", ["", "totp/activate/", "webauthn/", "webauthn/add/", "recovery-codes/generate/"])
def test_the_pages_are_in_the_house_style(path: str, protected: tuple[Person, str, list[str]]) -> None:
    person, secret, _codes = protected
    client = enter(person)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    page = client.get(f"/accounts/2fa/{path}", follow=True)
    if "reauthenticate" in page.request["PATH_INFO"]:
        client.post(page.request["PATH_INFO"], {"password": PASSWORD, "code": secret})
        page = client.get(f"/accounts/2fa/{path}", follow=True)
    assert page.status_code == 200
    assert 'class="masthead"' in page.content.decode()


# -- Roles that need one ----------------------------------------------------------------------------------


@pytest.fixture
def needed(settings: Any) -> None:
    """Admins and leads need a second factor here."""
    settings.WOOLGATHER_REQUIRE_MFA = frozenset({"admin", "lead"})


@pytest.mark.usefixtures("needed")
def test_a_role_that_needs_a_second_factor_is_led_to_it(sign_in: Callable[[Person], Client]) -> None:
    person = PersonFactory.create(roles=["lead"], password=PASSWORD)
    client = enter(person)
    page = client.get("/campaigns/", follow=True)
    assert page.redirect_chain == [("/accounts/2fa/", 302)]
    assert "Your role needs a second step" in page.content.decode()
    assert client.get("/admin/").headers["Location"] == "/accounts/2fa/"
    assert client.post("/profile/", {"display_name": "x"}).headers["Location"] == "/accounts/2fa/"
    answer = client.get("/api/v1/categories/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
    fragment = client.get("/mine/", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (403, "/accounts/2fa/")
    assert client.get("/healthz").status_code == 200
    set_up_app(client)
    assert client.get("/campaigns/").status_code == 200
    assert sign_in(PersonFactory.create(roles=["reviewer"])).get("/mine/").status_code == 200


@pytest.mark.usefixtures("needed")
def test_taking_the_second_factor_away_closes_the_pages_again() -> None:
    person = PersonFactory.create(roles=["admin"], password=PASSWORD)
    client = enter(person)
    set_up_app(client)
    client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(user=person).exists()
    assert client.get("/mine/").headers["Location"] == "/accounts/2fa/"
    assert AuditEntry.objects.filter(verb="person.second_factor_removed", target=person.handle).exists()


@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize("settles", [False, True])
def test_a_provider_that_asks_for_one_itself_is_enough(
    settings: Any, sign_in: Callable[[Person], Client], settles: bool
) -> None:
    rules = {"second_factor": settles}
    app = {"provider_id": "okta", "client_id": "a", "secret": "b", "settings": {"woolgather": rules}}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    person = PersonFactory.create(roles=["admin"])
    client = sign_in(person)
    session = client.session
    session["account_authentication_methods"] = [{"method": "socialaccount", "at": time.time(), "provider": "okta"}]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()
    assert (client.get("/mine/").status_code == 200) is settles


# -- Lost devices -----------------------------------------------------------------------------------------


def test_who_lost_everything_is_let_in_by_an_admin(
    protected: tuple[Person, str, list[str]], admin: Person, sign_in: Callable[[Person], Client]
) -> None:
    person, _secret, _codes = protected
    client = sign_in(admin)
    page = f"/admin/collector/person/{person.pk}/"
    assert f"{page}second-factor/" in client.get(f"{page}change/").content.decode()
    assert client.post(f"{page}second-factor/", {"sure": "yes"}).status_code == 302
    assert not Authenticator.objects.filter(user=person).exists()
    assert AuditEntry.objects.get(verb="person.second_factor_reset").by == admin
    assert enter(person).get("/mine/").status_code == 200
    assert f"{page}second-factor/" not in client.get(f"{page}change/").content.decode()


def test_or_by_whoever_runs_the_server(protected: tuple[Person, str, list[str]]) -> None:
    person, _secret, _codes = protected
    out = io.StringIO()
    call_command("reset_second_factor", person.email, "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"email": person.email, "removed": 2}


@pytest.mark.parametrize("model", ["mfa/authenticator", "socialaccount/socialapp", "socialaccount/socialaccount"])
def test_the_admin_shows_no_secrets(model: str, admin: Person, sign_in: Callable[[Person], Client]) -> None:
    assert sign_in(admin).get(f"/admin/{model}/").status_code == 404

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Words
from onelogin.saml2.utils import OneLogin_Saml2_Utils as Utils

from collector.models import Person
from config.sign_in.options import social_providers
from tests.factories import PersonFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

pytestmark = pytest.mark.django_db
IDP = "https://idp.corp.example/metadata"
BASE = "http://testserver/accounts/saml/corp"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


def key_and_certificate() -> tuple[str, str]:
    """Return a key of an identity provider that lives as long as the tests."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.corp.example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private.decode(), builder.sign(key, hashes.SHA256()).public_bytes(pem).decode()


KEY, CERTIFICATE = key_and_certificate()
OTHER_KEY, OTHER_CERTIFICATE = key_and_certificate()


def stamp(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def response(
    request_id: str,
    *,
    subject: str = "u-17",
    email: str = "ada@corp.example",
    groups: tuple[str, ...] = (),
    minutes: float = 5,
    audience: str = f"{BASE}/metadata/",
    key: str | None = KEY,
    certificate: str = CERTIFICATE,
    format: str = PERSISTENT,
) -> str:
    """Return a SAML response whose assertion is signed as an identity provider would."""
    attributes = "".join(
        f'<saml:Attribute Name="{name}">'
        + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
        + "</saml:Attribute>"
        for name, values in {"mail": [email], "displayName": ["Ada Lovelace"], "groups": groups or ["all"]}.items()
    )
    answers = f' InResponseTo="{request_id}"' if request_id else ""
    assertion = (
        f'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a{abs(hash(request_id))}" '
        f'Version="2.0" IssueInstant="{stamp(0)}"><saml:Issuer>{IDP}</saml:Issuer>'
        f'<saml:Subject><saml:NameID Format="{format}">{subject}</saml:NameID>'
        f'<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
        f'NotOnOrAfter="{stamp(minutes)}" Recipient="{BASE}/acs/"{answers}/></saml:SubjectConfirmation></saml:Subject>'
        f'<saml:Conditions NotBefore="{stamp(-60)}" NotOnOrAfter="{stamp(minutes)}"><saml:AudienceRestriction>'
        f"<saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
        f'<saml:AuthnStatement AuthnInstant="{stamp(0)}" SessionIndex="_s1"><saml:AuthnContext>'
        "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>"
        "</saml:AuthnContext></saml:AuthnStatement>"
        f"<saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
    )
    if key is not None:
        assertion = Utils.add_sign(
            assertion, key, certificate, sign_algorithm=Words.RSA_SHA256, digest_algorithm=Words.SHA256
        )
        assertion = assertion.decode() if isinstance(assertion, bytes) else assertion
    return (
        f'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
        f'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r{abs(hash(request_id))}" Version="2.0" '
        f'IssueInstant="{stamp(0)}" Destination="{BASE}/acs/"{answers}><saml:Issuer>{IDP}</saml:Issuer><samlp:Status>'
        '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
        f"{assertion}</samlp:Response>"
    )


@pytest.fixture
def company(settings: Any) -> Callable[..., Client]:
    """Set the company's SAML provider up; returns a fresh browser."""
    cache.clear()

    def company(**more: str) -> Client:
        own = {"KIND": "saml", "ENTITY_ID": IDP, "SSO_URL": "https://idp.corp.example/sso", "CERTIFICATE": CERTIFICATE}
        own |= {"DOMAINS": "corp.example", "TRUST_EMAIL": "corp.example"} | more
        environ = {f"WOOLGATHER_SSO_CORP_{name}": value for name, value in own.items()}
        settings.SOCIALACCOUNT_PROVIDERS = social_providers(["corp"], environ)
        return Client(headers={"host": "testserver"})

    return company


def leave(client: Client) -> str:
    """Click the company's button; returns the id of the request that goes out."""
    answer = client.get("/accounts/saml/corp/login/?process=login")
    assert answer.status_code == 302
    raw = parse_qs(urlsplit(answer.headers["Location"]).query)["SAMLRequest"][0]
    return str(etree.fromstring(zlib.decompress(base64.b64decode(raw), -15)).get("ID"))


def come_back(client: Client, xml: str) -> HttpResponse:
    """Post the identity provider's form to us and follow to the end of the sign-in."""
    body = {"SAMLResponse": base64.b64encode(xml.encode()).decode(), "RelayState": ""}
    answer = client.post("/accounts/saml/corp/acs/", body)
    assert answer.status_code == 302
    return client.get(answer.headers["Location"])  # type: ignore[return-value]  # the test client's own class


def is_in(client: Client) -> bool:
    return client.get("/mine/").status_code == 200


def test_a_signed_assertion_makes_the_account_and_gives_the_roles_of_its_groups(company: Any) -> None:
    client = company(ROLES="wg-reviewers=reviewer")
    answer = come_back(client, response(leave(client), groups=("all", "wg-reviewers")))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert is_in(client)
    account = SocialAccount.objects.get()
    person = Person.objects.get(pk=account.user_id)
    assert (account.provider, account.uid) == ("corp", "u-17")
    assert (person.email, person.display_name) == ("ada@corp.example", "Ada Lovelace")
    assert person.role_names == {"contributor", "reviewer"}


def test_another_address_is_the_same_person(company: Any) -> None:
    first = company()
    come_back(first, response(leave(first)))
    again = company()
    come_back(again, response(leave(again), email="ada.byron@corp.example"))
    assert is_in(again)
    assert SocialAccount.objects.count() == 1
    assert not Person.objects.filter(email="ada.byron@corp.example").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": None},
        {"key": OTHER_KEY, "certificate": OTHER_CERTIFICATE},
        {"minutes": -10},
        {"audience": "https://another.example/metadata"},
    ],
    ids=["unsigned", "another key", "expired", "another audience"],
)
def test_an_assertion_that_proves_nothing_is_refused(company: Any, wrong: dict[str, Any]) -> None:
    client = company()
    assert come_back(client, response(leave(client), **wrong)).status_code == 401
    assert not is_in(client)
    assert not SocialAccount.objects.exists()


def test_an_assertion_counts_once(company: Any) -> None:
    client = company()
    xml = response(leave(client))
    come_back(client, xml)
    assert is_in(client)
    client.post("/accounts/logout/")
    again = come_back(client, xml)
    assert again.status_code == 403
    assert "used already" in again.content.decode()
    assert not is_in(client)


def test_an_assertion_for_another_browser_is_refused(company: Any) -> None:
    theirs, ours = company(), company()
    leave(ours)
    assert come_back(ours, response(leave(theirs))).status_code == 403
    assert not is_in(ours)


def test_an_assertion_that_nobody_asked_for_is_refused(company: Any) -> None:
    client = company()
    assert come_back(client, response("")).status_code == 401
    assert not is_in(client)


def wrapped(xml: str, how: str) -> str:
    """Put a forged assertion beside, before or around the signed one, whose signature stays good."""
    root = etree.fromstring(xml.encode())
    saml = "{urn:oasis:names:tc:SAML:2.0:assertion}"
    signed = root.find(f"{saml}Assertion")
    assert signed is not None
    forged = etree.fromstring(etree.tostring(signed))
    forged.set("ID", "_forged")
    signature = forged.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
    assert signature is not None
    forged.remove(signature)
    name = forged.find(f"{saml}Subject/{saml}NameID")
    assert name is not None
    name.text = "boss"
    if how == "before":
        root.insert(root.index(signed), forged)
    elif how == "after":
        root.append(forged)
    elif how == "around":
        root.replace(signed, forged)
        forged.append(signed)
    elif how == "in its signature":
        original = signed
        root.replace(signed, forged)
        holder = etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object")
        holder.append(original)
        forged.insert(1, signature)
    elif how == "extensions":
        root.replace(signed, forged)
        holder = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions")
        holder.append(signed)
        root.insert(1, holder)
    elif how == "same id":
        forged.set("ID", str(signed.get("ID")))
        root.insert(root.index(signed), forged)
    return str(etree.tostring(root).decode())


@pytest.mark.parametrize("how", ["before", "after", "around", "in its signature", "extensions", "same id"])
def test_a_forged_assertion_beside_a_signed_one_is_refused(company: Any, how: str) -> None:
    PersonFactory.create(email="boss@corp.example", roles=["admin"])
    client = company()
    come_back(client, wrapped(response(leave(client)), how))
    assert not SocialAccount.objects.filter(uid="boss").exists()
    assert not is_in(client)


@pytest.mark.parametrize("comment", ["u-1<!-- -->7", "u-17<!-- -->.evil"])
def test_a_comment_does_not_cut_the_subject(company: Any, comment: str) -> None:
    client = company()
    come_back(client, response(leave(client), subject=comment))
    assert set(SocialAccount.objects.values_list("uid", flat=True)) <= {comment.replace("<!-- -->", "")}


@pytest.mark.parametrize(
    "junk", ["", "!!!", "PGE+", base64.b64encode(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").decode()]
)
def test_junk_is_refused_with_a_page(company: Any, junk: str) -> None:
    client = company()
    leave(client)
    client.post("/accounts/saml/corp/acs/", {"SAMLResponse": junk})
    assert client.get("/accounts/saml/corp/acs/finish/").status_code in {401, 403}


@pytest.mark.parametrize(
    ("format", "subject"),
    [
        ("urn:oasis:names:tc:SAML:2.0:nameid-format:transient", "_c0ffee"),
        ("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "ada@corp.example"),
        ("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "Ada@corp.example"),
    ],
)
def test_a_subject_that_changes_is_no_key_of_an_account(company: Any, format: str, subject: str) -> None:
    client = company()
    answer = come_back(client, response(leave(client), format=format, subject=subject))
    assert answer.status_code == 403
    assert not SocialAccount.objects.exists()


def test_only_a_provider_that_is_set_up_can_leave_something_here(company: Any) -> None:
    client = company()
    before = Session.objects.count()
    assert client.post("/accounts/saml/another/acs/", {"SAMLResponse": "PGE+"}).status_code == 404
    assert client.post("/accounts/saml/corp/acs/", {"SAMLResponse": "A" * 600_000}).status_code == 413
    assert client.get("/accounts/saml/corp/acs/").status_code == 405
    assert Session.objects.count() == before


def test_the_metadata_for_the_identity_provider(company: Any) -> None:
    page = company().get("/accounts/saml/corp/metadata/")
    assert page.status_code == 200
    assert f'Location="{BASE}/acs/"' in page.content.decode()
    assert 'WantAssertionsSigned="true"' in page.content.decode()

"""One message to a real receiver: what reaches it, and what is done with what it says."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.webhooks.receiver import receiving
from webhooks import sending

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from tests.webhooks.receiver import Receiver


def test_the_message_arrives_as_it_was_made(receiver: Receiver) -> None:
    receiver.body = b"thank you\x00\x1b[31m"
    answer = sending.post(url=f"{receiver.url}?key=1", body=b'{"a":1}', headers={"webhook-id": "msg_1"})
    assert (answer.code, answer.is_success, answer.error) == (204, True, "")
    assert [(m.path, m.body, m.headers["webhook-id"]) for m in receiver.messages] == [
        ("/hook?key=1", b'{"a":1}', "msg_1")
    ]
    assert receiver.messages[0].headers["Host"] == f"localhost:{receiver.port}"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.codes, receiver.location = [302], f"http://localhost:{receiver.port}/secret"
    answer = sending.post(url=receiver.url, body=b"{}", headers={})
    assert (answer.code, answer.is_success, answer.error) == (302, False, "Redirects are not followed.")
    assert [message.path for message in receiver.messages] == ["/hook"]


def test_a_long_answer_is_cut_and_made_harmless(receiver: Receiver) -> None:
    receiver.codes, receiver.body = [200], b"\x00\x1b[2J\xff" + b"x" * 1_000_000
    answer = sending.post(url=receiver.url, body=b"{}", headers={})
    assert len(answer.excerpt) == sending.MOST_READ
    assert answer.excerpt.startswith("��[2J�x")


def test_who_never_ends_is_hung_up_on(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(sending, "TOTAL_SECONDS", 0.1)
    let_go = threading.Event()
    receiver.before_answering = lambda: (let_go.wait(20), None)[1]
    answer = sending.post(url=receiver.url, body=b"{}", headers={})
    let_go.set()
    assert answer.code is None
    assert answer.seconds < 3
    assert answer.error.startswith("No answer")


def test_nobody_there(receiver: Receiver, settings: Settings) -> None:
    settings.WOOLGATHER_WEBHOOK_HOSTS = ["http://localhost:1"]
    answer = sending.post(url="http://localhost:1/", body=b"{}", headers={})
    assert (answer.code, answer.error) == (None, "No answer (Connection refused).")


def test_proxies_of_the_environment_are_left_aside(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert sending.post(url=receiver.url, body=b"{}", headers={}).is_success


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost that nobody trusts yet, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_the_certificate_is_checked_by_name(
    certificate: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with receiving(context) as receiver:
        settings.WOOLGATHER_WEBHOOK_HOSTS = [f"localhost:{receiver.port}", f"127.0.0.1:{receiver.port}"]
        settings.WOOLGATHER_WEBHOOK_NETWORKS = ["127.0.0.0/8", "::1/128"]
        url = f"https://localhost:{receiver.port}/hook"
        unknown = sending.post(url=url, body=b"{}", headers={})
        assert unknown.error.startswith("No secure connection: self-signed certificate")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert sending.post(url=url, body=b"{}", headers={}).is_success
        other_name = sending.post(url=url.replace("localhost", "127.0.0.1"), body=b"{}", headers={})
        assert other_name.error.startswith("No secure connection: IP address mismatch")
        assert len(receiver.messages) == 1

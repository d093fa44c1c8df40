from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from webhooks import conf, sending, targets

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def allowed(settings: Settings) -> None:
    settings.WOOLGATHER_WEBHOOK_HOSTS = ["hooks.example.com", "other.example.com:8443", "http://localhost:9000"]
    settings.WOOLGATHER_WEBHOOK_NETWORKS = []


def names_lead_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have the resolver give these answers, one after the other; returns the names it was asked for."""
    asked: list[str] = []
    left = list(answers)

    def answer(host: str, port: int, **_options: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/in?key=1",
        "https://HOOKS.example.com:443/in",
        "https://other.example.com:8443/",
        "http://localhost:9000/in",
    ],
)
def test_what_the_operator_allowed_is_taken(url: str) -> None:
    assert targets.parse(url).place in conf.allowed_hosts()


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com.evil.example/",
        "https://sub.hooks.example.com/",
        "https://hooks.example.com./",
        "https://evil.example/hooks.example.com",
        "https://hooks.example.com@evil.example/",
        "https://evil.example\\@hooks.example.com/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com/#fragment",
        "https://hooks.example.com/ \r\nHost: evil.example",
        "https://hooks.example.com:99999/",
        "https://[::1/",
        "https://hóoks.example.com/",
        "https://" + "a" * 600 + ".example/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "http://localhost/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "//hooks.example.com/",
        "hooks.example.com",
        "",
    ],
)
def test_nothing_else_is(url: str) -> None:
    with pytest.raises(targets.Forbidden):
        targets.parse(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    names_lead_to(monkeypatch, [address])
    with pytest.raises(targets.Forbidden, match="not a public address"):
        targets.resolve(conf.Place("https", "hooks.example.com", 443))


def test_one_address_inside_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    names_lead_to(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(targets.Forbidden):
        targets.resolve(conf.Place("https", "hooks.example.com", 443))


def test_a_network_of_the_operator_is_open(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.WOOLGATHER_WEBHOOK_NETWORKS = ["10.1.0.0/16"]
    names_lead_to(monkeypatch, ["10.1.2.3"], ["10.2.0.1"])
    assert targets.resolve(conf.Place("https", "hooks.example.com", 443)) == ["10.1.2.3"]
    with pytest.raises(targets.Forbidden):
        targets.resolve(conf.Place("https", "hooks.example.com", 443))


def test_a_name_that_changes_its_mind_reaches_nothing_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names_lead_to(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    went_to: list[str] = []

    def connect(address: tuple[str, int], **_options: Any) -> socket.socket:
        went_to.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    answer = sending.post(url="https://hooks.example.com/", body=b"{}", headers={})
    assert went_to == ["93.184.216.34"], "the connection goes to the address that was checked"
    assert asked == ["hooks.example.com"], "the name is looked up once"
    assert (answer.code, answer.error) == (None, "No answer (Connection refused).")
    refused = sending.post(url="https://hooks.example.com/", body=b"{}", headers={})
    assert went_to == ["93.184.216.34"], "nothing is sent once the name leads inside"
    assert "not a public address" in refused.error


@pytest.mark.parametrize(
    ("hosts", "networks", "told"),
    [
        (["*.example.com"], [], "is not a host"),
        (["https://hooks.example.com/path"], [], "is not a host"),
        (["http://hooks.example.com"], [], "http is for localhost"),
        (["hooks.example.com:port"], [], "can't be read"),
        (["hooks.example.com"], ["10.0.0.1/8"], "is no network"),
    ],
)
def test_the_check_reads_the_allow_list(settings: Settings, hosts: list[str], networks: list[str], told: str) -> None:
    settings.EMBEDDED = False
    settings.WOOLGATHER_WEBHOOK_HOSTS, settings.WOOLGATHER_WEBHOOK_NETWORKS = hosts, networks
    with pytest.raises(SystemCheckError, match=told):
        call_command("check")

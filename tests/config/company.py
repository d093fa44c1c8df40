"""A company's OpenID Connect provider on this machine, and a browser without a screen that signs in through it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from django.test import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

ID = "okta"
LOGIN = f"/accounts/oidc/{ID}/login/"


def variables(issuer: str, **more: str) -> dict[str, str]:
    """Return the environment of a company whose provider is at ``issuer``."""
    own = {"ISSUER": issuer, "CLIENT_ID": "woolgather", "CLIENT_SECRET": "quiet", "DOMAINS": "corp.example"} | more
    return {f"WOOLGATHER_SSO_OKTA_{name}": value for name, value in own.items()}


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run a provider in a process of its own until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"}, stderr=subprocess.DEVNULL)
    try:
        provider = Provider(port)
        provider.wait()
        yield provider
    finally:
        process.kill()
        process.wait()


class Provider:
    """The provider, seen from outside: who works there, and what the next token says."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://localhost:{port}"

    def wait(self, most: float = 60) -> None:
        """Return once it answers."""
        end = time.monotonic() + most
        while True:
            try:
                requests.get(f"{self.issuer}/.well-known/openid-configuration", timeout=5).raise_for_status()
                return
            except requests.ConnectionError:
                assert time.monotonic() < end, "the provider doesn't answer"
                time.sleep(0.1)

    def employ(self, sub: str, **claims: Any) -> None:
        """Say who somebody is."""
        body: Any = {"email": f"{sub}@corp.example", "email_verified": True, "name": sub.title()} | claims
        requests.put(f"{self.issuer}/users/{sub}", json=body, timeout=5).raise_for_status()

    def approve(self, address: str, sub: str) -> str:
        """Sign in there as a person would; returns the address it sends the browser back to."""
        answer = requests.post(address, data={"sub": sub}, allow_redirects=False, timeout=5)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


class Browser:
    """A browser at the sign-in page."""

    def __init__(self, provider: Provider) -> None:
        self.client = Client()
        self.provider = provider

    def leave(self, next: str = "") -> str:
        """Click the company's button; returns the provider's address."""
        answer = self.client.get(LOGIN, {"process": "login", **({"next": next} if next else {})})
        assert answer.status_code == 302, answer.content
        return answer.headers["Location"]

    def come_back(self, address: str) -> HttpResponse:
        """Follow the provider's redirect to us."""
        parts = urlsplit(address)
        return self.client.get(f"{parts.path}?{parts.query}")  # type: ignore[return-value]  # the test client's own class

    def sign_in(self, sub: str, next: str = "") -> HttpResponse:
        """Go there and come back."""
        return self.come_back(self.provider.approve(self.leave(next), sub))

    @property
    def is_in(self) -> bool:
        """Whether a page for members opens."""
        return self.client.get("/mine/").status_code == 200


def query_of(address: str) -> dict[str, str]:
    """Return an address's parameters."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}

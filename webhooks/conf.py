"""Which hosts and networks the operator allowed. Nobody else can: what people type is only compared with this."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PORTS = {"https": 443, "http": 80}
LOCAL = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Place:
    """Where a message may go: scheme, host and port, all three exactly."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{host}{port}" if self.scheme == "https" else f"{self.scheme}://{host}{port}"


def is_on() -> bool:
    """Whether the operator allowed any host; without one nothing is recorded and nothing is sent."""
    return bool(settings.WOOLGATHER_WEBHOOK_HOSTS)


def allowed_hosts() -> frozenset[Place]:
    """Return ``WOOLGATHER_WEBHOOK_HOSTS``. Raises ValueError for an entry that can't be read."""
    return frozenset(_place(entry) for entry in _entries(settings.WOOLGATHER_WEBHOOK_HOSTS))


def allowed_networks() -> tuple[Network, ...]:
    """Return ``WOOLGATHER_WEBHOOK_NETWORKS``: private networks that may be reached. Raises ValueError."""
    found = []
    for entry in _entries(settings.WOOLGATHER_WEBHOOK_NETWORKS):
        try:
            found.append(ipaddress.ip_network(entry))
        except ValueError as error:
            raise ValueError(f"WOOLGATHER_WEBHOOK_NETWORKS: {entry!r} is no network such as 10.1.0.0/16.") from error
    return tuple(found)


def _entries(values: Iterable[str]) -> list[str]:
    return [entry for value in values if (entry := value.strip())]


def _place(entry: str) -> Place:
    how = "write a host such as hooks.example.com or hooks.example.com:8443"
    try:
        parts = urlsplit(entry if "://" in entry else f"https://{entry}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"WOOLGATHER_WEBHOOK_HOSTS: {entry!r} can't be read; {how}.") from error
    rest = (parts.path.rstrip("/"), parts.query, parts.fragment, parts.username, parts.password)
    if parts.scheme not in PORTS or not host or any(rest) or "*" in host or not host.isascii():
        raise ValueError(f"WOOLGATHER_WEBHOOK_HOSTS: {entry!r} is not a host; {how}.")
    if parts.scheme == "http" and not (settings.EMBEDDED or host in LOCAL):
        raise ValueError(f"WOOLGATHER_WEBHOOK_HOSTS: {entry!r}: http is for localhost and the embedded shape only.")
    return Place(parts.scheme, host.rstrip("."), port or PORTS[parts.scheme])

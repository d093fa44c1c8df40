"""From an address that an admin typed to the one IP address that is connected to, or to a refusal.

The host is compared exactly with the operator's list, the name is resolved once, every address that comes out of it
must be a public one (or in a network that the operator allowed), and the connection goes to that very address: a name
that resolves differently a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _

from webhooks import conf

LONGEST = 500
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Forbidden(Exception):
    """Nothing may be sent there; the text says to a person why."""


@dataclass(frozen=True)
class Target:
    """A checked address."""

    place: conf.Place
    path: str


def parse(url: str) -> Target:
    """Read an address and compare it with the operator's list. Raises Forbidden."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Forbidden(_("This is not an address that can be used: plain letters, no spaces, 500 at most."))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Forbidden(_("This address can't be read.")) from error
    if parts.scheme not in conf.PORTS or not host:
        raise Forbidden(_("An address begins with https:// and a host."))
    if parts.username is not None or parts.password is not None:
        raise Forbidden(_("An address with a user name or password in it is refused."))
    if parts.fragment:
        raise Forbidden(_("Leave out what follows the #."))
    place = conf.Place(parts.scheme, host, conf.PORTS[parts.scheme] if port is None else port)
    if place not in conf.allowed_hosts():
        raise Forbidden(
            _("%(host)s is not among the hosts that the operator allowed (WOOLGATHER_WEBHOOK_HOSTS).") % {"host": place}
        )
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
    return Target(place, f"{path}?{parts.query}" if parts.query else path)


def resolve(place: conf.Place) -> list[str]:
    """Ask once which addresses a host has. Raises Forbidden unless all of them may be reached, OSError for none."""
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    networks = conf.allowed_networks()
    for address in addresses:
        if not _is_open(address, networks):
            raise Forbidden(
                _("%(host)s leads to %(address)s, which is not a public address. Nothing was sent.")
                % {"host": place.host, "address": address}
            )
    return addresses


def _is_open(text: str, networks: tuple[conf.Network, ...]) -> bool:
    if "%" in text:  # a link-local address with its interface
        return False
    address = ipaddress.ip_address(text)
    seen = [address, *_inside(address)]
    if any(one in network for one in seen for network in networks if one.version == network.version):
        return True
    return all(one.is_global and not one.is_multicast and not one.is_reserved for one in seen)


def _inside(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 address stands for, in any of the ways there are."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inside: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in inside if one is not None]

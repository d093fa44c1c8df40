"""Endpoints that the operator allowed, and a receiver that they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.webhooks.receiver import Receiver, receiving
from webhooks import actions
from webhooks.models import Endpoint, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django.fixtures import Settings

    from collector.models import Person


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A receiver on this machine, allowed by host and by network."""
    with receiving() as receiver:
        settings.WOOLGATHER_WEBHOOK_HOSTS = [f"http://localhost:{receiver.port}"]
        settings.WOOLGATHER_WEBHOOK_NETWORKS = ["127.0.0.0/8", "::1/128"]
        yield receiver


@pytest.fixture
def add(receiver: Receiver, admin: Person) -> Callable[..., Endpoint]:
    """Add an endpoint that leads to the receiver; its secret is its attribute ``secret``."""

    def add(style: str = "standard", kinds: tuple[str, ...] = tuple(Kind.values[:-1])) -> Endpoint:
        endpoint, secret = actions.add_endpoint(
            name="Warehouse", url=receiver.url, style=style, kinds=kinds, by=admin, now=timezone.now()
        )
        endpoint.secret = secret  # type: ignore[attr-defined]  # for the tests that verify
        return endpoint

    return add


@pytest.fixture
def endpoint(add: Callable[..., Endpoint]) -> Endpoint:
    return add()

"""The company's sign-in, against a real provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache

from config.sign_in.options import social_providers
from tests.config.company import ID, Browser, Provider, running_provider, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """A real provider in a process of its own."""
    with running_provider() as provider:
        yield provider


@pytest.fixture
def company(provider: Provider, settings: Any) -> Callable[..., Browser]:
    """Set the company's sign-in up; returns a fresh browser."""
    cache.clear()

    def company(**more: str) -> Browser:
        settings.SOCIALACCOUNT_PROVIDERS = social_providers([ID], variables(provider.issuer, **more))
        return Browser(provider)

    return company

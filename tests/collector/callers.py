"""A client of the API, as programs are."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from django.test import Client
from django.utils import timezone

from collector.actions.tokens import create_token

if TYPE_CHECKING:
    from collector.models import Campaign, Category

SUBMISSIONS = "/api/v1/submissions/"


class Caller:
    """Speaks JSON with a token's scope, or with none."""

    def __init__(self, person: Any, scope: str = "write") -> None:
        self.client = Client()
        self.headers = {}
        if person is not None:
            # As from the shell, which may give a scope beyond the role: the role must hold by itself.
            _token, raw = create_token(person=person, scope=scope, by=None, now=timezone.now())
            self.headers["Authorization"] = f"Bearer {raw}"

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query, headers=self.headers)

    def post(self, path: str, body: Any = None) -> Any:
        raw = body if isinstance(body, bytes | str) else json.dumps(body or {})
        return self.client.post(path, raw, content_type="application/json", headers=self.headers)


def a_pair(campaign: Campaign, category: Category) -> dict[str, str]:
    """Return what a client sends to submit."""
    return {
        "id": str(uuid.uuid4()),
        "campaign": campaign.slug,
        "category": category.slug,
        "instruction": "Why is the sky blue?",
        "context": "",
        "response": "Air scatters blue most.",
    }

"""Examples that the API's document shows of the core; a test holds them to the document's own schemas."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

ID = "6f1d3f0a-0b5e-4c55-9f0e-3c8a3c3a7b11"
PAIR = {
    "instruction": "Why is the sky blue?",
    "context": "",
    "response": "Air scatters light of short wavelength most, so blue reaches the eye from all sides.",
}
AT = "2026-01-02T03:04:05.678901Z"


def answer(name: str, value: Any) -> OpenApiExample:
    """An example of what is answered; where a list is answered, it is one of its results."""
    return OpenApiExample(name, value=value, response_only=True)


def asked(name: str, value: Any) -> OpenApiExample:
    """An example of what is sent."""
    return OpenApiExample(name, value=value, request_only=True)


CATEGORY = answer(
    "Open questions",
    {
        "slug": "open_qa",
        "name": "Open question",
        "tagline": "A question that the world's knowledge answers.",
        "context": "none",
        "guidelines": "Ask what has **one** answer that a person can check.",
        "points": 10,
        "instruction_words_min": 3,
        "instruction_words_max": 200,
        "response_words_min": 10,
        "response_words_max": 400,
        "examples": [{**PAIR, "why": "It says why, not only that."}],
    },
)
CAMPAIGN = answer(
    "An open campaign",
    {
        "slug": "first-campaign",
        "name": "First campaign",
        "description": "Two hundred pairs of each kind.",
        "guidelines": "Write in your own words.",
        "status": "open",
        "data_licence": "CC-BY-SA-4.0",
        "language": "en",
        "time_zone": "Europe/Berlin",
        "languages": ["en", "de"],
        "teams": [],
        "approvals_required": 1,
        "starts_on": "2026-01-01",
        "ends_on": None,
        "targets": [{"category": "open_qa", "target": 200}],
    },
)
PASSAGE = answer(
    "A passage",
    {
        "slug": "tides",
        "title": "Tide",
        "url": "https://en.wikipedia.org/wiki/Tide",
        "licence": "CC-BY-SA-4.0",
        "language": "en",
        "text": "Tides are the rise and fall of sea levels caused by the moon and the sun.",
    },
)
SUBMISSION_SENT = asked("A pair", {"id": ID, "campaign": "first-campaign", "category": "open_qa", **PAIR})
SUBMISSION = answer(
    "A pair that waits for review",
    {
        "id": ID,
        "campaign": "first-campaign",
        "category": "open_qa",
        "passage": "",
        "author": "ada",
        "status": "submitted",
        "revision": 1,
        **PAIR,
        "language": "en",
        "licence": "CC-BY-SA-4.0",
        "source_title": "",
        "source_url": "",
        "created_at": AT,
        "submitted_at": AT,
        "approved_at": None,
        "disputed_at": None,
        "locked_at": None,
        "updated_at": AT,
    },
)
_DECISION = {
    "revision": 1,
    "decision": "request_changes",
    "rating": 3,
    "reasons": ["incomplete"],
    "comment": "Please say why violet doesn't win.",
}
REVIEW_SENT = asked("Asking for changes", _DECISION)
REVIEW = answer(
    "Changes were asked for",
    {
        "id": 17,
        "reviewer": "grace",
        "is_last_word": False,
        **_DECISION,
        "rating_instruction": None,
        "rating_response": None,
        "created_at": AT,
        "voided_at": None,
    },
)
TERMS_SENT = asked("Accepting the terms that were read", {"number": 2})
TERMS = answer(
    "Terms that the caller accepted",
    {"number": 2, "text": "What I write is my own.", "published_at": AT, "accepted_at": "2026-01-03T08:00:00+00:00"},
)

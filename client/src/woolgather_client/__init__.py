"""Speaks with a Woolgather installation: write, review, and fetch released datasets."""

from woolgather_client.client import Client
from woolgather_client.errors import (
    BadFields,
    Conflict,
    Damaged,
    NotAllowed,
    NotFound,
    NotSignedIn,
    ProblemError,
    TooManyRequests,
    Unavailable,
    WoolgatherError,
)
from woolgather_client.models import (
    Board,
    BoardRow,
    Campaign,
    Category,
    Example,
    File,
    Passage,
    Review,
    Submission,
    Target,
    Version,
)

__all__ = [
    "BadFields",
    "Board",
    "BoardRow",
    "Campaign",
    "Category",
    "Client",
    "Conflict",
    "Damaged",
    "Example",
    "File",
    "NotAllowed",
    "NotFound",
    "NotSignedIn",
    "Passage",
    "ProblemError",
    "Review",
    "Submission",
    "Target",
    "TooManyRequests",
    "Unavailable",
    "Version",
    "WoolgatherError",
]

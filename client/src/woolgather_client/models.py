"""What the API answers with. A field that a newer server adds is passed over."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Anything that is read from JSON."""

    @classmethod
    def of(cls, body: dict[str, Any]) -> Self:
        """Read one; nested things, ids and times become what they are."""
        known = {one.name: one for one in fields(cls)}
        return cls(**{name: _read(name, value) for name, value in body.items() if name in known})


@dataclass(frozen=True, kw_only=True)
class Example(Thing):
    """A pair that shows what good looks like."""

    instruction: str
    context: str
    response: str
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Category(Thing):
    """A kind of task."""

    slug: str
    name: str
    tagline: str
    context: str
    guidelines: str
    points: int
    instruction_words_min: int
    instruction_words_max: int
    response_words_min: int
    response_words_max: int
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Target(Thing):
    """How many approved pairs a campaign wants of a category."""

    category: str
    target: int


@dataclass(frozen=True, kw_only=True)
class Campaign(Thing):
    """A dated drive with guidelines, a licence and targets."""

    slug: str
    name: str
    description: str
    guidelines: str
    status: str
    data_licence: str
    language: str
    time_zone: str
    approvals_required: int
    languages: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    starts_on: str | None = None
    ends_on: str | None = None
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Passage(Thing):
    """Reference text to work from."""

    slug: str
    title: str
    url: str
    licence: str
    language: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Submission(Thing):
    """One pair by one author, and what it says now."""

    id: UUID
    campaign: str
    category: str
    status: str
    revision: int
    instruction: str
    context: str
    response: str
    language: str
    licence: str
    author: str | None = None
    passage: str = ""
    source_title: str = ""
    source_url: str = ""
    created_at: datetime | None = None
    submitted_at: datetime | None = None
    approved_at: datetime | None = None
    disputed_at: datetime | None = None
    locked_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Review(Thing):
    """One reviewer's decision on one revision."""

    id: int
    revision: int
    reviewer: str
    decision: str
    comment: str
    reasons: tuple[str, ...] = ()
    rating: int | None = None
    rating_instruction: int | None = None
    rating_response: int | None = None
    is_last_word: bool = False
    created_at: datetime | None = None
    voided_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class BoardRow(Thing):
    """One line of a board; a team has no handle."""

    rank: int
    name: str
    handle: str
    team: str
    points: int
    count: int
    members: int
    per_head: float


@dataclass(frozen=True, kw_only=True)
class Board(Thing):
    """A board's first rows, and the own one wherever it stands."""

    board: str
    period: str
    total: int
    results: tuple[BoardRow, ...] = ()
    own: BoardRow | None = None
    to_next: int | None = None
    around: tuple[BoardRow, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class File(Thing):
    """One file of a dataset version."""

    path: str
    sha256: str
    rows: int
    url: str
    bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Version(Thing):
    """A numbered release of a dataset; ``files`` and ``changes`` are there where one version was asked for."""

    name: str
    version: str
    status: str
    rows: int | None = None
    splits: dict[str, int] = field(default_factory=dict)
    licence: str = ""
    parent: str | None = None
    semantic_version: str = ""
    sha256: str = ""
    bytes: int | None = None
    failure: str = ""
    progress: int | None = None
    changes: dict[str, int] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    created_at: datetime | None = None
    frozen_at: datetime | None = None
    ready_at: datetime | None = None


NESTED: dict[str, type[Thing]] = {
    "examples": Example,
    "targets": Target,
    "results": BoardRow,
    "own": BoardRow,
    "around": BoardRow,
    "files": File,
}


def _read(name: str, value: Any) -> Any:
    if isinstance(value, list):
        kind = NESTED.get(name)
        return tuple(kind.of(one) for one in value) if kind else tuple(value)
    if isinstance(value, dict) and name in NESTED:
        return NESTED[name].of(value)
    if isinstance(value, str) and (name.endswith("_at") or name == "since"):
        return datetime.fromisoformat(value)
    if isinstance(value, str) and name == "id":
        return UUID(value)
    return value

"""What a row of the sheet holds, and what may go wrong with a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid

TEXTS = ("instruction", "context", "response")
# The order of the columns in a file; they are read back by their names, in any order.
COLUMNS = (
    "id",
    "revision",
    "state",
    "category",
    "language",
    *TEXTS,
    "rating",
    "reviews",
    "flags",
    "locked",
    "updated",
    "campaign",
    "author",
)
READ_BACK = ("id", "revision", *TEXTS)

MAX_UPLOAD_BYTES = 32 * 2**20
MAX_ROWS = 20_000
MAX_COLUMNS = 100
MAX_CHANGES = 1_000
MAX_FAULTS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One record as a file shows it; every value is text or a number.

    ``revision`` 0 says that the row is to look at only: reading back leaves it alone.
    """

    id: str
    revision: int
    state: str
    category: str
    language: str
    instruction: str
    context: str
    response: str
    rating: float | None
    reviews: int
    flags: str
    locked: str
    updated: str
    campaign: str
    author: str

    def cells(self) -> list[str | int | float | None]:
        """Return the values in the order of ``COLUMNS``."""
        return [getattr(self, name) for name in COLUMNS]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One row of a file that was read back."""

    row: int
    id: uuid.UUID
    revision: int
    instruction: str
    context: str
    response: str

    @property
    def is_read_only(self) -> bool:
        """Whether the row was written to look at only."""
        return self.revision == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A row that can't be read, and why; ``row`` counts as spreadsheet programs do, the header being 1."""

    row: int
    message: str


class UnreadableSheet(Exception):
    """The file as a whole can't be read; ``str()`` tells the person what to do."""

"""What became of one record between two versions, and how a word diff of it is written as plain text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collector.diffs import diff, fold
from exports.schema import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.diffs import Shown

TEXTS = ("instruction", "context", "response")
SPLIT = "split"
FACTS = (*(name for name in COLUMNS if name not in {"id", *TEXTS}), SPLIT)
"""What two rows of one record may differ in beside their texts."""
FIELDS = (*TEXTS, *FACTS)
UNSEEN = {"Cc", "Cf", "Zl", "Zp"}


@dataclass(frozen=True)
class Edit:
    """A record that two versions hold, but not alike.

    ``facts`` and ``texts`` have the value before and after of what differs. ``texts`` is None where nobody read them,
    or nobody may.
    """

    id: str
    revisions: tuple[int, int]
    facts: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    texts: Mapping[str, tuple[str, str]] | None = None

    @property
    def fields(self) -> list[str]:
        """The columns that differ, in the record's order, ``split`` last; texts only where they were read."""
        return [name for name in FIELDS if name in self.facts or name in (self.texts or {})]

    @property
    def details(self) -> dict[str, tuple[Any, Any]]:
        """Of the facts those worth telling: a new revision has a new number and was approved anew anyway."""
        follow = {"revision", "approved_at"} if self.is_rewritten else {"revision"}
        return {name: pair for name, pair in self.facts.items() if name not in follow}

    @property
    def is_rewritten(self) -> bool:
        """Whether its texts may differ: a revision's texts never change."""
        return self.revisions[0] != self.revisions[1]


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return those of the three texts that differ, before and after."""
    return {name: (before[name], after[name]) for name in TEXTS if before[name] != after[name]}


def plain(before: str, after: str) -> str:
    """Return a word diff as ``[-old-]{+new+}``, git's notation, with long unchanged stretches folded."""
    return "".join(_plain(part) for part in fold(diff(before, after)))


def folded_words(count: int) -> str:
    """Say how many words a fold hides."""
    return f" [… {count:,} unchanged {'word' if count == 1 else 'words'} …] "


def visible(text: str) -> str:
    r"""Return the text with what nobody sees, but a terminal or a reader of Markdown obeys, written as ``\u....``.

    Line feeds and tabs stay. Other ends of line don't: a line that begins after one would not be indented.
    """
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in UNSEEN:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four digits hold no more


def _plain(part: Shown) -> str:
    if part.folded:
        return folded_words(part.folded)
    text = visible(part.text)
    return {"equal": text, "delete": f"[-{text}-]", "insert": f"{{+{text}+}}"}[part.kind]

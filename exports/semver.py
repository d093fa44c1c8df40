"""The semantic version of a dataset version: what a step of it promises about the data, as Croissant defines it.

Source: Croissant 1.1, “Dataset Versioning/Checkpoints”. PATCH: the same data, otherwise packed. MINOR: everything that
was there is there unchanged and can be told from what came. MAJOR: records were edited, removed or moved to another
split. What was added can be told from the rest here, because CHANGES.md lists its ids. See docs/adr/0008.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Step = Literal["major", "minor", "patch"]
FIRST = "1.0.0"
KEY = "semantic_version"
WHY: dict[Step, str] = {
    "major": "records were edited or removed, or moved to another split, so results may differ",
    "minor": "records were only added; those that were there are unchanged",
    "patch": "the records are the same; only their packing may differ",
}


def of(about: Mapping[str, Any], number: int) -> str:
    """Return a version's semantic version; one that was frozen before there were any counts as ``N.0.0``."""
    return str(about.get(KEY) or f"{number}.0.0")


def step(*, added: int, removed: int, edited: int) -> Step:
    """Return what such changes call for."""
    if removed or edited:
        return "major"
    return "minor" if added else "patch"


def stepped(version: str, by: Step) -> str:
    """Return the version one step further.

    Raises:
        ValueError: ``version`` is not three numbers with points between them.
    """
    major, minor, patch = _numbers(version)
    if by == "major":
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if by == "minor" else f"{major}.{minor}.{patch + 1}"


def highest(versions: Iterable[str]) -> str:
    """Return the highest of some versions."""
    return max(versions, key=_numbers)


def _numbers(version: str) -> tuple[int, int, int]:
    major, minor, patch = (int(part) for part in version.split("."))
    return major, minor, patch

"""What the style sheet's tokens say: their values in light and in dark, and the contrast of each pair in use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TOKENS = Path(__file__).resolve().parent.parent / "static" / "css" / "tokens.css"
DARK = "@media (prefers-color-scheme: dark)"
PROPERTY = re.compile(r"--([\w-]+):\s*([^;]+);")
HEX = re.compile(r"#[0-9a-f]{6}")

TEXT_MINIMUM = 4.5  # WCAG 2.2, 1.4.3
SHAPE_MINIMUM = 3.0  # WCAG 2.2, 1.4.11: borders of controls, the focus ring, the bar of a progress

GROUNDS = ("ground", "surface", "sunken")
SOFT = ("accent", "good", "warn", "bad")


@dataclass(frozen=True)
class Pair:
    """Two colours that meet: what is in front, what is behind, and the least contrast that is allowed."""

    front: str
    behind: str
    minimum: float

    @property
    def light(self) -> float:
        """The contrast in the light scheme."""
        return contrast(light()[self.front], light()[self.behind])

    @property
    def dark(self) -> float:
        """The contrast in the dark scheme."""
        return contrast(dark()[self.front], dark()[self.behind])


PAIRS = (
    *(Pair(front, behind, TEXT_MINIMUM) for front in ("ink", "ink-soft", "accent", *SOFT[1:]) for behind in GROUNDS),
    *(Pair("accent-strong", behind, TEXT_MINIMUM) for behind in (*GROUNDS, "accent-soft")),
    *(Pair(name, f"{name}-soft", TEXT_MINIMUM) for name in SOFT),
    *(Pair(front, f"{name}-soft", TEXT_MINIMUM) for front in ("ink", "ink-soft", "accent") for name in SOFT),
    Pair("on-accent", "accent", TEXT_MINIMUM),
    Pair("on-accent", "accent-strong", TEXT_MINIMUM),
    *(Pair("line-strong", behind, SHAPE_MINIMUM) for behind in GROUNDS),
)


@cache
def _schemes() -> tuple[dict[str, str], dict[str, str]]:
    light_part, dark_part = TOKENS.read_text(encoding="utf-8").split(DARK)
    first = dict(PROPERTY.findall(light_part))
    return first, first | dict(PROPERTY.findall(dark_part))


def light() -> dict[str, str]:
    """Return every token's value by name (without ``--``), as the light scheme has it."""
    return _schemes()[0]


def dark() -> dict[str, str]:
    """Return every token's value by name, as the dark scheme has it."""
    return _schemes()[1]


def named(prefix: str) -> list[str]:
    """Return the names of the tokens that begin so, in the order of the style sheet."""
    return [name for name in light() if name.startswith(prefix)]


def colours() -> list[str]:
    """Return the names of the tokens that are plain colours."""
    return [name for name, value in light().items() if HEX.fullmatch(value)]


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    brighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour, 0 to 1 (WCAG 2.2, "relative luminance")."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)  # noqa: PLR2004 - the sRGB curve
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""The colours' contrast, computed from the style sheets themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ui import tokens

if TYPE_CHECKING:
    from pathlib import Path

SHEETS = sorted(tokens.TOKENS.parent.glob("*.css"))
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
COLOUR = re.compile(r"(?:^|[;\s])color:\s*var\(--([\w-]+)\)")
BACKGROUND = re.compile(r"background(?:-color)?:\s*var\(--([\w-]+)\)")


def rules(sheet: Path) -> str:
    """A style sheet without its comments."""
    return re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)


def pairs_written_in_one_rule() -> set[tuple[str, str]]:
    found = set()
    for sheet in SHEETS:
        for _selector, body in RULE.findall(rules(sheet)):
            for front in COLOUR.findall(body):
                found |= {(front, behind) for behind in BACKGROUND.findall(body)}
    return found


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    # The first three are the reference values of the W3C's own material; a colour on itself has none.
    [
        ("#000000", "#ffffff", 21.0),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#123456", "#123456", 1),
    ],
)
def test_contrast_is_what_the_standard_says(first: str, second: str, ratio: float) -> None:
    assert tokens.contrast(first, second) == pytest.approx(ratio, abs=0.005)
    assert tokens.contrast(second, first) == tokens.contrast(first, second)


@pytest.mark.parametrize("pair", tokens.PAIRS, ids=lambda pair: f"{pair.front} on {pair.behind}")
def test_every_pair_of_colours_has_enough_contrast(pair: tokens.Pair) -> None:
    assert pair.light >= pair.minimum
    assert pair.dark >= pair.minimum


def test_every_pair_that_a_rule_makes_is_among_those() -> None:
    held = {(pair.front, pair.behind) for pair in tokens.PAIRS if pair.minimum == tokens.TEXT_MINIMUM}
    made = pairs_written_in_one_rule()
    assert ("on-accent", "accent") in made
    assert made - held == set()


def test_dark_has_its_own_value_for_every_colour() -> None:
    same = [name for name in tokens.colours() if tokens.light()[name] == tokens.dark()[name]]
    assert tokens.colours()
    assert same == []


def test_style_sheets_use_only_tokens_that_exist() -> None:
    used = {
        (sheet.name, name)
        for sheet in SHEETS
        for name in re.findall(r"var\(--([\w-]+)\)", sheet.read_text(encoding="utf-8"))
        # A component may have a measure of its own.
        if f"--{name}:" not in sheet.read_text(encoding="utf-8")
    }
    assert {(sheet, name) for sheet, name in used if name not in tokens.light()} == set()


@pytest.mark.parametrize("sheet", [s for s in SHEETS if s != tokens.TOKENS], ids=lambda sheet: sheet.name)
def test_colours_are_written_in_the_tokens_alone(sheet: Path) -> None:
    assert re.findall(r":[^;{}]*(#[0-9a-fA-F]{3,8})\b", rules(sheet)) == []

"""Words, shingles and likeness: how two texts are compared, in any script."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

# Scripts that put no space between words are read letter by letter: kana, ideographs, Thai, Lao, Burmese, Khmer.
_ONE_BY_ONE = (
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
# C, C++ and C# are three languages.
WORD = re.compile(rf"[{_ONE_BY_ONE}]|[^\W_{_ONE_BY_ONE}]++[+#]{{0,2}}")
# An apostrophe inside a word is written in many ways, or forgotten.
_APOSTROPHES = {ord(mark): None for mark in "'’ʼ＇`´"}

# What is read of a text at most, in characters: so much of an instruction tells it apart from all others.
MOST_SHINGLED = 20_000
MOST_COMPARED = 4_000
_RUN = 4


def words(text: str) -> list[str]:
    """Return the words as they are compared: NFKC, case-folded, without apostrophes and punctuation."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES))


def shingles(text: str) -> set[str]:
    """Return the words and the pairs of neighbouring words of a text.

    Instructions are short: of ten words, one typing error spoils three of eight runs of three words, but only three of
    nineteen words and pairs.
    """
    found = words(text[:MOST_SHINGLED])
    return {*found, *(f"{first} {second}" for first, second in pairwise(found))}


def runs(text: str) -> set[str]:
    """Return the runs of four letters of a text's words, spaces included; a shorter text is one run."""
    line = " ".join(words(text[:MOST_COMPARED]))
    return {line[at : at + _RUN] for at in range(max(1, len(line) - _RUN + 1))} if line else set()


def likeness(one: set[str], other: set[str]) -> float:
    """Return the Jaccard index of two sets, from 0 to 1; two empty sets have nothing in common."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0

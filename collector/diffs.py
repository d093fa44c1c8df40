"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind = Literal["equal", "insert", "delete"]


class Part(NamedTuple):
    """A run of text that stayed, came or went."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Shown:
    """A part as a page shows it; ``folded`` counts the words of an unchanged stretch that is folded away."""

    kind: Kind
    text: str
    folded: int = 0


# A word or a mark, and the white space that follows it; compared by the first alone.
_Token = tuple[str, str]
# Ideographs and kana stand one by one, since no space parts them; general punctuation without the joiners, so that
# an emoji of several code points, or a letter with its combining marks, is never torn apart.
_SINGLE = (
    "\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u2010-\u2027\u2030-\u205e" + re.escape("""!"#$%&'()*+,-./:;<=>?@[\\]^`{|}~""")
)
_TOKEN = re.compile(rf"([{_SINGLE}]|[^\s{_SINGLE}]+)(\s*)")
_WORDS = re.compile(r"\S+\s*")

# difflib looks, for each block it finds, at every pair of equal words between two blocks: some 25 ns each. These bound
# the pairs of one gap and of a whole text, and so a comparison's time, to a fraction of a second.
_STEPS = 4_000_000
_STEPS_IN_ALL = 12_000_000
_ROUNDS = 12
# Where no single word occurs once, runs of so many words may.
_SHINGLE = 4
# More changes than this help nobody, and each takes its place on the page: the rest counts as one.
_MOST_PARTS = 4000
CONTEXT_WORDS = 12
FOLD_FROM = 40


def diff(before: str, after: str) -> list[Part]:
    """Compare two texts by words; white space is kept exactly.

    The "equal" and "delete" parts together are ``before``, the "equal" and "insert" parts ``after``. Words that occur
    once in each text anchor the comparison (patience diff); what lies between them goes through difflib. A stretch that
    is too large for that counts as replaced, and so does what follows some thousands of changes.
    """
    if before == after:
        return [Part("equal", before)] if before else []
    lead_before, tokens_before = _tokens(before)
    lead_after, tokens_after = _tokens(after)
    parts = _Parts()
    parts.add(lead_before, lead_after, same=lead_before == lead_after)
    for same, old, new in _blocks([word for word, _space in tokens_before], [word for word, _space in tokens_after]):
        (parts.kept if same else parts.changed)(tokens_before[old], tokens_after[new])
    return parts.done()


def fold(parts: Sequence[Part], *, context: int = CONTEXT_WORDS, longest: int = FOLD_FROM) -> list[Shown]:
    """Fold unchanged stretches of more than ``longest`` words, leaving ``context`` words beside each change."""
    shown: list[Shown] = []
    for index, part in enumerate(parts):
        words = _WORDS.findall(part.text) if part.kind == "equal" else []
        if len(words) <= longest or len(parts) == 1:
            shown.append(Shown(part.kind, part.text))
            continue
        lead = part.text[: len(part.text) - len(part.text.lstrip())]
        head = words[:context] if index else []
        tail = words[-context:] if index < len(parts) - 1 else []
        hidden = words[len(head) : len(words) - len(tail)]
        shown += [
            Shown("equal", lead + "".join(head)),
            Shown("equal", "".join(hidden), folded=len(hidden)),
            Shown("equal", "".join(tail)),
        ]
    return [part for part in shown if part.text]


class _Parts:
    """Collects parts, a change's deletions before its insertions."""

    def __init__(self) -> None:
        self._runs: list[tuple[bool, str, str]] = []  # whether it stayed, what was, what is

    def add(self, before: str, after: str, *, same: bool) -> None:
        """Add a run that stayed (then both are equal) or changed."""
        if before or after:
            self._runs.append((same, before, after))

    def kept(self, before: Sequence[_Token], after: Sequence[_Token]) -> None:
        """Add words that stayed, with the white space after them, which may have changed."""
        if before == after:
            text = _text(before)
            self.add(text, text, same=True)
            return
        for (word, old), (_word, new) in zip(before, after, strict=True):
            self.add(word, word, same=True)
            self.add(old, new, same=old == new)

    def changed(self, before: Sequence[_Token], after: Sequence[_Token]) -> None:
        """Add words that went and came."""
        self.add(_text(before), _text(after), same=False)

    def done(self) -> list[Part]:
        """Return the parts: neighbours joined, lone marks between two changes taken into the change."""
        merged: list[tuple[bool, list[str], list[str]]] = []
        for same, before, after in _without_islands(self._runs):
            if merged and merged[-1][0] == same:
                merged[-1][1].append(before)
                merged[-1][2].append(after)
            else:
                merged.append((same, [before], [after]))
        parts: list[Part] = []
        for same, old, new in merged:
            if same:
                parts.append(Part("equal", "".join(old)))
            else:
                parts += [Part("delete", "".join(old)), Part("insert", "".join(new))]
        return _at_most([part for part in parts if part.text], _MOST_PARTS)


def _at_most(parts: list[Part], most: int) -> list[Part]:
    if len(parts) <= most:
        return parts
    # Cut before a part that stayed, so that the last change isn't torn into two.
    cut = next(index for index in range(most - 2, 0, -1) if parts[index].kind == "equal")
    rest = parts[cut:]
    return [
        *parts[:cut],
        Part("delete", "".join(part.text for part in rest if part.kind != "insert")),
        Part("insert", "".join(part.text for part in rest if part.kind != "delete")),
    ]


def _without_islands(runs: Sequence[tuple[bool, str, str]]) -> Iterator[tuple[bool, str, str]]:
    """Let a mark or a space that stayed by chance between two changes be a part of the change: it reads better."""
    waiting: list[tuple[bool, str, str]] = []
    after_change = False
    for same, before, after in runs:
        if not same:
            yield from ((False, old, new) for _same, old, new in waiting)
            waiting, after_change = [], True
            yield False, before, after
        elif after_change and not any(character.isalnum() for character in before):
            waiting.append((same, before, after))
        else:
            yield from waiting
            waiting, after_change = [], False
            yield same, before, after
    yield from waiting


def _tokens(text: str) -> tuple[str, list[_Token]]:
    """Split a text into the white space it begins with and its words."""
    lead = text[: len(text) - len(text.lstrip())]
    return lead, _TOKEN.findall(text, len(lead))


def _text(tokens: Sequence[_Token]) -> str:
    return "".join([word + space for word, space in tokens])


class _Block(NamedTuple):
    """Where a stretch begins and ends in the one text and in the other."""

    i1: int
    i2: int
    j1: int
    j2: int


def _blocks(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[bool, slice, slice]]:
    """Yield, in order, whether a block stayed, and where it is in each."""
    left = _STEPS_IN_ALL
    # Last in, first out, and pushed in reverse: blocks come out in the texts' order.
    waiting = [(False, _Block(0, len(before), 0, len(after)), _ROUNDS)]
    while waiting:
        same, block, rounds = waiting.pop()
        i1, i2, j1, j2 = block
        if same or i1 == i2 or j1 == j2:
            if i1 != i2 or j1 != j2:
                yield same, slice(i1, i2), slice(j1, j2)
            continue
        a, b = before[i1:i2], after[j1:j2]
        start, end = _same_ends(a, b)
        inner = _Block(i1 + start, i2 - end, j1 + start, j2 - end)
        if start or end:
            waiting.append((True, _Block(inner.i2, i2, inner.j2, j2), 0))
            waiting.append((False, inner, rounds))
            waiting.append((True, _Block(i1, inner.i1, j1, inner.j1), 0))
            continue
        anchors = _anchors(a, b) if rounds else []
        steps = 0 if anchors else _steps(a, b)
        fits = steps <= min(_STEPS, left)
        if not fits and rounds:
            anchors = _anchors(_shingles(a), _shingles(b))
        if anchors:
            waiting += reversed(_around(block, anchors, rounds - 1))
        elif fits:
            left -= steps
            # Without autojunk: it would drop every frequent word of a text of 200 words and more.
            for tag, a1, a2, b1, b2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
                yield tag == "equal", slice(i1 + a1, i1 + a2), slice(j1 + b1, j1 + b2)
        else:
            yield False, slice(i1, i2), slice(j1, j2)


def _same_ends(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """Return how many words at the start and at the end are the same, never counting one twice."""
    longest = min(len(before), len(after))
    start = 0
    while start < longest and before[start] == after[start]:
        start += 1
    end = 0
    while end < longest - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, end


def _steps(before: Sequence[str], after: Sequence[str]) -> int:
    """Return how many pairs difflib looks at where every block it finds parts the stretch as badly as can be."""
    counts = Counter(after)
    pairs = sum(number * counts[word] for word, number in Counter(before).items())
    return (pairs + len(before)) * min(pairs + 1, len(before), len(after))


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Return where the words are that both hold once, the longest chain of them that is in order in both."""
    once_before = {word for word, number in Counter(before).items() if number == 1}
    once = once_before & {word for word, number in Counter(after).items() if number == 1}
    if not once:
        return []
    place = {word: index for index, word in enumerate(after) if word in once}
    pairs = [(index, place[word]) for index, word in enumerate(before) if word in once]
    # Patience sorting: each pile's top is the smallest end of an increasing chain of that length.
    tops: list[int] = []
    ends: list[int] = []
    previous: list[int] = []
    for index, (_i, j) in enumerate(pairs):
        pile = bisect_left(tops, j)
        tops[pile : pile + 1] = [j]
        ends[pile : pile + 1] = [index]
        previous.append(ends[pile - 1] if pile else -1)
    chain: list[tuple[int, int]] = []
    at = ends[-1]
    while at >= 0:
        chain.append(pairs[at])
        at = previous[at]
    return chain[::-1]


def _shingles(words: Sequence[str]) -> list[str]:
    """Return each run of a few words under its first word's place."""
    return [" ".join(words[index : index + _SHINGLE]) for index in range(len(words) - _SHINGLE + 1)]


def _around(block: _Block, anchors: Sequence[tuple[int, int]], rounds: int) -> list[tuple[bool, _Block, int]]:
    """Return the anchors as blocks that stayed, and what lies between them as blocks to compare."""
    found: list[tuple[bool, _Block, int]] = []
    i, j = block.i1, block.j1
    for a, b, length in _runs(anchors):
        i_next, j_next = block.i1 + a, block.j1 + b
        found.append((False, _Block(i, i_next, j, j_next), rounds))
        i, j = i_next + length, j_next + length
        found.append((True, _Block(i_next, i, j_next, j), 0))
    found.append((False, _Block(i, block.i2, j, block.j2), rounds))
    return found


def _runs(anchors: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield anchors that follow each other in both texts as one: where it begins in each, and its length."""
    first, length = anchors[0], 1
    for a, b in anchors[1:]:
        if (a, b) == (first[0] + length, first[1] + length):
            length += 1
            continue
        yield *first, length
        first, length = (a, b), 1
    yield *first, length

"""What of a response stands word for word in its source."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from collector.checks.findings import COPIED, Finding, first_few
from collector.checks.words import WORD

if TYPE_CHECKING:
    from collections.abc import Iterator

# Fewer words, or fewer characters, agree by chance.
SEED_WORDS = 5
SPAN_CHARACTERS = 15
# Where a run of words occurs more often in the source, only its first places are followed: that keeps this linear.
_PLACES = 4

# On databricks-dolly-15k, closed_qa answers quote one sentence as often as not; this leaves those alone.
COPIED_SHARE = 0.8
COPIED_WORDS = 25


def spans(response: str, source: str) -> list[tuple[int, int]]:
    """Return where the response repeats the source, as (start, end) in characters, in order, never overlapping.

    Runs of five words are looked up in the source and followed as far as the two agree (greedy tiling with seeds, as
    in Wise's Running Karp-Rabin Greedy String Tiling), comparing words alone: case, punctuation and white space don't
    count. Time and memory grow with the sum of the lengths.
    """
    tokens = [(match.group().casefold(), match.start(), match.end()) for match in WORD.finditer(response)]
    said = [word for word, _start, _end in tokens]
    read = [match.group().casefold() for match in WORD.finditer(source)] if len(said) >= SEED_WORDS else []
    if len(read) < SEED_WORDS:
        return []
    seeds: dict[tuple[str, ...], list[int]] = {}
    for place, seed in enumerate(_seeds(read)):
        places = seeds.setdefault(seed, [])
        if len(places) < _PLACES:
            places.append(place)
    # (first word, word after the last)
    found: list[tuple[int, int]] = []
    at = 0
    while at <= len(said) - SEED_WORDS:
        places = seeds.get(tuple(said[at : at + SEED_WORDS]), [])
        length = max((_agree(said, at, read, place) for place in places), default=0)
        if not length:
            at += 1
        elif found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + length)
            at += length
        else:
            found.append((at, at + length))
            at += length
    places_in_text = [(tokens[first][1], tokens[after - 1][2]) for first, after in found]
    return [(start, end) for start, end in places_in_text if end - start >= SPAN_CHARACTERS]


def share(response: str, source: str) -> float:
    """Return what part of the response's words stands in such spans, from 0 to 1."""
    total = _count(response)
    return copied_words(response, spans(response, source)) / total if total else 0.0


def copied_words(response: str, found: list[tuple[int, int]]) -> int:
    """Return how many words the spans hold."""
    return sum(_count(response[start:end]) for start, end in found)


def check(response: str, source: str) -> list[Finding]:
    """Say where most of a response is copied; short quotations and short answers are nobody's fault."""
    found = spans(response, source)
    copied = copied_words(response, found)
    if copied < COPIED_WORDS:
        return []
    part = copied / _count(response)
    if part < COPIED_SHARE:
        return []
    message = _(
        "%(percent)d %% of the response stands word for word in the source. Say it in your own words, unless the "
        "task asks for a quotation."
    ) % {"percent": int(part * 100)}
    longest = sorted(found, key=lambda span: span[0] - span[1])
    pieces = first_few([response[start:end] for start, end in islice(longest, 3)])
    return [Finding(code=COPIED, field="response", message=message, excerpts=pieces)]


def _seeds(read: list[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(islice(read, start, None) for start in range(SEED_WORDS)), strict=False)


def _agree(said: list[str], at: int, read: list[str], place: int) -> int:
    """Return for how many words the two go on alike; the seed is known to."""
    length = SEED_WORDS
    longest = min(len(said) - at, len(read) - place)
    while length < longest and said[at + length] == read[place + length]:
        length += 1
    return length


def _count(text: str) -> int:
    return sum(1 for _match in WORD.finditer(text))

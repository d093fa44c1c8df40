"""A prompt decides its split, for ever."""

from __future__ import annotations

import hashlib

from exports.splits import SPLITS, missing_split_notes, split_of


def fingerprints(count: int) -> list[str]:
    """Return SHA-256 digests as they come."""
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def test_the_shares_are_ninety_five_and_five() -> None:
    found = [split_of(fingerprint) for fingerprint in fingerprints(20_000)]
    assert [round(found.count(split) / 20_000, 2) for split in SPLITS] == [0.90, 0.05, 0.05]


def test_the_borders_never_move() -> None:
    assert [split_of(start + "0" * 56) for start in ("e6666665", "e6666666", "f3333332", "f3333333")] == [
        "train",
        "validation",
        "validation",
        "test",
    ]


def test_an_empty_split_is_explained() -> None:
    notes = missing_split_notes({"train": 3})
    assert [note.split(":")[0] for note in notes] == ["There is no validation split", "There is no test split"]
    assert missing_split_notes({"train": 3, "validation": 1, "test": 1}) == []

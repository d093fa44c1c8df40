"""Which split a record belongs to: decided by what it asks, for ever, whoever else is in the version."""

from __future__ import annotations

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
SHARES = {TRAIN: 0.90, VALIDATION: 0.05, TEST: 0.05}

# The fingerprint is a SHA-256 in hex, so its first eight digits are a fair 32-bit number, and hex digits of one
# length compare as text the way their numbers do: Python and both databases decide alike.
TRAIN_BELOW = f"{int(0.90 * 2**32):08x}"
VALIDATION_BELOW = f"{int(0.95 * 2**32):08x}"

RULE = (
    "90 % train, 5 % validation, 5 % test by the SHA-256 of instruction and context (NFKC, case-folded): equal prompts "
    "always share a split, and a record keeps its split in later versions while its prompt stays the same."
)


def split_of(instruction_fingerprint: str) -> str:
    """Return the split of a record from the fingerprint (hex SHA-256) of its instruction and context."""
    if instruction_fingerprint < TRAIN_BELOW:
        return TRAIN
    return VALIDATION if instruction_fingerprint < VALIDATION_BELOW else TEST


def missing_split_notes(splits: dict[str, int]) -> list[str]:
    """Say which splits hold nothing and why; ``splits`` has the rows of each split that is there."""
    rows = sum(splits.values())
    return [
        f"There is no {split} split: none of the {rows} record{'' if rows == 1 else 's'} fell into its "
        f"{SHARES[split]:.0%}. It comes by itself when the dataset grows."
        for split in SPLITS
        if not splits.get(split)
    ]

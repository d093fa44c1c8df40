"""Which rows each step sees, decided before training starts.

The whole order is a pure function of the seed and the row lengths. A resumed run therefore continues with
exactly the rows an unbroken one would have seen, and a row that breaks a step can be named.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Rows of similar length share a step, which saves padding. Sorting inside a short window keeps the steps
# varied; sorting the whole epoch would feed all the long rows at once.
WINDOW_STEPS = 8
# Padded tokens in one forward and backward pass on a processor; bounds memory whatever the batch holds.
CPU_TOKENS_AT_ONCE = 1024


def step_plan(lengths: Sequence[int], *, rows_per_step: int, steps: int, seed: int) -> list[list[int]]:
    """Return the row indices of every step: ``steps`` lists of ``rows_per_step`` each.

    ``lengths`` are token counts. Every row is used once before any is used again. Raises ValueError when
    there are no rows.
    """
    if not lengths:
        raise ValueError("no rows to plan")
    needed = steps * rows_per_step
    stream: list[int] = []
    epoch = 0
    while len(stream) < needed:
        order = list(range(len(lengths)))
        random.Random(f"order:{seed}:{epoch}").shuffle(order)  # noqa: S311 - not a secret, a repeatable order
        stream.extend(order)
        epoch += 1
    del stream[needed:]

    plan: list[list[int]] = []
    window = WINDOW_STEPS * rows_per_step
    for start in range(0, needed, window):
        rows = sorted(stream[start : start + window], key=lambda row: (lengths[row], row))
        batches = [rows[at : at + rows_per_step] for at in range(0, len(rows), rows_per_step)]
        random.Random(f"window:{seed}:{start}").shuffle(batches)  # noqa: S311 - as above
        plan.extend(batches)
    return plan


def split_by_budget(lengths: Sequence[int], *, budget: int) -> list[list[int]]:
    """Cut one batch into smaller ones whose padded size (rows times longest) stays within ``budget`` tokens.

    Returns positions in ``lengths``, longest rows first. A single row longer than the budget stands alone.
    """
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    parts: list[list[int]] = []
    for row in order:
        if parts and (len(parts[-1]) + 1) * lengths[parts[-1][0]] <= budget:
            parts[-1].append(row)
        else:
            parts.append([row])
    return parts


def stable_rank(text: str) -> int:
    """Return a number that depends on ``text`` alone: the same on every machine and in every process."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")

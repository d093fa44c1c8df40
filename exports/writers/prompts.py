"""What is asked, in one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def prompt(instruction: pa.Array, context: pa.Array, *, line_end: str = "\n") -> pa.Array:
    """Return the instructions, each with its context after an empty line where there is one.

    Args:
        line_end: as the columns write one: JSON's escape where they are escaped.
    """
    import pyarrow.compute as pc

    both = pc.binary_join_element_wise(instruction, context, 2 * line_end)
    return pc.if_else(pc.equal(context, ""), instruction, both)

"""The processes of one run: one, or those that ``accelerate launch`` or ``torchrun`` started side by side.

Every process does the same work on its share of the rows; the first one, the main process, alone writes files and
speaks. What all must agree on is decided by the main process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from .errors import TrainingError


@dataclass(frozen=True)
class Processes:
    """How many processes there are, and which of them this one is."""

    rank: int = 0
    count: int = 1

    @property
    def main(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    def agree(self, value: Any) -> Any:
        """Return what the main process has, in all of them. Everyone must call it, in the same order."""
        if self.count == 1:
            return value
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    def any(self, value: bool) -> bool:
        """Return whether it is so in any process."""
        if self.count == 1:
            return value
        from accelerate.utils import gather_object

        return any(gather_object([value]))

    def share(self, rows_per_step: int, batch_size: int) -> tuple[int, int]:
        """Return the rows at once and the batches for one update in each process, so that all make ``rows_per_step``.

        A step has the same rows however many processes there are. Raises TrainingError when they cannot share them.
        """
        each, rest = divmod(rows_per_step, self.count)
        if rest or not each:
            raise TrainingError(
                f"{rows_per_step} rows a step (--batch-size times --gradient-accumulation) cannot be shared alike by "
                f"{self.count} processes. Choose a multiple of {self.count}."
            )
        at_once = max(size for size in range(1, min(batch_size, each) + 1) if each % size == 0)
        return at_once, each // at_once


def join(*, shard: str = "none") -> Processes:
    """Join the other processes of this run, where a launcher started some; ``shard`` is how they share the model."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes()
    import torch
    from accelerate import PartialState

    if shard == "zero3":  # DeepSpeed brings them together itself
        os.environ["ACCELERATE_USE_DEEPSPEED"] = "true"
    state = PartialState(cpu=not torch.cuda.is_available())
    return Processes(rank=state.process_index, count=state.num_processes)

"""Rows laid end to end in one sequence, without padding, none of which sees another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import TrainingError
from .prompts import IGNORED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .prompts import Example

# What packing may change in a logit: sums in another order. Rows that see each other are off by far more.
TOLERANCE = {False: 1e-3, True: 0.25}
SAMPLE = 3


class PackingError(TrainingError):
    """The model lets rows that are packed together see each other."""


def packed(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return a padded batch, (rows, length) each, as one row without padding, (1, tokens).

    Positions begin anew at each row, which is how the attention of transformers tells where one ends. The first
    label of each row is ``IGNORED``: nothing may be predicted from the row before.
    """
    import torch

    kept = inputs["attention_mask"].bool()
    labels = inputs["labels"].clone()
    labels[:, 0] = IGNORED
    positions = torch.arange(kept.shape[1], device=kept.device).expand_as(kept)
    return {
        "input_ids": inputs["input_ids"][kept].unsqueeze(0),
        "labels": labels[kept].unsqueeze(0),
        "position_ids": positions[kept].unsqueeze(0),
    }


def check_packing(model: Any, examples: Sequence[Example], *, device: str, bf16: bool) -> None:
    """Raise PackingError unless packed rows get the logits that each gets by itself."""
    import torch

    from .evaluate import autocast

    chosen = sorted(examples, key=lambda example: len(example.input_ids))[:SAMPLE]
    training = model.training
    model.eval()
    with torch.no_grad(), autocast(device, bf16=bf16):
        alone = [
            model(input_ids=torch.tensor([example.input_ids], device=device)).logits[0].float() for example in chosen
        ]
        ids = [token for example in chosen for token in example.input_ids]
        positions = [place for example in chosen for place in range(len(example.input_ids))]
        together = model(
            input_ids=torch.tensor([ids], device=device),
            position_ids=torch.tensor([positions], device=device),
            use_cache=False,
        ).logits[0]
    model.train(training)
    difference = float((torch.cat(alone) - together.float()).abs().max())
    if not difference <= TOLERANCE[bf16]:
        raise PackingError(
            f"Rows that are packed together would see each other in this model (a logit differs by {difference:.3g}). "
            "Leave out --packing."
        )

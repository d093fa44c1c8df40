"""Negative log-likelihood of the answer tokens, computed at those tokens only.

On a processor the projection onto the vocabulary is a good part of a step. Prompt and padding positions are
not trained, so their logits are never made; the rest is made in bounded pieces.
"""

from __future__ import annotations

from typing import Any

from .prompts import IGNORED
from .sharding import is_shared_out

# Logits held at once, in numbers: 64 million of four bytes are 256 MB, whatever the size of the vocabulary.
LOGITS_AT_ONCE = 2**26
# A model that changes its logits after the projection says so in one of these; it then runs its own forward.
CHANGED_LOGITS = (
    "final_logit_softcapping",
    "logit_scale",
    "logits_scaling",
    "output_multiplier",
    "lm_head_multiplier",
)


def core_model(model: Any) -> Any:
    """Return the causal language model inside a PEFT wrapper, or the model itself."""
    return model.get_base_model() if hasattr(model, "peft_config") and hasattr(model, "get_base_model") else model


def answer_nll(model: Any, inputs: dict[str, Any]) -> tuple[Any, Any]:
    """Return the NLL of each trained token (a vector, in nats) and the row each belongs to.

    ``inputs``: ``input_ids``, ``attention_mask`` and ``labels``, each (rows, length), or what
    :func:`training.packing.packed` made of them; labels not to train on are ``IGNORED``.
    """
    import torch
    from torch.utils.checkpoint import checkpoint

    core = core_model(model)
    targets = inputs["labels"][:, 1:]
    mask = targets != IGNORED
    rows = mask.nonzero()[:, 0]
    config = core.config.get_text_config()
    seen = ("input_ids", "attention_mask", "position_ids")
    given = {**{name: inputs[name] for name in seen if name in inputs}, "use_cache": False}
    shared_out = is_shared_out(model)
    if shared_out or any(getattr(config, name, None) is not None for name in CHANGED_LOGITS):
        whole = model if shared_out else core  # its shares are brought together by a call from the top
        logits = whole(**given).logits[:, :-1][mask]
        return torch.nn.functional.cross_entropy(logits.float(), targets[mask], reduction="none"), rows

    hidden = core.base_model(**given).last_hidden_state[:, :-1][mask]
    head = core.get_output_embeddings()

    def piece(states: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy(head(states).float(), labels, reduction="none")

    size = max(1, LOGITS_AT_ONCE // config.vocab_size)
    wanted = targets[mask]
    if len(wanted) <= size:
        return piece(hidden, wanted), rows
    parts = [
        checkpoint(piece, states, labels, use_reentrant=False)
        for states, labels in zip(hidden.split(size), wanted.split(size), strict=True)
    ]
    return torch.cat(parts), rows
